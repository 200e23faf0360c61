"""The index of a prepared data set: `dataset.json`, one column per property and one row per walk.

    {"format": "tf3dlocal-walks", "version": 1, "name": ..., "size": 64, "num_walks": ..., "shards": [file names],
     "walks": {"subject": [...], "condition": [...], "view_degrees": [...], "num_frames": [...],
               "shard": [position in shards], "offset": [...], "length": [...], "checksum": [...]}}

`offset` and `length` are bytes: where a walk's record (without the framing of TFRecord) lies in its shard file;
`checksum` is the record's CRC-32, by which a reader that jumps straight to a record knows that it is undamaged.
Columns instead of rows because they become numpy arrays as they are, and 13,640 walks open in well under a second.
"""

import dataclasses
import json
import os
import pathlib

FORMAT = "tf3dlocal-walks"
VERSION = 1
INDEX_NAME = "dataset.json"
COLUMNS = ("subject", "condition", "view_degrees", "num_frames", "shard", "offset", "length", "checksum")


@dataclasses.dataclass(frozen=True)
class WalkEntry:
    """One row of the index: who walked, and the place of the record inside its shard file (in bytes) and its CRC-32."""

    subject: str
    condition: str
    view_degrees: int
    num_frames: int
    offset: int
    length: int
    checksum: int


def shard_name(shard: int, num_shards: int) -> str:
    """The file name of shard number `shard` (from 0) of `num_shards`.

    >>> shard_name(0, 8)
    'walks-00000-of-00008.tfrecord'
    """
    return f"walks-{shard:05d}-of-{num_shards:05d}.tfrecord"


def write_index(folder: str | os.PathLike, name: str, size: int, shards: dict[str, list[WalkEntry]]) -> None:
    """Write `dataset.json`, whole or not at all. Call it last: a folder with an index is a complete data set.

    Args:
        folder: the prepared data set.
        name: what to call the data set in reports.
        size: rows (and columns) of a silhouette.
        shards: dict of shard file name -> list of its `WalkEntry`, in order.
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
    path = pathlib.Path(folder) / INDEX_NAME
    partial = path.with_name(f".{INDEX_NAME}.{os.getpid()}.partial")
    try:
        partial.write_text(json.dumps(index), encoding="utf-8")
        sync(partial)
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


def read_index(folder: str | os.PathLike) -> dict:
    """The content of `dataset.json` as a dict, after checking that it is one.

    Raises:
        FileNotFoundError: the folder holds no index: it is no prepared data set, or preparing it was interrupted.
        ValueError: another format, another version, or a damaged index.
    """
    path = pathlib.Path(folder) / INDEX_NAME
    if not path.is_file():
        raise FileNotFoundError(
            f"{path} is not there: {folder} is not a prepared data set, or preparing it was interrupted. "
            "Run `tf3dlocal prepare RAW OUT` (again) and give its OUT folder"
        )
    try:
        index = json.loads(path.read_text(encoding="utf-8"))
        if index["format"] != FORMAT:
            raise ValueError(f"the format is {index['format']!r}, not {FORMAT!r}")
        if index["version"] != VERSION:
            raise ValueError(f"version {index['version']}, and this program reads version {VERSION}")
        if {len(index["walks"][column]) for column in COLUMNS} != {index["num_walks"]}:
            raise ValueError(f"the columns are not all {index['num_walks']} long")
        if wrong := [name for name in index["shards"] if name != pathlib.PurePath(name).name]:
            raise ValueError(f"a shard is a file of this folder, not {wrong[0]!r}")
        for column in COLUMNS:
            kind = str if column in ("subject", "condition") else int
            if wrong := [value for value in index["walks"][column] if type(value) is not kind]:
                raise ValueError(f"column {column!r} holds {wrong[0]!r}")
        if not set(index["walks"]["shard"]) <= set(range(len(index["shards"]))):
            raise ValueError(f"column 'shard' points beyond the {len(index['shards'])} shards")
        index["name"], index["size"]  # a KeyError now rather than later
    except (ValueError, TypeError, KeyError) as error:
        what = f"the key {error} is missing" if isinstance(error, KeyError) else error
        raise ValueError(f"{path}: {what}; prepare the data set again") from error
    return index


def sync(path: str | os.PathLike) -> None:
    """Ask the system to put a written file on the disk before it gets its final name."""
    with open(path, "r+b") as file:
        os.fsync(file.fileno())
