"""Short notations for subject ids ("001..024", "00002..10306 step 2") and for long lists in messages."""

import re
from collections.abc import Iterable

_RANGE = re.compile(r"^(\d+)\.\.(\d+)(?: step ([1-9]\d*))?$")


def expand_subject_ids(items: Iterable[str]) -> list[str]:
    """Expand ids and ranges of ids into one list, in the given order.

    Args:
        items: Ids such as "005" and ranges such as "001..024" (both ends included) or "00001..10305 step 2".
            A range keeps the leading zeros of its first id.

    Returns:
        List of ids, each once.

    Raises:
        ValueError: If a range is malformed or descending, or its two ends have leading zeros and different lengths.

    Example:
        >>> expand_subject_ids(["001..003", "007"])
        ['001', '002', '003', '007']
    """
    ids: dict[str, None] = {}
    for item in items:
        match = _RANGE.match(item)
        if match is None:
            if ".." in item:
                raise ValueError(f"{item!r} is not a range of subjects. Write 001..024 or 00001..10305 step 2.")
            ids[item] = None
            continue
        first, last, step = match[1], match[2], int(match[3] or 1)
        padded = first.startswith("0") or last.startswith("0")
        if padded and len(first) != len(last):
            raise ValueError(
                f"The ends of the range {item!r} have different lengths. Write both as the subject folders are named."
            )
        if int(last) < int(first):
            raise ValueError(f"The range {item!r} is descending. Write the smaller id first.")
        width = len(first) if padded else 0
        ids.update(dict.fromkeys(f"{number:0{width}d}" for number in range(int(first), int(last) + 1, step)))
    return list(ids)


def shorten_list(names: Iterable[str], *, most: int = 8) -> str:
    """Join the first names for a message, with the number of the remaining ones.

    Args:
        names: Names in the order of the message.
        most: Number of names that are written out.

    Example:
        >>> shorten_list(["001", "002", "003"], most=2)
        '001, 002 and 1 more'
    """
    names = list(names)
    if len(names) <= most:
        return ", ".join(names)
    return f"{', '.join(names[:most])} and {len(names) - most} more"
