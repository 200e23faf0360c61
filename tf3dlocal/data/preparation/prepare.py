"""From raw silhouettes to a prepared data set: aligned, counted, and written once."""

from __future__ import annotations

import errno
import hashlib
import json
import pathlib
import shutil
from collections.abc import Iterable

import numpy as np

from tf3dlocal.data.preparation.alignment import Alignment
from tf3dlocal.data.preparation.finished import finished
from tf3dlocal.data.preparation.gather import gather_parts, remove_unused_shards
from tf3dlocal.data.preparation.parallel_alignment import PreparationError, align_parts
from tf3dlocal.data.preparation.part_files import part_file_name
from tf3dlocal.data.preparation.preparation_report import PreparationReport
from tf3dlocal.data.raw.files import RawDataError
from tf3dlocal.data.raw.path_pattern import PathPattern
from tf3dlocal.data.raw.raw_source import RawSource, open_raw, subject_names
from tf3dlocal.data.silhouettes import MINIMUM_PIXEL_SUM, check_size
from tf3dlocal.io import (
    check_apart,
    check_folder_name,
    file_lock,
    lock_holder,
    named_arguments,
    printable,
    progress_bar,
    remove_unfinished,
    tell,
    user_path,
)
from tf3dlocal.io.types import PathLike

PARTS, LOCK = ".parts", "lock"  # a folder with the aligned parts until the data set is complete, and its lock


@named_arguments
def prepare(
    raw: PathLike,
    *,
    out: PathLike,
    size: int = 64,
    name: str | None = None,
    layout: str | PathLike | PathPattern = "auto",
    subjects: str | Iterable[str] | None = None,
    min_frames: int = 1,
    minimum_pixel_sum: int = MINIMUM_PIXEL_SUM,
    invert: bool = False,
    workers: int | None = None,
    overwrite: bool = False,
    progress: bool = True,
) -> PreparationReport:
    """Align the silhouettes of a data set and write them as TFRecords, with an account of everything dropped.

    Subjects are aligned in parallel, each into a separate file below `out`. When all are there they are gathered into
    shards, and the index is written last. So a call that was killed can be repeated and resumes. A call for a complete
    data set compares it with its checksums and returns. The result does not depend on `workers`. A data set that is
    replaced stays whole until the new one is: also where the call fails or is killed.

    Args:
        raw: Folder tree, folder of tar archives, tar archive, or zip archive of either (see `open_raw`). The frames
            in OpenGait's pickles are aligned already and taken as they are, except black ones.
        out: Folder of the prepared data set.
        size: Height and width of an aligned silhouette in pixels, such as 64 or 128.
        name: Name of the data set in reports. None takes the name of `raw`.
        layout: "auto", "casia-b", "ou-mvlp", "opengait", a `PathPattern` or the path of a YAML layout file.
        subjects: Names of the subjects to prepare. None takes all.
        min_frames: Sequences with fewer usable frames are left out and reported.
        minimum_pixel_sum: Raw frames whose grey values sum to this or less are dropped and reported. Frames that are
            aligned already are not measured by it.
        invert: Whether the body is black on white in the raw frames.
        workers: Number of processes. None takes one per core. With 1, everything happens in this process.
        overwrite: Whether to prepare a data set again that is in `out`, whatever it came from.
        progress: Whether to show a progress bar.

    Returns:
        The report, also written as report.json and report.md.

    Raises:
        RawDataError: There is nothing to read, or a damaged or unsafe archive or pickle. All good parts are kept.
        PreparationError: The disk is full, a process died, `out` holds another data set, or another call is preparing
            it.
        ValueError: A setting is out of its range.

    Example:
        >>> report = prepare("CASIA-B/silhouettes", out="prepared/casia-b")    # doctest: +SKIP
        >>> report.num_walks, len(report.known_gaps)                           # doctest: +SKIP
        (13592, 48)
    """
    raw, out = user_path(raw), user_path(out)
    alignment = _checked(size, minimum_pixel_sum, invert, min_frames=min_frames)
    subjects = None if subjects is None else subject_names(subjects)
    try:
        check_apart(out, source=raw, what="the raw data")
        check_folder_name(out)
    except ValueError as error:
        raise PreparationError(str(error)) from None
    source = open_raw(raw, layout=layout, subjects=subjects)
    name = name or printable(source.name)
    settings = {"name": name, "size": alignment.size, "minimum_pixel_sum": alignment.minimum_pixel_sum}
    settings |= {"min_frames": int(min_frames), "subjects": subjects} | ({"invert": True} if invert else {})
    files = [part_file_name(part, alignment) for part in source.parts]
    fingerprint = hashlib.sha256(json.dumps([settings, source.pattern.pattern, files]).encode()).hexdigest()
    report = PreparationReport(
        name, source=source.path, layout=source.pattern.layout, settings=settings, fingerprint=fingerprint
    )
    if not overwrite and (done := finished(out, wanted=report, shown=progress)) is not None:
        return _reused(done, out, shown=progress)
    try:
        with file_lock(out / PARTS / LOCK) as is_ours:
            if not is_ours:
                raise PreparationError(
                    f"{out} is being prepared by {lock_holder(out / PARTS / LOCK)}. Wait until it ends, or give "
                    "another folder."
                )
            if not overwrite and (done := finished(out, wanted=report, shown=False)) is not None:
                return _reused(done, out, shown=progress)  # another call has ended in the meantime
            paths = [out / PARTS / file for file in files]
            _align(source, paths, alignment=alignment, workers=workers, shown=progress)
            gather_parts(paths, out=out, report=report, strays=source.strays)
            shutil.rmtree(out / PARTS)
    except OSError as error:
        raise _explained(error, out) from error
    frames = f"{report.num_frames} of {report.num_raw_frames} frames"
    tell(f"{out}: {report.num_walks} walks, {frames}. See {out / 'report.md'}.", shown=progress)
    return report


