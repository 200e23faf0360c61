"""Names that people type: which of them match, and which known one is near."""

import difflib
from collections.abc import Iterable

MOST_LISTED = 12


def matches_leading_word(word: str, name: str) -> bool:
    """Return whether `word` is the whole name or its leading word, as conditions are named in protocols and selections.

    A word ends where letters change to digits or back, or at any other character: "nm" matches nm-01 and nm01 but not
    nmx-01, and "d1" does not match d10-01.

    Args:
        word: a condition, or the word it begins with.
        name: the condition of a walk.

    Example:
        >>> matches_leading_word("nm", "nm-01"), matches_leading_word("d1", "d10-01")
        (True, False)
    """
    if not word or not name.startswith(word):
        return False
    end, following = word[-1], name[len(word) : len(word) + 1]
    return not (following.isdigit() and end.isdigit() or following.isalpha() and end.isalpha())


def near_names(name: str, known: Iterable[str]) -> str:
    """Return a sentence that helps a person who typed an unknown name: the nearest known one, or a list of them.

    Args:
        name: what was typed.
        known: the names that exist.

    Example:
        >>> near_names("gaitste", ["gaitset", "gln"]), near_names("x", ["gaitset", "gln"])
        ("Did you mean 'gaitset'?", "Known names: 'gaitset', 'gln'.")
    """
    known = [str(item) for item in known]
    near = difflib.get_close_matches(name, known, n=3)
    if near:
        return f"Did you mean {' or '.join(map(repr, near))}?"
    if not known:
        return "There are no names to choose from."
    more = f" and {len(known) - MOST_LISTED} more" if len(known) > MOST_LISTED else ""
    return f"Known names: {', '.join(map(repr, known[:MOST_LISTED]))}{more}."
