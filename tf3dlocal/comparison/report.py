"""A comparison as Markdown: rank-1 by probe view, what each method costs, every run, the published rows, the facts."""

import math

from tf3dlocal.comparison.comparison import Comparison
from tf3dlocal.comparison.method_rows import MethodRow, spread_meaning
from tf3dlocal.evaluation import published_table


def comparison_markdown(comparison: Comparison, picture: str | None = None) -> str:
    """The report, with Table 2 of the 3DLocal paper's supplement as the model of its first table.

    Args:
        comparison: what was found.
        picture: file name of the picture beside the report.
    """
    lines = [f"# Comparison: {comparison.title}", ""]
    if len(comparison.runs) < comparison.num_planned:
        missing = f"{len(comparison.runs)} of {comparison.num_planned} runs"
        lines += [f"**Not finished: {missing} are in.** The same call again goes on.", ""]
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
    return "\n".join(lines) + "\n"


def _rank_section(comparison):
    views = f"identical views {comparison.protocol.identical_views}d"
    gallery = ", ".join(comparison.protocol.gallery)
    yield f"Rank-1 in %, {comparison.title}; gallery {gallery}, {views}, mean over the gallery views."
    meaning = spread_meaning(comparison.rows)
    if meaning:
        yield f"Where a method has several seeds, its cells are the mean over them. In the last column {meaning}."
    yield ""
    rows = []
    for group in comparison.groups:
        for number, row in enumerate(comparison.rows):
            rows.append([_group_cell(comparison, group) if number == 0 else "", row.label, *_own_cells(row, group)])
    yield from _table(["Probe", "Method", *_view_names(comparison), "Mean"], rows)


def _group_cell(comparison, group):
    return f"{group} ({', '.join(comparison.protocol.probes[group])})"


def _own_cells(row: MethodRow, group):
    spread = row.spread(group)
    mean = one_decimal(row.mean(group)) + ("" if spread is None else f" ± {one_decimal(spread)}")
    return [*map(one_decimal, row.mean_by_view(group)), mean]


def _view_names(comparison):
    return [f"{view}°" if isinstance(view, int) else str(view) for view in comparison.views]


def _cost_section(comparison):
    header = [
        "Method",
        "Parameters",
        "GFLOP per 30 frames",
        "Seconds per step",
        "Minutes of training",
        "Steps",
        "Seeds",
    ]
    rows = []
    for row in comparison.rows:
        cost = row.cost
        if not cost:
            rows.append([row.label, *["-"] * 5, "no training"])
            continue
        seconds = "-" if cost["seconds_per_step"] is None else f"{cost['seconds_per_step']:.3g}"
        minutes = "-" if cost["minutes"] is None else f"{cost['minutes']:.1f}"
        flops = f"{cost['gflops']:.2f}"
        steps = "-" if cost["steps"] is None else f"{cost['steps']:,}"
        seeds = ", ".join(map(str, row.seeds))
        rows.append([row.label, f"{cost['parameters']:,}", flops, seconds, minutes, steps, seeds])
    yield from _table(header, rows, num_texts=1)
    yield ""
    yield (
        "Parameters: trainable weights, of which the classifier, where there is one, is not needed to identify. GFLOP: "
        "multiply-adds times two of the forward pass from silhouettes to embedding as configured, convolutions and matrix "
        "products only, padded borders as they are computed. Seconds per step: median over the reports of the training's "
        "log, on the machine that trained and beside whatever else it was doing. Minutes: of all steps together, mean "
        "over the seeds, without compiling, checkpoints and tests."
    )


def _runs_section(comparison):
    header = ["Run", "Seed", *comparison.groups, "Where"]
    rows = [
        [
            run["run"],
            str(run["seed"]),
            *(one_decimal(run["mean"][group]) for group in comparison.groups),
            f"`{run['folder']}`" + (", trained elsewhere" if run["taken"] else ""),
        ]
        for run in comparison.runs
    ]
    yield from _table(header, rows, num_texts=1)


def _published_section(comparison):
    table = published_table(comparison.protocol.name)
    theirs = comparison.protocol.title.split(",")[0] or comparison.protocol.name
    rows, sources = [], {}
    for group in comparison.groups:
        lines = []
        for row in table.of_group(group, comparison.probes_without_gallery):
            known = dict(zip(table.views, row.values, strict=False))
            mean = f"{row.printed_mean:.1f}" + (f" [{row.recomputed_mean:.2f}]" if row.mean_is_off else "")
            cells = [one_decimal(known.get(view, math.nan)) for view in comparison.views]
            lines.append([row.label, theirs, *cells, mean])
            sources[row.source] = None
        lines += [[row.label, comparison.data, *_own_cells(row, group)] for row in comparison.rows]
        rows += [[group if number == 0 else "", *line] for number, line in enumerate(lines)]
    yield f"## Beside the published rows, which are of {theirs}"
    yield ""
    yield (
        f"The rows marked {theirs} are the papers' ({'; '.join(sources)}): their data set, their training. The rows marked "
        f"{comparison.data} are this comparison's. Differences within one data set can be compared, the numbers "
        "themselves cannot. A printed mean that is not the mean of its own row is followed by [the mean of the row]."
    )
    yield ""
    yield from _table(["Probe", "Method", "Data set", *_view_names(comparison), "Mean"], rows, num_texts=3)
    yield ""


def _table(header, rows, num_texts=2):
    yield "| " + " | ".join(header) + " |"
    yield "|" + "---|" * num_texts + "---:|" * (len(header) - num_texts)
    for row in rows:
        yield "| " + " | ".join(row) + " |"


def one_decimal(value) -> str:
    """A number with one decimal, or a dash where nothing was counted."""
    return "-" if value is None or math.isnan(value) else f"{value:.1f}"
