"""The result of a measurement, and the numbers that are computed from it."""

import dataclasses
import math
import statistics
from typing import Any

# A convolution is computed forward, then for the gradient of its input and for that of its kernel.
PASSES = {"train": 3, "inference": 1}


def quartiles(values):
    """Return the first quartile, median and third quartile, by linear interpolation between the sorted values.

    Example:
        >>> quartiles([1, 2, 3, 4, 5]), quartiles([7])
        ((2.0, 3.0, 4.0), (7, 7, 7))
    """
    values = list(values)
    return tuple(statistics.quantiles(values, n=4, method="inclusive")) if len(values) > 1 else tuple(values * 3)


def fit_power(sizes, values):
    """Fit value = factor * size^exponent by least squares of the logarithms.

    Args:
        sizes: at least two different positive numbers.
        values: a positive number for each size.

    Returns:
        (factor, exponent).

    Raises:
        ValueError: fewer than two different sizes, or a number that is not positive.

    Example:
        >>> [round(number, 6) for number in fit_power([1, 2, 4], [3, 6, 12])]
        [3.0, 1.0]
    """
    if len(set(sizes)) < 2 or min(*sizes, *values) <= 0:
        raise ValueError(
            f"The sizes are {list(sizes)!r} and the values {list(values)!r}. Give at least two different sizes, and "
            "positive numbers only."
        )
    x, y = [math.log(size) for size in sizes], [math.log(value) for value in values]
    mean_x, mean_y = sum(x) / len(x), sum(y) / len(y)
    exponent = sum((a - mean_x) * (b - mean_y) for a, b in zip(x, y)) / sum((a - mean_x) ** 2 for a in x)
    return math.exp(mean_y - exponent * mean_x), exponent


@dataclasses.dataclass
class Row:
    """One alternative: seconds of one call in every round, its memory, and its facts.

    Attributes:
        name: the alternative's.
        seconds: of one call, for every round.
        processor_seconds: the same, summed over all cores, of the process and of those that it started and waited for.
        calls_per_round: number of calls in a row whose mean is taken.
        build_seconds: before the first call: reading, building, drawing.
        first_seconds: the first call, with tracing and compiling.
        python_mb, libraries_mb, peak_mb: resident memory in MB of the bare interpreter, after the imports, and at its
            peak.
        facts: see `Alternative`.
    """

    name: str
    _: dataclasses.KW_ONLY
    seconds: list[float] = dataclasses.field(default_factory=list)
    processor_seconds: list[float] = dataclasses.field(default_factory=list)
    calls_per_round: int = 1
    build_seconds: float = 0.0
    first_seconds: float = 0.0
    python_mb: float | None = None
    libraries_mb: float | None = None
    peak_mb: float | None = None
    facts: dict[str, Any] = dataclasses.field(default_factory=dict)

    @property
    def median(self):
        """Median of the seconds."""
        return statistics.median(self.seconds)

    @property
    def compile_seconds(self):
        """What the first call took beyond the median one: tracing, compiling, first allocations."""
        return max(0.0, self.first_seconds - self.median)


@dataclasses.dataclass
class Measurements:
    """The result of `side_by_side`, `fresh_processes` or `fresh_calls`.

    Attributes:
        title: what was measured.
        rows: the alternatives that gave numbers, in the given order.
        absent: [{"name", "reason", "details"}] of those that gave none.
        base: name of the row that ratios are to; None if it is absent.
        machine: see `machine_facts`.
        load: {"before", "after"}: the load averages of 1, 5 and 15 minutes (None where they are unknown); "others":
            how many cores all other processes of the machine kept busy during the rounds, where it is known.
        conditions: further facts that the caller gives, such as the batch.

    Example:
        >>> rows = [Row("a", seconds=[2.0, 2.2, 9.0]), Row("b", seconds=[1.0, 1.1, 4.5])]
        >>> Measurements("example", rows=rows, base="a").ratio(rows[1])
        (0.5, 0.5, 0.5)
    """

    title: str
    _: dataclasses.KW_ONLY
    rows: list[Row]
    absent: list[dict[str, str]] = dataclasses.field(default_factory=list)
    base: str | None = None
    machine: dict[str, Any] = dataclasses.field(default_factory=dict)
    load: dict[str, Any] = dataclasses.field(default_factory=dict)
    conditions: dict[str, Any] = dataclasses.field(default_factory=dict)

    def ratio(self, row):
        """Return the quartiles of the ratios to the base within each round, or None without a base."""
        base = next((other for other in self.rows if other.name == self.base), None)
        if base is None:
            return None
        return quartiles(own / others for own, others in zip(row.seconds, base.seconds, strict=False))

    def to_dict(self):
        """Return all numbers as a dict that JSON can hold."""
        values = dataclasses.asdict(self)
        for row, entry in zip(self.rows, values["rows"], strict=True):
            first, median, third = quartiles(row.seconds)
            entry |= {"median": median, "least": min(row.seconds), "quartiles": [first, third]}
            entry |= {"compile_seconds": row.compile_seconds, "ratio": None, "ratio_quartiles": None}
            if ratios := self.ratio(row):
                entry |= {"ratio": ratios[1], "ratio_quartiles": [ratios[0], ratios[2]]}
        return values


def add_operations(measurements, *, step, walks, gflop_per_walk, peak, without=()):
    """Add the fact "gflop" to the rows and the matrix product to the machine, for GFLOP/s and what bounds the step.

    Args:
        measurements: result of `side_by_side`; it is changed.
        step: "train" or "inference".
        walks: walks of a batch.
        gflop_per_walk: operations of a forward pass.
        peak: result of `matmul_peak`.
        without: names of rows whose operations are unknown.

    Example:
        >>> found = Measurements("a step", rows=[Row("tf3dlocal", seconds=[2.0])])
        >>> add_operations(found, step="train", walks=8, gflop_per_walk=2.0, peak=None)
        >>> found.rows[0].facts
        {'gflop': 48.0}
    """
    measurements.conditions["forward_gflop_per_walk"] = round(gflop_per_walk, 3)
    measurements.machine["matmul_peak"] = peak
    for row in measurements.rows:
        if row.name not in without:
            row.facts["gflop"] = PASSES[step] * walks * gflop_per_walk
