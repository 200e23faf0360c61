"""Alignment of masks in a graph, equal to what `tf3dlocal prepare` makes of them within one grey level.

One frame at a time, so that memory does not grow with the number of frames, and twice: the values of a whole walk tell
which of them is the body. Frames that `prepare` leaves out (hardly
any foreground, white background, colours, grey pictures) are left out here, and walks that it refuses are refused. Only
its search for noise and for several people is not made: it counts connected pieces.
"""

from collections.abc import Callable

import tensorflow as tf

from tf3dlocal.data import MINIMUM_PIXEL_SUM
from tf3dlocal.io.types import Tensor
from tf3dlocal.serving.graph_checks import after, number_of_first, require

MOST_COLUMNS = 2**14  # of a scaled frame: a body is at least 1/256 (in 64 rows) as high as the picture is wide
FAINTEST, NOISE, DARK, BRIGHT = 128, 8, 32, 224  # as `tf3dlocal.data.plausibility` has them
MOST_GREY, MOST_GREY_OF_BRIGHT, ALWAYS_ALLOWED_GREY = 0.25, 2.0, 0.05
USABLE, EMPTY, IMPLAUSIBLE = 0, 1, 2


def align_walks(
    frames: Tensor, read: Callable[[Tensor], tuple[Tensor, Tensor]], shape: Tensor, *, size: tuple[int, int]
) -> tuple[Tensor, Tensor]:
    """Align all frames of all walks, and check that every walk shows a person.

    Args:
        frames: [batch * frames, ...].
        read: Function from one of them to (uint8 [height, width], bool: whether it is no mask).
        shape: int32 [2], batch and frames.
        size: Height and width of the result.

    Returns:
        (uint8 [batch, frames, height, width], bool [batch, frames]: the frames that show a body).
    """

    def values_of(frame):
        mask, is_fault = read(frame)
        return (_counts(mask) > 0) & tf.logical_not(is_fault)

    def align(frame_and_white):
        frame, white = frame_and_white
        return _align_frame(*read(frame), white=white, size=size)

    values = tf.map_fn(values_of, frames, fn_output_signature=tf.TensorSpec([256], tf.bool), parallel_iterations=1)
    whites = _whites(tf.reduce_any(tf.reshape(values, tf.concat([shape, [256]], 0)), axis=1))
    flat = (tf.TensorSpec(size, tf.uint8), tf.TensorSpec([], tf.int32))
    white_of_frames = tf.repeat(whites, shape[1])
    aligned, kinds = tf.map_fn(align, (frames, white_of_frames), fn_output_signature=flat, parallel_iterations=1)
    kinds = tf.reshape(kinds, shape)
    num_usable, num_implausible = (
        tf.reduce_sum(tf.cast(kinds == kind, tf.int32), axis=1) for kind in (USABLE, IMPLAUSIBLE)
    )
    is_dim = whites == 0
    wrong, empty = is_dim | (num_implausible > num_usable), num_usable == 0
    first = number_of_first(wrong)
    num_wrong = tf.where(is_dim, shape[1], num_implausible)
    count = tf.gather(tf.concat([num_wrong, [0]], 0), first)
    masks = require(
        ~tf.reduce_any(wrong),
        "{} of the {} frames of walk {} are no silhouettes (colours, grey values, a white background, labels of body "
        "parts). Send masks: 255 on the body and 0 elsewhere.",
        (count, shape[1], first),
    )
    people = require(
        ~tf.reduce_any(empty & ~wrong),
        "No frame of walk {} shows a person: all are black, or have less than 40 white pixels.",
        (number_of_first(empty & ~wrong),),
    )
    aligned = tf.reshape(after([masks, people], aligned), tf.concat([shape, size], 0))
    return aligned, after([masks, people], kinds == USABLE)


def _whites(present):
    """Return the value of the body in each walk, from the values that occur in it, bool [batch, 256]; 0 for labels.

    As `prepare` decides it: masks of 0 and one other value are scaled, and all else is taken as it is.
    """
    values = tf.range(256)
    brightest = tf.reduce_max(tf.where(present, values, 0), axis=1)
    is_two_valued = tf.reduce_all(~present | (values == 0) | (values == brightest[:, None]), axis=1)
    as_it_is = tf.where(brightest >= FAINTEST, 255, 0)
    return tf.where(brightest == 0, 255, tf.where(is_two_valued, brightest, as_it_is))