def _checked(size: int, minimum_pixel_sum: int, invert: bool, *, min_frames: int) -> Alignment:
    """Return the settings of an aligned frame, after checking all of them.

    Raises:
        ValueError: A setting is out of its range.
    """
    check_size(size)
    for name, value in {"min_frames": min_frames, "minimum_pixel_sum": minimum_pixel_sum}.items():
        if not isinstance(value, int | np.integer) or value < 0:
            raise ValueError(f"{name} must be a number of at least 0, got {value!r}.")
    if not isinstance(invert, bool):
        raise ValueError(f"invert must be True or False, got {invert!r}.")
    return Alignment(size=int(size), minimum_pixel_sum=int(minimum_pixel_sum), invert=invert)


def _reused(report: PreparationReport, out: pathlib.Path, *, shown: bool) -> PreparationReport:
    """Remove what a call left that was killed after its last walk, and return the report."""
    if (out / PARTS).exists():
        with file_lock(out / PARTS / LOCK) as is_ours:
            if is_ours:
                remove_unused_shards(out)
                shutil.rmtree(out / PARTS, ignore_errors=True)
    tell(f"{out} is complete already: {report.num_walks} walks. Nothing to do.", shown=shown)
    return report


def _align(
    source: RawSource, paths: list[pathlib.Path], *, alignment: Alignment, workers: int | None, shown: bool
) -> None:
    """Make the part files that are not there yet."""
    folder = paths[0].parent
    remove_unfinished(folder)
    others = [path for path in folder.glob("*.npz") if path not in set(paths)]
    todo = [(part, path) for part, path in zip(source.parts, paths, strict=True) if not path.exists()]
    done = len(paths) - len(todo)
    if done:
        tell(f"Resuming: {done} of {len(paths)} parts are aligned already.", shown=shown)
    if others:
        tell(f"Removing {len(others)} parts of an earlier call with other settings or other raw files.", shown=shown)
        for path in others:
            path.unlink()
    if not todo:
        return
    num_frames = 0
    with progress_bar("aligning", total=len(paths), done=done, shown=shown) as show:

        def advance(frames_of_part: int) -> None:
            nonlocal num_frames
            num_frames += frames_of_part
            show(1, note=f"{num_frames:,} frames")

        faults = align_parts(todo, alignment=alignment, workers=workers, advance=advance)
    if faults:
        kept = sum(path.exists() for path in paths)
        left = len(paths) - len(faults) - kept
        more = [f"The other {kept} parts are aligned and kept for the next call."] if kept else []
        more += [f"{left} further parts were not tried, since none of this call could be read."] if left else []
        raise RawDataError("\n".join([*faults, *more]))


def _explained(error: OSError, out: pathlib.Path) -> Exception:
    """Return an error that explains a full disk. Other errors are returned as they are."""
    full = error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG) or "disk full" in str(error)
    if not full:
        return error
    kept = len(list((out / PARTS).glob("*.npz")))
    return PreparationError(
        f"The disk is full: could not write below {out} ({error}). {kept} aligned parts are kept. Free some space and "
        "call again to resume."
    )
