"""The files of `tf3dlocal evaluate --details`: every answer, every pair of views, and the error rates."""

import csv
import pathlib
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from tf3dlocal.evaluation.cross_view_result import CrossViewResult
from tf3dlocal.evaluation.details.comparisons import Comparisons
from tf3dlocal.evaluation.details.open_set import OpenSet
from tf3dlocal.evaluation.details.verification import Verification
from tf3dlocal.evaluation.rank_table import facts
from tf3dlocal.io import write_file, write_json
from tf3dlocal.io.types import PathLike

PROBE_COLUMNS = (
    "group",
    "subject",
    "condition",
    "view",
    "gallery_view",
    "counts",
    "nearest_subject",
    "nearest_condition",
    "nearest_view",
    "nearest_distance",
    "rank",
    "own_condition",
    "own_view",
    "own_distance",
)
ABOUT = (
    "Rates are shares from 0 to 1; low and high bound the 95 % bootstrap interval over subjects; null: not known, see "
    "notices. All pairs of views that count for the protocol's mean share one threshold."
)


def write_details(result: CrossViewResult, *, folder: PathLike) -> list[pathlib.Path]:
    """Write what lies behind a rank-1 table; each file appears as a whole or not at all.

    probes.csv: a row per probe and gallery view: nearest walk, rank and distance of the right person. pairs.csv: a row
    per group, probe view and gallery view: counts. verification.json and open_set.json: the rates;
    verification.csv and open_set.csv: their curves.

    Args:
        result: Result of `evaluate`, `evaluate_gait_energy` or `cross_view` with `comparisons=True`.
        folder: Created if absent. Files of these names in it are replaced.

    Returns:
        The six paths.

    Raises:
        ValueError: The result was computed without comparisons.
    """
    comparisons = result.comparisons
    if comparisons is None:
        raise ValueError("This result has no answers of single probes. Evaluate with comparisons=True.")
    folder = pathlib.Path(folder)
    paths = [folder / name for name in ("probes.csv", "pairs.csv")]
    _write_csv(paths[0], PROBE_COLUMNS, probe_rows(result))
    ranks = [f"rank_{rank}" for rank in range(1, result.max_rank + 1)]
    header = ["group", "probe_view", "gallery_view", "counts", "probes", "gallery", "without_gallery", *ranks]
    _write_csv(paths[1], header, _pair_rows(result))
    for name, groups, curve in (
        ("verification", comparisons.verification, _VERIFICATION_CURVE),
        ("open_set", comparisons.open_set, _OPEN_SET_CURVE),
    ):
        values = {group: rates.as_json() for group, rates in groups.items()}
        paths.append(folder / f"{name}.json")
        write_json(paths[-1], {"about": ABOUT, "method": result.method, "facts": facts(result), "groups": values})
        paths.append(folder / f"{name}.csv")
        _write_csv(paths[-1], ("group", *curve), _curve_rows(groups, curve))
    return paths


def probe_rows(result: CrossViewResult) -> Iterator[list[Any]]:
    """Yield the rows of probes.csv, in the order of `PROBE_COLUMNS`.

    "counts" is 1 if the pair of views is part of the protocol's mean, else 0. Unknown values are empty.
    """
    found: Comparisons = result.comparisons
    roles = found.roles
    probes = roles.probes
    excludes = result.protocol.identical_views == "exclude"
    for group, members in roles.groups.items():
        for i in np.flatnonzero(members[probes]):
            name = [group, *_walk(roles, probes[i])]
            for column, view in enumerate(roles.views):
                if found.nearest[i, column] < 0:
                    continue  # an empty gallery view
                counts = int(not (excludes and roles.labels[probes[i]] == view))
                nearest = [*_walk(roles, found.nearest[i, column]), _number(found.nearest_distance[i, column])]
                own = ["", "", "", ""]
                if found.own[i, column] >= 0:
                    _, condition, degrees = _walk(roles, found.own[i, column])
                    own = [found.rank[i, column], condition, degrees, _number(found.own_distance[i, column])]
                yield [*name, view, counts, *nearest, *own]


def _pair_rows(result: CrossViewResult) -> Iterator[list[Any]]:
    counted = result.num_counted
    for g, group in enumerate(result.groups):
        for p, probe_view in enumerate(result.views):
            for v, view in enumerate(result.views):
                counts = int(result.protocol.identical_views == "include" or p != v)
                numbers = counted[g, p, v], result.num_gallery[v], result.num_without_gallery[g, p, v]
                yield [group, probe_view, view, counts, *numbers, *result.hits[:, g, p, v]]


_VERIFICATION_CURVE = ("threshold", "fmr", "fnmr", "fnmr_low", "fnmr_high")
_OPEN_SET_CURVE = ("threshold", "fpir", "fnir", "fnir_low", "fnir_high")


def _curve_rows(groups: dict[str, Verification] | dict[str, OpenSet], names: Sequence[str]) -> Iterator[list[Any]]:
    for group, rates in groups.items():
        columns = [rates.thresholds, *(getattr(rates, name) for name in names[1:3])]
        for row in zip(*columns, *getattr(rates, f"{names[2]}_interval")):
            yield [group, *map(_number, row)]


def _write_csv(path: pathlib.Path, header: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    def write(unfinished: pathlib.Path) -> None:
        with open(unfinished, "w", encoding="utf-8", errors="backslashreplace", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(header)
            writer.writerows(rows)

    write_file(path, write)


def _walk(roles, row: int) -> tuple[str, str, int]:
    return str(roles.subjects[row]), str(roles.conditions[row]), int(roles.view_degrees[row])


def _number(value: float) -> str:
    return "" if np.isnan(value) else f"{value:.7g}"
