"""PNG pictures in a graph: checked by their header, decoded, and reduced to the one channel that holds a mask.

The rules are those of `tf3dlocal.data.read_picture` and of the plausibility check, in TensorFlow operations.
"""

import tensorflow as tf

from tf3dlocal.io.types import Tensor
from tf3dlocal.serving.graph_checks import after, require

SIGNATURE, LAST_CHUNK = b"\x89PNG\r\n\x1a\n", b"\x00\x00\x00\x00IEND\xaeB`\x82"
MOST_PIXELS = 2**26
NOT_PNG = (
    "A picture of {} bytes is not a whole PNG file. Send the bytes of a PNG (base64 in JSON); an empty text stands for "
    "no frame."
)
WRONG_PNG = "A picture is a PNG of {} x {} pixels (height x width) and {} bits; at most {} pixels and 8 bits are read."


def without_repeats(pictures: Tensor) -> Tensor:
    """Empty the pictures with which TF Serving filled walks up to the length of the longest in their batch.

    It fills every walk of a request with the first picture of the request, which is that of the walk itself or of one
    before it. So the equal pictures at the end of a walk are emptied if they are the first of one of these. A walk
    that begins with an empty text is left as it is: a request whose walks begin so is filled with empty texts. So is
    a walk that is one picture throughout, and the only walk of a batch, which nothing was filled up for.

    Args:
        pictures: string [batch, frames].
    """
    first, last = pictures[:, 0], pictures[:, -1]
    num_others = tf.cumsum(tf.cast(pictures != last[:, tf.newaxis], tf.int32), axis=1, reverse=True)  # to the end
    rows = tf.range(tf.size(first))
    is_first_of = (last[:, tf.newaxis] == first) & (rows <= rows[:, tf.newaxis])
    is_filled = tf.reduce_any(is_first_of, axis=1) & (first != "") & (num_others[:, 0] > 0) & (tf.size(first) > 1)
    return tf.where((num_others == 0) & is_filled[:, tf.newaxis], "", pictures)


def decoded_mask(content: Tensor) -> tuple[Tensor, Tensor]:
    """Decode one PNG.

    Args:
        content: string, the bytes of the file; empty for no frame.

    Returns:
        (uint8 [height, width], bool: whether the picture has colours, or two masks that differ). No frame is one black
        pixel.
    """
    return tf.cond(
        tf.strings.length(content) == 0,
        lambda: (tf.zeros([1, 1], tf.uint8), tf.constant(False)),
        lambda: _mask_of(tf.io.decode_png(_checked(content), channels=0)),
    )


def _checked(content):
    length = tf.strings.length(content)
    is_png = tf.logical_and(
        tf.equal(tf.strings.substr(content, 0, tf.minimum(length, 8)), SIGNATURE),
        tf.equal(tf.strings.substr(content, tf.maximum(length - 12, 0), tf.minimum(length, 12)), LAST_CHUNK),
    )
    whole = require(is_png & (length >= 45), NOT_PNG, (length,))  # signature, header, the shortest data, end
    content = after([whole], content)
    size = tf.io.decode_raw(tf.strings.substr(content, 16, 8), tf.int32, little_endian=False)
    width, height = tf.unstack(size, num=2)
    depth = tf.cast(tf.io.decode_raw(tf.strings.substr(content, 24, 1), tf.uint8)[0], tf.int32)
    pixels = tf.cast(width, tf.int64) * tf.cast(height, tf.int64)
    is_read = (width > 0) & (height > 0) & (pixels <= MOST_PIXELS) & (depth <= 8)
    return after([require(is_read, WRONG_PNG, (height, width, depth, MOST_PIXELS))], content)


def _mask_of(picture):
    """Return the mask in a decoded picture [height, width, channels], and whether it is none; see `grey_mask`."""
    num_channels = tf.shape(picture)[2]
    has_alpha = num_channels % 2 == 0
    first, alpha = picture[..., 0], picture[..., -1]
    colours = picture[..., : num_channels - tf.cast(has_alpha, tf.int32)]
    is_grey = tf.reduce_all(colours == colours[..., :1])
    low, high = tf.reduce_min(alpha), tf.reduce_max(alpha)
    darkest, brightest = tf.reduce_min(first), tf.reduce_max(first)
    is_plain = is_grey & (darkest == brightest)
    is_two_valued = tf.reduce_all((first == darkest) | (first == brightest))
    varies = has_alpha & (low < high)
    use_alpha = (varies & (~is_grey | is_plain | ~is_two_valued)) | (has_alpha & (high == 0) & ~is_grey)
    differ = varies & ~use_alpha & tf.reduce_any((first > 0) != (alpha > 0))
    return tf.where(use_alpha, alpha, first), ~use_alpha & (~is_grey | differ)
