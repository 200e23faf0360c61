"""The prepared data set on disk, and its index `dataset.json`.

A prepared data set is a folder:

    dataset.json                      the index: one column per property, one row per walk, and the place of each walk
    walks-00000-of-00008.tfrecord     one record per walk (see `walk_records`)
    ...
    report.json, report.md            what preparation dropped, and why

The index:

    {"format": "tf3dlocal-walks", "version": 1, "name": ..., "size": 64, "num_walks": ..., "shards": [file names],
     "walks": {"subject": [...], "condition": [...], "view_degrees": [...], "num_frames": [...],
               "shard": [position in shards], "offset": [...], "length": [...], "checksum": [...]}}

`offset` and `length` are in bytes: the place of the record, without the framing of TFRecord, in its shard file.
`checksum` is the CRC-32 of the record, with which a reader that jumps straight to a record finds damage. Columns
instead of rows because they become numpy arrays as they are: 13,640 walks open in well under a second.
"""

from __future__ import annotations

import json
import pathlib
from dataclasses import dataclass

from tf3dlocal.io import read_json, readable, write_text
from tf3dlocal.io.types import PathLike

FORMAT = "tf3dlocal-walks"
VERSION = 1
INDEX_NAME = "dataset.json"
COLUMNS = ("subject", "condition", "view_degrees", "num_frames", "shard", "offset", "length", "checksum")
# TFRecord framing: length (8 bytes), checksum of the length (4), the record, checksum of the record (4).
HEADER_BYTES, FOOTER_BYTES = 12, 4
SOLUTION = "Prepare the data set again."


@dataclass(frozen=True, kw_only=True)
class WalkEntry:
    """One row of the index: the walk, and the place (in bytes) and the CRC-32 of its record in the shard file."""

    subject: str
    condition: str
    view_degrees: int
    num_frames: int
    offset: int
    length: int
    checksum: int


def write_index(folder: PathLike, *, name: str, size: int, shards: dict[str, list[WalkEntry]]) -> None:
    """Write `dataset.json`, whole or not at all. Call it last: a folder with an index is a complete data set.

    Args:
        folder: The prepared data set.
        name: Name of the data set in reports.
        size: Height and width of a silhouette in pixels.
        shards: Name of each shard file to its entries, in order.
    """
    rows = [(number, entry) for number, entries in enumerate(shards.values()) for entry in entries]
    walks = {column: [getattr(entry, column) for _, entry in rows] for column in COLUMNS if column != "shard"}
    walks["shard"] = [number for number, _ in rows]
    index = {
        "format": FORMAT,
        "version": VERSION,
        "name": name,
        "size": int(size),
        "num_walks": len(rows),
        "shards": list(shards),
        "walks": {column: walks[column] for column in COLUMNS},
    }
    write_text(pathlib.Path(folder) / INDEX_NAME, json.dumps(index))


def read_index(folder: PathLike) -> dict:
    """Read and check `dataset.json`.

    Raises:
        FileNotFoundError: The folder has no index: it is no prepared data set, or its preparation was interrupted.
        UnreadableError: The index has another format or version, or is damaged.
    """
    path = pathlib.Path(folder) / INDEX_NAME
    if not path.is_file():
        raise FileNotFoundError(
            f"{path} does not exist: {folder} is not a prepared data set, or its preparation was interrupted. "
            "Run `tf3dlocal prepare RAW OUT` (again) and give its OUT folder."
        )
    index = read_json(path, solution=SOLUTION)
    with readable(path, solution=SOLUTION):
        _check_index(index)
    return index


def _check_index(index: dict) -> None:
    """Raise an exception with the first fault of an index."""
    if not isinstance(index, dict):
        raise ValueError("it is not an index")
    if missing := [
        key for key in ("format", "version", "name", "size", "num_walks", "shards", "walks") if key not in index
    ]:
        raise ValueError(f"the key {missing[0]!r} is missing")
    if index["format"] != FORMAT:
        raise ValueError(f"the format is {index['format']!r}, not {FORMAT!r}")
    if index["version"] != VERSION:
        raise ValueError(f"it has version {index['version']!r}, and this program reads version {VERSION}")
    walks = index["walks"]
    if missing := [column for column in COLUMNS if column not in walks]:
        raise ValueError(f"the column {missing[0]!r} is missing")
    if {len(walks[column]) for column in COLUMNS} != {index["num_walks"]}:
        raise ValueError(f"the columns are not all {index['num_walks']} long")
    if wrong := [name for name in index["shards"] if name != pathlib.PurePath(name).name]:
        raise ValueError(f"a shard must be a file of this folder, not {wrong[0]!r}")
    for column in COLUMNS:
        kind = str if column in ("subject", "condition") else int
        if wrong := [value for value in walks[column] if type(value) is not kind]:
            raise ValueError(f"the column {column!r} holds {wrong[0]!r}")
    if not set(walks["shard"]) <= set(range(len(index["shards"]))):
        raise ValueError(f"the column 'shard' points beyond the {len(index['shards'])} shards")
