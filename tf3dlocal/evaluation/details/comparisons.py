"""What a test knows of each comparison: answers of single probes, and counts for verification and open set.

Distances are computed block by block and never kept. Of each block this remains: the nearest walk of each probe and the
nearest own one; for each random split the nearest walk of another enrolled person; and counts of the distances by bin.
With 400 thresholds and 100 subjects or more, the counts take 32 MB for each probe group.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from tf3dlocal.evaluation.details.error_curve import bins_of, choose_thresholds
from tf3dlocal.evaluation.details.open_set import OpenSet, from_searches
from tf3dlocal.evaluation.details.random_splits import NUM_SPLITS, STRANGERS, enrolled_in_splits, nearest_in_splits
from tf3dlocal.evaluation.details.subject_bootstrap import interval_notice, unit_of_subjects
from tf3dlocal.evaluation.details.verification import Verification, from_counts
from tf3dlocal.evaluation.places import NOT_THERE, Block
from tf3dlocal.evaluation.roles import Roles

SEED = 0  # of the splits and of the bootstrap: a test repeats its numbers
_PROBES_FOR_THRESHOLDS = 200
_NO_WALK = -1


@dataclass(frozen=True, kw_only=True)
class Comparisons:
    """Answer to each probe in each gallery view, and error rates by probe group.

    Attributes:
        roles: Gallery and probes; `roles.probes` are the rows of the probes.
        nearest: int [probes, gallery views], row of the nearest walk; -1 if the gallery view is empty. If an own walk
            and another person's are equally near, it is that of the other person.
        nearest_distance: float32 [probes, gallery views].
        own: int [probes, gallery views], row of the nearest walk of the probe's subject; -1 without one.
        own_distance: float32 [probes, gallery views].
        rank: int [probes, gallery views], 1 + number of other people's walks at most as far as the nearest own one; 0
            without one.
        verification: Verification by probe group.
        open_set: Open-set identification by probe group.
    """

    roles: Roles
    nearest: np.ndarray
    nearest_distance: np.ndarray
    own: np.ndarray
    own_distance: np.ndarray
    rank: np.ndarray
    verification: dict[str, Verification]
    open_set: dict[str, OpenSet]

    @property
    def notices(self) -> list[str]:
        """What a reader of the equal error rates must know, a sentence for each reason.

        Why groups have none, and that intervals over few subjects are too narrow.
        """
        groups_of = {}
        for group, rates in self.verification.items():
            if not self.roles.groups[group].any():
                continue  # a group without probes has a separate notice
            known = not np.isnan(rates.eer.value)
            for sentence in interval_notice(rates.num_subjects) if known else rates.notices:
                groups_of.setdefault(sentence, []).append(group)
        return [f"verification, {', '.join(groups)}: {sentence}" for sentence, groups in groups_of.items()]


class ComparisonCounter:
    """Observer of the blocks of `places`.

    Args:
        roles: Gallery and probes.
        subject_numbers: int [walks].
        find_places: Function of the keywords `probes` and `observe` that calls `places`; used once for a few probes, to
            choose thresholds.
        drop_without_gallery: Do not count a search without a gallery walk of the probe's subject; otherwise a miss.
    """

    def __init__(
        self,
        roles: Roles,
        *,
        subject_numbers: np.ndarray,
        find_places: Callable[..., np.ndarray],
        drop_without_gallery: bool,
    ):
        probes = roles.probes
        shape = (len(probes), len(roles.views))
        self.roles = roles
        self._drops = drop_without_gallery
        self._lock = threading.Lock()
        self._subjects = subject_numbers
        self._tested = np.unique(subject_numbers[np.concatenate([probes, *roles.gallery_rows()])])
        self._number = np.searchsorted(self._tested, subject_numbers)  # among the tested; meaningless for others
        self._groups = np.array([members[probes] for members in roles.groups.values()])  # groups, probes
        self._excludes_own_view = roles.protocol.identical_views == "exclude"
        self._enrolled = enrolled_in_splits(len(self._tested), strangers=STRANGERS, num_splits=NUM_SPLITS, seed=SEED)
        self._unit = unit_of_subjects(len(self._tested), seed=SEED)
        self._nearest, self._own = np.full((2, *shape), _NO_WALK, np.int32)
        self._nearest_distance, self._own_distance = np.full((2, *shape), np.inf, np.float32)
        self._other = np.full((len(self._enrolled), *shape), np.inf, np.float32)
        self._thresholds = self._choose_thresholds(find_places)
        units, bins = int(self._unit.max()) + 1, len(self._thresholds) + 1
        self._genuine = np.zeros((len(self._groups), units, bins), np.int64)
        self._impostor = np.zeros((len(self._groups), units, units, bins), np.int64)

    def __call__(self, block: Block) -> None:
        """Keep what is needed of a block; called from several threads, each with other probes or another view."""
        at = slice(block.first, block.first + len(block.probes)), block.column
        is_own = self._subjects[block.probes][:, None] == block.gallery_subjects
        itself = block.probes[:, None] == block.gallery
        distances = np.where(itself, np.float32(np.inf), block.distances)
        for which, rows, values in (
            (is_own, self._own, self._own_distance),
            (~is_own, self._nearest, self._nearest_distance),
        ):
            of_these = np.where(which, distances, np.float32(np.inf))
            best = of_these.argmin(axis=1)
            values[at] = of_these[np.arange(len(best)), best]
            rows[at] = np.where(np.isfinite(values[at]), block.gallery[best], _NO_WALK)
        is_nearest = self._own_distance[at] < self._nearest_distance[at]
        self._nearest[at] = np.where(is_nearest, self._own[at], self._nearest[at])
        self._nearest_distance[at] = np.minimum(self._own_distance[at], self._nearest_distance[at])
        _, self._other[:, *at] = nearest_in_splits(
            distances,
            probes=self._number[block.probes],
            gallery=self._number[block.gallery],
            enrolled=self._enrolled,
        )
        self._count_pairs(block, distances=distances, is_own=is_own, itself=itself)

    def result(self, place: np.ndarray) -> Comparisons:
        """Compute the rates.

        Args:
            place: int [probes, gallery views], as `places` returns it.
        """
        return Comparisons(
            roles=self.roles,
            nearest=self._nearest,
            nearest_distance=self._nearest_distance,
            own=self._own,
            own_distance=self._own_distance,
            rank=np.where(place == NOT_THERE, 0, place + 1),
            verification={
                group: from_counts(
                    self._thresholds,
                    genuine=self._genuine[g],
                    impostor=self._impostor[g],
                    num_subjects=len(self._tested),
                    seed=SEED,
                )
                for g, group in enumerate(self.roles.groups)
            },
            open_set={group: self._open_set(self._groups[g]) for g, group in enumerate(self.roles.groups)},
        )

    def _choose_thresholds(self, find_places) -> np.ndarray:
        """Choose thresholds from the distances of some probes, drawn at random."""
        probes = self.roles.probes
        some = np.random.default_rng(SEED).permutation(probes)[:_PROBES_FOR_THRESHOLDS]
        found = [], []

        def keep(block):
            counts = self._counts(block.probes, block.column)[:, None] & (block.probes[:, None] != block.gallery)
            is_own = self._subjects[block.probes][:, None] == block.gallery_subjects
            for values, which in zip(found, (is_own, ~is_own)):
                values.append(block.distances[which & counts])

        find_places(probes=some, observe=keep)
        return choose_thresholds(*(np.concatenate([np.zeros(0, np.float32), *values]) for values in found))

    def _counts(self, probes: np.ndarray, column: int) -> np.ndarray:
        """Whether comparisons with the gallery of a view count: bool [probes]."""
        if not self._excludes_own_view:
            return np.ones(len(probes), bool)
        return self.roles.labels[probes] != self.roles.views[column]

    def _count_pairs(self, block: Block, *, distances: np.ndarray, is_own: np.ndarray, itself: np.ndarray) -> None:
        counts = self._counts(block.probes, block.column)
        units = self._unit[self._number[block.probes]]
        num_bins = len(self._thresholds) + 1
        bins = bins_of(distances, self._thresholds)
        keys = self._unit[self._number[block.gallery]] * num_bins + bins  # of impostor pairs with one probe unit
        for g, members in enumerate(self._groups[:, block.first : block.first + len(block.probes)]):
            for unit in np.unique(units[members & counts]):
                rows = members & counts & (units == unit)
                others = keys[rows][~is_own[rows]]
                own = bins[rows][is_own[rows] & ~itself[rows]]
                impostor = np.bincount(others, minlength=self._impostor[g, unit].size)
                with self._lock:
                    self._impostor[g, unit] += impostor.reshape(-1, num_bins)
                    self._genuine[g, unit] += np.bincount(own, minlength=num_bins)

    def _open_set(self, members: np.ndarray) -> OpenSet:
        """Each pair of a probe and a gallery view that counts is one search."""
        probes = self.roles.probes
        counts = np.column_stack([self._counts(probes, column) for column in range(len(self.roles.views))])
        rows, columns = np.nonzero(counts & members[:, None])
        return from_searches(
            self._own_distance[rows, columns],
            other=self._other[:, rows, columns],
            subjects=self._number[probes[rows]],
            enrolled=self._enrolled,
            drop_without_gallery=self._drops,
            seed=SEED,
        )
