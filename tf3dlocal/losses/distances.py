"""Pairwise distances of a batch, per part, and searches among each anchor's sorted negatives.

Every triplet loss asks which negatives are closer to the anchor than a given distance. Listing all triplets needs a
tensor [parts, batch, batch, batch], 134 MB per copy at 128 walks and 16 parts. Sorting the negatives once per anchor
gives the same answer, exactly, with tensors of the size of the distances.
"""

import numpy as np
from keras import ops

from tf3dlocal.io.types import Tensor

METRICS = ("L2", "squared-L2", "angular")

# Two features coincide when their squared distance is below this fraction of the sum of their squared lengths. Distinct
# float32 inputs are farther apart than that, and the rounding error of the double-precision product is smaller.
COINCIDENCE = 1e-14


def check_metric(metric: str) -> None:
    """Refuse an unknown metric.

    Raises:
        ValueError: It is none of `METRICS`.
    """
    if callable(metric):
        raise ValueError(
            f"The distance metric is a function, {getattr(metric, '__name__', metric)!r}, and tensorflow-addons alone "
            f"computes such. Name one of {', '.join(METRICS)}."
        )
    if metric not in METRICS:
        raise ValueError(f"The distance metric {metric!r} is unknown. Use one of {', '.join(METRICS)}.")


def pairwise_distances(features: Tensor, metric: str = "L2") -> Tensor:
    """Compute the distance between every two rows of `features`, separately for each part.

        L2          d(i, j) = |f_i - f_j|
        squared-L2  d(i, j) = |f_i - f_j|^2
        angular     d(i, j) = 1 - cos(f_i, f_j), where the cosine of a row of zeros with another row counts as 0

    |f_i - f_j|^2 is computed as |f_i|^2 + |f_j|^2 - 2 f_i.f_j, in double precision. In single precision the difference
    of two large numbers turns the distance 0 of two equal rows into about 1e-3, with a meaningless gradient.

    The square root has no derivative at 0; here it is 0. Values are selected before and after the root, because
    selecting only after it multiplies an infinite derivative by 0, which gives NaN.

    Args:
        features: float [batch, parts, channels].
        metric: "L2", "squared-L2" or "angular".

    Returns:
        float32 [parts, batch, batch], symmetric, 0 on the diagonal.

    Raises:
        ValueError: `metric` is unknown.

    Example:
        >>> import numpy as np
        >>> pairwise_distances(np.array([[[0.0, 0.0]], [[3.0, 4.0]]], "float32")).numpy().tolist()
        [[[0.0, 5.0], [5.0, 0.0]]]
    """
    check_metric(metric)
    f = ops.cast(ops.transpose(features, (1, 0, 2)), "float64")  # [parts, batch, channels]
    if metric == "angular":
        f = _unit_length(f)
    lengths = ops.sum(f * f, axis=-1)  # [parts, batch]
    sums = lengths[:, :, None] + lengths[:, None, :]  # [parts, batch, batch]
    squares = sums - 2.0 * ops.matmul(f, ops.transpose(f, (0, 2, 1)))  # [parts, batch, batch]
    apart = squares > COINCIDENCE * sums
    squares = ops.where(apart, squares, ops.zeros_like(squares))
    if metric == "squared-L2":
        distances = squares
    elif metric == "angular":
        distances = squares / 2.0 + _halves_of_zeros(lengths)  # |u - v|^2 = 2 - 2 cos for unit vectors
    else:
        distances = ops.where(apart, ops.sqrt(ops.where(apart, squares, ops.ones_like(squares))), squares)
    return ops.cast(distances, "float32")


def _unit_length(f):
    """Divide `f` [..., channels] by its length; a row of zeros remains zero, with gradient 0."""
    squares = ops.sum(f * f, axis=-1, keepdims=True)
    nonzero = squares > 0
    return f / ops.where(nonzero, ops.sqrt(ops.where(nonzero, squares, ops.ones_like(squares))), ops.ones_like(squares))


def _halves_of_zeros(lengths):
    """1/2 for each of two rows that has no direction, so that its cosine with any other row counts as 0."""
    zeros = ops.cast(ops.equal(lengths, 0), lengths.dtype)  # [parts, batch]
    rows = ops.arange(ops.shape(lengths)[1])
    others = ops.cast(ops.not_equal(rows[:, None], rows[None, :]), lengths.dtype)  # [batch, batch]
    return (zeros[:, :, None] + zeros[:, None, :]) / 2.0 * others


def sorted_negatives(distances: Tensor, labels: Tensor) -> Tensor:
    """Sort each anchor's distances to the walks of other classes in ascending order, padded with infinity.

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


def count_below(ordered: Tensor, thresholds: Tensor, *, or_equal: bool = False) -> Tensor:
    """Count the entries of each row of `ordered` that are below each threshold of the same row.

    Uses TensorFlow directly because `keras.ops.searchsorted` accepts a single row only. A count has no gradient.

    Args:
        ordered: float32 [parts, batch, batch], each row ascending.
        thresholds: float32 [parts, batch, batch].
        or_equal: Whether entries equal to the threshold count too.

    Returns:
        int32 [parts, batch, batch].

    Example:
        >>> count_below(np.array([[[1.0, 2.0, 2.0]]]), np.array([[[2.0, 0.0, 5.0]]])).numpy().tolist()
        [[[1, 0, 3]]]
    """
    import tensorflow as tf

    side = "right" if or_equal else "left"
    return tf.searchsorted(ops.stop_gradient(ordered), ops.stop_gradient(thresholds), side=side)
