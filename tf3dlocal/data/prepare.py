"""From raw silhouettes to a prepared data set: aligned, counted, and written once."""

from __future__ import annotations

import concurrent.futures
import errno
import hashlib
import json
import multiprocessing
import os
import pathlib
import shutil
import threading
from concurrent.futures.process import BrokenProcessPool

from tf3dlocal.data.dataset_index import INDEX_NAME, shard_name, write_index
from tf3dlocal.data.part_files import Alignment, part_file_name, read_part, write_atomically, write_part
from tf3dlocal.data.preparation_report import PreparationReport
from tf3dlocal.data.raw_sequences import RawDataError
from tf3dlocal.data.raw_source import RawSource, open_raw
from tf3dlocal.data.silhouettes import MINIMUM_PIXEL_SUM
from tf3dlocal.data.tfrecords import ShardWriter

PARTS = ".parts"  # holds what is aligned so far, until the data set is complete
SHARD_BYTES = 64 * 2**20


class PreparationError(RuntimeError):
    """Preparation could not be finished; the message says why, what is kept, and how to go on."""


def prepare(
    raw,
    out,
    size: int = 64,
    *,
    name: str | None = None,
    layout="auto",
    subjects=None,
    min_frames: int = 1,
    minimum_pixel_sum: int = MINIMUM_PIXEL_SUM,
    workers: int | None = None,
    overwrite: bool = False,
    progress: bool = True,
) -> PreparationReport:
    """Align the silhouettes of a data set and write them as TFRecords, with an account of all that was dropped.

    Subjects are aligned in parallel, each into a file of its own below `out`; when all are there they are gathered
    into shards, and the index is written last. So a call that was killed can be repeated and goes on where it was,
    and a call for a data set that is complete returns at once. The result does not depend on `workers`.

    Args:
        raw: folder tree, folder of tar archives, tar archive, or zip archive of either (see `open_raw`).
        out: folder of the prepared data set.
        size: height and width of an aligned silhouette, such as 64 or 128.
        name: what to call the data set in reports; the source's name if None.
        layout: "auto", "casia-b", "ou-mvlp", a `PathPattern` or a YAML description of one's own layout.
        subjects: names of the subjects to prepare; None takes all.
        min_frames: sequences with fewer usable frames are left out (and reported).
        minimum_pixel_sum: frames whose grey values sum to this or less are dropped (and reported).
        workers: number of processes; None takes one per core. With 1, all happens in this process.
        overwrite: make a data set anew that is complete but came from other settings or other files.
        progress: show a progress bar.

    Returns:
        the report, also written as report.json and report.md.

    Raises:
        RawDataError: nothing to read, or a damaged or unsafe archive; all good parts are kept.
        PreparationError: the disk is full, a process died, or `out` holds another data set.

    Example:
        >>> report = prepare("CASIA-B/silhouettes", "prepared/casia-b")    # doctest: +SKIP
        >>> report.num_walks, len(report.known_gaps)                       # doctest: +SKIP
        (13592, 48)
    """
    out = pathlib.Path(out)
    alignment = Alignment(int(size), int(minimum_pixel_sum))
    if size < 2 or size % 2:
        raise ValueError(f"size must be an even number of pixels, got {size}.")
    source = open_raw(raw, layout, subjects)
    name = name or source.name
    settings = {"name": name, "size": alignment.size, "minimum_pixel_sum": alignment.minimum_pixel_sum}
    settings |= {"min_frames": min_frames, "subjects": None if subjects is None else sorted(map(str, subjects))}
    files = [part_file_name(part, alignment) for part in source.parts]
    fingerprint = hashlib.sha256(json.dumps([settings, source.pattern.pattern, files]).encode()).hexdigest()
    with _telling(progress) as tell:
        done = _finished(out, fingerprint, settings, overwrite)
        if done is not None:
            tell(f"{out} is complete already: {done.num_walks} walks; nothing to do.")
            return done
        try:
            (out / PARTS).mkdir(parents=True, exist_ok=True)
            _align(source, files, alignment, out / PARTS, workers, progress, tell)
            report = PreparationReport(name, source.path, source.pattern.layout, settings, fingerprint=fingerprint)
            _gather(report, source, files, out, min_frames, subjects)
        except OSError as error:
            raise _explained(error, out) from error
        shutil.rmtree(out / PARTS)
        tell(
            f"{out}: {report.num_walks} walks, {report.num_frames} of {report.num_raw_frames} frames; "
            f"see {out / 'report.md'}."
        )
    return report


def _finished(out, fingerprint, settings, overwrite) -> PreparationReport | None:
    """The report of a complete data set in `out` that is what we would make; clears away another if allowed to."""
    if not (out / INDEX_NAME).exists():
        return None
    try:
        report = PreparationReport(**json.loads((out / "report.json").read_text(encoding="utf-8")), reused=True)
    except (OSError, ValueError, TypeError):
        report = None
    if report is not None and report.fingerprint == fingerprint:
        return report
    if not overwrite:
        before = report.settings if report else {}
        changed = [f"{key} was {before.get(key)!r} and is {settings[key]!r}" for key in settings]
        changed = [text for key, text in zip(settings, changed, strict=True) if before.get(key) != settings[key]]
        reason = "; ".join(changed) if report else "its report.json cannot be read"
        raise PreparationError(
            f"{out} holds a data set that was prepared otherwise ({reason or 'the raw files have changed'}). "
            "Choose another folder, or make it anew with overwrite=True."
        )
    for path in (out / INDEX_NAME, *out.glob("walks-*.tfrecord"), out / "report.json", out / "report.md"):
        path.unlink(missing_ok=True)
    return None