def _align_frame(mask, is_fault, *, white, size):
    """Return the aligned frame, and what it is. `white` is the value of the body in its walk."""
    mask = tf.where(white == 255, mask, tf.where(mask > 0, tf.constant(255, tf.uint8), tf.constant(0, tf.uint8)))
    counts = _counts(mask)
    border = tf.concat([mask[0], mask[-1], mask[:, 0], mask[:, -1]], 0)
    total = tf.reduce_sum(tf.cast(counts, tf.int64) * tf.range(256, dtype=tf.int64))
    has_body = total > MINIMUM_PIXEL_SUM
    is_implausible = is_fault | (has_body & _is_implausible(counts, _counts(border)))
    picture, is_aligned = tf.cond(
        has_body & ~is_implausible,
        lambda: _scaled_and_centred(mask, size=size),
        lambda: (tf.zeros(size, tf.uint8), tf.constant(False)),
    )
    kind = tf.where(is_implausible, IMPLAUSIBLE, tf.where(is_aligned, USABLE, EMPTY))
    return picture, kind


def _counts(pixels):
    """Return how often each value 0..255 occurs."""
    pixels = tf.cast(tf.reshape(pixels, [-1]), tf.int32)
    return tf.raw_ops.DenseBincount(input=pixels, size=256, weights=tf.zeros([0], tf.int32), binary_output=False)


def _is_implausible(counts, border_counts):
    """Return whether a frame has a white background, is filled, or is a grey picture."""

    def shares(found):
        parts = [found[:DARK], found[NOISE:DARK], found[DARK:BRIGHT], found[BRIGHT:]]
        total = tf.cast(tf.reduce_sum(found), tf.float64)
        return [tf.cast(tf.reduce_sum(part), tf.float64) / total for part in parts]

    (_, faint, grey, bright), (_, _, _, border_bright) = shares(counts), shares(border_counts)
    most_grey = tf.maximum(tf.constant(ALWAYS_ALLOWED_GREY, tf.float64), MOST_GREY_OF_BRIGHT * bright)
    is_grey = (grey > MOST_GREY) | (tf.maximum(grey, faint) > most_grey)
    return ((border_bright >= 0.5) & (bright >= 0.5)) | is_grey


def _scaled_and_centred(mask, *, size):
    """Scale the body to the full height and cut the columns around its mass; see `align_silhouette`."""
    height, width = size
    rows = tf.cast(tf.where(tf.reduce_max(mask, axis=1) > 0)[:, 0], tf.int32)
    body = mask[rows[0] : rows[-1] + 1]
    body_height, columns = tf.shape(body)[0], tf.shape(body)[1]
    ratio = tf.cast(columns, tf.float64) / tf.cast(body_height, tf.float64)
    num_columns = tf.cast(height * ratio, tf.int32)

    def cut():
        scaled = _resized(body, height, num_columns)
        mass = tf.cumsum(tf.reduce_sum(scaled, axis=0))
        centre = tf.reduce_sum(tf.cast(mass <= mass[-1] // 2, tf.int32))
        margin = height // 2
        padded = tf.pad(tf.cast(scaled, tf.uint8), [[0, 0], [margin, margin]])
        left = tf.minimum(centre, num_columns) + (height - width) // 2
        return tf.ensure_shape(padded[:, left : left + width], size), centre < num_columns

    is_scaled = (num_columns > 0) & (num_columns <= MOST_COLUMNS)
    return tf.cond(is_scaled, cut, lambda: (tf.zeros(size, tf.uint8), tf.constant(False)))


def _resized(picture, height, width):
    """Resize as OpenCV's INTER_CUBIC does, int32 [height, width]."""
    rows, row_weights = _taps(height, tf.shape(picture)[0])
    columns, column_weights = _taps(width, tf.shape(picture)[1])
    by_rows = tf.cast(tf.gather(picture, rows), tf.float32) * row_weights[:, :, tf.newaxis]  # y 4 x
    by_columns = tf.gather(tf.reduce_sum(by_rows, axis=1), columns, axis=1) * column_weights  # y x 4
    return tf.cast(tf.clip_by_value(tf.round(tf.reduce_sum(by_columns, axis=2)), 0, 255), tf.int32)


def _taps(num_new, num_old):
    """Return for each new cell the four old ones, int32 [new, 4], and their weights, float32 [new, 4]."""
    step = tf.cast(num_old, tf.float64) / tf.cast(num_new, tf.float64)
    place = (tf.range(tf.cast(num_new, tf.float64), dtype=tf.float64) + 0.5) * step - 0.5
    left = tf.floor(place)
    t, a = tf.cast(place - left, tf.float32), -0.75
    first = ((a * (t + 1) - 5 * a) * (t + 1) + 8 * a) * (t + 1) - 4 * a
    second = ((a + 2) * t - (a + 3)) * t * t + 1
    third = ((a + 2) * (1 - t) - (a + 3)) * (1 - t) * (1 - t) + 1
    weights = tf.stack([first, second, third, 1 - first - second - third], axis=1)
    cells = tf.cast(left, tf.int32)[:, tf.newaxis] + tf.range(-1, 3)
    return tf.clip_by_value(cells, 0, num_old - 1), weights
