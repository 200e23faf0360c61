"""The result table before it is formatted: its rows, its cells as text, and the facts that accompany it."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

from tf3dlocal.evaluation.cross_view_result import IDENTICAL_VIEWS, CrossViewResult
from tf3dlocal.evaluation.protocol import shorten_list
from tf3dlocal.evaluation.published import published_table

# The gallery views of a mean: one word for files, and in full for people.
IDENTICAL_VIEWS_TITLES = {"exclude": "excluded", "include": "included", "only": "only"}
GALLERY_VIEWS = {
    "exclude": "all but the probe's view",
    "include": "all views",
    "only": "the probe's view only",
}

PRINTED_MEANS = "A printed mean that is not the mean of its row is followed by [the mean of the row]."


@dataclass(frozen=True, kw_only=True)
class TableRow:
    """One row of the table: rank-k in per cent per probe view, and its mean.

    `recomputed_mean` is set where a published mean is not the mean of its row. `source` names where a row was
    published; it is empty for a measured row.
    """

    group: str
    method: str
    values: tuple[float, ...]
    mean: float
    recomputed_mean: float | None = None
    source: str = ""

    @property
    def is_measured(self) -> bool:
        """Whether the row comes from the result and not from a publication."""
        return not self.source


def rank_rows(
    result: CrossViewResult,
    *,
    method: str | None = None,
    rank: int = 1,
    identical_views: str | None = None,
    published: bool = False,
) -> list[TableRow]:
    """Arrange a result as Table 2 of the paper's supplement: by groups, a value per probe view, and the mean.

    Args:
        result: Result of `cross_view` or `evaluate`.
        method: Name of the measured rows. Default: that of the result.
        rank: k of rank-k.
        identical_views: "exclude", "include" or "only". Default: the protocol's choice.
        published: Add the published rows of the same protocol before the measured ones. Only for rank 1 with identical
            views excluded, which is what was published.

    Returns:
        List of TableRow.

    Raises:
        ValueError: If `published` is True and the protocol has no published table, or for another rank or mean.
    """
    method = result.method if method is None else method
    identical_views = identical_views or result.protocol.identical_views
    table = published_table(result.protocol.name) if published else None
    if published and (rank != 1 or identical_views != "exclude"):
        raise ValueError("The published tables are rank-1 with identical views excluded. Use these for the result.")
    values = result.by_probe_view(rank, identical_views=identical_views)
    means = result.mean(rank, identical_views=identical_views)
    rows = []
    for number, group in enumerate(result.groups):
        if published:
            rows += _published_rows(result, table, group)
        measured = tuple(map(float, values[number]))
        rows.append(TableRow(group=group, method=method, values=measured, mean=float(means[number])))
    return rows


def _published_rows(result, table, group) -> Iterator[TableRow]:
    for row in table.of_group(group, probes_without_gallery=result.probes_without_gallery):
        known = dict(zip(table.views, row.values))
        yield TableRow(
            group=group,
            method=row.label,
            values=tuple(known.get(view, math.nan) for view in result.views),
            mean=row.printed_mean,
            recomputed_mean=row.recomputed_mean if row.mean_is_off else None,
            source=row.source,
        )


def facts(result: CrossViewResult) -> dict[str, str]:
    """Collect what must accompany every number: protocol, distance, counts, rules, versions; name -> text."""
    protocol, split = result.protocol, result.split
    subjects = f"{len(split.test)} tested"
    if split.missing_test:
        num_named = len(split.test) + len(split.missing_test)
        subjects += f" of {num_named} (missing: {shorten_list(split.missing_test)})"
    probes = ", ".join(f"{group} {count}" for group, count in zip(result.groups, result.num_probes.sum(axis=1)))
    verb = "counted as misses" if result.probes_without_gallery == "keep" else "not counted"
    texts = {
        "protocol": f"{protocol.name}" + (f" ({protocol.title})" if protocol.title else ""),
        "distance": result.distance,
        "identical views": f"{protocol.identical_views}d"
        + "; mean over gallery views, then over probe views, not rounded",
        "subjects": subjects,
        "gallery walks": f"{int(result.num_gallery.sum())} ({', '.join(protocol.gallery)})",
        "probe walks": f"{int(result.num_probes.sum())} ({probes})",
        "probes without gallery": f"{result.num_lacking_gallery} pairs of probe and gallery view, {verb}",
    }
    if result.comparisons is not None:
        texts["verification"] = _equal_error_rates(result)
    if protocol.exclude:
        texts["excluded subjects"] = ", ".join(protocol.exclude)
    for key, value in result.details.items():
        if isinstance(value, dict):
            value = ", ".join(f"{name} {text}" for name, text in value.items())
        if value is not None:
            texts[key] = str(value)
    texts.setdefault("seed", "not given")
    return texts


def _equal_error_rates(result: CrossViewResult) -> str:
    """Describe the EER of each group in one line, such as "EER in % [95 % over subjects]: NM 8.1 [6.9, 9.4]"."""
    texts, has_interval = [], False
    for group, rates in result.comparisons.verification.items():
        value, low, high = (one_decimal(100 * each) for each in (rates.eer.value, rates.eer.low, rates.eer.high))
        texts.append(f"{group} {value}" + (f" [{low}, {high}]" if low != "-" else ""))
        has_interval |= low != "-"
    return f"EER in %{' [95 % over subjects]' if has_interval else ''}: {', '.join(texts)}"


def caption(result: CrossViewResult) -> str:
    """Describe the rank-1 table in one line."""
    gallery, own = ", ".join(result.protocol.gallery), result.protocol.identical_views
    return f"Rank-1 (%), {result.protocol.name}, {result.distance} distance, gallery {gallery}, identical views {own}d"


def table_header(result: CrossViewResult) -> list[str]:
    """List the column names of the rank-1 table: probe, method, the views, mean."""
    views = [f"{view}°" if isinstance(view, int) else str(view) for view in result.views]
    return ["Probe", "Method", *views, "Mean"]


def table_cells(row: TableRow) -> list[str]:
    """Format one row with one decimal; a printed mean that differs is followed by the recomputed one in brackets."""
    mean = one_decimal(row.mean)
    if row.recomputed_mean is not None:
        mean += f" [{row.recomputed_mean:.2f}]"
    return [row.group, row.method, *map(one_decimal, row.values), mean]


def table_footnotes(result: CrossViewResult, rows: list[TableRow]) -> list[str]:
    """Explain published rows: where they were published, on what data, and which means differ."""
    published = [row for row in rows if not row.is_measured]
    if not published:
        return []
    sources = "; ".join(dict.fromkeys(row.source for row in published))
    data = result.details.get("data")
    here = f"this run on {data!r}" if data else "this run on the given data set"
    notes = [
        f"Published rows: {sources}, measured on the protocol's own data set; {here}. Scores of different data sets "
        "cannot be compared."
    ]
    if any(row.recomputed_mean is not None for row in published):
        notes.append(PRINTED_MEANS)
    return notes


def summary_table(result: CrossViewResult) -> tuple[list[str], list[list[str]]]:
    """Format the means by rank and by the gallery views that a probe is compared with: header and rows.

    With a single view only the mean that includes it exists.
    """
    ranks = range(1, result.max_rank + 1)
    header = ["Probe", "Gallery views", *(f"rank-{rank}" for rank in ranks)]
    rows = []
    for g, group in enumerate(result.groups):
        for identical in IDENTICAL_VIEWS if len(result.views) > 1 else ("include",):
            means = [one_decimal(result.mean(rank, identical_views=identical)[g]) for rank in ranks]
            rows.append([group, GALLERY_VIEWS[identical], *means])
    return header, rows


def one_decimal(value: float | None) -> str:
    """Format a percentage with one decimal; a dash where nothing was counted."""
    return "-" if value is None or math.isnan(value) else f"{value:.1f}"
