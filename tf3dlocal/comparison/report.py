"""A comparison as Markdown (rank-1 by probe view, cost, every run, published rows, facts) and on the terminal."""

import functools
import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from tf3dlocal.comparison.comparison import Comparison, MethodRow
from tf3dlocal.evaluation import PRINTED_MEANS, one_decimal, published_table
from tf3dlocal.io import as_shown, print_table, printable

if TYPE_CHECKING:
    import rich.console


def comparison_markdown(comparison: Comparison, *, picture: str | None = None) -> str:
    """Format the report, with its first table in the form of Table 2 of the 3DLocal paper's supplement.

    Args:
        comparison: What was found.
        picture: File name of the picture next to the report.
    """
    lines = [f"# Comparison: {comparison.title}", ""]
    if len(comparison.runs) < comparison.num_planned:
        finished = f"{len(comparison.runs)} of {comparison.num_planned} runs"
        lines += [f"**Not finished: {finished} are in this report.** The same call resumes the comparison.", ""]
    lines += ["## Rank-1 by probe view", "", *_rank_section(comparison), ""]
    if picture:
        lines += [f"![Rank-1 by probe view]({picture})", ""]
    lines += ["## Cost", "", *_cost_section(comparison), ""]
    lines += ["## Every run", "", *_runs_section(comparison), ""]
    if comparison.published:
        lines += _published_section(comparison)
    lines += ["## What was done", "", *(f"- {name}: {text}" for name, text in comparison.facts.items())]
    if comparison.notes:
        lines += ["", "Notes:", "", *(f"- {note}" for note in comparison.notes)]
    return "\n".join(printable(line) for line in lines) + "\n"


def spread_meaning(rows: Sequence[MethodRow]) -> str:
    """Describe the ± of these rows in words; "" if there is none."""
    numbers = sorted({len(row.seeds) for row in rows if len(row.seeds) > 1})
    kinds = []
    if 2 in numbers:
        kinds.append("half the range of its two seeds")
    if max(numbers, default=0) > 2:
        kinds.append("the sample standard deviation of its three or more seeds")
    return "± is " + " or ".join(kinds) if kinds else ""


def print_comparison(found: dict, *, console: "rich.console.Console | None" = None) -> None:
    """Print mean rank-1 by method and group, with the spread over the seeds, next to the cost of the method.

    Args:
        found: Result of `compare`.
        console: A rich console. Default: standard output.
    """
    import rich.console

    console, rows = console or rich.console.Console(), []
    shown = functools.partial(as_shown, encoding=console.encoding)
    header = ["Method", *found["groups"], "parameters", "GFLOP", "s / step", "minutes"]
    for row in found["methods"]:
        means = [_with_spread(row["rank1"][group]["mean"], row["rank1"][group]["spread"]) for group in found["groups"]]
        cost = row["cost"]
        formats = {"parameters": ",", "gflops": ".2f", "seconds_per_step": ".3g", "minutes": ".1f"}
        known = ["-" if cost.get(key) is None else format(cost[key], style) for key, style in formats.items()]
        rows.append([row["method"], *means, *known])
    own = found["protocol"]["identical_views"]
    title = f"Mean rank-1 (%) and cost: {found['protocol']['name']} on {found['data_set']}, identical views {own}d"
    console.print(shown(title), style="bold", markup=False, highlight=False)
    print_table(console, header=header, rows=rows)
    for note in found["notes"]:
        console.print(shown(f"note: {note}"), style="yellow", markup=False, highlight=False)


def _rank_section(comparison: Comparison) -> Iterator[str]:
    views = f"identical views {comparison.protocol.identical_views}d"
    gallery = ", ".join(comparison.protocol.gallery)
    yield f"Rank-1 in %, {comparison.title}; gallery {gallery}, {views}, mean over the gallery views."
    meaning = spread_meaning(comparison.rows)
    if meaning:
        yield f"Where a method has several seeds, its cells are the mean over them. In the last column {meaning}."
    yield ""
    rows = []
    for group in comparison.groups:
        conditions = ", ".join(comparison.protocol.probes[group])
        for number, row in enumerate(comparison.rows):
            rows.append([f"{group} ({conditions})" if number == 0 else "", row.label, *_measured_cells(row, group)])
    yield from _table(["Probe", "Method", *_view_names(comparison), "Mean"], rows)


