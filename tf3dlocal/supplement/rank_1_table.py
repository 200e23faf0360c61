"""Supplement Table 2 of a run or a comparison: its rank-1 by probe view next to the published rows."""

import math
import pathlib
from typing import Any

from tf3dlocal.evaluation import published_names, published_table
from tf3dlocal.io import read_json, readable
from tf3dlocal.io.types import PathLike
from tf3dlocal.supplement.supplement_table import SupplementTable

EVALUATION, REPORT = "evaluation.json", "report.json"
EVALUATE = "Write it with `tf3dlocal evaluate {run} --data DIR --protocol NAME`."


def table_2(run: PathLike) -> SupplementTable:
    """Make supplement Table 2 from what a test has written: rank-1 by probe view, identical views excluded.

    Args:
        run: Run folder with an evaluation.json, or the folder of a comparison with a report.json.

    Raises:
        FileNotFoundError: The folder has neither.
        UnreadableError: The file is damaged.
    """
    run = pathlib.Path(run)
    report, evaluation = run / REPORT, run / EVALUATION
    if not report.is_file() and not evaluation.is_file():
        if not run.exists():
            raise FileNotFoundError(f"There is no {run}.")
        raise FileNotFoundError(f"{run} has no {EVALUATION}. " + EVALUATE.format(run=run))
    file = report if report.is_file() else evaluation
    found = read_json(file)
    with readable(file, reason="it has not the keys of a report"):
        return _table(found, measured=_of_comparison(found) if file == report else _of_run(found))


def _of_run(found: dict) -> list[dict[str, Any]]:
    label = found["method"]
    return [{"method": label, "group": group, **found["rank1"][group], "spread": None} for group in found["groups"]]


def _of_comparison(found: dict) -> list[dict[str, Any]]:
    return [
        {"method": row["method"], "group": group, **row["rank1"][group]}
        for group in found["groups"]
        for row in found["methods"]
    ]


def _table(found: dict, *, measured: list[dict[str, Any]]) -> SupplementTable:
    protocol, views = found["protocol"]["name"], found["views"]
    data = found.get("data_set") or found.get("details", {}).get("data") or "the data set of the test"
    rows, values, own, groups, sources = [], [], [], [], []
    for group in found["groups"]:
        groups.append(len(rows))
        printed = _published(protocol, group=group, rule=found.get("probes_without_gallery", "keep"))
        for at, row in enumerate([*printed, *(row for row in measured if row["group"] == group)]):
            label = f"{group} ({', '.join(found['protocol']['probes'][group])})" if at == 0 else ""
            by_view = row["by_probe_view"] if "views" not in row else [row["views"].get(view) for view in views]
            if row.get("source"):
                sources.append(row["source"])
            else:
                own.append(len(rows))
            rows.append([label, row["method"], *map(_one_decimal, by_view), _mean(row)])
            values.append(_value(row, by_view=by_view, views=views, data=data, protocol=protocol))
    identical = found["protocol"]["identical_views"]
    notes = []
    if sources:
        notes.append(
            f"Published: {'; '.join(dict.fromkeys(sources))}, on the protocol's own data set. The rows in bold are of "
            f"{data}. Scores of different data sets cannot be compared."
        )
        if any("[" in row[-1] for row in rows):
            notes.append("A printed mean that is not the mean of its own row is followed by [the mean of the row].")
    else:
        notes.append(f"Nothing is published for the protocol {protocol}: the rows are all of {data}.")
    return SupplementTable(
        title=f"Supplement Table 2: rank-1 (%), {protocol}, gallery {', '.join(found['protocol']['gallery'])}, "
        f"identical views {identical}d",
        header=["Probe", "Method", *(f"{view}°" if isinstance(view, int) else str(view) for view in views), "Mean"],
        rows=rows,
        values=values,
        notes=notes,
        num_texts=2,
        own_rows=own if sources else (),
        groups=groups,
    )


def _published(protocol: str, *, group: str, rule: str) -> list[dict[str, Any]]:
    if protocol not in published_names():
        return []
    table = published_table(protocol)
    return [
        {
            "method": row.label,
            "group": group,
            "views": dict(zip(table.views, row.values, strict=False)),
            "mean": row.printed_mean,
            "recomputed": row.recomputed_mean if row.mean_is_off else None,
            "source": row.source,
        }
        for row in table.of_group(group, probes_without_gallery=rule)
    ]


def _value(row, *, by_view, views, data, protocol):
    return {
        "group": row["group"],
        "method": row["method"],
        **{str(view): value for view, value in zip(views, by_view, strict=True)},
        "mean": row["mean"],
        "spread": row.get("spread"),
        "data_set": row.get("source") or data,
        "protocol": protocol,
    }


def _mean(row):
    text = _one_decimal(row["mean"])
    if row.get("recomputed") is not None:
        text += f" [{row['recomputed']:.2f}]"
    return text if row.get("spread") is None else f"{text} ± {_one_decimal(row['spread'])}"


def _one_decimal(value):
    return "-" if value is None or math.isnan(value) else f"{value:.1f}"
