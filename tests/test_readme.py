"""The README says what is so: its code runs, and what it names exists."""

import hashlib
import json
import pathlib
import re

import pytest
from small_walks import write_small_walks

ROOT = pathlib.Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")

PROTOCOL = """
name: small
train: [001..004]
test: all
gallery: [nm-01, nm-02, nm-03, nm-04]
probes: {NM: [nm-05, nm-06], CL: [cl-01, cl-02]}
"""


def blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


def test_the_python_of_the_readme_runs_from_data_set_to_export(tmp_path, monkeypatch, capsys):
    (program,) = blocks("python")
    assert len([line for line in program.splitlines() if line]) <= 18
    (tmp_path / "demo" / "prepared").mkdir(parents=True)
    (tmp_path / "demo" / "protocol.yaml").write_text(PROTOCOL)
    write_small_walks(tmp_path / "demo" / "prepared")
    monkeypatch.chdir(tmp_path)
    shorter = program.replace("num_steps=120", "num_steps=2").replace("(12, 24, 48)", "(2, 4, 4)")
    assert shorter != program
    exec(compile(shorter, "README.md", "exec"), {})
    assert "Rank-1" in capsys.readouterr().out
    assert (tmp_path / "demo" / "by_hand" / "1" / "saved_model.pb").is_file()


def test_the_exported_model_in_the_tree_is_the_one_its_card_describes_and_embeds_a_walk(monkeypatch):
    (program,) = re.findall(r"```python\n(.*?)```", (ROOT / "saved_models" / "README.md").read_text(), re.DOTALL)
    monkeypatch.chdir(ROOT)
    names = {}
    exec(compile(program, "saved_models/README.md", "exec"), names)
    version = ROOT / "saved_models" / "walkers" / "1"
    card = json.loads((version / "model_card.json").read_text())
    assert list(names["embedding"].shape) == [1, *card["embedding"]["shape"][1:]]
    sums = {name: hashlib.sha256((version / name).read_bytes()).hexdigest() for name in card["sha256"]}
    assert sums == card["sha256"]


def test_nothing_is_left_to_be_filled_in():
    for page in (ROOT / "README.md", ROOT / "saved_models" / "README.md"):
        assert not re.search(r"^(?:[A-Z0-9]{3,}|TBD|TODO.*)$", page.read_text(), re.MULTILINE), page


def test_every_command_of_the_readme_is_a_verb_with_these_options():
    from typer.main import get_command

    from tf3dlocal.cli import app

    verbs = get_command(app).commands
    calls = re.findall(
        r"tf3dlocal ([a-z]\w*)([^\n`|#]*)", "\n".join(blocks("sh")) + "\n".join(re.findall(r"`([^`\n]+)`", README))
    )
    assert {verb for verb, _ in calls} == set(verbs)
    for verb, rest in calls:
        known = {option for parameter in verbs[verb].params for option in parameter.opts} | {"--help"}
        assert set(re.findall(r"--[a-z-]+", rest)) <= known, verb


@pytest.mark.parametrize("target", sorted(set(re.findall(r"make ([a-z-]+)", "\n".join(blocks("sh"))))))
def test_every_make_target_of_the_readme_is_in_the_makefile(target):
    assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(), re.MULTILINE)


def test_every_file_that_the_readme_names_is_there():
    named = re.findall(r"\]\(([^)#]+)\)", README)
    named += re.findall(r"\b(?:configs|tests|tf3dlocal|notebooks|benchmarks)/[\w./-]*\w", README)
    missing = [name for name in named if not name.startswith("http") and not (ROOT / name).exists()]
    assert not missing


def test_the_pictures_of_the_readme_are_small_enough_to_load():
    pictures = re.findall(r"!\[[^\]]+\]\(([^)]+)\)", README)
    assert pictures
    assert all((ROOT / picture).stat().st_size < 500_000 for picture in pictures)
