"""Opening a prepared data set: the index becomes columns, and the shard files are checked."""

from __future__ import annotations

import pathlib

import numpy as np

from tf3dlocal.data.records.dataset_index import FOOTER_BYTES, read_index
from tf3dlocal.data.records.walk_dataset import SOLUTION, WalkDataset
from tf3dlocal.io import UnreadableError, user_path
from tf3dlocal.io.types import PathLike


def open_walks(folder: PathLike) -> WalkDataset:
    """Open a prepared data set. Reads the index and the sizes of the shards, not the walks.

    A walk is compared with its checksum when it is read. `prepare` compares all of a complete data set.

    Args:
        folder: The folder that `prepare` wrote (see `dataset_index`).

    Raises:
        FileNotFoundError: There is no index, or a shard file of the index is missing.
        UnreadableError: Another format or version, or a shard file is shorter than the index says.

    Example:
        >>> import tempfile
        >>> from tf3dlocal.data.records.dataset_index import write_index
        >>> from tf3dlocal.data.records.shards import write_shard
        >>> from tf3dlocal.data.records.walk_records import Walk
        >>> walk = Walk(np.zeros([30, 64, 64], np.uint8), subject="001", condition="nm-01", view_degrees=90)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     entries = write_shard(f"{folder}/walks.tfrecord", [walk])
        ...     write_index(folder, name="tiny", size=64, shards={"walks.tfrecord": entries})
        ...     walks = open_walks(folder)
        ...     walks.select(conditions=["nm"], views=[90]).read(0).silhouettes.shape
        (30, 64, 64)
    """
    folder = user_path(folder).resolve()
    index = read_index(folder)
    columns = index["walks"]
    integers = {
        name: np.asarray(columns[name], np.int64)
        for name in ("view_degrees", "num_frames", "shard", "offset", "length", "checksum")
    }
    ends = integers["offset"] + integers["length"] + FOOTER_BYTES
    return WalkDataset(
        name=index["name"],
        size=index["size"],
        subjects=np.asarray(columns["subject"], str),
        conditions=np.asarray(columns["condition"], str),
        view_degrees=integers["view_degrees"],
        num_frames=integers["num_frames"],
        shard_files=tuple(str(folder / name) for name in index["shards"]),
        shard_bytes=_shard_sizes(folder, index, shards=integers["shard"], ends=ends),
        shards=integers["shard"],
        offsets=integers["offset"],
        lengths=integers["length"],
        checksums=integers["checksum"],
    )


def _shard_sizes(folder: pathlib.Path, index: dict, *, shards: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """Return the bytes of each shard file, after checking them: the size in the index, or at least its records."""
    names = index["shards"]
    sizes = np.zeros(len(names), np.int64)
    needed = np.zeros(len(names), np.int64)
    np.maximum.at(needed, shards, ends)
    for number, name in enumerate(names):
        path = folder / name
        if not path.is_file():
            raise FileNotFoundError(f"{path} does not exist, but the index names it. {SOLUTION}")
        sizes[number] = path.stat().st_size
        is_exact = "shard_bytes" in index
        expected = index["shard_bytes"][number] if is_exact else int(needed[number])
        if sizes[number] < expected or (is_exact and sizes[number] != expected):
            raise UnreadableError(
                f"{path} cannot be read: it has {sizes[number]} bytes and should have {expected} (an interrupted "
                f"copy?). {SOLUTION}"
            )
    return sizes
