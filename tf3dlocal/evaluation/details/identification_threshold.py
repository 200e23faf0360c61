"""The threshold of open-set identification at a wanted FPIR, with an interval over people."""

from dataclasses import dataclass

import numpy as np

from tf3dlocal.evaluation.details.open_set import open_set
from tf3dlocal.evaluation.details.pairs import as_comparisons
from tf3dlocal.evaluation.details.random_splits import NUM_SPLITS, enrolled_in_splits, nearest_in_splits
from tf3dlocal.evaluation.details.subject_bootstrap import NUM_RESAMPLES, interval, resample, unit_of_subjects
from tf3dlocal.io.types import Tensor


@dataclass(frozen=True, kw_only=True)
class IdentificationThreshold:
    """Result of `identification_threshold`.

    Attributes:
        threshold: Largest distance at which FPIR is at most the wanted one; None if there is none.
        low: Lower bound of its 95 % bootstrap interval over people; None where there is none.
        high: Upper bound.
        fnir: FNIR at this threshold; NaN if it does not exist.
        notices: Sentences on what limits these numbers.
    """

    threshold: float | None
    low: float | None
    high: float | None
    fnir: float
    notices: tuple[str, ...]


def identification_threshold(
    distances: Tensor,
    *,
    probe_subjects: Tensor,
    gallery_subjects: Tensor,
    fpir: float,
    num_enrolled: int | None = None,
    num_splits: int = NUM_SPLITS,
    num_resamples: int = NUM_RESAMPLES,
    seed: int = 0,
) -> IdentificationThreshold:
    """Compute the largest threshold at which at most a share `fpir` of the strangers' searches returns anybody.

    Args:
        distances: float [probes, gallery], as for `open_set`, which has the definition of the rates.
        probe_subjects: str [probes].
        gallery_subjects: str [gallery].
        fpir: The wanted rate, between 0 and 1.
        num_enrolled: People who are enrolled in each split; the others are strangers. Default: half.
        num_splits: Number of random splits.
        num_resamples: Number of draws of the bootstrap; 0: no interval.
        seed: Of the splits and of the bootstrap.

    Raises:
        ValueError: Shapes that do not fit, a distance that is NaN, or a rate outside its range.

    Example:
        >>> people = {"probe_subjects": ["a", "b"], "gallery_subjects": ["a", "b"]}
        >>> identification_threshold([[1, 5], [4, 2]], **people, fpir=0.5, num_resamples=0).threshold
        4.0
    """
    matrix, probes, gallery, _ = as_comparisons(
        distances, probe_subjects=probe_subjects, gallery_subjects=gallery_subjects, compared=None
    )
    num_people = int(max(probes.max(initial=-1), gallery.max(initial=-1))) + 1
    strangers = 0.5 if num_enrolled is None else 1 - num_enrolled / max(1, num_people)
    settings = {"strangers": strangers, "num_splits": num_splits, "seed": seed}
    named = {"probe_subjects": probe_subjects, "gallery_subjects": gallery_subjects}
    rates = open_set(distances, **named, **settings, fpirs=(fpir,), num_resamples=0)
    enrolled = enrolled_in_splits(num_people, **settings)
    _, other = nearest_in_splits(matrix, probes=probes, gallery=gallery, enrolled=enrolled)
    strange = ~enrolled[:, probes] & np.isfinite(other)
    split, search = np.nonzero(strange)
    values = other[split, search]
    units = unit_of_subjects(num_people, seed=seed)[probes[search]]
    threshold = _threshold(np.sort(values), np.ones(len(values)), level=fpir)
    low = high = None
    if threshold is not None and num_resamples and len(np.unique(units)) > 2:
        low, high = _interval(values, units, level=fpir, num_resamples=num_resamples, seed=seed)
    return IdentificationThreshold(
        threshold=threshold,
        low=low,
        high=high,
        fnir=float(rates.fnir_at_fpir[fpir].value),
        notices=rates.notices,
    )


def _interval(values, units, *, level, num_resamples, seed) -> tuple[float | None, float | None]:
    order = np.argsort(values, kind="stable")
    ordered, units = values[order], units[order]

    def compute(weights):
        found = [_threshold(ordered, row[units], level=level) for row in weights]
        return np.array([[np.nan if each is None else each] for each in found])

    num_units = int(units.max()) + 1
    low, high = interval(resample(compute, num_units=num_units, num_resamples=num_resamples, seed=seed))
    return (None, None) if np.isnan(low[0]) else (float(low[0]), float(high[0]))


def _threshold(ordered: np.ndarray, weights: np.ndarray, *, level: float) -> float | None:
    """Return the largest t with the weight of the distances <= t at most `level`; just below the next distance."""
    shares = np.cumsum(weights) / max(weights.sum(), 1e-12)
    first_above = int(np.searchsorted(shares, level + 1e-12, side="right"))
    last_of_equal = np.searchsorted(ordered, ordered[first_above], side="left") if first_above < len(ordered) else None
    if last_of_equal is None:
        return float(ordered[-1]) if len(ordered) else None
    return float(ordered[last_of_equal - 1]) if last_of_equal > 0 else None
