"""Error rates over the decision threshold, and the two numbers that are read from them.

A comparison is accepted if its distance is at most the threshold t. For comparisons that should be rejected and others
that should be accepted,

    F(t) = (accepted, that should be rejected) / (all that should be rejected)      false positives, rises with t
    M(t) = (not accepted, that should be accepted) / (all that should be accepted)  misses, falls with t

Counts are kept by bins between T ascending thresholds: bin i holds the distances d with t(i-1) < d <= t(i), and the
last bin those above all thresholds. A curve has T + 2 points: t = -infinity, the thresholds, t = +infinity. Between two
neighbouring points it is a straight line, as in the area under scikit-learn's `roc_curve`.
"""

import numpy as np

MOST_THRESHOLDS = 400  # of curves with intervals; more distances than that are thinned
_LOWEST_LEVEL = 1e-5  # of the false positives whose thresholds are told apart


def choose_thresholds(right: np.ndarray, false: np.ndarray, *, most: int = MOST_THRESHOLDS) -> np.ndarray:
    """Choose thresholds: all distinct distances, or quantiles that resolve small rates if there are too many.

    Args:
        right: float [n], distances that should be accepted.
        false: float [m], distances that should be rejected.
        most: Largest number of thresholds.

    Returns:
        Ascending, at most `most` of the given finite distances.

    Example:
        >>> choose_thresholds(np.array([1.0, 2.0]), np.array([2.0, np.inf])).tolist()
        [1.0, 2.0]
    """
    right, false = (np.sort(values[np.isfinite(values)]) for values in (right, false))
    distinct = np.unique(np.concatenate([right, false]))
    if len(distinct) <= most:
        return distinct
    quarter = most // 4
    # Equal steps of the logarithm for small rates, equal steps for large ones.
    levels_of_false = np.concatenate([np.geomspace(_LOWEST_LEVEL, 1, 2 * quarter), np.linspace(0, 1, quarter)])
    chosen = [
        values[np.minimum(np.int64(levels * len(values)), len(values) - 1)]
        for levels, values in ((levels_of_false, false), (np.linspace(0, 1, quarter), right))
        if len(values)
    ]
    return np.unique(np.concatenate(chosen))


def bins_of(distances: np.ndarray, thresholds: np.ndarray) -> np.ndarray:
    """Find the bin of each distance: int, 0 to T; infinity is in the last one."""
    return np.searchsorted(thresholds, distances, side="left")


def false_positives(bins: np.ndarray) -> np.ndarray:
    """Compute F at all points of the curve from counts by bin; NaN where nothing was counted.

    Args:
        bins: float or int [..., T + 1].

    Returns:
        float64 [..., T + 2].

    Example:
        >>> false_positives(np.array([1, 0, 3])).tolist()
        [0.0, 0.25, 0.25, 1.0]
    """
    counts = np.cumsum(bins, axis=-1, dtype=np.float64)
    with np.errstate(invalid="ignore", divide="ignore"):
        shares = counts / counts[..., -1:]
    start = np.where(np.isnan(shares[..., :1]), np.nan, 0.0)
    return np.concatenate([start, shares], axis=-1)


def misses(bins: np.ndarray, *, never: np.ndarray | float = 0) -> np.ndarray:
    """Compute M at all points of the curve from counts by bin.

    Args:
        bins: float or int [..., T + 1].
        never: Number of those that no threshold accepts, such as searches that return another person: [...].

    Returns:
        float64 [..., T + 2].

    Example:
        >>> misses(np.array([1, 0, 2]), never=1).tolist()
        [1.0, 0.75, 0.75, 0.25]
    """
    counts = np.cumsum(bins, axis=-1, dtype=np.float64)
    with np.errstate(invalid="ignore", divide="ignore"):
        shares = 1 - counts / (counts[..., -1:] + np.asarray(never, np.float64)[..., None])
    start = np.where(np.isnan(shares[..., :1]), np.nan, 1.0)
    return np.concatenate([start, shares], axis=-1)


def equal_error(false_positive: np.ndarray, miss: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Find where F and M cross.

    Args:
        false_positive: float [..., points].
        miss: float [..., points].

    Returns:
        The rate at the crossing, [...], and its place between the points, such as 3.5; NaN without a curve.

    Example:
        >>> rate, place = equal_error(np.array([0, 0, 0.5, 1]), np.array([1, 0.5, 0, 0]))
        >>> rate.item(), place.item()
        (0.25, 1.5)
    """
    crossed = false_positive >= miss
    after = np.argmax(crossed, axis=-1)[..., None]
    before = np.maximum(after - 1, 0)
    f0, f1, m0, m1 = (
        np.take_along_axis(values, at, axis=-1)[..., 0]
        for values, at in ((false_positive, before), (false_positive, after), (miss, before), (miss, after))
    )
    with np.errstate(invalid="ignore", divide="ignore"):
        along = np.where(crossed.any(axis=-1), (m0 - f0) / ((f1 - f0) + (m0 - m1)), np.nan)
    return f0 + along * (f1 - f0), before[..., 0] + along


def miss_at(false_positive: np.ndarray, miss: np.ndarray, *, levels: np.ndarray) -> np.ndarray:
    """Read M where F has given levels, on the straight line between points; NaN without a curve.

    Args:
        false_positive: float [curves, points].
        miss: float [curves, points].
        levels: float [levels], 0..1.

    Returns:
        float64 [curves, levels].

    Example:
        >>> miss_at(np.array([[0, 0, 1.0]]), np.array([[1, 0.5, 0]]), levels=np.array([0, 0.5])).tolist()
        [[0.5, 0.25]]
    """
    found = [np.interp(levels, *curve) for curve in zip(false_positive, miss)]
    found = np.array(found).reshape(-1, len(levels))
    found[np.isnan(false_positive).any(axis=1)] = np.nan  # np.interp would return a number
    return found


def threshold_at(thresholds: np.ndarray, false_positive: np.ndarray, *, level: float) -> float | None:
    """Return the largest threshold with F <= level; None if there is none, or F is not known.

    Args:
        thresholds: float [T].
        false_positive: float [T + 2].
        level: 0..1.
    """
    below = np.flatnonzero(false_positive[1:-1] <= level)
    return float(thresholds[below[-1]]) if len(below) else None
