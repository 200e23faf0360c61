"""README and documentation are right: the code runs, and every command, option, file and link exists."""

import ast
import hashlib
import json
import pathlib
import re

import pytest
from small_walks import write_small_walks

from tf3dlocal.layers import PAPER_PARTS

ROOT = pathlib.Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
DOCS = sorted((ROOT / "docs").glob("*.md"))
PAGES = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    ROOT / "saved_models" / "README.md",
    ROOT / "notebooks" / "README.md",
    *DOCS,
    *sorted((ROOT / "configs").rglob("*.md")),
]
CONFIGS = sorted((ROOT / "configs").rglob("*.yaml"))

PROTOCOL = """
name: small
train: [001..004]
test: all
gallery: [nm-01, nm-02, nm-03, nm-04]
probes: {NM: [nm-05, nm-06], CL: [cl-01, cl-02]}
"""


def name_of(path):
    return path.relative_to(ROOT).as_posix()


def blocks(text, languages):
    return re.findall(rf"```(?:{languages})\n(.*?)```", text, re.DOTALL)


def commands(text):
    """The lines of shell blocks and the inline code of a page, continued lines joined."""
    text = "\n".join(
        [*blocks(text, "sh|bash"), *re.findall(r"`([^`\n]+)`", re.sub(r"```.*?```", "", text, flags=re.S))]
    )
    return text.replace("\\\n", " ")


