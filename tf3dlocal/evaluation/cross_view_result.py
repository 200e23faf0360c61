"""Result of a cross-view test: exact counts for every pair of views, and the means computed from them."""

from dataclasses import dataclass, field

import numpy as np

from tf3dlocal.evaluation.details.comparisons import Comparisons
from tf3dlocal.evaluation.protocol import Protocol, SubjectSplit

IDENTICAL_VIEWS = ("exclude", "include", "only")


@dataclass(frozen=True, kw_only=True)
class CrossViewResult:
    """Counts of one cross-view test; percentages and means are computed from them without rounding.

    The axes are: ranks k = 1..max_rank, probe groups (NM, BG, CL), probe views, gallery views.

    Attributes:
        protocol: Protocol of the test.
        distance: Distance between embeddings.
        groups: Names of the probe groups.
        views: Labels of the views.
        hits: int [ranks, groups, probe views, gallery views], probes found within the k nearest.
        num_probes: int [groups, probe views].
        num_without_gallery: int [groups, probe views, gallery views], probes whose subject has no gallery walk there.
        num_gallery: int [gallery views].
        split: Training and test subjects.
        probes_without_gallery: "keep" (counted as misses) or "drop" (not counted).
        notices: Sentences on what is missing or not counted.
        details: Data set, model, seed, versions: further facts that the caller knows.
        method: Name of what was tested, for the rows of the reports.
        comparisons: Answers to the probes, verification and open-set rates; None if they were not asked for.
    """

    protocol: Protocol
    distance: str
    groups: tuple[str, ...]
    views: tuple[int | str, ...]
    hits: np.ndarray
    num_probes: np.ndarray
    num_without_gallery: np.ndarray
    num_gallery: np.ndarray
    split: SubjectSplit
    probes_without_gallery: str = "keep"
    notices: tuple[str, ...] = ()
    details: dict = field(default_factory=dict)
    method: str = "this run"
    comparisons: Comparisons | None = None

    @property
    def max_rank(self) -> int:
        """Largest k."""
        return len(self.hits)

    @property
    def num_counted(self) -> np.ndarray:
        """Probes in the denominator: int [groups, probe views, gallery views]. 0 where the gallery view is empty."""
        counted = np.repeat(self.num_probes[:, :, None], len(self.views), axis=2)
        if self.probes_without_gallery == "drop":
            counted = counted - self.num_without_gallery
        return np.where(self.num_gallery > 0, counted, 0)

    @property
    def num_lacking_gallery(self) -> int:
        """Pairs of a probe and a gallery view, not empty, in which the probe's subject has no gallery walk."""
        return int(self.num_without_gallery[:, :, self.num_gallery > 0].sum())

    @property
    def num_dropped(self) -> int:
        """Pairs of a probe and a gallery view that are not counted because the subject has no gallery walk there."""
        return 0 if self.probes_without_gallery == "keep" else self.num_lacking_gallery

    @property
    def rank(self) -> np.ndarray:
        """Rank-k in per cent: float64 [ranks, groups, probe views, gallery views]; NaN where nothing was counted."""
        counted = self.num_counted
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.where(counted > 0, 100.0 * self.hits / counted, np.nan)

    def by_probe_view(self, rank: int = 1, *, identical_views: str | None = None) -> np.ndarray:
        """Compute the mean over the gallery views for each probe view, in per cent: float64 [groups, probe views].

        Args:
            rank: k of rank-k.
            identical_views: "exclude" (without the gallery view that is the probe's own), "include" (all gallery views)
                or "only" (the probe's own view alone). Default: the protocol's choice.
        """
        if not 1 <= rank <= self.max_rank:
            raise ValueError(f"Rank {rank} was not computed. This result has rank 1 to {self.max_rank}.")
        identical_views = identical_views or self.protocol.identical_views
        if identical_views not in IDENTICAL_VIEWS:
            raise ValueError(f"identical_views is {identical_views!r}. Use one of {', '.join(IDENTICAL_VIEWS)}.")
        rates = self.rank[rank - 1]
        own = np.eye(len(self.views), dtype=bool)
        if identical_views != "include":
            rates = np.where(own if identical_views == "only" else ~own, rates, np.nan)
        return mean_of_known(rates)

    def mean(self, rank: int = 1, *, identical_views: str | None = None) -> np.ndarray:
        """Compute the mean of `by_probe_view` over the probe views, in per cent: float64 [groups]."""
        return mean_of_known(self.by_probe_view(rank, identical_views=identical_views))


def mean_of_known(values: np.ndarray) -> np.ndarray:
    """Compute the mean over the last axis of the values that are not NaN; NaN if there is none.

    Example:
        >>> mean_of_known(np.array([[1.0, np.nan, 3.0], [np.nan, np.nan, np.nan]])).tolist()
        [2.0, nan]
    """
    known = ~np.isnan(values)
    count = known.sum(axis=-1)
    total = np.where(known, values, 0.0).sum(axis=-1)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)
