"""Open-set identification: who is this, if it is anybody known? Some people who come are not enrolled.

A search compares a probe with the gallery walks of the enrolled people. It returns the nearest person, if the distance
is at most the threshold t. In the terms of ISO/IEC 19795-1,

    FPIR(t) = searches of people not enrolled that return anybody / searches of people not enrolled
    FNIR(t) = searches of enrolled people that do not return them / searches of enrolled people

Without a threshold, FNIR is 1 - rank-1 among the enrolled. The same walks serve both rates: the subjects are split at
random into enrolled people and strangers, several times, and the counts of all splits are added.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tf3dlocal.evaluation.details.error_curve import (
    bins_of,
    choose_thresholds,
    false_positives,
    miss_at,
    misses,
    threshold_at,
)
from tf3dlocal.evaluation.details.pairs import as_comparisons
from tf3dlocal.evaluation.details.random_splits import NUM_SPLITS, STRANGERS, enrolled_in_splits, nearest_in_splits
from tf3dlocal.evaluation.details.subject_bootstrap import (
    FEWEST_SUBJECTS,
    NUM_RESAMPLES,
    Estimate,
    interval,
    interval_notice,
    resample,
    unit_of_subjects,
)
from tf3dlocal.io import check_seed, check_shares, check_whole
from tf3dlocal.io.types import Tensor

FPIRS = (0.01, 0.1)


@dataclass(frozen=True, kw_only=True)
class OpenSet:
    """Error rates of open-set identification; rates are shares from 0 to 1.

    Attributes:
        thresholds: float [T], ascending distances.
        fpir: float [T], share of the strangers' searches that return a person at distance <= threshold.
        fnir: float [T], share of the enrolled people's searches that do not return them.
        fnir_interval: float [2, T], 95 % interval over subjects of FNIR at the FPIR of each threshold.
        fnir_at_fpir: {FPIR: FNIR}, NaN where there are fewer than 1/FPIR searches of strangers.
        fnir_of_splits: {FPIR: float [splits]}, FNIR of each split alone.
        threshold_at_fpir: {FPIR: largest threshold with at most this FPIR}; None if every threshold gives more.
        fnir_without_threshold: 1 - rank-1 among the enrolled.
        num_splits: Number of splits into enrolled people and strangers.
        num_strangers: Number of people not enrolled in each split.
        num_subjects: Number of people.
        num_searches: Searches of enrolled people and of strangers, added over the splits.
        notices: Sentences on what does not exist, and why.
    """

    thresholds: np.ndarray
    fpir: np.ndarray
    fnir: np.ndarray
    fnir_interval: np.ndarray
    fnir_at_fpir: dict[float, Estimate]
    fnir_of_splits: dict[float, np.ndarray]
    threshold_at_fpir: dict[float, float | None]
    fnir_without_threshold: Estimate
    num_splits: int
    num_strangers: int
    num_subjects: int
    num_searches: tuple[int, int]
    notices: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Return the numbers without the curve for JSON; None where they do not exist."""
        return {
            "fnir_at_fpir": {
                f"{fpir:g}": {
                    **rate.as_json(),
                    "threshold": self.threshold_at_fpir[fpir],
                    "of_splits": [None if np.isnan(value) else float(value) for value in self.fnir_of_splits[fpir]],
                }
                for fpir, rate in self.fnir_at_fpir.items()
            },
            "fnir_without_threshold": self.fnir_without_threshold.as_json(),
            "num_splits": self.num_splits,
            "num_subjects": self.num_subjects,
            "num_strangers_in_each_split": self.num_strangers,
            "num_searches_of_enrolled": self.num_searches[0],
            "num_searches_of_strangers": self.num_searches[1],
            "notices": list(self.notices),
        }


