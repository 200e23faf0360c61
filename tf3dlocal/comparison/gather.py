"""From the kept results of single runs to the comparison."""

from collections.abc import Sequence

from tf3dlocal.comparison.comparison import Comparison
from tf3dlocal.comparison.kept_results import cost_of_training
from tf3dlocal.comparison.method_rows import method_row, nan_of
from tf3dlocal.comparison.planned_runs import PlannedRun
from tf3dlocal.evaluation import Protocol

BASELINE = "GEI (no training)"


def gather(
    runs: Sequence[PlannedRun],
    kept: dict[str, dict],
    protocol: Protocol,
    data: str,
    facts: dict[str, str],
    notes: Sequence[str],
    published: bool,
) -> Comparison:
    """What was found so far, by method.

    Args:
        runs: all that are planned.
        kept: what `kept_results` gives, by the run's name and for the `BASELINE`; those of unfinished runs are missing,
            and one run at least is there.
        protocol, data, facts, notes, published: as in `Comparison`.
    """
    rows = [method_row(BASELINE, (), [kept[BASELINE]])] if BASELINE in kept else []
    done = [run for run in runs if run.name in kept]
    for method in dict.fromkeys(run.method for run in done):
        own = sorted((run for run in done if run.method == method), key=lambda run: run.seed)
        costs = [cost_of_training(run.folder) for run in own]
        rows.append(method_row(own[0].label, [run.seed for run in own], [kept[run.name] for run in own], costs))
    found = kept[done[0].name]["result"]
    counted = ("subjects", "gallery walks", "probe walks", "probes without gallery")
    facts = {**facts, **{name: found["facts"][name] for name in counted}}
    listed = [
        {
            "run": run.name,
            "method": run.label,
            "seed": run.seed,
            "folder": str(run.folder),
            "taken": run.taken,
            "mean": {g: nan_of(values["mean"]) for g, values in kept[run.name]["result"]["rank1"].items()},
        }
        for run in done
    ]
    noticed = dict.fromkeys(notice for one in kept.values() for notice in one["result"]["notices"])
    return Comparison(
        protocol=protocol,
        data=data,
        views=tuple(found["views"]),
        rows=tuple(rows),
        runs=tuple(listed),
        facts=facts,
        notes=(*notes, *noticed),
        num_planned=len(runs),
        published=published,
        probes_without_gallery=found["probes_without_gallery"],
    )