def _align(source: RawSource, files, alignment, folder, workers, progress, tell) -> None:
    """Make the part files that are not there yet."""
    for leftover in folder.glob(".*.partial"):
        leftover.unlink(missing_ok=True)
    todo = [(part, folder / file) for part, file in zip(source.parts, files, strict=True) if not (folder / file).exists()]
    others = [path for path in folder.iterdir() if path.name not in set(files)]
    if len(todo) < len(files):
        tell(f"Going on: {len(files) - len(todo)} of {len(files)} parts are aligned already.")
    if others:
        tell(f"{len(others)} parts in {folder} came from other settings or other files and are removed.")
        for path in others:
            path.unlink()
    if not todo:
        return
    workers = min(workers or len(os.sched_getaffinity(0)), len(todo))
    faults: list[str] = []
    with _bar(progress, len(files), len(files) - len(todo)) as advance:
        for part, result in _results(todo, alignment, workers):
            try:
                advance(result())
            except RawDataError as error:
                faults.append(str(error))
                advance(0)
            except BrokenProcessPool as error:
                raise PreparationError(
                    f"A process died while part {part.name} was being aligned (out of memory, or killed; or the script "
                    "that calls prepare lacks `if __name__ == '__main__':`). What is done is kept: call again to go "
                    "on, with fewer workers if memory was short."
                ) from error
    if faults:
        raise RawDataError("\n".join([*faults, f"The other {len(files) - len(faults)} parts are kept for the next call."]))


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


def _gather(report, source, files, out, min_frames, subjects) -> None:
    """Write shards, reports and, last, the index."""
    parts = out / PARTS
    num_shards = max(1, -(-sum((parts / file).stat().st_size for file in files) // SHARD_BYTES))
    limit = sum((parts / file).stat().st_size for file in files) / num_shards
    shards, places, strays = {}, {}, list(source.strays)
    waiting = iter(files)
    for number in range(num_shards):
        with ShardWriter(out / shard_name(number, num_shards)) as shard:
            filled = 0
            for file in waiting:
                filled += (parts / file).stat().st_size
                strips, facts = read_part(parts / file)
                strays += facts["strays"]
                for strip, fact in zip(strips, facts["sequences"], strict=True):
                    place = (fact["subject"], fact["condition"], fact["view_degrees"])
                    if place in places:
                        report.duplicates.append(f"{fact['source']}: {'/'.join(map(str, place))}, also in {places[place]}")
                        continue
                    places[place] = fact["source"]
                    kept = fact["num_frames"] >= max(1, min_frames)
                    report.add_sequence(fact, kept, max(1, min_frames))
                    if kept:
                        shard.write_film_strip(strip, fact["num_frames"], report.settings["size"], *place)
                if filled >= limit and number < num_shards - 1:
                    break
        shards[shard.path.name] = shard.entries
    report.strays = sorted(strays)
    report.compare_with_structure(set(places), subjects)
    if report.num_walks == 0:
        reasons = ", ".join(f"{reason} ({count})" for reason, count in sorted(report.drop_reasons.items()))
        raise RawDataError(
            f"{source.path}: not one usable walk in {report.num_raw_sequences} sequences. Dropped frames: {reasons}."
        )
    write_atomically(out / "report.json", json.dumps(report.as_dict(), indent=1).encode())
    write_atomically(out / "report.md", report.as_markdown().encode())
    write_index(out, report.name, report.settings["size"], shards)


def _explained(error: OSError, out) -> Exception:
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        kept = len(list((out / PARTS).glob("*.npz")))
        return PreparationError(
            f"The disk is full: could not write below {out} ({error}). {kept} parts are complete and kept: free some "
            "space and call again to go on."
        )
    return error


def _telling(progress):
    import contextlib

    if not progress:
        return contextlib.nullcontext(lambda text: None)
    from rich.console import Console

    return contextlib.nullcontext(Console(stderr=True, highlight=False).print)


def _bar(progress, total, done):
    import contextlib

    if not progress:
        return contextlib.nullcontext(lambda frames: None)
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

    @contextlib.contextmanager
    def shown():
        columns = (TextColumn("Aligning"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[frames]:,} frames"))
        with Progress(*columns, TimeElapsedColumn(), TimeRemainingColumn(), console=Console(stderr=True)) as bar:
            task = bar.add_task("", total=total, completed=done, frames=0)
            seen = 0

            def advance(frames):
                nonlocal seen
                seen += frames
                bar.update(task, advance=1, frames=seen)

            yield advance

    return shown()
