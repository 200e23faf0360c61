"""Names that people type: which of them match, and which known one is near."""

import difflib
import functools
import inspect
import re
from collections.abc import Callable, Iterable

MOST_LISTED = 12
MOST_NEAR = 3
MOST_UNKNOWN = 6


def matches_leading_word(word: str, name: str) -> bool:
    """Return whether `word` is the whole name or its leading word, as conditions are named in protocols and selections.

    A word ends where letters change to digits or back, or at any other character: "nm" matches nm-01 and nm01 but not
    nmx-01, and "d1" does not match d10-01.

    Args:
        word: A condition, or the word it begins with.
        name: The condition of a walk.

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

    Case, leading zeros and separators make no distance: "5" is near "005", "NM01" near "nm-01".

    Args:
        name: What was typed.
        known: The names that exist.

    Example:
        >>> near_names("gaitste", ["gaitset", "gln"]), near_names("x", ["gaitset", "gln"])
        ("Did you mean 'gaitset'?", "Known names: 'gaitset', 'gln'.")
    """
    known = [str(item) for item in known]
    if near := _nearest(str(name), known):
        return f"Did you mean {near}?"
    return _listed(known)


def check_names(asked: Iterable[object], *, known: Iterable[object], what: str, where: str) -> None:
    """Raise an error if a name matches no known one; it lists every such name, with the known ones near it.

    Names are compared as texts, so that the view 90 is the name "90"; the subject 5 is not "005".

    Args:
        asked: The names that somebody typed; a single text or number is one name.
        known: The names that exist.
        what: What the names are, in the singular, such as "subject".
        where: File and key as the user wrote them, such as "data.exclude_subjects".

    Raises:
        ValueError: At least one name is unknown.

    Example:
        >>> check_names([5], known=["004", "005"], what="subject", where="exclude")
        Traceback (most recent call last):
        ValueError: exclude: there is no subject '5'. Did you mean '005'?
        >>> check_names(["005", "x", "4"], known=["004", "005"], what="subject", where="exclude")
        Traceback (most recent call last):
        ValueError: exclude: there is no subject 'x', '4' (did you mean '004'?). Known names: '004', '005'.
    """
    asked = [asked] if isinstance(asked, str | int) else asked
    known = list(dict.fromkeys(map(str, known)))
    exist = set(known)
    unknown = [name for name in dict.fromkeys(map(str, asked)) if name not in exist]
    if not unknown:
        return
    near = [_nearest(name, known) for name in unknown[:MOST_UNKNOWN]]
    if len(unknown) == 1:
        raise ValueError(f"{where}: there is no {what} {unknown[0]!r}. {near_names(unknown[0], known)}")
    hinted = [
        f"{name!r} (did you mean {hint}?)" if hint else repr(name) for name, hint in zip(unknown, near, strict=False)
    ]
    more = f" and {len(unknown) - MOST_UNKNOWN} more" if len(unknown) > MOST_UNKNOWN else ""
    help_text = "" if all(near) else f" {_listed(known)}"
    raise ValueError(f"{where}: there is no {what} {', '.join(hinted)}{more}.{help_text}")


def named_arguments(function: Callable) -> Callable:
    """Let a function name the near argument where one was mistyped.

    Example:
        >>> @named_arguments
        ... def select(*, subjects=None): ...
        >>> select(subject="001")
        Traceback (most recent call last):
        TypeError: select() has no argument 'subject'. Did you mean 'subjects'?
    """
    known = inspect.signature(function).parameters

    @functools.wraps(function)
    def checked(*args, **kwargs):
        for name in kwargs:
            if name not in known:
                names = [each for each in known if each != "self"]
                raise TypeError(f"{function.__name__}() has no argument {name!r}. {near_names(name, names)}")
        return function(*args, **kwargs)

    return checked


def printable(text: str, *, keep: str = "") -> str:
    r"""Return a text in which what does not print is escaped: control characters, and bytes that are not UTF-8.

    Args:
        text: Such as the name of a file: names may hold line breaks and the commands of a terminal.
        keep: Characters that stay as they are.

    Example:
        >>> printable("a\x1b[31m\n.png"), printable("caf\udce9")
        ('a\\x1b[31m\\n.png', 'caf\\udce9')
    """
    if text.isprintable():
        return text
    return "".join(
        character if character.isprintable() or character in keep else character.encode("unicode_escape").decode()
        for character in text
    )


def plain_name(name: str) -> str:
    """Remove what people leave out or add to a name: upper case, separators, zeros before a number.

    Args:
        name: A subject, a condition or a key.

    Example:
        >>> plain_name("NM-01"), plain_name("005"), plain_name("000")
        ('nm1', '5', '0')
    """
    return re.sub(r"(?<!\d)0+(?=\d)", "", re.sub(r"[\W_]+", "", name.casefold()) or name)


def _nearest(name: str, known: list[str]) -> str:
    """Return the known names near a name, such as "'005' or '05'"; "" if none is."""
    plain = plain_name(name)
    near = [item for item in known if plain_name(item) == plain][:MOST_NEAR]
    return " or ".join(map(repr, near or difflib.get_close_matches(name, known, n=MOST_NEAR)))


def _listed(known: list[str]) -> str:
    if not known:
        return "There are no names to choose from."
    more = f" and {len(known) - MOST_LISTED} more" if len(known) > MOST_LISTED else ""
    return f"Known names: {', '.join(map(repr, known[:MOST_LISTED]))}{more}."
