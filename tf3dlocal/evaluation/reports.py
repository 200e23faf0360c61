"""A cross-view result on the terminal, as Markdown, as CSV and as JSON."""

import csv
import functools
import io
import math
import pathlib
from typing import TYPE_CHECKING, Any

import numpy as np

from tf3dlocal.evaluation.cross_view_result import IDENTICAL_VIEWS, CrossViewResult
from tf3dlocal.evaluation.rank_table import (
    IDENTICAL_VIEWS_TITLES,
    TableRow,
    caption,
    facts,
    rank_rows,
    summary_table,
    table_cells,
    table_footnotes,
    table_header,
)
from tf3dlocal.io import as_shown, print_table, printable, write_json, write_text
from tf3dlocal.io.types import PathLike

if TYPE_CHECKING:
    import rich.console


def print_report(
    result: CrossViewResult,
    *,
    method: str | None = None,
    published: bool = False,
    console: "rich.console.Console | None" = None,
) -> None:
    """Print the rank-1 table, arranged as Table 2 of the paper's supplement, with all that must accompany it.

    Args:
        result: Result of `cross_view` or `evaluate`.
        method: Name of the measured rows. Default: that of the result.
        published: Print the published rows of the same protocol next to them.
        console: A rich console. Default: standard output.

    Raises:
        ValueError: If `published` is True and nothing is published for the protocol.
    """
    import rich.console

    console = console or rich.console.Console()
    rows = rank_rows(result, method=method, published=published)
    shown = functools.partial(as_shown, encoding=console.encoding)
    console.print(shown(caption(result)), style="bold", markup=False, highlight=False)
    _print_rank_table(result, rows, emphasize_measured=published, console=console)
    for note in table_footnotes(result, rows):
        console.print(shown(note), markup=False, highlight=False)
    header, summary = summary_table(result)
    print_table(console, header=header, rows=summary, num_texts=2, title="Means (%)")
    for name, text in facts(result).items():
        console.print(shown(f"{name}: {text}"), markup=False, highlight=False)
    for notice in result.notices:
        console.print(shown(f"note: {notice}"), style="yellow", markup=False, highlight=False)


def markdown_report(result: CrossViewResult, *, method: str | None = None, published: bool = False) -> str:
    """Format the rank-1 table as a Markdown document: facts, table, means by rank, notes.

    Args and errors are those of `print_report`.
    """
    rows = rank_rows(result, method=method, published=published)
    lines = [f"# Rank-1, {result.protocol.name}", ""]
    lines += [f"- {name}: {text}" for name, text in facts(result).items()]
    lines += ["", f"{caption(result)}.", ""]
    lines += _markdown_table(table_header(result), [table_cells(row) for row in rows])
    for note in table_footnotes(result, rows):
        lines += ["", note]
    lines += ["", "Means in %, by rank and by the gallery views that a probe is compared with.", ""]
    lines += _markdown_table(*summary_table(result))
    if result.notices:
        lines += ["", "Notes:", "", *(f"- {notice}" for notice in result.notices)]
    return "\n".join(printable(line) for line in lines) + "\n"


def csv_report(result: CrossViewResult, *, method: str | None = None, published: bool = False) -> str:
    """Format the tables as CSV in full precision: a row per group, rank and treatment of identical views.

    Unknown values are empty. Each row repeats the facts, so that it keeps its meaning when it is copied elsewhere. Args
    and errors are those of `print_report`.
    """
    stated = facts(result)
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    views = [str(view) for view in result.views]
    writer.writerow(
        ["group", "method", "rank", "identical_views", *views, "mean", "recomputed_mean", "source", *stated]
    )

    def write(row: TableRow, *, rank: int, identical_views: str) -> None:
        known = [stated[name] if row.is_measured or name == "protocol" else "" for name in stated]
        numbers = [*map(_exact, row.values), _exact(row.mean), _exact(row.recomputed_mean), row.source]
        writer.writerow([row.group, row.method, rank, IDENTICAL_VIEWS_TITLES[identical_views], *numbers, *known])

    if published:
        for row in rank_rows(result, method=method, published=True):
            if not row.is_measured:
                write(row, rank=1, identical_views="exclude")
    for rank in range(1, result.max_rank + 1):
        for identical_views in IDENTICAL_VIEWS:
            for row in rank_rows(result, method=method, rank=rank, identical_views=identical_views):
                write(row, rank=rank, identical_views=identical_views)
    return out.getvalue()


