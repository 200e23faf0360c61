"""Names that people type, and what long work shows."""

import io

import pytest

from tf3dlocal.io import matches_leading_word, near_names, progress_bar, tell


@pytest.mark.parametrize(
    ("word", "name", "expected"),
    [
        ("nm", "nm-01", True),
        ("nm", "nm01", True),
        ("nm", "nmx-01", False),
        ("nm-01", "nm-01", True),
        ("d1", "d10-01", False),
        ("d1", "d1-01", True),
        ("", "nm-01", False),
        ("nm-01", "nm", False),
    ],
)
def test_a_condition_matches_itself_and_its_leading_word(word, name, expected):
    assert matches_leading_word(word, name) is expected


def test_the_nearest_known_name_is_offered():
    assert near_names("learning_rat", ["learning_rate", "steps"]) == "Did you mean 'learning_rate'?"
    assert near_names("nobody", ["001", "002"]) == "Known names: '001', '002'."
    assert near_names("nobody", map("{:03d}".format, range(100))).endswith("'011' and 88 more.")
    assert near_names("nobody", []) == "There are no names to choose from."


def test_a_bar_counts_items_and_shows_a_note(monkeypatch):
    seen = io.StringIO()
    monkeypatch.setattr("sys.stderr", seen)
    monkeypatch.setenv("FORCE_COLOR", "1")
    with progress_bar("aligning", total=124, done=4) as advance:
        advance(20, note="[3,960] frames")
    assert "24/124" in seen.getvalue() and "[3,960] frames" in seen.getvalue()


def test_nothing_is_shown_where_nothing_is_wanted(capsys):
    with progress_bar("aligning", total=3, shown=False) as advance:
        advance()
    with progress_bar("aligning", total=3, delay=60.0) as advance:
        advance()
    tell("Nothing.", shown=False)
    assert capsys.readouterr() == ("", "")


def test_a_sentence_with_brackets_is_printed_as_it_is(capsys):
    tell("runs/[a] resumes.")
    assert capsys.readouterr().err == "runs/[a] resumes.\n"
