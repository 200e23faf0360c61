"""The rows of a comparison: methods with their seeds, means and spread, before anybody formats them."""

import dataclasses
import math
import statistics
from collections.abc import Sequence

import numpy as np


@dataclasses.dataclass(frozen=True)
class MethodRow:
    """One method, tested with one or several seeds; rank-1 in per cent, identical views treated as the protocol says."""

    label: str
    groups: tuple[str, ...]  # NM, BG, CL
    seeds: tuple[int, ...]  # () for a method without training
    by_view: np.ndarray  # float64 [seeds, groups, probe views]; NaN where nothing was counted
    means: np.ndarray  # float64 [seeds, groups]: over the probe views
    cost: dict = dataclasses.field(default_factory=dict)  # see `method_row`; empty without training

    def mean_by_view(self, group: str) -> list[float]:
        """Mean over the seeds for each probe view."""
        return [mean_of(column) for column in self.by_view[:, self.groups.index(group)].T.tolist()]

    def mean(self, group: str) -> float:
        """Mean over the seeds of the mean over the probe views."""
        return mean_of(self.means[:, self.groups.index(group)].tolist())

    def spread(self, group: str) -> float | None:
        """How far the seeds' means lie apart; see `spread_of`."""
        return spread_of(self.means[:, self.groups.index(group)].tolist())


def mean_of(values: Sequence[float]) -> float:
    return statistics.fmean(values)


def spread_of(values: Sequence[float]) -> float | None:
    """Half the range of two values, the sample standard deviation of three or more, None of one.

    Two values' standard deviation would say no more than their range, and be read as an estimate, which it is not.

    Example:
        >>> spread_of([40.0, 41.0]), spread_of([1.0, 2.0, 3.0]), spread_of([40.0])
        (0.5, 1.0, None)
    """
    if len(values) < 2:
        return None
    return (max(values) - min(values)) / 2 if len(values) == 2 else statistics.stdev(values)


def spread_meaning(rows: Sequence[MethodRow]) -> str:
    """What the ± of these rows is, in words; "" where there is none."""
    numbers = sorted({len(row.seeds) for row in rows if len(row.seeds) > 1})
    kinds = []
    if 2 in numbers:
        kinds.append("half the range of its two seeds")
    if max(numbers, default=0) > 2:
        kinds.append("the sample standard deviation of its three or more seeds")
    return "± is " + " or ".join(kinds) if kinds else ""


def method_row(label: str, seeds: Sequence[int], kept: Sequence[dict], costs: Sequence[dict] = ()) -> MethodRow:
    """One row of what was kept of a method's runs.

    Args:
        label: the name in the report.
        seeds: one per run, or () for a method without training.
        kept: one per run; see `kept_results`.
        costs: one per run; see `cost_of_training`.

    Returns:
        MethodRow; its cost is {"parameters", "gflops", "seconds_per_step" (median), "minutes" (mean of the runs), "steps"}.
    """
    results = [one["result"] for one in kept]
    groups = tuple(results[0]["groups"])
    by_view = [[list(map(nan_of, result["rank1"][group]["by_probe_view"])) for group in groups] for result in results]
    means = [[nan_of(result["rank1"][group]["mean"]) for group in groups] for result in results]
    cost = {}
    if costs:
        seconds = [value for cost in costs for value in cost["seconds_per_step"]]
        minutes = [cost["minutes"] for cost in costs if cost["minutes"] is not None]
        cost = {
            "parameters": kept[0]["num_parameters"],
            "gflops": kept[0]["forward_flops"] / 1e9,
            "seconds_per_step": statistics.median(seconds) if seconds else None,
            "minutes": statistics.fmean(minutes) if minutes else None,
            "steps": costs[0]["steps"],
        }
    return MethodRow(label, groups, tuple(seeds), np.array(by_view, float), np.array(means, float), cost)


def nan_of(value: float | None) -> float:
    """JSON's null as NaN."""
    return math.nan if value is None else value
