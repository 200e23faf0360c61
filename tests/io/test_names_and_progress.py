"""Names that people type, and what long work shows."""

import io

import pytest

from tf3dlocal.io import (
    check_names,
    matches_leading_word,
    named_arguments,
    near_names,
    printable,
    progress_bar,
    tell,
)


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


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("5", "'005'"),
        ("0005", "'005'"),
        ("NM-01", "'nm-01'"),
        ("nm01", "'nm-01'"),
        ("nm_1", "'nm-01'"),
        ("nm-1", "'nm-01'"),
    ],
)
def test_case_separators_and_leading_zeros_make_no_distance(name, near):
    assert near_names(name, ["004", "005", "050", "nm-01", "nm-11"]) == f"Did you mean {near}?"


@pytest.mark.parametrize(
    ("asked", "known"),
    [([], ["005"]), (["005"], ["005"]), ([90], [0, 90]), ([90], ["90"]), ("005", ["005"]), (90, [90]), ([], [])],
)
def test_known_names_pass(asked, known):
    check_names(asked, known=known, what="name", where="here")


@pytest.mark.bad_input
@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ([5], "exclude: there is no subject '5'. Did you mean '005'?"),
        (5, "exclude: there is no subject '5'. Did you mean '005'?"),
        ("05", "exclude: there is no subject '05'. Did you mean '005'?"),
        (["nobody"], "exclude: there is no subject 'nobody'. Known names: '004', '005'."),
        (["004", "5", "4"], "exclude: there is no subject '5' (did you mean '005'?), '4' (did you mean '004'?)."),
        (["x", "x", "5"], "exclude: there is no subject 'x', '5' (did you mean '005'?). Known names: '004', '005'."),
        ([""], "exclude: there is no subject ''. Known names: '004', '005'."),
        (["\x1b[2J"], "exclude: there is no subject '\\x1b[2J'. Known names: '004', '005'."),
        ([None, True], "exclude: there is no subject 'None', 'True'. Known names: '004', '005'."),
    ],
)
def test_every_unknown_name_is_listed_with_near_ones(asked, message):
    with pytest.raises(ValueError) as raised:
        check_names(asked, known=["004", "005"], what="subject", where="exclude")
    assert str(raised.value) == message


@pytest.mark.bad_input
def test_a_long_list_of_unknown_names_is_shortened():
    with pytest.raises(ValueError) as raised:
        check_names(range(1000, 3000), known=["a"], what="view", where="views")
    assert str(raised.value).endswith("'1005' and 1994 more. Known names: 'a'.")
    assert len(str(raised.value)) < 300


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


@pytest.mark.bad_input
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("naïve 步行.png", "naïve 步行.png"),
        ("a\nb", "a\\nb"),
        ("\x1b[2J", "\\x1b[2J"),
        ("\udcff", "\\udcff"),
        ("\u202e", "\\u202e"),
    ],
)
def test_what_does_not_print_is_escaped(text, expected):
    assert printable(text) == expected and printable(printable(text)) == expected
    assert printable("a\n" + text, keep="\n") == "a\n" + expected.replace("\\n", "\n")


@pytest.mark.bad_input
def test_a_mistyped_argument_is_named_with_the_near_one():
    @named_arguments
    def select(walks, *, subjects=None):
        """Select."""
        return walks, subjects

    assert select(1, subjects=2) == (1, 2) and select.__doc__ == "Select."
    with pytest.raises(TypeError, match=r"select\(\) has no argument 'subject'. Did you mean 'subjects'"):
        select(1, subject=2)
