"""What a terminal shows: a progress bar and sentences of long work, and tables that fit its width; how it ends work."""

import contextlib
import signal
import threading
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import TYPE_CHECKING

from tf3dlocal.io.names import printable

if TYPE_CHECKING:
    import rich.console

BETWEEN = 2  # characters between two columns of a table


@contextlib.contextmanager
def stop_on_signal() -> Iterator[threading.Event]:
    """Let the first Ctrl-C or SIGTERM end the work of a block in order; a second one acts as it did before.

    Outside the main thread signals cannot be handled, and nothing changes.

    Yields:
        An event that the first signal sets; the work must look at it.

    Example:
        >>> with stop_on_signal() as stop:
        ...     stop.is_set()
        False
    """
    stop = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    before = {number: handler for number, handler in handlers.items() if handler is not None}  # None: set in C

    def restore() -> None:
        for number, handler in before.items():
            signal.signal(number, handler)

    def handle(*_: object) -> None:
        stop.set()
        restore()

    for number in before:
        signal.signal(number, handle)
    try:
        yield stop
    finally:
        restore()


@contextlib.contextmanager
def progress_bar(
    text: str, *, total: int | None, done: int = 0, shown: bool = True, delay: float = 0.0
) -> Iterator[Callable[..., None]]:
    """Show a progress bar while the block runs.

    Args:
        text: What is being done, such as "aligning".
        total: Number of items; None where there is no end.
        done: Number of items that an earlier call has finished.
        shown: False shows nothing.
        delay: Seconds before the bar appears; short work needs none.

    Yields:
        Function `advance(count=1, note=None)`: `count` more items are done; `note` replaces the text after the bar.

    Example:
        >>> with progress_bar("counting", total=3, shown=False) as advance:
        ...     advance(2)
        ...     advance(note="the last one")
    """
    if not shown:
        yield lambda count=1, note=None: None
        return
    import rich.console
    import rich.progress

    bar = rich.progress.Progress(
        rich.progress.TextColumn("{task.description}"),
        rich.progress.BarColumn(),
        rich.progress.MofNCompleteColumn(),
        rich.progress.TimeRemainingColumn(),
        rich.progress.TextColumn("{task.fields[note]}", markup=False),
        console=rich.console.Console(stderr=True),
        transient=True,
    )
    task = bar.add_task(text, total=total, completed=done, note="")
    begin, is_started = time.monotonic(), False

    def advance(count: int = 1, note: str | None = None) -> None:
        nonlocal is_started
        if not is_started and time.monotonic() - begin >= delay:
            bar.start()
            is_started = True
        bar.update(task, advance=count, **({} if note is None else {"note": note}))

    try:
        if delay <= 0:
            bar.start()
            is_started = True
        yield advance
    finally:
        if is_started:
            bar.stop()


def tell(sentence: str, *, shown: bool = True) -> None:
    """Print one sentence on standard error; it appears above a progress bar that runs at this moment.

    Args:
        sentence: Plain text, printed as it is.
        shown: False prints nothing.
    """
    if shown:
        import rich.console

        rich.console.Console(stderr=True, highlight=False, soft_wrap=True).print(sentence, markup=False)


def as_shown(text: str, *, encoding: str) -> str:
    r"""Return a text that a terminal of this encoding can show; what it lacks is replaced, control characters escaped.

    Args:
        text: Such as a line of a report.
        encoding: Of the terminal, such as "utf-8" or "ascii".

    Example:
        >>> as_shown("90° ± 1.5 \x1b[2J é", encoding="ascii"), as_shown("90°", encoding="utf-8")
        ('90 +- 1.5 \\x1b[2J ?', '90°')
    """
    text = printable(text)
    try:
        text.encode(encoding)
    except (UnicodeError, LookupError):
        text = text.replace("°", "").replace("±", "+-")
        return text.encode("ascii", errors="replace").decode()
    return text


def print_table(
    console: "rich.console.Console",
    *,
    header: Sequence[str],
    rows: Sequence[Sequence[str]],
    num_texts: int = 1,
    bold: Collection[int] = (),
    groups: Collection[int] = (),
    title: str | None = None,
) -> None:
    """Print a table, or several where it is wider than the terminal: each repeats the first columns.

    Args:
        console: A rich console.
        header: Names of the columns.
        rows: Texts, one list per row.
        num_texts: Number of first columns, which are aligned left and repeated.
        bold: Numbers of the rows that are set in bold.
        groups: Numbers of the rows before which there is a line.
        title: Text above.
    """
    import rich.box
    import rich.table
    import rich.text

    header, *rows = [[as_shown(text, encoding=console.encoding) for text in line] for line in (header, *rows)]
    for columns in fitting_columns(header, rows=rows, num_texts=num_texts, width=console.width):
        table = rich.table.Table(
            box=rich.box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0), title=title, title_justify="left"
        )
        for at in columns:
            side = "left" if at < num_texts else "right"
            table.add_column(rich.text.Text(header[at]), justify=side, no_wrap=at >= num_texts, overflow="fold")
        for number, row in enumerate(rows):
            cells = [rich.text.Text(row[at]) for at in columns]
            table.add_row(*cells, style="bold" if number in bold else None, end_section=number + 1 in groups)
        console.print(table)


def fitting_columns(
    header: Sequence[str], *, rows: Sequence[Sequence[str]], num_texts: int, width: int
) -> list[list[int]]:
    """Divide the columns of a table among as few tables as fit a width; each begins with the first columns.

    Example:
        >>> fitting_columns(["run", "0", "18", "36"], rows=[["own", "54.8", "57.6", "62.8"]], num_texts=1, width=20)
        [[0, 1, 2], [0, 3]]
    """
    import rich.cells

    widths = [max(map(rich.cells.cell_len, column)) + BETWEEN for column in zip(header, *rows, strict=True)]
    texts, numbers = list(range(num_texts)), list(range(num_texts, len(header)))
    room = width - sum(widths[at] for at in texts)
    if not numbers or max(widths[at] for at in numbers) > room:
        return [texts + numbers]  # nothing to divide, or not even one number fits
    parts = [[]]
    for at in numbers:
        if sum(widths[other] for other in parts[-1]) + widths[at] > room:
            parts.append([])
        parts[-1].append(at)
    return [texts + part for part in parts]