def _measured_cells(row: MethodRow, group: str) -> list[str]:
    return [*map(one_decimal, row.mean_by_view(group)), _with_spread(row.mean(group), row.spread(group))]


def _view_names(comparison: Comparison) -> list[str]:
    return [f"{view}°" if isinstance(view, int) else str(view) for view in comparison.views]


def _cost_section(comparison: Comparison) -> Iterator[str]:
    header = [
        "Method",
        "Parameters",
        "GFLOP per 30 frames",
        "Seconds per step",
        "Minutes of training",
        "Steps",
        "Seeds",
    ]
    yield from _table(header, [_cost_cells(row) for row in comparison.rows], num_texts=1)
    yield ""
    yield (
        "Parameters: trainable weights, including those of a classifier, which identification does not need. GFLOP: "
        "multiply-adds times two of the forward pass from silhouettes to embedding as configured, convolutions and "
        "matrix products only, including padded borders. Seconds per step: median over the reports of the training's "
        "log, on the machine that trained, with its other load at that time. Minutes: of all steps, mean over the "
        "seeds, without compilation, checkpoints and tests."
    )


def _cost_cells(row: MethodRow) -> list[str]:
    cost = row.cost
    if not cost:
        return [row.label, *["-"] * 5, "no training"]
    return [
        row.label,
        f"{cost['parameters']:,}",
        f"{cost['gflops']:.2f}",
        "-" if cost["seconds_per_step"] is None else f"{cost['seconds_per_step']:.3g}",
        "-" if cost["minutes"] is None else f"{cost['minutes']:.1f}",
        "-" if cost["steps"] is None else f"{cost['steps']:,}",
        ", ".join(map(str, row.seeds)),
    ]


def _runs_section(comparison: Comparison) -> Iterator[str]:
    rows = [
        [
            run["run"],
            str(run["seed"]),
            *(one_decimal(run["mean"][group]) for group in comparison.groups),
            f"`{run['folder']}`" + (", trained elsewhere" if run["taken"] else ""),
        ]
        for run in comparison.runs
    ]
    yield from _table(["Run", "Seed", *comparison.groups, "Folder"], rows, num_texts=1)


def _published_section(comparison: Comparison) -> Iterator[str]:
    table = published_table(comparison.protocol.name)
    published_on = comparison.protocol.title.split(",")[0] or comparison.protocol.name
    rows, sources = [], {}
    for group in comparison.groups:
        lines = []
        for row in table.of_group(group, probes_without_gallery=comparison.probes_without_gallery):
            known = dict(zip(table.views, row.values, strict=False))
            mean = f"{row.printed_mean:.1f}" + (f" [{row.recomputed_mean:.2f}]" if row.mean_is_off else "")
            cells = [one_decimal(known.get(view, math.nan)) for view in comparison.views]
            lines.append([row.label, published_on, *cells, mean])
            sources[row.source] = None
        lines += [[row.label, comparison.data, *_measured_cells(row, group)] for row in comparison.rows]
        rows += [[group if number == 0 else "", *line] for number, line in enumerate(lines)]
    yield f"## Next to the published rows, which are of {published_on}"
    yield ""
    yield (
        f"The rows marked {published_on} are the papers' ({'; '.join(sources)}): their data set, their training. The "
        f"rows marked {comparison.data} are of this comparison. Differences within one data set can be compared, the "
        f"numbers themselves cannot. {PRINTED_MEANS}"
    )
    yield ""
    yield from _table(["Probe", "Method", "Data set", *_view_names(comparison), "Mean"], rows, num_texts=3)
    yield ""


def _table(header: list[str], rows: list[list[str]], *, num_texts: int = 2) -> Iterator[str]:
    yield "| " + " | ".join(name.replace("|", "\\|") for name in header) + " |"
    yield "|" + "---|" * num_texts + "---:|" * (len(header) - num_texts)
    for row in rows:
        yield "| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |"


def _with_spread(mean: float | None, spread: float | None) -> str:
    return one_decimal(mean) + ("" if spread is None else f" ± {one_decimal(spread)}")
