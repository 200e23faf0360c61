"""Supplement Table 2 of a run or a comparison: its rank-1 by probe view next to the published rows."""

import math
import pathlib
from typing import Any

from tf3dlocal.evaluation import PRINTED_MEANS, one_decimal, published_names, published_table
from tf3dlocal.io import UnreadableError, read_json, readable
from tf3dlocal.io.types import PathLike
from tf3dlocal.supplement.supplement_table import SupplementTable

EVALUATION, REPORT = "evaluation.json", "report.json"
FOLDERS = (
    "Table 2 is made from the folder of a run that `tf3dlocal evaluate` has tested, or from the folder that `tf3dlocal "
    "compare` has written."
)
AGAIN = "Test again, with a protocol that has them."
EVALUATE = "Write it with `tf3dlocal evaluate {run} --data DIR --protocol NAME`."


def table_2(run: PathLike) -> SupplementTable:
    """Make supplement Table 2 from what a test has written: rank-1 by probe view, identical views excluded.

    Args:
        run: Run folder with an evaluation.json, or the folder of a comparison with a report.json.

    Raises:
        FileNotFoundError: The folder has neither.
        ValueError: It is a file or a data set.
        UnreadableError: The file is damaged, or has no groups or views.
    """
    run = pathlib.Path(run)
    report, evaluation = run / REPORT, run / EVALUATION
    if not run.exists():
        raise FileNotFoundError(f"There is no {run}.")
    if not run.is_dir():
        raise ValueError(f"{run} is a file. {FOLDERS}")
    if (run / "dataset.json").is_file():
        raise ValueError(f"{run} is a prepared data set. {FOLDERS}")
    if not report.is_file() and not evaluation.is_file():
        if not (run / "model.keras").is_file():
            raise FileNotFoundError(f"{run} has no {EVALUATION} and no {REPORT}. {FOLDERS}")
        raise FileNotFoundError(f"{run} has no {EVALUATION}. {EVALUATE.format(run=run)}")
    file = report if report.is_file() else evaluation
    found = read_json(file)
    with readable(file, reason="it has not the keys of a report"):
        if not found["groups"] or not found["views"]:
            raise UnreadableError(f"{file} has no groups of probes or no views, so there is nothing to show. {AGAIN}")
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
    data = _data_of(found)
    identical = found["protocol"]["identical_views"]
    rule = found.get("probes_without_gallery", "keep")
    rows, values, own, groups, sources = [], [], [], [], []
    for group in found["groups"]:
        groups.append(len(rows))
        printed = _published(protocol, group=group, rule=rule, views=views) if identical == "exclude" else []
        for at, row in enumerate([*printed, *(row for row in measured if row["group"] == group)]):
            label = f"{group} ({', '.join(found['protocol']['probes'][group])})" if at == 0 else ""
            by_view = row["by_probe_view"] if "views" not in row else [row["views"].get(view) for view in views]
            if row.get("source"):
                sources.append(row["source"])
            else:
                own.append(len(rows))
            rows.append([label, row["method"], *map(one_decimal, by_view), _mean(row)])
            values.append(_value(row, by_view=by_view, views=views, data=data, protocol=protocol))
    notes = []
    if identical != "exclude":
        notes.append(f"Published rows exclude identical views. This test has {identical}d them, so none is shown.")
    elif sources:
        notes.append(
            f"Published: {'; '.join(dict.fromkeys(sources))}, on the protocol's own data set. The other rows are of "
            f"{data}. Scores of different data sets cannot be compared."
        )
        if any("[" in row[-1] for row in rows):
            notes.append(PRINTED_MEANS)
        if set(views) != set(published_table(protocol).views):
            notes.append(f"All means are over the {len(views)} views shown; the papers print means over more views.")
    else:
        notes.append(f"Nothing is published for the protocol {protocol}: the rows are all of {data}.")
    notes += _reservations(found)
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


def _reservations(found: dict) -> list[str]:
    """What a reader of the scores must know: who is missing, and what the test itself has noticed."""
    missing = found.get("missing_test_subjects") or []
    # The table has no equal error rates, so what a test noticed about them is left out.
    notes = [notice for notice in found.get("notices") or [] if not notice.startswith("verification, ")]
    if missing:
        count = found["num_test_subjects"]
        notes.insert(0, f"{count} of the protocol's {count + len(missing)} test subjects are in {_data_of(found)}.")
    return notes


def _data_of(found: dict) -> str:
    return found.get("data_set") or found.get("details", {}).get("data") or "the data set of the test"


def _published(protocol: str, *, group: str, rule: str, views: list) -> list[dict[str, Any]]:
    if protocol not in published_names():
        return []
    table, rows = published_table(protocol), []
    for row in table.of_group(group, probes_without_gallery=rule):
        by_view = dict(zip(table.views, row.values, strict=False))
        mean, recomputed = row.printed_mean, row.recomputed_mean if row.mean_is_off else None
        if set(views) != set(table.views):  # the printed mean is over views that are not shown
            shown = [by_view[view] for view in views if view in by_view]
            mean, recomputed = sum(shown) / len(shown) if len(shown) == len(views) else math.nan, None
        rows.append({"method": row.label, "group": group, "views": by_view, "mean": mean, "recomputed": recomputed})
        rows[-1]["source"] = row.source
    return rows


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
    text = one_decimal(row["mean"])
    if row.get("recomputed") is not None:
        text += f" [{row['recomputed']:.2f}]"
    return text if row.get("spread") is None else f"{text} ± {one_decimal(row['spread'])}"
