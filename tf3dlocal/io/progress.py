"""What long work shows on standard error: one progress bar, and sentences."""

import contextlib
import time
from collections.abc import Callable, Iterator

from tf3dlocal.io.names import printable


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
