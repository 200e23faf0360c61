"""What a model card says of files: their names, and no folder of the machine that wrote it."""

import pathlib
import re
from typing import Any

# "/home/a/b.yaml", "~/b.yaml", "runs/b", "C:\\data\\b" but no "https://..." and no "and/or" within a sentence.
WHOLE_PATH = re.compile(r"(?:~|\.{1,2}|[A-Za-z]:)?[^\s:]*[/\\][^\s]*")
PATH_IN_TEXT = re.compile(
    r"(?<![\w:/\\])(?:~|\.{1,2}|[A-Za-z]:)?[/\\](?:[^\s/\\'\",;:)]+[/\\])*(?P<name>[^\s/\\'\",;:)]*)"
)


def without_local_paths(values: Any) -> Any:
    """Replace the paths in JSON values by the names of their files: folders of a machine mean nothing elsewhere.

    Args:
        values: dict, list, text, number, bool, None or path.

    Example:
        >>> without_local_paths({"folder": "/home/ann/casia", "note": "see /data/a.txt or https://a.org/b"})
        {'folder': 'casia', 'note': 'see a.txt or https://a.org/b'}
    """
    if isinstance(values, dict):
        return {key: without_local_paths(value) for key, value in values.items()}
    if isinstance(values, (list, tuple)):
        return [without_local_paths(value) for value in values]
    if isinstance(values, pathlib.PurePath):
        return values.name
    if not isinstance(values, str):
        return values
    is_path = pathlib.PurePath(values).is_absolute() or WHOLE_PATH.fullmatch(values)
    if is_path and "://" not in values:
        return re.split(r"[/\\]", values.rstrip("/\\"))[-1]
    return PATH_IN_TEXT.sub(lambda found: found["name"] or found[0], values)
