"""Alignment of the parts of a data set in several processes at once."""

from __future__ import annotations

import concurrent.futures
import contextlib
import functools
import multiprocessing
import os
import pathlib
import threading
from collections.abc import Callable, Iterator
from concurrent.futures.process import BrokenProcessPool

from tf3dlocal.data.preparation.alignment import Alignment
from tf3dlocal.data.preparation.part_files import write_part
from tf3dlocal.data.raw.sequences import RawPart
from tf3dlocal.io import UnreadableError, num_cores

HOPELESS = 10  # parts: so many bad ones without a good one have one cause, such as files of another size


class PreparationError(RuntimeError):
    """Preparation could not be finished. The message says why, what is kept, and how to resume."""


def align_parts(
    todo: list[tuple[RawPart, pathlib.Path]],
    *,
    alignment: Alignment,
    workers: int | None = None,
    advance: Callable[[int], None] = lambda num_frames: None,
) -> list[str]:
    """Write the part file of each part.

    Args:
        todo: (part, path of its part file).
        alignment: The settings.
        workers: Number of processes. None takes one per core. With 1, everything happens in this process.
        advance: Called after each part with the number of its raw frames.

    Returns:
        The faults of the parts that could not be read. All others are written. Where none of the first HOPELESS
        parts can be read, the rest is not tried.

    Raises:
        PreparationError: A process died.
        OSError: A part file could not be written.
    """
    faults: list[str] = []
    num_good = 0
    workers = max(1, min(workers or num_cores(), len(todo)))
    with contextlib.closing(_results(todo, alignment=alignment, workers=workers)) as results:
        for part, result in results:
            try:
                advance(result())
                num_good += 1
            except UnreadableError as error:
                faults.append(str(error))
                advance(0)
                if num_good == 0 and len(faults) == HOPELESS < len(todo):
                    break
            except BrokenProcessPool as error:
                raise PreparationError(
                    f"A process died while part {part.name} was waiting or being aligned (memory ran out, it was "
                    "killed, or the script that calls prepare lacks `if __name__ == '__main__':`). Finished parts are "
                    "kept. Call again to resume, with fewer workers if memory was short."
                ) from error
    return sorted(faults)


def _results(
    todo: list[tuple[RawPart, pathlib.Path]], *, alignment: Alignment, workers: int
) -> Iterator[tuple[RawPart, Callable[[], int]]]:
    """Yield (part, function that returns the number of its raw frames or raises) as they are done."""
    if workers == 1:
        for part, path in todo:
            yield part, functools.partial(write_part, part, alignment=alignment, path=path)
        return
    # Fresh processes: forking one that runs TensorFlow's threads can hang. They import neither TensorFlow nor Keras.
    context = multiprocessing.get_context("spawn")
    pool = concurrent.futures.ProcessPoolExecutor(workers, mp_context=context, initializer=_end_with_parent)
    try:
        futures = {pool.submit(write_part, part, alignment=alignment, path=path): part for part, path in todo}
        for future in concurrent.futures.as_completed(futures):
            yield futures[future], future.result
    finally:
        pool.shutdown(cancel_futures=True)


def _end_with_parent() -> None:
    """End this worker when the process that started it is gone, even if that process was killed."""

    def watch():
        multiprocessing.parent_process().join()
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
