"""Short notations for subject ids ("001..024", "00002..10306 step 2") and for long lists in messages."""

import re
from collections.abc import Iterable

_RANGE = re.compile(r"([0-9]{1,18})\.\.([0-9]{1,18})(?: step ([1-9][0-9]{0,17}))?")
_MOST_IDS = 1_000_000  # of a range; a slip of the keyboard must not fill the memory


class IdOfRange(str):
    """An id that nobody wrote out: `written` is the range that it comes from. Ids within a range may be absent."""

    written: str

    def __new__(cls, subject: str, *, written: str) -> "IdOfRange":
        """Make the id of a range."""
        made = super().__new__(cls, subject)
        made.written = written
        return made


def expand_subject_ids(items: Iterable[str]) -> list[str]:
    """Expand ids and ranges of ids into one list, in the given order.

    Args:
        items: Ids such as "005" and ranges such as "001..024" (both ends included) or "00001..10305 step 2".
            A range keeps the leading zeros of its first id.

    Returns:
        List of ids, each once; those of a range are `IdOfRange`.

    Raises:
        ValueError: If a range is malformed, descending or longer than a million ids, or its two ends have leading zeros
            and different lengths.

    Example:
        >>> expand_subject_ids(["001..003", "007"])
        ['001', '002', '003', '007']
    """
    ids: dict[str, str] = {}
    for item in items:
        match = _RANGE.fullmatch(item)
        if match is None:
            if ".." in item:
                raise ValueError(f"{item!r} is not a range of subjects. Write 001..024 or 00001..10305 step 2.")
            ids[item] = item  # also where a range has it: it is written out
            continue
        first, last, step = match[1], match[2], int(match[3] or 1)
        padded = first.startswith("0") or last.startswith("0")
        if padded and len(first) != len(last):
            raise ValueError(
                f"The ends of the range {item!r} have different lengths. Write both as the subject folders are named."
            )
        if int(last) < int(first):
            raise ValueError(f"The range {item!r} is descending. Write the smaller id first.")
        numbers = range(int(first), int(last) + 1, step)
        if len(numbers) > _MOST_IDS:
            raise ValueError(f"The range {item!r} has {len(numbers):,} ids, and {_MOST_IDS:,} are the limit.")
        width = len(first) if padded else 0
        for number in numbers:
            subject = f"{number:0{width}d}"
            ids.setdefault(subject, IdOfRange(subject, written=item))
    return list(ids.values())


def shorten_list(names: Iterable[str], *, most: int = 8) -> str:
    """Join the first names for a message, with the number of the remaining ones.

    Args:
        names: Names in the order of the message.
        most: Number of names that are written out.

    Example:
        >>> shorten_list(["001", "002", "003"], most=2)
        '001, 002 and 1 more'
    """
    names = list(map(str, names))
    if len(names) <= most:
        return ", ".join(names)
    return f"{', '.join(names[:most])} and {len(names) - most} more"
