"""What is changed in a clip to make more of it: so far, mirroring."""

import tensorflow as tf


def flip_clip(silhouettes: tf.Tensor, flip: tf.Tensor) -> tf.Tensor:
    """The clip, mirrored left to right where `flip` is true: all frames or none, as if walking the other way.

    Args:
        silhouettes: [frames, height, width], any type.
        flip: bool [].

    Returns:
        As `silhouettes`.

    >>> flip_clip(tf.constant([[[1, 2, 3]]]), tf.constant(True)).numpy().tolist()
    [[[3, 2, 1]]]
    """
    return tf.where(flip, tf.reverse(silhouettes, axis=[-1]), silhouettes)
