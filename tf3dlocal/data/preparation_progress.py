"""What `prepare` shows while it works: a bar and a few sentences, on stderr."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator


class PreparationProgress:
    """Progress on the terminal, or nothing at all.

    Args:
        shown: False keeps silent.

    Example:
        >>> progress = PreparationProgress(shown=False)
        >>> progress.tell("Going on.")
        >>> with progress.bar(total=124, done=0) as advance:
        ...     advance(3960)
    """

    def __init__(self, shown: bool = True):
        self._console = None
        if shown:
            from rich.console import Console

            self._console = Console(stderr=True, highlight=False, soft_wrap=True)

    def tell(self, text: str) -> None:
        """Print one sentence."""
        if self._console:
            self._console.print(text, markup=False)

    @contextlib.contextmanager
    def bar(self, total: int, done: int) -> Iterator[Callable[[int], None]]:
        """A bar over parts; the function it gives is called after each part with its number of frames."""
        if not self._console:
            yield lambda num_frames: None
            return
        from rich import progress

        columns = (progress.TextColumn("Aligning"), progress.BarColumn(), progress.MofNCompleteColumn())
        columns += (progress.TextColumn("{task.fields[frames]:,} frames"),)
        columns += (progress.TimeElapsedColumn(), progress.TimeRemainingColumn())
        with progress.Progress(*columns, console=self._console) as shown:
            task = shown.add_task("", total=total, completed=done, frames=0)

            def advance(num_frames: int) -> None:
                shown.update(task, advance=1, frames=shown.tasks[0].fields["frames"] + num_frames)

            yield advance
