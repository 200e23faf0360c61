"""The prepared data set on disk, and its index `dataset.json`.

A prepared data set is a folder:

    dataset.json                      the index: one column per property, one row per walk, and the place of each walk
    walks-00000-of-00008.tfrecord     one record per walk (see `walk_records`)
    ...
    report.json, report.md            what preparation dropped, and why

The index:

    {"format": "tf3dlocal-walks", "version": 1, "name": ..., "size": 64, "num_walks": ..., "shards": [file names],
     "shard_bytes": [...], "shard_sha256": [...], "preparation": fingerprint of the settings and the raw files,
     "walks": {"subject": [...], "condition": [...], "view_degrees": [...], "num_frames": [...],
               "shard": [position in shards], "offset": [...], "length": [...], "checksum": [...]},
     "report_sha256": of report.json, "sha256": of all of the above}

The sizes and checksums of files and the fingerprint of the preparation are absent in data sets that version 0.1
prepared. `offset` and `length` are in bytes: the place of the record, without the framing of TFRecord, in its shard.
`checksum` is the CRC-32 of the record, with which a reader that jumps straight to a record finds damage. Columns
instead of rows because they become numpy arrays as they are: 13,640 walks open in well under a second.
"""

from __future__ import annotations

import hashlib
import json
import pathlib
import zlib
from dataclasses import dataclass

from tf3dlocal.data.silhouettes import LARGEST_SIZE
from tf3dlocal.io import UnreadableError, check_regular_file, read_json, readable, user_path, write_text
from tf3dlocal.io.types import PathLike

FORMAT = "tf3dlocal-walks"
VERSION = 1
INDEX_NAME = "dataset.json"
COLUMNS = ("subject", "condition", "view_degrees", "num_frames", "shard", "offset", "length", "checksum")
# TFRecord framing: length (8 bytes), checksum of the length (4), the record, checksum of the record (4).
HEADER_BYTES, FOOTER_BYTES = 12, 4
SMALLEST = {"num_frames": 1, "length": 1, "offset": HEADER_BYTES}
LARGEST_INTEGER = 2**62
KINDS = {"format": str, "version": int, "name": str, "size": int, "num_walks": int, "shards": list, "walks": dict}
WORDS = {str: "a text", int: "a whole number", list: "a list", dict: "columns"}
OPTIONAL_KINDS = {"shard_bytes": list, "shard_sha256": list, "preparation": str, "report_sha256": str, "sha256": str}
SOLUTION = "Prepare the data set again, with `tf3dlocal prepare RAW OUT --overwrite`."


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


def write_index(
    folder: PathLike,
    *,
    name: str,
    size: int,
    shards: dict[str, list[WalkEntry]],
    checksums: dict[str, tuple[int, str]] | None = None,
    preparation: str = "",
    report: str = "",
) -> None:
    """Write `dataset.json`, whole or not at all. Call it last: a folder with an index is a complete data set.

    Args:
        folder: The prepared data set.
        name: Name of the data set in reports.
        size: Height and width of a silhouette in pixels.
        shards: Name of each shard file to its entries, in order.
        checksums: Name of each shard file to its bytes and its SHA-256 (see `shard_checksum`).
        preparation: Fingerprint of the settings and the raw files that the walks were made of.
        report: Content of report.json.
    """
    index = make_index(name=name, size=size, shards=shards)
    walks = index.pop("walks")
    if checksums is not None:
        index["shard_bytes"] = [checksums[name][0] for name in shards]
        index["shard_sha256"] = [checksums[name][1] for name in shards]
    if preparation:
        index["preparation"] = preparation
    index["walks"] = walks
    if report:
        index["report_sha256"] = hashlib.sha256(report.encode()).hexdigest()
    index["sha256"] = _checksum_of(index)
    write_text(pathlib.Path(folder) / INDEX_NAME, json.dumps(index))


def make_index(*, name: str, size: int, shards: dict[str, list[WalkEntry]]) -> dict:
    """Return the index of some shards, without checksums of files. See `write_index` for the arguments."""
    rows = [(number, entry) for number, entries in enumerate(shards.values()) for entry in entries]
    walks = {column: [getattr(entry, column) for _, entry in rows] for column in COLUMNS if column != "shard"}
    walks["shard"] = [number for number, _ in rows]
    return {
        "format": FORMAT,
        "version": VERSION,
        "name": name,
        "size": int(size),
        "num_walks": len(rows),
        "shards": list(shards),
        "walks": {column: walks[column] for column in COLUMNS},
    }