def json_report(result: CrossViewResult, *, method: str | None = None, published: bool = False) -> dict[str, Any]:
    """Arrange everything as plain dicts and lists for JSON: facts, means, counts and rates of every pair of views.

    Rates are in per cent, null where nothing was counted. Args and errors are those of `print_report`.
    """
    rows = rank_rows(result, method=method, published=published)
    measured = {row.group: row for row in rows if row.is_measured}
    compared = {} if result.comparisons is None else result.comparisons.verification
    return {
        "method": result.method if method is None else method,
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
        "rank1": {
            group: {"by_probe_view": _numbers(row.values), "mean": _number(row.mean)} for group, row in measured.items()
        },
        "means_by_rank": _means_by_rank(result),
        "pairs": {
            "axes": ["rank", "group", "probe view", "gallery view"],
            "hits": result.hits.tolist(),
            "counted": result.num_counted.tolist(),
            "without_gallery": result.num_without_gallery.tolist(),
            "per_cent": _numbers(result.rank),
        },
        **({"verification": {group: rates.as_json() for group, rates in compared.items()}} if compared else {}),
        "published": [_published_as_json(row) for row in rows if not row.is_measured],
        "notices": list(result.notices),
        "details": result.details,
    }


def write_reports(
    result: CrossViewResult,
    *,
    folder: PathLike,
    method: str | None = None,
    published: bool = False,
    name: str = "rank1",
) -> list[pathlib.Path]:
    """Write NAME.md, NAME.csv and NAME.json into a folder; each file appears as a whole or not at all.

    Args:
        result: Result of `cross_view` or `evaluate`.
        folder: Created if absent.
        method: Name of the measured rows. Default: that of the result.
        published: Add the published rows of the same protocol.
        name: Name of the files without their suffix.

    Returns:
        The three paths.
    """
    settings = {"method": method, "published": published}
    paths = [pathlib.Path(folder) / f"{name}.{suffix}" for suffix in ("md", "csv", "json")]
    texts = markdown_report(result, **settings), csv_report(result, **settings)
    write_json(paths[2], json_report(result, **settings))  # the numbers first
    for path, text in zip(paths, texts, strict=False):
        write_text(path, text)
    return paths


def _print_rank_table(result, rows, *, emphasize_measured, console):
    """Print the table, with the name of a group in its first row and a line after its last one."""
    starts = [number for number, row in enumerate(rows) if number == 0 or rows[number - 1].group != row.group]
    texts = [table_cells(row) for row in rows]
    print_table(
        console,
        header=table_header(result),
        rows=[cells if number in starts else ["", *cells[1:]] for number, cells in enumerate(texts)],
        num_texts=2,
        bold=[number for number, row in enumerate(rows) if row.is_measured and emphasize_measured],
        groups=[*starts, len(rows)],
    )


def _markdown_table(header, rows):
    yield "| " + " | ".join(name.replace("|", "\\|") for name in header) + " |"
    yield "|---|---|" + "---:|" * (len(header) - 2)
    for row in rows:
        yield "| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |"


def _means_by_rank(result):
    ranks = range(1, result.max_rank + 1)
    return {
        f"identical_views_{title}": {
            group: [_number(result.mean(rank, identical_views=identical)[g]) for rank in ranks]
            for g, group in enumerate(result.groups)
        }
        for identical, title in IDENTICAL_VIEWS_TITLES.items()
    }


def _published_as_json(row: TableRow) -> dict[str, Any]:
    return {
        "group": row.group,
        "method": row.method,
        "by_probe_view": _numbers(row.values),
        "printed_mean": row.mean,
        "recomputed_mean_where_off": row.recomputed_mean,
        "source": row.source,
    }


def _exact(value) -> str:
    return "" if value is None or math.isnan(value) else repr(round(float(value), 10))


def _number(value):
    return None if math.isnan(value) else float(value)


def _numbers(values):
    values = np.asarray(values, float)
    return [_numbers(part) for part in values] if values.ndim > 1 else [_number(value) for value in values]
