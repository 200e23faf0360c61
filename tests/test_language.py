"""Prose uses the field's standard terms: words that readers had to decode stay out of documents and code."""

import json
import pathlib
import re

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[1]

# Pattern -> what to write.
WORDS = {
    r"\bseed(?:'s)?,? (?:Tables?|Eq|Fig|[Ss]ection)\b": "the supplement; a seed is a random seed",
    r"\bbehind (?:all |each |every |the )?(?:three )?blocks?\b": "after the block",
    r"\bin place of\b": "instead of",
    r"\bgoes on\b": "resumes or continues",
    r"\bat hand\b(?!-)": "available",
    r"\bfirst weights\b": "initial weights",
    r"\b[Bb]eside\b": "next to, or compared with",
    r"\b[Ww]hoever\b": "a person who, or those who",
}


def texts():
    """(name, text) of documents, configs, notebooks without their outputs, and the package's source."""
    files = [ROOT / name for name in ("Makefile", "setup.cfg", "ruff.toml")]
    files += [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), *(ROOT / "saved_models").glob("*.md")]
    files += [*(ROOT / "configs").rglob("*.yaml"), *(ROOT / "configs").rglob("*.md")]
    files += [*(ROOT / "tf3dlocal").rglob("*.py"), *(ROOT / "tf3dlocal").rglob("*.yaml")]
    for file in sorted(files):
        yield file.relative_to(ROOT).as_posix(), file.read_text(encoding="utf-8")
    for file in sorted((ROOT / "notebooks").glob("*.ipynb")):
        cells = json.loads(file.read_text(encoding="utf-8"))["cells"]
        yield file.relative_to(ROOT).as_posix(), "\n".join("".join(cell["source"]) for cell in cells)


@pytest.mark.parametrize("pattern", WORDS)
def test_a_word_that_readers_must_decode_does_not_occur(pattern):
    found = []
    for name, text in texts():
        joined = re.sub(r"\s*\n\s*#?\s*", " ", text)  # a phrase may be broken across lines
        found += [
            f"{name}: ...{joined[max(0, m.start() - 30) : m.end() + 20]}..." for m in re.finditer(pattern, joined)
        ]
    assert not found, f"write {WORDS[pattern]!r}:\n" + "\n".join(found)
