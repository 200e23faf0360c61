"""The prepared data set on disk: the one place that knows how a walk is written.

A prepared data set is a folder:

    dataset.json                      the index: one column per property, one row per walk, and where each walk lies
    walks-00000-of-00008.tfrecord     one record per walk
    ...
    report.json, report.md            what was dropped on the way, and why (written by `prepare`)

A record is a `tf.train.Example`:

    silhouettes   bytes   one 8-bit grey PNG: the frames below one another, [frames * size, size]
    num_frames    int64   size   int64   view_degrees   int64
    subject       bytes   condition   bytes              UTF-8, as in "001" and "nm-01"

One picture per walk instead of one per frame makes reading a walk one decoding call. The index holds the byte offset
of every record, so that any walk can be read without reading those before it.

TensorFlow is imported only where a record is made or parsed: `encode_film_strip` runs in worker processes that never
load it, and the process that collects their results writes the records.
"""

import contextlib
import os
import pathlib
import zlib

import cv2
import numpy as np

from tf3dlocal.data.dataset_index import FORMAT, WalkEntry, read_index, shard_name, sync, write_index
from tf3dlocal.data.walk import Walk

__all__ = [
    "ShardWriter",
    "WalkEntry",
    "decode_walk",
    "encode_film_strip",
    "encode_strip_example",
    "encode_walk",
    "parse_walk",
    "read_index",
    "scan_shard",
    "shard_name",
    "write_index",
]

MAX_PNG_ROWS = 1_000_000  # libpng refuses taller pictures
# Silhouettes are flat areas: without PNG's row filters the strip is a third as long and read in half the time.
# Level 3 writes in 40 % of the time of level 6 and reads as fast; files are a quarter longer.
PNG_OPTIONS = [cv2.IMWRITE_PNG_COMPRESSION, 3]
if hasattr(cv2, "IMWRITE_PNG_FILTER"):  # OpenCV before 4.12 cannot choose; its strips are longer, not different
    PNG_OPTIONS += [cv2.IMWRITE_PNG_FILTER, cv2.IMWRITE_PNG_FILTER_NONE]
# TFRecord framing: length (8 bytes), checksum of the length (4), the record, checksum of the record (4).
HEADER_BYTES, FOOTER_BYTES = 12, 4


# ------------------------------------------------------------------------------------------------ one walk


def encode_film_strip(silhouettes: np.ndarray) -> bytes:
    """The frames of a walk as one PNG, below one another. Needs no TensorFlow.

    Args:
        silhouettes: uint8 [frames, size, size], 0..255.

    Returns:
        bytes of an 8-bit grey PNG of height frames * size and width size.

    Raises:
        ValueError: another shape or type, no frame at all, or more frames than a PNG holds.

    >>> encode_film_strip(np.zeros([3, 64, 64], np.uint8))[:4]
    b'\\x89PNG'
    """
    silhouettes = np.asarray(silhouettes)
    if silhouettes.ndim != 3 or silhouettes.shape[1] != silhouettes.shape[2] or silhouettes.dtype != np.uint8:
        raise ValueError(f"a walk is uint8 [frames, size, size], not {silhouettes.dtype} {list(silhouettes.shape)}")
    frames, size, _ = silhouettes.shape
    if not 0 < frames * size <= MAX_PNG_ROWS:
        raise ValueError(f"a walk needs 1 to {MAX_PNG_ROWS // max(size, 1)} frames of this size; this one has {frames}")
    ok, png = cv2.imencode(".png", silhouettes.reshape(frames * size, size), PNG_OPTIONS)
    if not ok:
        raise ValueError(f"OpenCV could not encode {frames} frames of {size} x {size} as PNG")
    return png.tobytes()


def encode_strip_example(
    film_strip: bytes, num_frames: int, size: int, subject: str, condition: str, view_degrees: int
) -> bytes:
    """The record of a walk whose frames are already one PNG (see `encode_film_strip`): serialized tf.train.Example."""
    import tensorflow as tf

    def integer(value):
        return tf.train.Feature(int64_list=tf.train.Int64List(value=[int(value)]))

    def text(value):
        return tf.train.Feature(bytes_list=tf.train.BytesList(value=[value]))

    features = {
        "silhouettes": text(film_strip),
        "num_frames": integer(num_frames),
        "size": integer(size),
        "view_degrees": integer(view_degrees),
        "subject": text(subject.encode()),
        "condition": text(condition.encode()),
    }
    return tf.train.Example(features=tf.train.Features(feature=features)).SerializeToString(deterministic=True)


def encode_walk(walk: Walk) -> bytes:
    """The record of a walk: bytes that `decode_walk` and `parse_walk` read.

    >>> walk = Walk(np.zeros([3, 64, 64], np.uint8), "001", "nm-01", 90)
    >>> decode_walk(encode_walk(walk)).view_degrees
    90
    """
    frames, size = np.asarray(walk.silhouettes).shape[:2]
    strip = encode_film_strip(walk.silhouettes)
    return encode_strip_example(strip, frames, size, walk.subject, walk.condition, walk.view_degrees)


def decode_walk(serialized: bytes, source: str = "a walk") -> Walk:
    """The walk of a record, in Python: `Walk` with silhouettes uint8 [frames, size, size].

    Args:
        serialized: bytes of a record.
        source: what to call the record in an error message, such as the shard file and the walk.

    Raises:
        ValueError: the bytes are no record of this format, or the picture in it is damaged.
    """
    fields = _example_fields(serialized, source)
    frames, size = fields["num_frames"], fields["size"]
    strip = cv2.imdecode(np.frombuffer(fields["silhouettes"], np.uint8), cv2.IMREAD_UNCHANGED)
    if strip is None or strip.shape != (frames * size, size) or strip.dtype != np.uint8:
        found = "no picture" if strip is None else f"{strip.dtype} {list(strip.shape)}"
        raise ValueError(
            f"{source}: the film strip should be uint8 [{frames * size}, {size}] and is {found}; prepare the set again"
        )
    return Walk(strip.reshape(frames, size, size), fields["subject"], fields["condition"], fields["view_degrees"])