def open_set(
    distances: Tensor,
    *,
    probe_subjects: Tensor,
    gallery_subjects: Tensor,
    compared: Tensor | None = None,
    strangers: float = STRANGERS,
    num_splits: int = NUM_SPLITS,
    fpirs: Sequence[float] = FPIRS,
    num_resamples: int = NUM_RESAMPLES,
    seed: int = 0,
) -> OpenSet:
    """Compute FNIR at FPIR from the distances of probes and gallery walks. Each row is one search.

    Args:
        distances: float [probes, gallery], as `pairwise_distances` computes them; smaller is more similar.
        probe_subjects: str [probes].
        gallery_subjects: str [gallery].
        compared: bool [probes, gallery], pairs that count. Default: all.
        strangers: Share of the subjects that is not enrolled, between 0 and 1; at least one subject is on each side.
        num_splits: Number of random splits.
        fpirs: False positive identification rates, between 0 and 1.
        num_resamples: Number of draws of the bootstrap; 0: no intervals.
        seed: Of the splits and of the bootstrap.

    Returns:
        OpenSet. Distances that are equal count against the person: an enrolled person is found only if nobody else is
        as near. Above 400 distinct distances, the curve uses 400 of them.

    Raises:
        ValueError: Shapes that do not fit, a distance that is NaN, or a share outside its range.

    Example:
        >>> people = {"probe_subjects": ["a", "b"], "gallery_subjects": ["a", "b"]}
        >>> open_set([[1, 4], [3, 2]], **people, fpirs=[0.5], num_resamples=0).fnir_at_fpir[0.5].value
        0.0
    """
    fpirs = check_shares(fpirs, name="fpirs")
    check_whole(num_resamples, name="num_resamples")
    check_seed(seed)
    distances, probes, gallery, compared = as_comparisons(
        distances, probe_subjects=probe_subjects, gallery_subjects=gallery_subjects, compared=compared
    )
    num_subjects = int(max(probes.max(initial=-1), gallery.max(initial=-1))) + 1
    enrolled = enrolled_in_splits(num_subjects, strangers=strangers, num_splits=num_splits, seed=seed)
    own, other = nearest_in_splits(
        np.where(compared, distances, np.inf), probes=probes, gallery=gallery, enrolled=enrolled
    )
    return from_searches(
        own,
        other=other,
        subjects=probes,
        enrolled=enrolled,
        fpirs=fpirs,
        num_resamples=num_resamples,
        seed=seed,
    )


def from_searches(
    own: np.ndarray,
    *,
    other: np.ndarray,
    subjects: np.ndarray,
    enrolled: np.ndarray,
    drop_without_gallery: bool = False,
    fpirs: Sequence[float] = FPIRS,
    num_resamples: int = NUM_RESAMPLES,
    seed: int = 0,
) -> OpenSet:
    """Compute the rates from the nearest distances of each search.

    Args:
        own: float [searches], distance to the nearest walk of the probe's own subject; infinity without one.
        other: float [splits, searches], to the nearest walk of another enrolled subject; infinity without one.
        subjects: int [searches], number of the probe's subject.
        enrolled: bool [splits, subjects].
        drop_without_gallery: Do not count a search of an enrolled person who has no walk in the gallery; otherwise it
            is a miss.
        fpirs: As for `open_set`.
        num_resamples: As for `open_set`.
        seed: As for `open_set`.
    """
    levels = np.asarray(fpirs, float)
    counts = _count(own, other, subjects=subjects, enrolled=enrolled, drop_without_gallery=drop_without_gallery)
    fpir, fnir = counts.curve(axis=(0, 1))
    value = miss_at(fpir[None], fnir[None], levels=levels)[0]
    of_splits = miss_at(*counts.curve(axis=1), levels=levels)
    low, high = _intervals(counts, levels=[1, *levels, *fpir[1:-1]], num_resamples=num_resamples, seed=seed)
    num_mated, num_stranger = counts.num_searches
    resolved = (counts.num_stranger_searches * levels >= 1) & (num_mated > 0)
    unresolved = [level for level, is_resolved in zip(fpirs, resolved) if not is_resolved]
    return OpenSet(
        thresholds=counts.thresholds,
        fpir=fpir[1:-1],
        fnir=fnir[1:-1],
        fnir_interval=np.array([low, high])[:, 1 + len(fpirs) :],
        fnir_at_fpir={
            level: Estimate(value[i], low[1 + i], high[1 + i]) if resolved[i] else Estimate(np.nan)
            for i, level in enumerate(fpirs)
        },
        fnir_of_splits={level: of_splits[:, i] for i, level in enumerate(fpirs)},
        threshold_at_fpir={level: threshold_at(counts.thresholds, fpir, level=level) for level in fpirs},
        fnir_without_threshold=Estimate(float(fnir[-1]), low[0], high[0]) if num_mated else Estimate(np.nan),
        num_splits=len(enrolled),
        num_strangers=int((~enrolled).sum(axis=1).max(initial=0)),
        num_subjects=enrolled.shape[1],
        num_searches=(num_mated, num_stranger),
        notices=tuple(
            _notices(counts, num_subjects=enrolled.shape[1], num_resamples=num_resamples, unresolved=unresolved)
        ),
    )


