"""Verification: is this the person that it is said to be? Each pair of a probe and a gallery walk is one comparison.

A pair is accepted if its distance is at most the threshold t. In the terms of ISO/IEC 19795-1,

    FMR(t)  = accepted pairs of two people / pairs of two people        false match rate, often called FAR
    FNMR(t) = rejected pairs of one person / pairs of one person        false non-match rate, 1 - TAR
    EER     = the rate at the threshold where FMR = FNMR
    TAR at FAR f = 1 - FNMR where FMR = f

One threshold serves all views: a model whose distances grow with the change of view pays for it here, not in rank-1.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tf3dlocal.evaluation.details.error_curve import (
    bins_of,
    choose_thresholds,
    equal_error,
    false_positives,
    miss_at,
    misses,
    threshold_at,
)
from tf3dlocal.evaluation.details.pairs import as_comparisons
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

FARS = (1e-2, 1e-3)


@dataclass(frozen=True, kw_only=True)
class Verification:
    """Error rates of verification; rates are shares from 0 to 1.

    Attributes:
        thresholds: float [T], ascending distances.
        fmr: float [T], share of the pairs of two people at distance <= threshold.
        fnmr: float [T], share of the pairs of one person at distance > threshold.
        fnmr_interval: float [2, T], 95 % interval over subjects of FNMR at the FMR of each threshold.
        eer: Equal error rate.
        eer_threshold: Distance at which it is reached; None without a rate.
        tar_at_far: {FAR: TAR}, NaN where there are fewer than 1/FAR pairs of two people.
        threshold_at_far: {FAR: largest threshold with FMR <= FAR}; None if every threshold accepts more.
        num_genuine: Number of pairs of one person.
        num_impostor: Number of pairs of two people.
        num_subjects: Number of people in these pairs.
        notices: Sentences on what does not exist, and why.
    """

    thresholds: np.ndarray
    fmr: np.ndarray
    fnmr: np.ndarray
    fnmr_interval: np.ndarray
    eer: Estimate
    eer_threshold: float | None
    tar_at_far: dict[float, Estimate]
    threshold_at_far: dict[float, float | None]
    num_genuine: int
    num_impostor: int
    num_subjects: int
    notices: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Return the numbers without the curve for JSON; None where they do not exist."""
        return {
            "eer": {**self.eer.as_json(), "threshold": self.eer_threshold},
            "tar_at_far": {
                f"{far:g}": {**rate.as_json(), "threshold": self.threshold_at_far[far]}
                for far, rate in self.tar_at_far.items()
            },
            "num_genuine_pairs": self.num_genuine,
            "num_impostor_pairs": self.num_impostor,
            "num_subjects": self.num_subjects,
            "notices": list(self.notices),
        }


def verification(
    distances: Tensor,
    *,
    probe_subjects: Tensor,
    gallery_subjects: Tensor,
    compared: Tensor | None = None,
    fars: Sequence[float] = FARS,
    num_resamples: int = NUM_RESAMPLES,
    seed: int = 0,
) -> Verification:
    """Compute EER and TAR at FAR from the distances of probes and gallery walks.

    Args:
        distances: float [probes, gallery], as `pairwise_distances` computes them; smaller is more similar.
        probe_subjects: str [probes].
        gallery_subjects: str [gallery].
        compared: bool [probes, gallery], pairs that count, such as those in different views. Default: all.
        fars: False accept rates, between 0 and 1.
        num_resamples: Number of draws of the bootstrap; 0: no intervals.
        seed: Of the bootstrap.

    Returns:
        Verification. Rates are exact. Above 400 distinct distances, the curve and the intervals use 400 of them.

    Raises:
        ValueError: Shapes that do not fit, a distance that is NaN, or a FAR outside its range.

    Example:
        >>> people = {"probe_subjects": ["a", "b"], "gallery_subjects": ["a", "b"]}
        >>> verification([[1, 4], [2, 3]], **people).eer.value
        0.5
        >>> verification([[1, 4], [3, 2]], **people).eer.value
        0.0
    """
    fars = check_shares(fars, name="fars")
    check_whole(num_resamples, name="num_resamples")
    check_seed(seed)
    distances, probes, gallery, compared = as_comparisons(
        distances, probe_subjects=probe_subjects, gallery_subjects=gallery_subjects, compared=compared
    )
    rows, columns = np.nonzero(compared)
    values, probes, gallery = distances[rows, columns], probes[rows], gallery[columns]
    same = probes == gallery
    thresholds = choose_thresholds(values[same], values[~same])
    present, numbers = np.unique(np.concatenate([probes, gallery]), return_inverse=True)
    unit = unit_of_subjects(len(present), seed=seed)
    num_units, num_bins = int(unit.max(initial=-1)) + 1, len(thresholds) + 1
    unit_a, unit_b = unit[numbers[: len(values)]], unit[numbers[len(values) :]]
    bins = bins_of(values, thresholds)
    shape = (num_units, num_units, num_bins)
    impostor = np.zeros(shape, np.int64)
    np.add.at(impostor, (unit_a[~same], unit_b[~same], bins[~same]), 1)
    genuine = np.zeros((num_units, num_bins), np.int64)
    np.add.at(genuine, (unit_a[same], bins[same]), 1)
    every = np.unique(values[np.isfinite(values)])
    exact = [np.bincount(bins_of(values[which], every), minlength=len(every) + 1) for which in (same, ~same)]
    return from_counts(
        thresholds,
        genuine=genuine,
        impostor=impostor,
        num_subjects=len(present),
        fars=fars,
        num_resamples=num_resamples,
        seed=seed,
        exact=(every, *exact),
    )