def anchors(path):
    """GitHub's anchors of the headings of a page."""
    headings = re.findall(r"^#+ (.+)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


@pytest.mark.slow
def test_the_python_of_the_readme_runs_from_data_set_to_export(tmp_path, monkeypatch, capsys):
    (program,) = blocks(README, "python")
    assert len([line for line in program.splitlines() if line]) <= 18
    (tmp_path / "demo" / "prepared").mkdir(parents=True)
    (tmp_path / "demo" / "protocol.yaml").write_text(PROTOCOL)
    write_small_walks(tmp_path / "demo" / "prepared")
    monkeypatch.chdir(tmp_path)
    # Narrow, and with one of six local paths: the time is that of tracing them.
    shorter = program.replace("num_steps=120", "num_steps=2")
    shorter = shorter.replace("(12, 24, 48)", "(2, 4, 4), parts=PAPER_PARTS[:1]")
    assert "num_steps=2" in shorter and "PAPER_PARTS" in shorter
    exec(compile(shorter, "README.md", "exec"), {"PAPER_PARTS": PAPER_PARTS})
    assert "Rank-1" in capsys.readouterr().out
    assert (tmp_path / "demo" / "by_hand" / "1" / "saved_model.pb").is_file()


@pytest.mark.slow
def test_the_program_of_the_saved_models_embeds_a_walk(monkeypatch):
    (program,) = blocks((ROOT / "saved_models" / "README.md").read_text(), "python")
    monkeypatch.chdir(ROOT)
    names = {}
    exec(compile(program, "saved_models/README.md", "exec"), names)
    folder = re.search(r"saved_models/\w+/\d+", program)[0]
    card = json.loads((ROOT / folder / "model_card.json").read_text())
    assert list(names["embedding"].shape) == [1, *card["embedding"]["shape"][1:]]


@pytest.mark.parametrize("version", sorted((ROOT / "saved_models").glob("*/*")), ids=lambda path: path.parent.name)
def test_an_exported_model_in_the_tree_is_the_one_that_its_card_describes(version):
    card = json.loads((version / "model_card.json").read_text())
    sums = {name: hashlib.sha256((version / name).read_bytes()).hexdigest() for name in card["sha256"]}
    assert sums == card["sha256"]


def test_the_readme_has_at_most_150_lines():
    assert len(README.splitlines()) <= 150


def test_the_readme_starts_with_a_sentence_a_picture_and_the_installation():
    title, *paragraphs = [part for part in README.split("\n\n") if part.strip()]
    assert title == "# tf3dlocal"
    assert paragraphs[0].startswith("tf3dlocal recognises people") and paragraphs[1].startswith("![")
    first_section = README.split("\n## ")[1]
    assert first_section.startswith("Start\n") and "make demo" in first_section and "```python" in first_section
    assert "### What is verified, and what is not" in first_section


@pytest.mark.parametrize("page", DOCS, ids=name_of)
def test_a_page_states_its_purpose_first_and_is_linked_from_the_start(page):
    title, first = page.read_text(encoding="utf-8").split("\n\n")[:2]
    assert title.startswith("# ") and "\n" not in title
    assert first.startswith("This page "), f"the first line of {name_of(page)} must say what the page is for"
    links = README + (ROOT / "docs" / "README.md").read_text(encoding="utf-8")
    assert re.search(rf"\]\((?:docs/)?{re.escape(page.name)}[)#]", links)


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_command_and_its_options_exist(page):
    from typer.main import get_command

    from tf3dlocal.cli import app

    known_commands = get_command(app).commands
    calls = re.findall(r"\btf3dlocal ([a-z][a-z-]*)([^\n`|#]*)", commands(page.read_text(encoding="utf-8")))
    if name_of(page) == "README.md":
        assert {command for command, _ in calls} == set(known_commands), "the README names every command"
    for command, rest in calls:
        assert command in known_commands, f"tf3dlocal {command}"
        parameters = known_commands[command].params
        known = {option for each in parameters for option in (*each.opts, *each.secondary_opts)} | {"--help"}
        assert set(re.findall(r"(?<=\s)--[a-z-]+", rest)) <= known, f"tf3dlocal {command} {rest}"


@pytest.mark.parametrize("path", CONFIGS, ids=name_of)
def test_the_commands_in_a_config_name_files_that_exist(path):
    head = "\n".join(line for line in path.read_text(encoding="utf-8").splitlines() if line.startswith("#"))
    named = re.findall(r"\b(?:configs|docs)/[\w./-]+\w", head)
    assert [name for name in named if not (ROOT / name).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_make_target_is_in_the_makefile(page):
    makefile = (ROOT / "Makefile").read_text()
    targets = set(re.findall(r"\bmake ([a-z-]+)", commands(page.read_text(encoding="utf-8"))))
    assert [target for target in targets if not re.search(rf"^{target}:", makefile, re.MULTILINE)] == []


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_link_and_every_file_that_a_page_names_exists(page):
    text = page.read_text(encoding="utf-8")
    missing = []
    for link in re.findall(r"\]\(([^)]+)\)", text):
        if link.startswith("http"):
            continue
        target, _, anchor = link.partition("#")
        file = (page.parent / target).resolve() if target else page
        if not file.exists() or (anchor and anchor not in anchors(file)):
            missing.append(link)
    named = re.findall(r"(?<![\w/.-])(?:configs|tests|tf3dlocal|notebooks|benchmarks)/[\w./-]*\w", text)
    missing += [name for name in named if not (ROOT / name).exists()]
    assert not missing


def test_nothing_is_left_to_be_filled_in():
    for page in PAGES:
        assert not re.search(r"^(?:[A-Z0-9]{3,}|TBD|TODO.*)$", page.read_text(encoding="utf-8"), re.MULTILINE), page


def test_the_pictures_are_small_enough_to_load():
    for page in PAGES:
        for picture in re.findall(r"!\[[^\]]+\]\(([^)]+)\)", page.read_text(encoding="utf-8")):
            assert (page.parent / picture).stat().st_size < 500_000, picture
    assert "![" in README


def sentences_of_the_package():
    """All texts in the package's source as they are printed, with a null character for each value in them."""
    texts = []
    for path in sorted((ROOT / "tf3dlocal").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.JoinedStr):
                parts = [part.value if isinstance(part, ast.Constant) else "\0" for part in node.values]
                texts.append("".join(parts))
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                texts.append(node.value)
    return "\n".join(texts)


def test_the_messages_that_troubleshooting_explains_are_those_of_the_code():
    page = (ROOT / "docs" / "troubleshooting.md").read_text(encoding="utf-8")
    first_cells = re.findall(r"^\| (`.*?) \|", page, re.MULTILINE)
    messages = [message for cell in first_cells for message in re.findall(r"`([^`]+)`", cell)]
    assert len(messages) >= 20
    printed = sentences_of_the_package()
    for message in messages:
        words = [part.strip() for part in message.split("...") if part.strip(" :;.,?")]
        assert words, message
        pattern = r"[^\n]*?".join(re.escape(part) for part in words)
        assert re.search(pattern, printed, re.IGNORECASE), f"no code prints: {message}"


def test_the_steps_of_the_resume_example_are_those_of_its_config():
    page = (ROOT / "docs" / "resume.md").read_text(encoding="utf-8")
    config, steps = re.search(r"train (configs/\S+).*?\n.*resumes from step \d+ of (\d+)", page).groups()
    assert re.search(r"^  steps: (\d+)$", (ROOT / config).read_text(), re.MULTILINE)[1] == steps


def test_the_glossary_is_sorted_and_has_the_terms_that_it_points_at():
    page = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8")
    groups = [re.findall(r"^- \*\*(.+?)\*\*", group, re.MULTILINE) for group in page.split("\n## ")[1:]]
    assert [group for group in groups if group != sorted(group, key=str.casefold)] == []
    terms = {term for group in groups for entry in group for term in entry.split(", ")}
    assert len(terms) > 100
    assert set(re.findall(r"see \*(.+?)\*", page)) <= terms


def test_the_python_of_from_tensorflow_addons_gives_what_its_comment_says(capsys):
    (program,) = blocks((ROOT / "docs" / "from-tensorflow-addons.md").read_text(encoding="utf-8"), "python")
    exec(compile(program, "from-tensorflow-addons.md", "exec"), {})
    assert float(capsys.readouterr().out) == float(program.rsplit("#", 1)[1])
