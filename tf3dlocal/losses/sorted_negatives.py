"""Each anchor's negatives in order of distance, and how many of them lie below a threshold.

All three triplet losses ask the same question: which negatives are nearer to the anchor than some distance? Asked
triplet by triplet it needs a tensor [parts, batch, batch, batch], 134 MB per copy at 128 walks and 16 parts. Sorting
the negatives once per anchor answers it with tensors of the distances' own size, and exactly.
"""

import numpy as np
from keras import ops


def sorted_negatives(distances, labels):
    """Distances from each anchor to the walks of other classes, nearest first, the rest of the row infinite.

    Args:
        distances: float32 [parts, batch, batch].
        labels: int32 [batch].

    Returns:
        float32 [parts, batch, batch].

    Example:
        >>> distances = np.array([[[0.0, 1.0, 9.0, 4.0]] * 4], "float32")
        >>> sorted_negatives(distances, np.array([0, 0, 1, 1]))[0, 0].numpy().tolist()
        [4.0, 9.0, inf, inf]
    """
    same = ops.equal(labels[:, None], labels[None, :])  # [batch, batch]
    return ops.sort(ops.where(same[None], np.float32(np.inf), distances), axis=-1)


def count_below(ordered, thresholds, or_equal: bool = False):
    """How many entries of each row of `ordered` lie below (`or_equal`: or at) each threshold of the same row.

    TensorFlow's own function, because that of `keras.ops` takes a single row. No gradient: a count has none.

    Args:
        ordered: float32 [parts, batch, batch], each row ascending.
        thresholds: float32 [parts, batch, batch].

    Returns:
        int32 [parts, batch, batch].

    Example:
        >>> count_below(np.array([[[1.0, 2.0, 2.0]]]), np.array([[[2.0, 0.0, 5.0]]])).numpy().tolist()
        [[[1, 0, 3]]]
    """
    import tensorflow as tf

    side = "right" if or_equal else "left"
    return tf.searchsorted(ops.stop_gradient(ordered), ops.stop_gradient(thresholds), side=side)
