"""One walk, and the record in which it is stored. The only place that knows the format of a record.

A record is a `tf.train.Example`:

    silhouettes   bytes   one 8-bit grey PNG: the frames below one another, [frames * size, size]
    num_frames    int64   size   int64   view_degrees   int64
    subject       bytes   condition   bytes              UTF-8, such as "001" and "nm-01"

One picture per walk instead of one per frame makes reading a walk a single decoding call. TensorFlow is imported only
where a record is written or parsed: the worker processes that encode film strips never load it.
"""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass

import cv2
import numpy as np

from tf3dlocal.data.raw.picture_size import picture_size
from tf3dlocal.io import readable
from tf3dlocal.io.types import Tensor

MAX_PNG_ROWS = 1_000_000  # libpng refuses taller pictures
# Silhouettes are flat areas: without PNG's row filters the strip is a third as long and is read in half the time.
# Level 3 writes in 40 % of the time of level 6 and reads as fast. Files are a quarter longer.
PNG_OPTIONS = [cv2.IMWRITE_PNG_COMPRESSION, 3]
if hasattr(cv2, "IMWRITE_PNG_FILTER"):  # OpenCV before 4.12 has no such option: its strips are longer, not different
    PNG_OPTIONS += [cv2.IMWRITE_PNG_FILTER, cv2.IMWRITE_PNG_FILTER_NONE]
INTEGERS, TEXTS = ("num_frames", "size", "view_degrees"), ("subject", "condition")
SOLUTION = "Prepare the data set again, with `tf3dlocal prepare RAW OUT --overwrite`."


@dataclass(frozen=True, eq=False)
class Walk:
    """Aligned silhouettes of one person walking past one camera once.

    Args:
        silhouettes: uint8 [frames, height, width], 0 (background) .. 255 (body), at least one frame.
        subject: Name of the person in the data set, such as "001".
        condition: Name of the condition in the data set, such as "nm-01".
        view_degrees: View in degrees.

    Raises:
        ValueError: The silhouettes are not uint8 [frames, height, width] with at least one frame.

    Example:
        >>> walk = Walk(np.zeros((30, 64, 64), np.uint8), subject="001", condition="nm-01", view_degrees=90)
        >>> walk.num_frames, walk.name
        (30, '001/nm-01/090')
    """

    silhouettes: np.ndarray
    _: KW_ONLY
    subject: str
    condition: str
    view_degrees: int

    def __post_init__(self):
        frames = self.silhouettes
        if frames.ndim != 3 or frames.dtype != np.uint8 or frames.shape[0] == 0:
            raise ValueError(
                f"Walk {self.name}: silhouettes must be uint8 [frames, height, width] with at least one frame, "
                f"got {frames.dtype} {list(frames.shape)}."
            )

    @property
    def num_frames(self) -> int:
        """Number of silhouettes."""
        return self.silhouettes.shape[0]

    @property
    def name(self) -> str:
        """subject/condition/view, as the folders of CASIA-B are named. Walks are in the order of these names."""
        return f"{self.subject}/{self.condition}/{self.view_degrees:03d}"


@dataclass(frozen=True)
class FilmStrip:
    """A walk whose frames are encoded as one PNG.

    Attributes:
        png: An 8-bit grey PNG of height num_frames * size and width size, the frames below one another.
        num_frames: Number of frames.
        size: Height and width of a frame in pixels.
        subject: See `Walk`.
        condition: See `Walk`.
        view_degrees: See `Walk`.
    """

    png: bytes
    _: KW_ONLY
    num_frames: int
    size: int
    subject: str
    condition: str
    view_degrees: int


def encode_frames(silhouettes: np.ndarray) -> bytes:
    r"""Encode the frames of a walk as one PNG, below one another. Needs no TensorFlow.

    Args:
        silhouettes: uint8 [frames, size, size], 0..255.

    Returns:
        The bytes of an 8-bit grey PNG of height frames * size and width size.

    Raises:
        ValueError: Another shape or type, no frame, or more frames than a PNG holds.

    Example:
        >>> encode_frames(np.zeros([3, 64, 64], np.uint8))[:4]
        b'\x89PNG'
    """
    silhouettes = np.asarray(silhouettes)
    if silhouettes.ndim != 3 or silhouettes.shape[1] != silhouettes.shape[2] or silhouettes.dtype != np.uint8:
        raise ValueError(
            f"The frames of a walk must be uint8 [frames, size, size], got {silhouettes.dtype} "
            f"{list(silhouettes.shape)}."
        )
    frames, size, _ = silhouettes.shape
    if not 0 < frames * size <= MAX_PNG_ROWS:
        raise ValueError(f"A walk of this size has 1 to {MAX_PNG_ROWS // max(size, 1)} frames, got {frames}.")
    encoded, png = cv2.imencode(".png", silhouettes.reshape(frames * size, size), PNG_OPTIONS)
    if not encoded:
        raise ValueError(f"OpenCV could not encode {frames} frames of {size} x {size} pixels as PNG.")
    return png.tobytes()