def parse_walk(serialized) -> dict:
    """The walk of a record, inside a TensorFlow graph.

    Args:
        serialized: string tensor [], one record.

    Returns:
        dict: "silhouettes" uint8 [frames, size, size], "num_frames", "size", "view_degrees" int64 [],
        "subject", "condition" string [].
    """
    import tensorflow as tf

    texts = {name: tf.io.FixedLenFeature([], tf.string) for name in ("silhouettes", "subject", "condition")}
    integers = {name: tf.io.FixedLenFeature([], tf.int64) for name in ("num_frames", "size", "view_degrees")}
    walk = tf.io.parse_single_example(serialized, texts | integers)
    strip = tf.io.decode_png(walk["silhouettes"], channels=1)  # [frames * size, size, 1]
    walk["silhouettes"] = tf.reshape(strip, tf.stack([walk["num_frames"], walk["size"], walk["size"]]))
    return walk


def _example_fields(serialized, source):
    """The features of a record as plain Python values."""
    import tensorflow as tf
    from google.protobuf.message import DecodeError

    try:
        features = tf.train.Example.FromString(serialized).features.feature
        fields = {name: features[name].int64_list.value[0] for name in ("num_frames", "size", "view_degrees")}
        fields |= {name: features[name].bytes_list.value[0].decode() for name in ("subject", "condition")}
        fields["silhouettes"] = features["silhouettes"].bytes_list.value[0]
    except (DecodeError, IndexError, UnicodeDecodeError) as error:
        raise ValueError(f"{source}: no record of the {FORMAT} format ({error}); prepare the set again") from error
    return fields


# ------------------------------------------------------------------------------------------------ one shard


class ShardWriter:
    """Writes one shard file; the file has its name only when it is complete.

    Records go to a temporary name in the same folder, which is renamed on leaving the `with` block and removed when
    the block is left by an exception. `entries` lists what was written: the rows for `write_index`.

    >>> import tempfile
    >>> walk = Walk(np.zeros([3, 64, 64], np.uint8), "001", "nm-01", 90)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with ShardWriter(pathlib.Path(folder) / shard_name(0, 1)) as shard:
    ...         entry = shard.write(walk)
    ...     write_index(folder, "tiny", 64, {shard.path.name: shard.entries})
    ...     read_index(folder)["num_walks"]
    1
    """

    def __init__(self, path: str | os.PathLike):
        self.path = pathlib.Path(path)
        self.entries = []
        self._partial = self.path.with_name(f".{self.path.name}.{os.getpid()}.partial")
        self._position = 0
        self._file = None

    def __enter__(self):
        import tensorflow as tf

        self._file = tf.io.TFRecordWriter(str(self._partial))
        return self

    def write(self, walk: Walk) -> WalkEntry:
        """Append a `Walk`; returns its `WalkEntry`."""
        frames, size = walk.silhouettes.shape[:2]
        strip = encode_film_strip(walk.silhouettes)
        return self.write_film_strip(strip, frames, size, walk.subject, walk.condition, walk.view_degrees)

    def write_film_strip(
        self, film_strip: bytes, num_frames: int, size: int, subject: str, condition: str, view_degrees: int
    ) -> WalkEntry:
        """Append a walk whose frames are one PNG already; returns its `WalkEntry`."""
        record = encode_strip_example(film_strip, num_frames, size, subject, condition, view_degrees)
        with _disk_errors(self.path):
            self._file.write(record)
        offset = self._position + HEADER_BYTES
        self._position = offset + len(record) + FOOTER_BYTES
        entry = WalkEntry(
            subject, condition, int(view_degrees), int(num_frames), offset, len(record), zlib.crc32(record)
        )
        self.entries.append(entry)
        return entry

    def __exit__(self, kind, error, trace):
        try:
            with _disk_errors(self.path):
                self._file.close()
            if kind is None:
                if self._partial.stat().st_size != self._position:
                    raise OSError(f"{self.path}: not everything was written; is the disk full?")
                sync(self._partial)
                os.replace(self._partial, self.path)
        finally:
            self._partial.unlink(missing_ok=True)


@contextlib.contextmanager
def _disk_errors(path):
    """Turn TensorFlow's file errors into OSError that names the file."""
    import tensorflow as tf

    try:
        yield
    except tf.errors.OpError as error:
        raise OSError(f"{path}: could not be written ({error.message}); is the disk full?") from error


def scan_shard(path: str | os.PathLike) -> list[WalkEntry]:
    """The entries of a shard read from the file itself, for an index that was lost or never written.

    TensorFlow reads the records and verifies the checksums that it wrote with them.

    Raises:
        ValueError: the file ends inside a record, a record is damaged, or is not one of this format.
    """
    import tensorflow as tf

    entries, position = [], 0
    try:
        for record in tf.data.TFRecordDataset(str(path)).as_numpy_iterator():
            fields = _example_fields(record, f"{path}, record {len(entries)}")
            names = ("subject", "condition", "view_degrees", "num_frames")
            place = {"offset": position + HEADER_BYTES, "length": len(record), "checksum": zlib.crc32(record)}
            entries.append(WalkEntry(**{name: fields[name] for name in names}, **place))
            position += HEADER_BYTES + len(record) + FOOTER_BYTES
    except tf.errors.DataLossError as error:
        raise ValueError(f"{path}: record {len(entries)} is cut short or damaged; write this shard again") from error
    return entries
