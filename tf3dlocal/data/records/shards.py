"""One shard of a prepared data set: a TFRecord file of walks.

The index holds the byte offset of every record, so that any walk can be read without reading those before it.
"""

from __future__ import annotations

import contextlib
import pathlib
import zlib
from collections.abc import Iterable, Iterator

from tf3dlocal.data.records.dataset_index import FOOTER_BYTES, HEADER_BYTES, WalkEntry
from tf3dlocal.data.records.walk_records import FilmStrip, Walk, encode_record
from tf3dlocal.io import write_file
from tf3dlocal.io.types import PathLike


def shard_name(shard: int, num_shards: int, *, edition: str = "") -> str:
    """Return the file name of shard number `shard` (from 0) of `num_shards`.

    Args:
        shard: Number of the shard.
        num_shards: Number of shards.
        edition: A letter that distinguishes the files of a new data set from those of the set that it replaces.

    Example:
        >>> shard_name(0, 8), shard_name(0, 8, edition="b")
        ('walks-00000-of-00008.tfrecord', 'walks-b-00000-of-00008.tfrecord')
    """
    return f"walks-{edition}{'-' * bool(edition)}{shard:05d}-of-{num_shards:05d}.tfrecord"


def write_shard(path: PathLike, walks: Iterable[Walk | FilmStrip]) -> list[WalkEntry]:
    """Write one shard file. It gets its name only when it is complete.

    Args:
        path: The file.
        walks: The walks, in order. They are read one after another.

    Returns:
        The rows of `write_index`, one per walk.

    Raises:
        OSError: The file cannot be written, such as on a full disk.

    Example:
        >>> import numpy as np, tempfile
        >>> walk = Walk(np.zeros([3, 64, 64], np.uint8), subject="001", condition="nm-01", view_degrees=90)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     [entry.num_frames for entry in write_shard(f"{folder}/{shard_name(0, 1)}", [walk])]
        [3]
    """
    entries: list[WalkEntry] = []

    def write(unfinished: pathlib.Path) -> None:
        import tensorflow as tf

        position = 0
        with _disk_errors(path), tf.io.TFRecordWriter(str(unfinished)) as file:
            for walk in walks:
                record = encode_record(walk)
                file.write(record)
                entries.append(
                    WalkEntry(
                        subject=walk.subject,
                        condition=walk.condition,
                        view_degrees=int(walk.view_degrees),
                        num_frames=int(walk.num_frames),
                        offset=position + HEADER_BYTES,
                        length=len(record),
                        checksum=zlib.crc32(record),
                    )
                )
                position += HEADER_BYTES + len(record) + FOOTER_BYTES
        if unfinished.stat().st_size != position:
            raise OSError(f"{path}: not everything was written. Is the disk full?")

    write_file(path, write)
    return entries


@contextlib.contextmanager
def _disk_errors(path: PathLike) -> Iterator[None]:
    """Turn TensorFlow's file errors into OSError that names the file."""
    import tensorflow as tf

    try:
        yield
    except tf.errors.OpError as error:
        raise OSError(f"{path} could not be written ({error.message}). Is the disk full?") from error
