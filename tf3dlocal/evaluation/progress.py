"""One progress bar on standard error for all that takes long here."""

import contextlib
import time
from collections.abc import Callable, Iterator


@contextlib.contextmanager
def progress_bar(text: str, total: int, shown: bool = True, patience: float = 0.0) -> Iterator[Callable[[int], None]]:
    """A bar over `total` things; the function that it gives is called with how many more are done.

    Args:
      text: what is going on.
      total: how many things there are.
      shown: False shows nothing.
      patience: seconds before the bar appears: short work needs none.

    Example:
      >>> with progress_bar("counting", 3, shown=False) as advance:
      ...     advance(3)
    """
    if not shown:
        yield lambda count=1: None
        return
    import rich.console
    import rich.progress

    bar = rich.progress.Progress(
        rich.progress.TextColumn("{task.description}"),
        rich.progress.BarColumn(),
        rich.progress.MofNCompleteColumn(),
        rich.progress.TimeRemainingColumn(),
        console=rich.console.Console(stderr=True),
        transient=True,
    )
    task, begin, started = bar.add_task(text, total=total), time.monotonic(), False

    def advance(count=1):
        nonlocal started
        if not started and time.monotonic() - begin >= patience:
            bar.start()
            started = True
        bar.advance(task, count)

    try:
        if patience <= 0:
            bar.start()
            started = True
        yield advance
    finally:
        if started:
            bar.stop()
