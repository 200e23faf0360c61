"""What a comparison found, as plain data from which the report, the CSV, the JSON and the picture are made."""

import dataclasses
import math
import statistics
from collections.abc import Sequence
from typing import Any

import numpy as np

from tf3dlocal.comparison.kept_results import cost_of_training
from tf3dlocal.comparison.planned_runs import PlannedRun
from tf3dlocal.evaluation import Protocol

BASELINE = "GEI (no training)"
# What must be equal in all rows of a report: keys of a result, and of its facts.
TESTED = (
    "views",
    "groups",
    "num_test_subjects",
    "missing_test_subjects",
    "num_gallery_by_view",
    "num_probes_by_group_and_view",
    "probes_without_gallery",
)
COUNTED = ("subjects", "gallery walks", "probe walks", "probes without gallery")


@dataclasses.dataclass(frozen=True, kw_only=True)
class MethodRow:
    """One method, tested with one or several seeds; identical views are treated as the protocol says.

    Attributes:
        label: Name in the report.
        groups: Names of the probe groups (NM, BG, CL).
        seeds: Random seeds; () for a method without training.
        by_view: float64 [seeds, groups, probe views], rank-1 in per cent; NaN where nothing was counted.
        means: float64 [seeds, groups], over the probe views.
        cost: See `method_row`; empty without training.
    """

    label: str
    groups: tuple[str, ...]
    seeds: tuple[int, ...]
    by_view: np.ndarray
    means: np.ndarray
    cost: dict[str, Any] = dataclasses.field(default_factory=dict)

    def mean_by_view(self, group: str) -> list[float]:
        """Compute the mean over the seeds for each probe view."""
        return [statistics.fmean(column) for column in self.by_view[:, self.groups.index(group)].T.tolist()]

    def mean(self, group: str) -> float:
        """Compute the mean over the seeds of the mean over the probe views."""
        return statistics.fmean(self.means[:, self.groups.index(group)].tolist())

    def spread(self, group: str) -> float | None:
        """Compute the spread of the seeds' means; see `spread_of`."""
        return spread_of(self.means[:, self.groups.index(group)].tolist())


@dataclasses.dataclass(frozen=True, kw_only=True)
class Comparison:
    """Everything that a comparison has found so far.

    Attributes:
        protocol: Protocol of all trainings and tests.
        data: Name of the data set.
        views: Labels of the probe views.
        rows: Methods in the given order, a baseline without training first.
        runs: For each finished run "run", "method", "seed", "folder", "taken" and "mean" by group.
        facts: What must accompany the numbers.
        notes: Sentences for the report.
        num_planned: Number of planned runs.
        published: Whether the report has the published rows.
        probes_without_gallery: "keep" or "drop".
    """

    protocol: Protocol
    data: str
    views: tuple[int | str, ...]
    rows: tuple[MethodRow, ...]
    runs: tuple[dict[str, Any], ...]
    facts: dict[str, str]
    notes: tuple[str, ...]
    num_planned: int
    published: bool
    probes_without_gallery: str = "keep"

    @property
    def groups(self) -> tuple[str, ...]:
        """Names of the probe groups."""
        return self.rows[0].groups

    @property
    def title(self) -> str:
        """Protocol and data set."""
        return f"{self.protocol.name} on {self.data}"


def gather(
    runs: Sequence[PlannedRun],
    *,
    kept: dict[str, dict],
    protocol: Protocol,
    data: str,
    facts: dict[str, str],
    notes: Sequence[str],
    published: bool,
) -> Comparison:
    """Gather the results of single runs by method.

    Args:
        runs: All planned runs.
        kept: Results of `KeptResults`, by the name of the run and for the `BASELINE`; those of unfinished runs are
            missing, and at least one run is there.
        protocol: As in `Comparison`.
        data: As in `Comparison`.
        facts: As in `Comparison`; the counts are added.
        notes: As in `Comparison`; the notices of the tests are added.
        published: As in `Comparison`.
    """
    rows = [method_row(BASELINE, kept=[kept[BASELINE]])] if BASELINE in kept else []
    done = [run for run in runs if run.name in kept]
    check_same_tests(kept)
    for method in dict.fromkeys(run.method for run in done):
        own = sorted((run for run in done if run.method == method), key=lambda run: run.seed)
        rows.append(
            method_row(
                own[0].label,
                seeds=[run.seed for run in own],
                kept=[kept[run.name] for run in own],
                costs=[cost_of_training(run.folder) for run in own],
            )
        )
    found = kept[done[0].name]["result"]
    noticed = dict.fromkeys(notice for one in kept.values() for notice in one["result"]["notices"])
    return Comparison(
        protocol=protocol,
        data=data,
        views=tuple(found["views"]),
        rows=tuple(rows),
        runs=tuple(_run_facts(run, kept[run.name]["result"]) for run in done),
        facts={**facts, **{name: found["facts"][name] for name in COUNTED}},
        notes=(*notes, *noticed),
        num_planned=len(runs),
        published=published,
        probes_without_gallery=found["probes_without_gallery"],
    )


def check_same_tests(kept: dict[str, dict]) -> None:
    """Refuse rows that were not tested on the same people and walks.

    Args:
        kept: As in `gather`.

    Raises:
        ValueError: Two results differ in views, groups or counts; all differences to the first are listed.
    """
    (first, one), *others = kept.items()
    differences = []
    for name, other in others:
        for key in (*TESTED, *COUNTED):
            here, there = (found["result"].get(key, found["result"]["facts"].get(key)) for found in (one, other))
            if here != there:
                differences.append(f"  {key}: {here} in {first}, {there} in {name}")
    if differences:
        raise ValueError(
            "The rows were not tested on the same walks, and cannot stand in one table:\n"
            + "\n".join(differences)
            + "\nRemove the folder `results` of the comparison; the next call tests all of them again."
        )


def method_row(label: str, *, seeds: Sequence[int] = (), kept: Sequence[dict], costs: Sequence[dict] = ()) -> MethodRow:
    """Make one row of the kept results of a method's runs.

    Args:
        label: Name in the report.
        seeds: One per run, or () for a method without training.
        kept: One per run; see `KeptResults`.
        costs: One per run; see `cost_of_training`.

    Returns:
        MethodRow. Its cost is {"parameters", "gflops", "seconds_per_step" (median), "minutes" (mean of the runs),
        "steps"}.
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
    return MethodRow(
        label=label,
        groups=groups,
        seeds=tuple(seeds),
        by_view=np.array(by_view, float),
        means=np.array(means, float),
        cost=cost,
    )


def spread_of(values: Sequence[float]) -> float | None:
    """Compute half the range of two values, the sample standard deviation of three or more, None for one.

    The standard deviation of two values says no more than their range, and would be read as an estimate.

    Example:
        >>> spread_of([40.0, 41.0]), spread_of([1.0, 2.0, 3.0]), spread_of([40.0])
        (0.5, 1.0, None)
    """
    if len(values) < 2:
        return None
    return (max(values) - min(values)) / 2 if len(values) == 2 else statistics.stdev(values)


def nan_of(value: float | None) -> float:
    """Replace JSON's null by NaN."""
    return math.nan if value is None else value


def _run_facts(run: PlannedRun, result: dict) -> dict[str, Any]:
    return {
        "run": run.name,
        "method": run.label,
        "seed": run.seed,
        "folder": str(run.folder),
        "taken": run.taken,
        "mean": {group: nan_of(values["mean"]) for group, values in result["rank1"].items()},
    }
