"""A comparison on the terminal: the means and the cost; the whole of it is in the report."""

import rich.box
import rich.console
import rich.table
import rich.text

from tf3dlocal.comparison.report import one_decimal


def print_comparison(found: dict, console: rich.console.Console | None = None) -> None:
    """Print mean rank-1 by method and group, with the spread over the seeds, beside what the method costs.

    Args:
        found: what `compare` gave.
        console: default: standard output.
    """
    console = console or rich.console.Console()
    table = rich.table.Table(box=rich.box.SIMPLE_HEAD, pad_edge=False)
    header = ["Method", *found["groups"], "parameters", "GFLOP", "s / step", "minutes"]
    for number, name in enumerate(header):
        table.add_column(rich.text.Text(name), justify="right" if number else "left", no_wrap=True)
    for row in found["methods"]:
        means = [_with_spread(row["rank1"][group]) for group in found["groups"]]
        cost = row["cost"]
        formats = {"parameters": ",", "gflops": ".2f", "seconds_per_step": ".3g", "minutes": ".1f"}
        known = ["-" if cost.get(key) is None else format(cost[key], style) for key, style in formats.items()]
        table.add_row(*map(rich.text.Text, [row["method"], *means, *known]))
    own = found["protocol"]["identical_views"]
    title = f"Mean rank-1 (%) and cost: {found['protocol']['name']} on {found['data_set']}, identical views {own}d"
    console.print(title, style="bold", markup=False, highlight=False)
    console.print(table)
    for note in found["notes"]:
        console.print(f"note: {note}", style="yellow", markup=False, highlight=False)


def _with_spread(cell):
    return one_decimal(cell["mean"]) + ("" if cell["spread"] is None else f" ± {one_decimal(cell['spread'])}")
