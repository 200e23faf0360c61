"""Subject ids written shortly: "001..024" and "00002..10306 step 2"."""

import re
from collections.abc import Iterable

_RANGE = re.compile(r"^(\d+)\.\.(\d+)(?: step ([1-9]\d*))?$")


def expand_subject_ids(items: Iterable[str]) -> list[str]:
    """Write out ids and ranges of ids as one list, in the order given.

    Args:
      items: ids such as "005" and ranges such as "001..024" (both ends included) or "00001..10305 step 2".
        A range keeps the leading zeros of its first id.

    Returns: list of ids (strings), without repetition.

    Raises:
      ValueError: a range runs backwards, or its two ends have leading zeros and different lengths.

    Example:
      >>> expand_subject_ids(["001..003", "007"])
      ['001', '002', '003', '007']
    """
    ids: dict[str, None] = {}
    for item in items:
        match = _RANGE.match(item)
        if match is None:
            if ".." in item:
                raise ValueError(f"'{item}' is not a range of subjects; write it as 001..024 or 00001..10305 step 2")
            ids[item] = None
            continue
        first, last, step = match[1], match[2], int(match[3] or 1)
        padded = first.startswith("0") or last.startswith("0")
        if padded and len(first) != len(last):
            raise ValueError(
                f"the range '{item}' mixes ids of different length; write both ends as the folders are named"
            )
        if int(last) < int(first):
            raise ValueError(f"the range '{item}' runs backwards")
        width = len(first) if padded else 0
        ids.update(dict.fromkeys(f"{number:0{width}d}" for number in range(int(first), int(last) + 1, step)))
    return list(ids)


def shorten_list(names: Iterable[str], most: int = 8) -> str:
    """Join names for a message, the first `most` of them and how many more there are.

    Example:
      >>> shorten_list(["001", "002", "003"], most=2)
      '001, 002 and 1 more'
    """
    names = list(names)
    if len(names) <= most:
        return ", ".join(names)
    return f"{', '.join(names[:most])} and {len(names) - most} more"
