"""What a cross-view test found: exact counts for every pair of views, and the means made of them."""

from dataclasses import dataclass, field

import numpy as np

from tf3dlocal.evaluation.protocol import Protocol, SubjectSplit

IDENTICAL_VIEWS = ("exclude", "include", "only")


@dataclass(frozen=True)
class CrossViewResult:
    """Counts of one cross-view test; percentages and means are made from them when asked, without rounding.

    Axes: ranks k = 1..max_rank, probe groups (NM, BG, CL), probe views, gallery views.
    """

    protocol: Protocol
    distance: str
    groups: tuple[str, ...]
    views: tuple[int | str, ...]
    hits: np.ndarray  # int [ranks, groups, probe views, gallery views]: probes found within the k nearest
    num_probes: np.ndarray  # int [groups, probe views]
    num_without_gallery: np.ndarray  # int [groups, probe views, gallery views]: probes nobody could have found
    num_gallery: np.ndarray  # int [gallery views]
    split: SubjectSplit
    probes_without_gallery: str = "keep"
    notices: tuple[str, ...] = ()
    details: dict = field(default_factory=dict)  # data set, model, seed, versions: whatever the caller knows

    @property
    def max_rank(self) -> int:
        return len(self.hits)

    @property
    def num_counted(self) -> np.ndarray:
        """Probes in the denominator: int [groups, probe views, gallery views]. 0 where the gallery view is empty."""
        counted = np.repeat(self.num_probes[:, :, None], len(self.views), axis=2)
        if self.probes_without_gallery == "drop":
            counted = counted - self.num_without_gallery
        return np.where(self.num_gallery > 0, counted, 0)

    @property
    def num_dropped(self) -> int:
        """Pairs of a probe and a gallery view that were left out because the subject has no gallery in that view."""
        if self.probes_without_gallery == "keep":
            return 0
        return int(self.num_without_gallery[:, :, self.num_gallery > 0].sum())

    @property
    def rank(self) -> np.ndarray:
        """Rank-k in per cent: float64 [ranks, groups, probe views, gallery views]; NaN where nothing was counted."""
        counted = self.num_counted
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.where(counted > 0, 100.0 * self.hits / counted, np.nan)

    def by_probe_view(self, rank: int = 1, identical_views: str | None = None) -> np.ndarray:
        """Mean over the gallery views for each probe view, in per cent: float64 [groups, probe views].

        Args:
          rank: k of rank-k.
          identical_views: "exclude" (the gallery view that is the probe's own is left out), "include" (all gallery
            views) or "only" (the probe's own view alone). Default: what the protocol says.
        """
        rates = self.rank[self._row(rank)]
        own = np.eye(len(self.views), dtype=bool)
        identical_views = identical_views or self.protocol.identical_views
        if identical_views not in IDENTICAL_VIEWS:
            raise ValueError(f"identical_views is '{identical_views}'; take one of {', '.join(IDENTICAL_VIEWS)}")
        if identical_views != "include":
            rates = np.where(own if identical_views == "only" else ~own, rates, np.nan)
        return mean_of_known(rates)

    def mean(self, rank: int = 1, identical_views: str | None = None) -> np.ndarray:
        """The mean column: mean over the probe views of `by_probe_view`, in per cent: float64 [groups]."""
        return mean_of_known(self.by_probe_view(rank, identical_views))

    def _row(self, rank: int) -> int:
        if not 1 <= rank <= self.max_rank:
            raise ValueError(f"rank {rank} was not computed; this result holds rank 1 to {self.max_rank}")
        return rank - 1


def mean_of_known(values: np.ndarray) -> np.ndarray:
    """Mean over the last axis of the values that are not NaN; NaN where there is none.

    Example:
      >>> mean_of_known(np.array([[1.0, np.nan, 3.0], [np.nan, np.nan, np.nan]])).tolist()
      [2.0, nan]
    """
    known = ~np.isnan(values)
    count = known.sum(axis=-1)
    total = np.where(known, values, 0.0).sum(axis=-1)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)
