"""What was measured, and the numbers that one reads off it."""

import dataclasses
import statistics
from typing import Any


def quartiles(values):
    """First quartile, median and third quartile, by linear interpolation between the sorted values.

    Example:
        >>> quartiles([1, 2, 3, 4, 5]), quartiles([7])
        ((2.0, 3.0, 4.0), (7, 7, 7))
    """
    values = list(values)
    return tuple(statistics.quantiles(values, n=4, method="inclusive")) if len(values) > 1 else tuple(values * 3)


@dataclasses.dataclass
class Row:
    """One alternative: seconds of one call in every round, its memory, and what it said of itself.

    Fields:
        name: the alternative's.
        seconds, processor_seconds: of one call, round by round; the second counts all cores of its process
            and of those that it started and waited for.
        calls_per_round: of how many calls in a row that is the mean.
        build_seconds: before the first call: reading, building, drawing.
        first_seconds: the first call, with tracing and compiling.
        python_mb, libraries_mb, peak_mb: resident memory in MB of the bare interpreter, after the imports, and at its peak.
        facts: see `Alternative`.
    """

    name: str
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
        return statistics.median(self.seconds)

    @property
    def compile_seconds(self):
        """What the first call took beyond the median one: tracing, compiling, first allocations."""
        return max(0.0, self.first_seconds - self.median)


@dataclasses.dataclass
class Measurements:
    """The result of `side_by_side`.

    Fields:
        title: what was measured.
        rows: the alternatives that gave numbers, in the order given.
        absent: [{"name", "reason", "details"}] of those that did not.
        base: name of the row that the others are put in ratio to; None where it is absent.
        machine: see `machine_facts`.
        load: {"before", "after"}: the load averages of 1, 5 and 15 minutes (None where the system does not tell); "others":
            how many cores all other processes of the machine kept busy during the rounds, where the system tells.
        conditions: what the caller has to say of the measurement, such as the batch.

    Example:
        >>> rows = [Row("a", seconds=[2.0, 2.2, 9.0]), Row("b", seconds=[1.0, 1.1, 4.5])]
        >>> Measurements("example", rows, base="a").ratio(rows[1])
        (0.5, 0.5, 0.5)
    """

    title: str
    rows: list[Row]
    absent: list[dict[str, str]] = dataclasses.field(default_factory=list)
    base: str | None = None
    machine: dict[str, Any] = dataclasses.field(default_factory=dict)
    load: dict[str, Any] = dataclasses.field(default_factory=dict)
    conditions: dict[str, Any] = dataclasses.field(default_factory=dict)

    def ratio(self, row):
        """Quartiles of the ratio to the base within each round: what slows a whole round down does not count. Or None."""
        base = next((other for other in self.rows if other.name == self.base), None)
        if base is None:
            return None
        return quartiles(own / others for own, others in zip(row.seconds, base.seconds, strict=False))

    def to_dict(self):
        """All numbers, as JSON holds them."""
        values = dataclasses.asdict(self)
        for row, entry in zip(self.rows, values["rows"], strict=True):
            first, median, third = quartiles(row.seconds)
            entry |= {"median": median, "least": min(row.seconds), "quartiles": [first, third]}
            entry |= {"compile_seconds": row.compile_seconds, "ratio": None, "ratio_quartiles": None}
            if ratios := self.ratio(row):
                entry |= {"ratio": ratios[1], "ratio_quartiles": [ratios[0], ratios[2]]}
        return values
