"""How well embeddings group the walks of a subject, in numbers with intervals: what a map of them suggests."""

import dataclasses
from collections.abc import Sequence

import numpy as np

from tf3dlocal.evaluation import FEWEST_SUBJECTS, pairwise_distances
from tf3dlocal.io import check_seed

RESAMPLES = 2000
SHARE = 0.95  # of the resamples inside of an interval


@dataclasses.dataclass(frozen=True, kw_only=True)
class Grouping:
    """Two scores of embeddings, and both for each subject.

    Attributes:
        silhouette: Mean silhouette score of the walks, -1 to 1: 1 if the own subject's walks are much nearer than those
            of the nearest other subject, 0 if they are equally near.
        nearest: Share of the walks whose nearest walk is of the same subject, among the walks from other views.
        by_subject: float [subjects, 3]: sums of the two scores over the walks of a subject, and their number.
    """

    silhouette: float
    nearest: float
    by_subject: np.ndarray

    def resampled(self, *, seed: int = 0) -> np.ndarray:
        """Draw subjects with replacement, again and again, and compute both scores of those drawn.

        The walks of a subject are no independent samples, so subjects are drawn, not walks. Two models that are
        measured on the same walks get the same draws, so that their differences are paired.

        Returns:
            float [resamples, 2]; NaN of fewer than three subjects, who give no interval.

        Raises:
            ValueError: The seed is no whole number from 0 to 2^32 - 1.
        """
        check_seed(seed)
        count = len(self.by_subject)
        if count < FEWEST_SUBJECTS:
            return np.full((RESAMPLES, 2), np.nan)
        drawn = np.random.default_rng(seed).integers(0, count, (RESAMPLES, count))
        sums = self.by_subject[drawn].sum(axis=1)
        return sums[:, :2] / sums[:, 2:]

    def intervals(self, *, seed: int = 0) -> np.ndarray:
        """Compute the 95 % bootstrap interval over the subjects of both scores: float [2, (low, high)].

        NaN of fewer than three subjects.
        """
        return interval(self.resampled(seed=seed))


def interval(resampled: np.ndarray) -> np.ndarray:
    """Compute the 95 % percentile interval of each column: float [columns, (low, high)].

    Example:
        >>> interval(np.arange(1001.0)[:, None]).round(6).tolist()
        [[25.0, 975.0]]
    """
    return np.quantile(resampled, [(1 - SHARE) / 2, (1 + SHARE) / 2], axis=0).T


def measure_grouping(embeddings: np.ndarray, *, subjects: Sequence[str], views: Sequence[int]) -> Grouping:
    """Measure how well embeddings group the walks of each subject, by Euclidean distances over all their numbers.

    Both scores are computed in the space of the embeddings, not in a map of them. The nearest walk is looked for among
    the other views, as in the protocols: two walks from the same camera resemble each other. With a single view it is
    looked for among all other walks.

    Args:
        embeddings: float [walks, channels] or [walks, parts, channels].
        subjects: Subject of each walk, [walks].
        views: View of each walk in degrees, [walks].

    Raises:
        ValueError: There are fewer than two subjects, a subject has a single walk or a single view, or shapes do not
            match.

    Example:
        >>> found = measure_grouping(
        ...     np.array([[0.0], [1.0], [10.0], [11.0]]), subjects=["a", "a", "b", "b"], views=[0, 90, 0, 90]
        ... )
        >>> round(found.silhouette, 3), found.nearest
        (0.9, 1.0)

    Source: Rousseeuw, J. Comput. Appl. Math. 20, 1987 (silhouette score).
    """
    embeddings = np.asarray(embeddings)
    names, groups = np.unique(np.asarray(subjects), return_inverse=True)
    views = np.asarray(views)
    if len(names) < 2:
        raise ValueError(f"Two subjects or more can be compared; there is {len(names)}. Select more subjects.")
    if not len(embeddings) == len(groups) == len(views):
        raise ValueError(f"There are {len(embeddings)} embeddings, {len(groups)} subjects and {len(views)} views.")
    distances = pairwise_distances(embeddings, embeddings, distance="flattened").astype("float64")
    np.fill_diagonal(distances, 0)
    counts = np.bincount(groups)
    is_other_view = views[:, None] != views[None, :]
    if not is_other_view.any():
        is_other_view = ~np.eye(len(views), dtype=bool)
    same = groups[:, None] == groups[None, :]
    if lonely := sorted(set(names[groups[~(same & is_other_view).any(axis=1)]].tolist())):
        raise ValueError(
            f"Subject {', '.join(lonely[:3])} has no second walk from another view to be near to. Select more views or "
            "conditions, or leave the subject out."
        )
    sums = np.stack([distances[:, groups == group].sum(axis=1) for group in range(len(names))], axis=1)  # walks, groups
    rows = np.arange(len(groups))
    own = sums[rows, groups] / (counts[groups] - 1)
    means = sums / counts
    means[rows, groups] = np.inf
    other = means.min(axis=1)
    silhouettes = (other - own) / np.maximum(np.maximum(own, other), np.finfo(float).tiny)
    hits = same[rows, np.where(is_other_view, distances, np.inf).argmin(axis=1)]
    by_subject = np.stack([np.bincount(groups, each) for each in (silhouettes, hits, np.ones(len(hits)))], axis=1)
    return Grouping(silhouette=float(silhouettes.mean()), nearest=float(hits.mean()), by_subject=by_subject)