def shard_checksum(path: PathLike) -> tuple[int, str]:
    """Return the bytes and the SHA-256 of a file."""
    with open(path, "rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        return file.tell(), digest


def damaged_shards(folder: PathLike, *, index: dict) -> list[str]:
    """Read all shards of a data set and compare them with its index.

    Args:
        folder: The prepared data set.
        index: Its index. That of a data set of version 0.1 has no checksums of files, and the records are compared.

    Returns:
        One sentence per damaged shard, such as "walks-00000-of-00001.tfrecord is missing". Empty if all are whole.
    """
    faults = []
    for number, name in enumerate(index["shards"]):
        path = pathlib.Path(folder) / name
        try:
            check_regular_file(path)
            if "shard_sha256" in index:
                is_whole = shard_checksum(path) == (index["shard_bytes"][number], index["shard_sha256"][number])
            else:
                is_whole = _has_its_records(path, number, index["walks"])
        except (OSError, UnreadableError) as error:
            faults.append(f"{name} is missing" if isinstance(error, FileNotFoundError) else str(error).rstrip("."))
            continue
        if not is_whole:
            faults.append(f"{name} is damaged")
    return faults


def _has_its_records(path: pathlib.Path, number: int, walks: dict) -> bool:
    with open(path, "rb") as file:
        for shard, offset, length, checksum in zip(
            walks["shard"], walks["offset"], walks["length"], walks["checksum"], strict=True
        ):
            if shard == number:
                file.seek(offset)
                record = file.read(length)
                if len(record) != length or zlib.crc32(record) != checksum:
                    return False
    return True


def read_index(folder: PathLike) -> dict:
    """Read and check `dataset.json`.

    Raises:
        FileNotFoundError: The folder has no index: it is no prepared data set, or its preparation was interrupted.
        UnreadableError: The index has another format or version, or is damaged.
    """
    path = user_path(folder) / INDEX_NAME
    if not path.exists():
        raise FileNotFoundError(
            f"{path} does not exist: {folder} is not a prepared data set, or its preparation was interrupted. "
            "Run `tf3dlocal prepare RAW OUT` (again) and give its OUT folder."
        )
    index = read_json(path, solution=SOLUTION)
    with readable(path, solution=SOLUTION):
        _check_index(index)
    return index


def _checksum_of(index: dict) -> str:
    """Return the SHA-256 of the values of an index, whatever the order of its keys."""
    values = {key: value for key, value in index.items() if key != "sha256"}
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()


def _check_index(index: dict) -> None:
    """Raise an exception with the first fault of an index."""
    _check_kinds(index)
    if index["format"] != FORMAT:
        raise ValueError(f"the format is {index['format']!r}, not {FORMAT!r}")
    if index["version"] != VERSION:
        raise ValueError(f"it has version {index['version']!r}, and this program reads version {VERSION}")
    if index["size"] % 2 or not 2 <= index["size"] <= LARGEST_SIZE:
        raise ValueError(f"no silhouette has the size {index['size']!r}")
    walks = index["walks"]
    if {len(walks[column]) for column in COLUMNS} != {index["num_walks"]}:
        raise ValueError(f"the columns are not all {index['num_walks']} long")
    shards = index["shards"]
    if wrong := [name for name in shards if type(name) is not str or name in ("", "..") or "\0" in name]:
        raise ValueError(f"'shards' holds {wrong[0]!r}, which is no name of a file")
    if wrong := [name for name in shards if name != pathlib.PurePath(name).name]:
        raise ValueError(f"a shard must be a file of this folder, not {wrong[0]!r}")
    if len(set(shards)) < len(shards):
        raise ValueError("'shards' names a file twice")
    for column in COLUMNS:
        kind = str if column in ("subject", "condition") else int
        if wrong := [value for value in walks[column] if type(value) is not kind]:
            raise ValueError(f"the column {column!r} holds {wrong[0]!r}")
        if kind is str:
            "".join(walks[column]).encode()  # a lone surrogate is no text
        elif wrong := [value for value in walks[column] if not SMALLEST.get(column, 0) <= value < LARGEST_INTEGER]:
            raise ValueError(f"the column {column!r} holds {wrong[0]!r}")
    if not set(walks["shard"]) <= set(range(len(shards))):
        raise ValueError(f"the column 'shard' points beyond the {len(shards)} shards")
    for key, kind in (("shard_bytes", int), ("shard_sha256", str)):
        values = index.get(key, [kind()] * len(shards))
        if len(values) != len(shards) or any(type(value) is not kind for value in values):
            raise ValueError(f"{key!r} is not one value per shard")
    if ("shard_bytes" in index) != ("shard_sha256" in index):
        raise ValueError("one of 'shard_bytes' and 'shard_sha256' is missing")
    if "sha256" in index and index["sha256"] != _checksum_of(index):
        raise ValueError("its content does not have its checksum, so some value is not what was written")


def _check_kinds(index: dict) -> None:
    """Raise an exception for the first key or column of an index that is missing, unknown or of another type.

    A truth value is no number here: JSON's `true` would pass as 1.
    """
    if not isinstance(index, dict):
        raise ValueError("it is not an index")
    if missing := [key for key in KINDS if key not in index]:
        raise ValueError(f"the key {missing[0]!r} is missing")
    for key, value in index.items():
        kind = (KINDS | OPTIONAL_KINDS).get(key)
        if kind is None:
            raise ValueError(f"the key {key!r} is unknown")
        if type(value) is not kind:
            shown = repr(value) if isinstance(value, bool | int | float | str | None) else type(value).__name__
            raise ValueError(f"{key!r} should be {WORDS[kind]} and is {shown}")
    if missing := [column for column in COLUMNS if column not in index["walks"]]:
        raise ValueError(f"the column {missing[0]!r} is missing")
    for column, values in index["walks"].items():
        if column not in COLUMNS or type(values) is not list:
            raise ValueError(f"the column {column!r} is {'unknown' if column not in COLUMNS else 'not a list'}")