@dataclass(frozen=True, kw_only=True)
class _Counts:
    """Counts by split, unit of subjects and bin of the distance."""

    thresholds: np.ndarray
    right: np.ndarray  # searches that find the enrolled person: [splits, units, T + 1]
    never: np.ndarray  # searches in which another person is nearer, at any threshold: [splits, units]
    false: np.ndarray  # searches of strangers: [splits, units, T + 1]
    num_stranger_searches: int  # counted once, in however many splits

    @property
    def num_searches(self) -> tuple[int, int]:
        return int(self.right.sum() + self.never.sum()), int(self.false.sum())

    def curve(self, *, axis) -> tuple[np.ndarray, np.ndarray]:
        return false_positives(self.false.sum(axis=axis)), misses(
            self.right.sum(axis=axis), never=self.never.sum(axis=axis)
        )


def _count(own, other, *, subjects, enrolled, drop_without_gallery) -> _Counts:
    is_known = enrolled[:, subjects]  # splits, searches
    found = is_known & (own < other)
    strange = ~is_known & np.isfinite(other)
    lost = is_known & ~found & (np.isfinite(own) if drop_without_gallery else np.isfinite(own) | np.isfinite(other))
    thresholds = choose_thresholds(own[found.any(axis=0)], other[strange])
    unit = unit_of_subjects(enrolled.shape[1], seed=0)
    shape = (len(enrolled), int(unit.max(initial=-1)) + 1, len(thresholds) + 1)
    right, false, never = np.zeros(shape, np.int64), np.zeros(shape, np.int64), np.zeros(shape[:2], np.int64)
    for split in range(len(enrolled)):
        for counts, rows, values in ((right, found[split], own), (false, strange[split], other[split])):
            np.add.at(counts[split], (unit[subjects[rows]], bins_of(values[rows], thresholds)), 1)
        np.add.at(never[split], unit[subjects[lost[split]]], 1)
    num_stranger_searches = int(strange.any(axis=0).sum())
    return _Counts(
        thresholds=thresholds, right=right, never=never, false=false, num_stranger_searches=num_stranger_searches
    )


def _intervals(counts: _Counts, *, levels, num_resamples, seed) -> tuple[np.ndarray, np.ndarray]:
    """Return low and high of FNIR at some levels of FPIR; each float [levels]."""
    right, never, false = (each.sum(axis=0).astype(np.float32) for each in (counts.right, counts.never, counts.false))
    if num_resamples == 0 or len(never) < FEWEST_SUBJECTS or not all(counts.num_searches):
        return np.full(len(levels), np.nan), np.full(len(levels), np.nan)

    def compute(weights):
        fpir, fnir = false_positives(weights @ false), misses(weights @ right, never=weights @ never)
        return miss_at(fpir, fnir, levels=np.asarray(levels))

    return interval(resample(compute, num_units=len(never), num_resamples=num_resamples, seed=seed))


def _notices(counts: _Counts, *, num_subjects: int, num_resamples: int, unresolved: list[float]) -> Iterator[str]:
    num_mated, num_stranger = counts.num_searches
    if num_subjects < 2:
        yield (
            f"There {'is one subject' if num_subjects else 'are no subjects'}, so nobody can be a stranger, and FPIR "
            "and FNIR do not exist. Test at least two subjects."
        )
        return
    if num_mated == 0:
        yield (
            "There is no search of an enrolled person, so FNIR does not exist. Add gallery walks of the probes' "
            "subjects, in views that count."
        )
    if num_stranger == 0:
        yield (
            "There is no search of a stranger against a gallery, so FPIR does not exist. Add probes, or gallery walks "
            "in views that count."
        )
    if num_mated and num_stranger:
        for level in unresolved:
            yield (
                f"FNIR at FPIR {level:g} needs at least {round(1 / level):,} searches of strangers; there are "
                f"{counts.num_stranger_searches:,}."
            )
        if num_resamples:
            yield from interval_notice(num_subjects)
