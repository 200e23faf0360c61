"""The words and cells that the terminal, the Markdown and the CSV report share."""

import math

from tf3dlocal.evaluation.cross_view_result import IDENTICAL_VIEWS, CrossViewResult
from tf3dlocal.evaluation.rank_table import TableRow

IDENTICAL_VIEWS_TITLES = {"exclude": "excluded", "include": "included", "only": "alone"}


def caption(result: CrossViewResult) -> str:
    """What the rank-1 table shows, in one line."""
    gallery, own = ", ".join(result.protocol.gallery), result.protocol.identical_views
    return f"Rank-1 (%), {result.protocol.name}, {result.distance} distance, gallery {gallery}, identical views {own}d"


def table_header(result: CrossViewResult) -> list[str]:
    """The head of the rank-1 table: probe, method, the views, mean."""
    views = [f"{view}°" if isinstance(view, int) else str(view) for view in result.views]
    return ["Probe", "Method", *views, "Mean"]


def table_cells(row: TableRow) -> list[str]:
    """One row of the rank-1 table with one decimal; a published mean that is off is followed by the recomputed one."""
    mean = one_decimal(row.mean)
    if row.recomputed_mean is not None:
        mean += f" [{row.recomputed_mean:.2f}]"
    return [row.group, row.method, *map(one_decimal, row.values), mean]


def table_footnotes(result: CrossViewResult, rows: list[TableRow]) -> list[str]:
    """What a reader of published rows has to know: where they stand, on what data, which means are off."""
    published = [row for row in rows if not row.ours]
    if not published:
        return []
    sources = "; ".join(dict.fromkeys(row.source for row in published))
    data = result.details.get("data")
    here = f"this run on '{data}'" if data else "this run on the data set given"
    notes = [
        f"Published rows: {sources}, measured on the protocol's own data set; {here}. Compare like with like only."
    ]
    if any(row.recomputed_mean is not None for row in published):
        notes.append("A printed mean that is not the mean of its own row is followed by [the mean of the row].")
    return notes


def summary_table(result: CrossViewResult) -> tuple[list[str], list[list[str]]]:
    """Head and rows of the second table: the means by rank, with identical views excluded, included and alone.

    With a single view only the mean that includes it exists.
    """
    ranks = range(1, result.max_rank + 1)
    header = ["Probe", "Identical views", *(f"rank-{rank}" for rank in ranks)]
    rows = []
    for g, group in enumerate(result.groups):
        for identical in IDENTICAL_VIEWS if len(result.views) > 1 else ("include",):
            means = [one_decimal(result.mean(rank, identical)[g]) for rank in ranks]
            rows.append([group, IDENTICAL_VIEWS_TITLES[identical], *means])
    return header, rows


def one_decimal(value: float) -> str:
    """A percentage with one decimal, or a dash where nothing was counted."""
    return "-" if math.isnan(value) else f"{value:.1f}"
