"""Aligning the parts of a raw data set in several processes at once."""

from __future__ import annotations

import concurrent.futures
import contextlib
import multiprocessing
import os
import pathlib
import threading
from collections.abc import Callable
from concurrent.futures.process import BrokenProcessPool

from tf3dlocal.data.part_files import Alignment, write_part
from tf3dlocal.data.raw_sequences import RawDataError, RawPart

HOPELESS = 10  # parts; so many bad ones and not one good have one cause, such as another size than the files have


class PreparationError(RuntimeError):
    """Preparation could not be finished; the message says why, what is kept, and how to go on."""


def align_parts(
    todo: list[tuple[RawPart, pathlib.Path]],
    alignment: Alignment,
    workers: int | None = None,
    advance: Callable[[int], None] = lambda num_frames: None,
) -> list[str]:
    """Write the part file of each part.

    Args:
        todo: (part, path of its part file).
        alignment: the settings.
        workers: number of processes; None takes one per core. With 1, all happens in this process.
        advance: called after each part with the number of its raw frames.

    Returns:
        what is wrong with the parts that could not be read; all others are written. Where the first HOPELESS parts all
        cannot be read the rest is not tried.

    Raises:
        PreparationError: a process died.
        OSError: a part file could not be written.
    """
    faults: list[str] = []
    num_good = 0
    workers = max(1, min(workers or _num_cores(), len(todo)))
    with contextlib.closing(_results(todo, alignment, workers)) as results:
        for part, result in results:
            try:
                advance(result())
                num_good += 1
            except RawDataError as error:
                faults.append(str(error))
                advance(0)
                if num_good == 0 and len(faults) == HOPELESS < len(todo):
                    break
            except BrokenProcessPool as error:
                raise PreparationError(
                    f"A process died while part {part.name} was waiting or being aligned (memory ran out, it was "
                    "killed, or the script that calls prepare lacks `if __name__ == '__main__':`). What is done is "
                    "kept: call again to go on, with fewer workers if memory was short."
                ) from error
    return sorted(faults)


def _num_cores() -> int:
    """The cores that this process may use, which in a container are fewer than the machine has."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _results(todo, alignment, workers):
    """(part, function that gives the number of its raw frames or raises) as they are done."""
    if workers == 1:
        for part, path in todo:
            yield part, lambda part=part, path=path: write_part(part, alignment, path)
        return
    # Fresh processes: forking one that runs TensorFlow's threads can hang. They import neither TensorFlow nor Keras.
    context = multiprocessing.get_context("spawn")
    pool = concurrent.futures.ProcessPoolExecutor(workers, mp_context=context, initializer=_end_with_parent)
    try:
        futures = {pool.submit(write_part, part, alignment, path): part for part, path in todo}
        for future in concurrent.futures.as_completed(futures):
            yield futures[future], future.result
    finally:
        pool.shutdown(cancel_futures=True)


def _end_with_parent() -> None:
    """End this worker when the process that started it is gone, even if that was killed without a word."""

    def watch():
        multiprocessing.parent_process().join()
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
