"""Bootstrap over subjects: how much a rate would change with other people.

Comparisons of one person are not independent of each other: who is easy to recognise is so in every walk. Therefore
people are drawn with replacement, with all their comparisons. A person who is drawn w times counts w times; a
comparison of two people counts w(a) w(b) times.

Source of drawing people instead of comparisons: R. Bolle, N. Ratha and S. Pankanti, "Error analysis of pattern
recognition systems: the subsets bootstrap", Computer Vision and Image Understanding 93(1), 2004.

With more than 100 people, people are put into 100 random groups, and groups are drawn. This bounds the memory.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

CONFIDENCE = 0.95
NUM_RESAMPLES = 1000
MOST_UNITS = 100
FEWEST_SUBJECTS, FEW_SUBJECTS = 3, 20  # two subjects give an interval without width; twenty are few
_AT_ONCE = 200


@dataclass(frozen=True)
class Estimate:
    """A rate (0..1) with its 95 % bootstrap interval over subjects; NaN where it does not exist.

    Example:
        >>> print(Estimate(0.25, 0.2, 0.31))
        0.250 [0.200, 0.310]
    """

    value: float
    low: float = np.nan
    high: float = np.nan

    def __post_init__(self):
        for name, number in list(vars(self).items()):
            object.__setattr__(self, name, float(number))  # of numpy, which prints its type

    def __str__(self):
        return f"{self.value:.3f}" + ("" if np.isnan(self.low) else f" [{self.low:.3f}, {self.high:.3f}]")

    def as_json(self) -> dict[str, float | None]:
        """Return the three numbers; None for NaN, which JSON lacks."""
        return {name: None if np.isnan(number) else float(number) for name, number in vars(self).items()}


def unit_of_subjects(num_subjects: int, *, seed: int) -> np.ndarray:
    """Assign the subjects to the units that are drawn: int [subjects]; each is its own unit if there are few.

    Example:
        >>> unit_of_subjects(3, seed=0).tolist()
        [0, 1, 2]
    """
    if num_subjects <= MOST_UNITS:
        return np.arange(num_subjects)
    return np.random.default_rng(seed).permutation(num_subjects) % MOST_UNITS


def resample(
    compute: Callable[[np.ndarray], np.ndarray], *, num_units: int, num_resamples: int, seed: int
) -> np.ndarray:
    """Compute numbers again for people drawn with replacement.

    Args:
        compute: Function from weights, float32 [n, units], to the numbers, [n, numbers].
        num_units: Number of units.
        num_resamples: Number of draws.
        seed: Of the draws.

    Returns:
        float [num_resamples, numbers].
    """
    draws = np.random.default_rng(seed).multinomial(num_units, np.full(num_units, 1 / num_units), size=num_resamples)
    return np.concatenate(
        [compute(draws[start : start + _AT_ONCE].astype(np.float32)) for start in range(0, num_resamples, _AT_ONCE)]
    )


def interval(replicates: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Compute the percentile interval of each column: low and high, [numbers].

    NaN for a column that more than half of the draws lack.

    Example:
        >>> low, high = interval(np.arange(1001.0)[:, None])
        >>> round(low.item(), 6), round(high.item(), 6)
        (25.0, 975.0)
    """
    known = np.isfinite(replicates).mean(axis=0) >= 0.5
    tail = (1 - CONFIDENCE) / 2
    bounds = np.full((2, replicates.shape[1]), np.nan)
    if known.any():
        bounds[:, known] = np.nanquantile(replicates[:, known], [tail, 1 - tail], axis=0)
    return bounds[0], bounds[1]


def interval_notice(num_subjects: int) -> list[str]:
    """Return a sentence on bootstrap intervals over few subjects, in a list that is empty for more.

    Args:
        num_subjects: Number of subjects that are drawn from.

    Example:
        >>> interval_notice(2), interval_notice(20)
        (['There is no interval over 2 subjects; it needs at least 3.'], [])
    """
    if num_subjects >= FEW_SUBJECTS:
        return []
    if num_subjects < FEWEST_SUBJECTS:
        plural = "s" * (num_subjects != 1)
        return [f"There is no interval over {num_subjects} subject{plural}; it needs at least {FEWEST_SUBJECTS}."]
    return [
        f"The intervals rest on {num_subjects} subjects. Read them as a lower bound of the "
        f"uncertainty: below {FEW_SUBJECTS} subjects a bootstrap is too narrow."
    ]
