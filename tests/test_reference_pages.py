"""The reference pages are what the code says: every key of a config and a protocol, every argument of a model."""

import importlib.util
import inspect
import pathlib

import pytest

from tf3dlocal.config import Experiment
from tf3dlocal.models import MODELS

DOCS = pathlib.Path(__file__).resolve().parents[1] / "docs"
SPEC = importlib.util.spec_from_file_location("make_reference", DOCS / "make_reference.py")
make_reference = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(make_reference)


@pytest.mark.parametrize("page", make_reference.PAGES)
def test_a_reference_page_is_what_the_script_writes(page):
    assert (DOCS / page).read_text(encoding="utf-8") == make_reference.PAGES[page](), "run: make docs-reference"


def test_a_model_card_has_its_scores_in_words_and_not_as_json():
    rows = [row for row in make_reference.cards_page().splitlines() if row.startswith("| scores |")]
    assert rows and all("{" not in row and len(row) < 1000 for row in rows)
    assert "rank-1 in %: NM " in " ".join(rows)


def keys(section, prefix=""):
    for name, field in section.model_fields.items():
        inner = field.annotation if inspect.isclass(field.annotation) else None
        if inner is not None and hasattr(inner, "model_fields"):
            yield from keys(inner, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", field


@pytest.mark.parametrize(("key", "field"), keys(Experiment), ids=lambda value: value if isinstance(value, str) else "")
def test_every_key_of_a_config_is_described_in_the_code_and_on_the_page(key, field):
    section, _, name = key.rpartition(".")
    assert field.description, f"write a text below the key {name} in tf3dlocal/config/sections.py"
    rows = make_reference.config_page().split(f"## {section}\n")[1].split("\n## ")[0]
    assert f"| `{name}` |" in rows


@pytest.mark.parametrize("model", MODELS)
def test_every_argument_of_a_model_is_described_in_its_docstring(model):
    arguments = set(inspect.signature(MODELS[model]).parameters)
    assert set(make_reference.argument_meanings(MODELS[model])) == arguments
