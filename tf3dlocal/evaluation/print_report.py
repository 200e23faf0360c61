"""A cross-view result on the terminal."""

import rich.box
import rich.console
import rich.table
import rich.text

from tf3dlocal.evaluation.cross_view_result import CrossViewResult
from tf3dlocal.evaluation.rank_table import facts, rank_rows
from tf3dlocal.evaluation.table_text import caption, summary_table, table_cells, table_footnotes, table_header


def print_report(result: CrossViewResult, method: str = "this run", published: bool = False, console=None) -> None:
    """Print the rank-1 table, laid out as Table 2 of the paper's supplement, with all that must stand beside it.

    Args:
      result: what `cross_view` or `evaluate` gave.
      method: the name of our row.
      published: print the published rows of the same protocol beside ours.
      console: a rich console; default: standard output.

    Raises:
      ValueError: `published` where nothing is published for the protocol.
    """
    console = console or rich.console.Console()
    rows = rank_rows(result, method, published=published)
    console.print(caption(result), style="bold", markup=False, highlight=False)
    console.print(_rank_table(result, rows, highlight_ours=published))
    for note in table_footnotes(result, rows):
        console.print(note, markup=False, highlight=False)
    console.print(_summary(result))
    for name, text in facts(result).items():
        console.print(f"{name}: {text}", markup=False, highlight=False)
    for notice in result.notices:
        console.print(f"note: {notice}", style="yellow", markup=False, highlight=False)


def _rank_table(result, rows, highlight_ours):
    table = rich.table.Table(box=rich.box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    for number, name in enumerate(table_header(result)):
        table.add_column(rich.text.Text(name), justify="left" if number < 2 else "right", no_wrap=True)
    for number, row in enumerate(rows):
        first = number == 0 or rows[number - 1].group != row.group
        last = number + 1 == len(rows) or rows[number + 1].group != row.group
        probe, *others = table_cells(row)
        cells = [rich.text.Text(text) for text in (probe if first else "", *others)]
        table.add_row(*cells, style="bold" if row.ours and highlight_ours else None, end_section=last)
    return table


def _summary(result):
    header, rows = summary_table(result)
    table = rich.table.Table(title="Means (%)", box=rich.box.SIMPLE_HEAD, pad_edge=False)
    for number, name in enumerate(header):
        table.add_column(name, justify="left" if number < 2 else "right", no_wrap=True)
    for row in rows:
        table.add_row(*map(rich.text.Text, row))
    return table
