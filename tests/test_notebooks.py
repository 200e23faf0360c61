"""The tutorial notebooks keep one form, and their stored outputs are those of one whole run."""

import ast
import json
import pathlib
import re

import pytest

FOLDER = pathlib.Path(__file__).resolve().parents[1] / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
MOST_BYTES = 650_000
OPENING = ("You will be able to", "You need", "It takes")
PATH_OF_A_MACHINE = re.compile(r"(?<![\w.])/(?:tmp|home|root|work|var|Users|private)/|[A-Z]:\\\\")

every_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


def cells_of(path):
    return json.loads(path.read_text(encoding="utf-8"))["cells"]


def source_of(cell):
    return "".join(cell["source"])


def sources(path, kind):
    return [source_of(cell) for cell in cells_of(path) if cell["cell_type"] == kind]


def printed_by(path):
    """The texts among the outputs, without pictures."""
    for cell in cells_of(path):
        for output in cell.get("outputs", []):
            yield "".join(output.get("text", []))
            for kind, content in output.get("data", {}).items():
                if not kind.startswith("image/"):
                    yield "".join(content)


def headings(path):
    texts = (re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL) for text in sources(path, "markdown"))
    return [line for text in texts for line in text.splitlines() if re.match(r"#+ ", line)]


def test_the_notebooks_are_numbered_from_zero_without_a_gap():
    assert [path.name[:3] for path in NOTEBOOKS] == [f"{number:02d}_" for number in range(len(NOTEBOOKS))]


@every_notebook
def test_a_notebook_has_one_title_in_its_first_cell(path):
    titles = [heading for heading in headings(path) if heading.startswith("# ")]
    first = cells_of(path)[0]
    assert len(titles) == 1 and first["cell_type"] == "markdown" and source_of(first).startswith(titles[0])


@every_notebook
def test_it_opens_with_what_you_learn_what_you_need_and_how_long_it_takes(path):
    bullets = re.findall(r"^- \*\*(.+?)\*\*", source_of(cells_of(path)[0]), re.MULTILINE)
    assert [bullet.rstrip(":") for bullet in bullets] == list(OPENING)


@every_notebook
def test_its_imports_and_nothing_else_are_in_its_first_code_cell(path):
    def imports_of(code):
        tree = ast.parse(re.sub(r"^\s*%.*$", "", code, flags=re.MULTILINE))
        return [node for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom)], tree.body

    first, *others = sources(path, "code")
    imports, statements = imports_of(first)
    assert imports == statements
    assert not [code for code in others if imports_of(code)[0]]


@every_notebook
def test_it_asserts_what_it_claims(path):
    assert [code for code in sources(path, "code") if re.search(r"\bassert(_\w+)?\b", code)]


@every_notebook
def test_it_breaks_something_and_says_why(path):
    cells = cells_of(path)
    at = next(
        number
        for number, cell in enumerate(cells)
        if cell["cell_type"] == "markdown" and re.search(r"^## (?:\d+\. )?Break it$", source_of(cell), re.MULTILINE)
    )
    assert [cell["cell_type"] for cell in cells[at : at + 3]] == ["markdown", "code", "markdown"]


@every_notebook
def test_it_ends_with_three_to_five_exercises_and_as_many_hidden_answers(path):
    last = source_of(cells_of(path)[-1])
    questions, answers = last.split("<details>")
    counts = [len(re.findall(r"^\d\. ", text, re.MULTILINE)) for text in (questions, answers)]
    assert "## Exercises" in headings(path) and answers.count("</details>") == 1
    assert 3 <= counts[0] <= 5 and counts[0] == counts[1]


@every_notebook
def test_its_last_line_leads_to_the_next_one_and_to_the_glossary(path):
    ending = source_of(cells_of(path)[-1]).split("</details>")[1]
    number = NOTEBOOKS.index(path)
    expected = NOTEBOOKS[(number + 1) % len(NOTEBOOKS)].name  # the last one leads back to the first
    assert f"({expected})" in ending and "(../docs/glossary.md" in ending


@every_notebook
def test_every_file_that_it_links_to_exists(path):
    links = re.findall(r"\]\(([^)#\s]+)", "\n".join(sources(path, "markdown")))
    assert not [link for link in links if not link.startswith("http") and not (FOLDER / link).exists()]


@every_notebook
def test_its_outputs_are_those_of_one_run_from_top_to_bottom(path):
    counts = [cell["execution_count"] for cell in cells_of(path) if cell["cell_type"] == "code"]
    assert counts == list(range(1, len(counts) + 1))


@every_notebook
def test_its_outputs_have_no_error_no_message_of_a_library_and_no_path_of_a_machine(path):
    outputs = [output for cell in cells_of(path) for output in cell.get("outputs", [])]
    assert not [output for output in outputs if output["output_type"] == "error"]
    assert not [output["text"] for output in outputs if output.get("name") == "stderr"]
    assert not [text for text in printed_by(path) if PATH_OF_A_MACHINE.search(text)]


@every_notebook
def test_it_shows_pictures_or_numbers_and_loads_quickly(path):
    assert any(cell.get("outputs") for cell in cells_of(path))
    assert path.stat().st_size < MOST_BYTES