def encode_walk(walk: Walk) -> FilmStrip:
    """Encode the frames of a walk as a film strip. Needs no TensorFlow."""
    return FilmStrip(
        encode_frames(walk.silhouettes),
        num_frames=walk.num_frames,
        size=walk.silhouettes.shape[1],
        subject=walk.subject,
        condition=walk.condition,
        view_degrees=walk.view_degrees,
    )


def encode_record(walk: Walk | FilmStrip) -> bytes:
    """Encode a walk as a record. The same walk gives the same bytes in every process.

    Returns:
        A serialized tf.train.Example that `decode_record` and `parse_record` read.

    Example:
        >>> walk = Walk(np.zeros([3, 64, 64], np.uint8), subject="001", condition="nm-01", view_degrees=90)
        >>> decode_record(encode_record(walk)).view_degrees
        90
    """
    import tensorflow as tf

    strip = encode_walk(walk) if isinstance(walk, Walk) else walk
    features = {"silhouettes": tf.train.Feature(bytes_list=tf.train.BytesList(value=[strip.png]))}
    for name in INTEGERS:
        value = tf.train.Int64List(value=[int(getattr(strip, name))])
        features[name] = tf.train.Feature(int64_list=value)
    for name in TEXTS:
        value = tf.train.BytesList(value=[getattr(strip, name).encode()])
        features[name] = tf.train.Feature(bytes_list=value)
    # Without `deterministic` a protocol buffer writes its map in an order that each process draws.
    return tf.train.Example(features=tf.train.Features(feature=features)).SerializeToString(deterministic=True)


def decode_record(record: bytes, *, source: str = "The record") -> Walk:
    """Decode a record in Python.

    Args:
        record: The bytes of a record.
        source: Name of the record for messages, such as the shard file and the walk.

    Returns:
        A `Walk` with silhouettes uint8 [frames, size, size].

    Raises:
        UnreadableError: The bytes are not a record of this format, or the picture in it is damaged.
    """
    import tensorflow as tf

    with readable(source, solution=SOLUTION):
        features = tf.train.Example.FromString(record).features.feature
        if missing := [name for name in ("silhouettes", *INTEGERS, *TEXTS) if name not in features]:
            raise ValueError(f"it is not the record of a walk: {missing[0]!r} is missing")
        frames, size, view_degrees = (features[name].int64_list.value[0] for name in INTEGERS)
        subject, condition = (features[name].bytes_list.value[0].decode() for name in TEXTS)
        png = features["silhouettes"].bytes_list.value[0]
        if (claimed := picture_size(png)) not in (None, (size, frames * size)):  # before memory is taken for it
            raise ValueError(
                f"the film strip should have {size} x {frames * size} pixels and has {claimed[0]} x {claimed[1]}"
            )
        strip = cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_UNCHANGED)
        if strip is None or strip.shape != (frames * size, size) or strip.dtype != np.uint8:
            found = "no picture" if strip is None else f"{strip.dtype} {list(strip.shape)}"
            raise ValueError(f"the film strip should be uint8 [{frames * size}, {size}] and is {found}")
        silhouettes = strip.reshape(frames, size, size)
        return Walk(silhouettes, subject=subject, condition=condition, view_degrees=view_degrees)


def parse_record(record: Tensor) -> dict[str, Tensor]:
    """Parse a record inside a TensorFlow graph.

    Args:
        record: string [], one record.

    Returns:
        "silhouettes" uint8 [frames, size, size], "num_frames", "size", "view_degrees" int64 [],
        "subject", "condition" string [].
    """
    import tensorflow as tf

    texts = {name: tf.io.FixedLenFeature([], tf.string) for name in ("silhouettes", *TEXTS)}
    integers = {name: tf.io.FixedLenFeature([], tf.int64) for name in INTEGERS}
    walk = tf.io.parse_single_example(record, texts | integers)
    strip = tf.io.decode_png(walk["silhouettes"], channels=1)  # [frames * size, size, 1]
    walk["silhouettes"] = tf.reshape(strip, tf.stack([walk["num_frames"], walk["size"], walk["size"]]))
    return walk