def from_counts(
    thresholds: np.ndarray,
    *,
    genuine: np.ndarray,
    impostor: np.ndarray,
    num_subjects: int,
    fars: Sequence[float] = FARS,
    num_resamples: int = NUM_RESAMPLES,
    seed: int = 0,
    exact: tuple[np.ndarray, np.ndarray, np.ndarray] | None = None,
) -> Verification:
    """Compute the rates from counts by bin, which a test of any size can keep.

    Args:
        thresholds: float [T], ascending.
        genuine: int [units, T + 1], pairs of one person by the unit of that person.
        impostor: int [units, units, T + 1], pairs of two people.
        num_subjects: Number of people.
        fars: As for `verification`.
        num_resamples: As for `verification`.
        seed: As for `verification`.
        exact: Thresholds, genuine and impostor counts on more thresholds, for the values. Default: the sums of the
            others.
    """
    levels = np.asarray(fars, float)
    num_genuine, num_impostor = int(genuine.sum()), int(impostor.sum())
    fmr, fnmr = false_positives(impostor.sum(axis=(0, 1))), misses(genuine.sum(axis=0))
    all_thresholds, all_genuine, all_impostor = exact or (
        thresholds,
        genuine.sum(axis=0),
        impostor.sum(axis=(0, 1)),
    )
    curve = false_positives(all_impostor), misses(all_genuine)
    eer, place = equal_error(*curve)
    tar = 1 - miss_at(curve[0][None], curve[1][None], levels=levels)[0]
    low, high = _intervals(genuine, impostor, levels=[*levels, *fmr[1:-1]], num_resamples=num_resamples, seed=seed)
    resolved = num_impostor * levels >= 1
    known = num_genuine > 0 and num_impostor > 0
    return Verification(
        thresholds=thresholds,
        fmr=fmr[1:-1],
        fnmr=fnmr[1:-1],
        fnmr_interval=np.array([low, high])[:, 1 + len(fars) :],
        eer=Estimate(float(eer), low[0], high[0]) if known else Estimate(np.nan),
        eer_threshold=_at(all_thresholds, place) if known else None,
        tar_at_far={
            far: Estimate(tar[i], 1 - high[1 + i], 1 - low[1 + i]) if known and resolved[i] else Estimate(np.nan)
            for i, far in enumerate(fars)
        },
        threshold_at_far={far: threshold_at(all_thresholds, curve[0], level=far) for far in fars},
        num_genuine=num_genuine,
        num_impostor=num_impostor,
        num_subjects=num_subjects,
        notices=tuple(
            _notices(
                num_genuine=num_genuine,
                num_impostor=num_impostor,
                num_subjects=num_subjects,
                num_resamples=num_resamples,
                unresolved=[far for far, is_resolved in zip(fars, resolved) if not is_resolved],
            )
        ),
    )


def _intervals(genuine, impostor, *, levels, num_resamples, seed) -> tuple[np.ndarray, np.ndarray]:
    """Return low and high of EER and of FNMR at some levels of FMR: each float [1 + levels]."""
    num_units = len(genuine)
    if num_resamples == 0 or num_units < FEWEST_SUBJECTS or not genuine.any() or not impostor.any():
        return np.full(1 + len(levels), np.nan), np.full(1 + len(levels), np.nan)
    first, second = np.triu_indices(num_units)  # w(a) w(b) is symmetric: half of the matrix is enough
    both = (impostor + impostor.transpose(1, 0, 2))[first, second].astype(np.float32)
    both[first == second] /= 2
    genuine = genuine.astype(np.float32)

    def compute(weights):
        fmr, fnmr = false_positives((weights[:, first] * weights[:, second]) @ both), misses(weights @ genuine)
        return np.column_stack([equal_error(fmr, fnmr)[0], miss_at(fmr, fnmr, levels=np.asarray(levels))])

    return interval(resample(compute, num_units=num_units, num_resamples=num_resamples, seed=seed))


def _at(thresholds: np.ndarray, place: float) -> float | None:
    """Return the distance at a place between the points of a curve, of which the first and last are infinite.

    None if no distance is finite.
    """
    if not len(thresholds):
        return None
    return float(np.interp(place - 1, np.arange(len(thresholds)), thresholds))


def _notices(
    *, num_genuine: int, num_impostor: int, num_subjects: int, num_resamples: int, unresolved: list[float]
) -> Iterator[str]:
    if num_genuine == num_impostor == 0:
        yield (
            "There is no pair of walks to compare, so EER and TAR do not exist. Add gallery walks in views that count."
        )
    elif num_genuine == 0:
        yield (
            "There is no pair of two walks of one person to compare, so FNMR, EER and TAR do not exist. Add gallery "
            "walks of the probes' subjects, in views that count."
        )
    elif num_impostor == 0:
        yield (
            "There is no pair of walks of two people to compare, so FMR, EER and TAR do not exist. Test at least two "
            "subjects."
        )
    else:
        for far in unresolved:
            yield (
                f"TAR at FAR {far:g} needs at least {round(1 / far):,} pairs of two people; there are {num_impostor:,}."
            )
        if num_resamples:
            yield from interval_notice(num_subjects)
