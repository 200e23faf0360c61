"""A cross-view result as Markdown, CSV and JSON (`print_report` has the terminal)."""

import csv
import io
import json
import math
import os
import pathlib
import secrets

import numpy as np

from tf3dlocal.evaluation.cross_view_result import IDENTICAL_VIEWS, CrossViewResult
from tf3dlocal.evaluation.rank_table import TableRow, facts, rank_rows
from tf3dlocal.evaluation.table_text import (
    IDENTICAL_VIEWS_TITLES,
    caption,
    summary_table,
    table_cells,
    table_footnotes,
    table_header,
)


def markdown_report(result: CrossViewResult, method: str = "this run", published: bool = False) -> str:
    """The rank-1 table as a Markdown document: facts, table, means by rank, notes; arguments as in `print_report`."""
    rows = rank_rows(result, method, published=published)
    lines = [f"# Rank-1, {result.protocol.name}", ""]
    lines += [f"- {name}: {text}" for name, text in facts(result).items()]
    lines += ["", f"{caption(result)}.", ""]
    lines += _markdown_table(table_header(result), [table_cells(row) for row in rows])
    for note in table_footnotes(result, rows):
        lines += ["", note]
    lines += ["", "Means by rank and by what is done with identical views, in %.", ""]
    lines += _markdown_table(*summary_table(result))
    if result.notices:
        lines += ["", "Notes:", "", *(f"- {notice}" for notice in result.notices)]
    return "\n".join(lines) + "\n"


def csv_report(result: CrossViewResult, method: str = "this run", published: bool = False) -> str:
    """The tables as CSV: a row per group, rank and treatment of identical views; full precision; empty where unknown.

    The facts stand in each row, so that a row keeps its meaning when it is copied elsewhere.
    """
    stated = facts(result)
    fact_names = list(stated)
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    views = [str(view) for view in result.views]
    writer.writerow(
        ["group", "method", "rank", "identical_views", *views, "mean", "recomputed_mean", "source", *fact_names]
    )

    def write(row: TableRow, rank: int, identical_views: str):
        own_facts = [stated[name] if row.ours or name == "protocol" else "" for name in fact_names]
        numbers = [*map(_exact, row.values), _exact(row.mean), _exact(row.recomputed_mean), row.source]
        writer.writerow([row.group, row.method, rank, IDENTICAL_VIEWS_TITLES[identical_views], *numbers, *own_facts])

    if published:
        for row in rank_rows(result, method, published=True):
            if not row.ours:
                write(row, 1, "exclude")
    for rank in range(1, result.max_rank + 1):
        for identical_views in IDENTICAL_VIEWS:
            for row in rank_rows(result, method, rank, identical_views):
                write(row, rank, identical_views)
    return out.getvalue()


def json_report(result: CrossViewResult, method: str = "this run", published: bool = False) -> dict:
    """Everything as plain dicts and lists for JSON: facts, means, and the counts and rates of every pair of views.

    Rates are in per cent; null stands where nothing was counted.
    """
    means = {
        f"identical_views_{IDENTICAL_VIEWS_TITLES[identical]}": {
            group: [_number(result.mean(rank, identical)[g]) for rank in range(1, result.max_rank + 1)]
            for g, group in enumerate(result.groups)
        }
        for identical in IDENTICAL_VIEWS
    }
    rank1 = {row.group: {"by_probe_view": _numbers(row.values), "mean": _number(row.mean)} for row in rank_rows(result)}
    others = [row for row in rank_rows(result, published=published) if not row.ours]
    return {
        "method": method,
        "facts": facts(result),
        "protocol": result.protocol.model_dump(mode="json"),
        "distance": result.distance,
        "groups": list(result.groups),
        "views": list(result.views),
        "num_test_subjects": len(result.split.test),
        "missing_test_subjects": list(result.split.missing_test),
        "num_gallery_by_view": result.num_gallery.tolist(),
        "num_probes_by_group_and_view": result.num_probes.tolist(),
        "num_dropped": result.num_dropped,
        "probes_without_gallery": result.probes_without_gallery,
        "rank1": rank1,
        "means_by_rank": means,
        "pairs": {
            "axes": ["rank", "group", "probe view", "gallery view"],
            "hits": result.hits.tolist(),
            "counted": result.num_counted.tolist(),
            "without_gallery": result.num_without_gallery.tolist(),
            "per_cent": _numbers(result.rank),
        },
        "published": [
            {
                "group": row.group,
                "method": row.method,
                "by_probe_view": _numbers(row.values),
                "printed_mean": row.mean,
                "recomputed_mean_where_off": row.recomputed_mean,
                "source": row.source,
            }
            for row in others
        ],
        "notices": list(result.notices),
        "details": result.details,
    }


def write_reports(
    result: CrossViewResult, folder, method: str = "this run", published: bool = False, name: str = "rank1"
) -> list[pathlib.Path]:
    """Write NAME.md, NAME.csv and NAME.json into a folder (made if absent); each file appears whole or not at all.

    Returns: the three paths.
    """
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    texts = {
        "md": markdown_report(result, method, published),
        "csv": csv_report(result, method, published),
        "json": json.dumps(json_report(result, method, published), indent=1, allow_nan=False, default=str) + "\n",
    }
    paths = []
    for ending, text in texts.items():
        path = folder / f"{name}.{ending}"
        unfinished = folder / f".{path.name}.{secrets.token_hex(4)}"
        try:
            unfinished.write_text(text, encoding="utf-8")
            os.replace(unfinished, path)
        finally:
            unfinished.unlink(missing_ok=True)
        paths.append(path)
    return paths


def _markdown_table(header, rows):
    yield "| " + " | ".join(header) + " |"
    yield "|---|---|" + "---:|" * (len(header) - 2)
    for row in rows:
        yield "| " + " | ".join(row) + " |"


def _exact(value) -> str:
    return "" if value is None or math.isnan(value) else repr(round(float(value), 10))


def _number(value):
    return None if math.isnan(value) else float(value)


def _numbers(values):
    values = np.asarray(values, float)
    return [_numbers(part) for part in values] if values.ndim > 1 else [_number(value) for value in values]
