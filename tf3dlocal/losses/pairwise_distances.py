"""Distances between all pairs of a batch, part by part, with a gradient that stays finite where two features coincide."""

from keras import ops

METRICS = ("L2", "squared-L2", "angular")

# Two features count as one point when their squared distance is below this share of their squared lengths: float32
# inputs cannot differ by less without being equal, and the rounding of the double-precision product stays below it.
COINCIDENCE = 1e-14


def pairwise_distances(features, metric: str = "L2"):
    """Distance between every two rows of `features`, for each part on its own.

        L2          d(i, j) = |f_i - f_j|
        squared-L2  d(i, j) = |f_i - f_j|^2
        angular     d(i, j) = 1 - cos(f_i, f_j)

    |f_i - f_j|^2 is computed as |f_i|^2 + |f_j|^2 - 2 f_i.f_j, in double precision: in single precision the difference
    of two large numbers turns the distance 0 of two equal rows into 1e-3, with a gradient in no particular direction.
    The root at 0 has no derivative; here it is 0, by selecting before and after the root, since selecting only after
    it multiplies an infinite derivative by 0 (NaN).

    Args:
        features: float [batch, parts, channels].
        metric: "L2", "squared-L2" or "angular".

    Returns:
        float32 [parts, batch, batch], symmetric, 0 on the diagonal.

    Raises:
        ValueError: the metric is not one of these three.

    Example:
        >>> import numpy as np
        >>> pairwise_distances(np.array([[[0.0, 0.0]], [[3.0, 4.0]]], "float32")).numpy().tolist()
        [[[0.0, 5.0], [5.0, 0.0]]]
    """
    if metric not in METRICS:
        raise ValueError(f"distance metric {metric!r} is not known; use one of {', '.join(METRICS)}")
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
        distances = squares / 2.0  # |u - v|^2 = 2 - 2 cos for unit vectors
    else:
        distances = ops.where(apart, ops.sqrt(ops.where(apart, squares, ops.ones_like(squares))), squares)
    return ops.cast(distances, "float32")


def _unit_length(f):
    """`f` [..., channels] divided by its length; a row of zeros stays zeros, with gradient 0."""
    squares = ops.sum(f * f, axis=-1, keepdims=True)
    nonzero = squares > 0
    return f / ops.where(nonzero, ops.sqrt(ops.where(nonzero, squares, ops.ones_like(squares))), ops.ones_like(squares))
