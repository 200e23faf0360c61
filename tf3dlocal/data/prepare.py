"""From raw silhouettes to a prepared data set: aligned, counted, and written once."""

from __future__ import annotations

import errno
import hashlib
import json
import pathlib
import shutil

from tf3dlocal.data.dataset_index import INDEX_NAME, read_index, shard_name, write_index
from tf3dlocal.data.parallel_alignment import PreparationError, align_parts
from tf3dlocal.data.part_files import Alignment, part_file_name, read_part, write_atomically
from tf3dlocal.data.preparation_progress import PreparationProgress
from tf3dlocal.data.preparation_report import PreparationReport, sequence_name
from tf3dlocal.data.raw_sequences import RawDataError
from tf3dlocal.data.raw_source import RawSource, open_raw, subject_names
from tf3dlocal.data.silhouettes import MINIMUM_PIXEL_SUM
from tf3dlocal.data.tfrecords import ShardWriter

PARTS = ".parts"  # holds what is aligned so far, until the data set is complete
SHARD_BYTES = 64 * 2**20


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
        raw: folder tree, folder of tar archives, tar archive, or zip archive of either (see `open_raw`). OpenGait's
            pickles hold aligned frames: these are taken as they are, all black ones apart (see `opengait_pickles`).
        out: folder of the prepared data set.
        size: height and width of an aligned silhouette, such as 64 or 128.
        name: what to call the data set in reports; the source's name if None.
        layout: "auto", "casia-b", "ou-mvlp", "opengait", a `PathPattern` or a YAML description of one's own layout.
        subjects: names of the subjects to prepare; None takes all.
        min_frames: sequences with fewer usable frames are left out (and reported).
        minimum_pixel_sum: frames whose grey values sum to this or less are dropped (and reported);
            frames that come aligned are not measured by it.
        workers: number of processes; None takes one per core. With 1, all happens in this process.
        overwrite: make a data set anew that is complete but came from other settings or other files.
        progress: show a progress bar.

    Returns:
        the report, also written as report.json and report.md.

    Raises:
        RawDataError: nothing to read, a damaged or unsafe archive or pickle; all good parts are kept.
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
    subjects = None if subjects is None else subject_names(subjects)
    if out.resolve() == pathlib.Path(raw).resolve():
        raise PreparationError(f"{out} holds the raw data: give another folder for the prepared ones.")
    source = open_raw(raw, layout, subjects)
    name = name or source.name
    settings = {"name": name, "size": alignment.size, "minimum_pixel_sum": alignment.minimum_pixel_sum}
    settings |= {"min_frames": min_frames, "subjects": subjects}
    files = [part_file_name(part, alignment) for part in source.parts]
    fingerprint = hashlib.sha256(json.dumps([settings, source.pattern.pattern, files]).encode()).hexdigest()
    shown = PreparationProgress(progress)
    done = _finished(out, fingerprint, settings, overwrite)
    if done is not None:
        shutil.rmtree(out / PARTS, ignore_errors=True)  # of a call that was killed behind its last walk
        shown.tell(f"{out} is complete already: {done.num_walks} walks; nothing to do.")
        return done
    report = PreparationReport(name, source.path, source.pattern.layout, settings, fingerprint=fingerprint)
    try:
        (out / PARTS).mkdir(parents=True, exist_ok=True)
        _align(source, files, alignment, out / PARTS, workers, shown)
        _gather(report, source, files, out, max(1, min_frames), subjects)
    except OSError as error:
        raise _explained(error, out) from error
    shutil.rmtree(out / PARTS)
    shown.tell(
        f"{out}: {report.num_walks} walks, {report.num_frames} of {report.num_raw_frames} frames; "
        f"see {out / 'report.md'}."
    )
    return report


def _finished(out, fingerprint, settings, overwrite) -> PreparationReport | None:
    """The report of a complete data set in `out` that is what we would make; an error if it holds another."""
    if not (out / INDEX_NAME).exists():
        return None
    try:
        report = PreparationReport(**json.loads((out / "report.json").read_text(encoding="utf-8")), reused=True)
    except (OSError, ValueError, TypeError):
        report = None
    if report is not None and report.fingerprint == fingerprint:
        return report if _whole(out) else None
    if overwrite:
        return None  # the old data set stays until the new one can be written
    changed = []
    if report is not None:
        changed = [f"{key} was {report.settings.get(key)!r} and is {settings[key]!r}" for key in settings]
        changed = [
            text for key, text in zip(settings, changed, strict=True) if report.settings.get(key) != settings[key]
        ]
    reason = "; ".join(changed) or ("the raw files have changed" if report else "its report.json cannot be read")
    raise PreparationError(
        f"{out} holds a data set that was prepared otherwise ({reason}). Choose another folder, or make it anew with "
        "overwrite=True."
    )


def _whole(out) -> bool:
    """Whether index and shards of a data set are still there and of this version."""
    try:
        return all((out / shard).is_file() for shard in read_index(out)["shards"])
    except (OSError, ValueError):
        return False


def _align(source: RawSource, files, alignment, folder, workers, shown) -> None:
    """Make the part files that are not there yet."""
    for leftover in folder.glob(".*.partial"):
        leftover.unlink(missing_ok=True)
    paths = [folder / file for file in files]
    todo = [(part, path) for part, path in zip(source.parts, paths, strict=True) if not path.exists()]
    done = len(files) - len(todo)
    if done:
        shown.tell(f"Going on: {done} of {len(files)} parts are aligned already.")
    others = [path for path in folder.iterdir() if path.name not in set(files)]
    if others:
        shown.tell(f"{len(others)} parts from an earlier call with other settings or other raw files are thrown away.")
        for path in others:
            path.unlink()
    if todo:
        with shown.bar(len(files), done) as advance:
            faults = align_parts(todo, alignment, workers, advance)
        if faults:
            kept = sum(path.exists() for path in paths)
            left = len(files) - len(faults) - kept
            told = [f"The other {kept} parts are aligned and kept for the next call."] if kept else []
            told += [f"{left} further parts were not tried, since not one of this call could be read."] if left else []
            raise RawDataError("\n".join([*faults, *told]))


def _gather(report, source, files, out, min_frames, subjects) -> None:
    """Write shards, reports and, last, the index. The order of walks is that of the parts and of names in a part."""
    for leftover in (out / INDEX_NAME, *out.glob("walks-*.tfrecord"), *out.glob(".*.partial")):
        leftover.unlink(missing_ok=True)
    parts = [out / PARTS / file for file in files]
    sizes = [part.stat().st_size for part in parts]
    num_shards = max(1, min(len(parts), round(sum(sizes) / SHARD_BYTES)))
    per_shard = sum(sizes) / num_shards
    ends = [sum(sizes[: index + 1]) for index in range(len(sizes))]
    shards, places, strays = {}, {}, list(source.strays)
    for number in range(num_shards):
        # A part belongs to the shard in whose stretch of bytes its middle lies: shards of about equal size.
        middles = [end - size / 2 for end, size in zip(ends, sizes, strict=True)]
        inside = [part for part, middle in zip(parts, middles, strict=True) if int(middle / per_shard) == number]
        with ShardWriter(out / shard_name(number, num_shards)) as shard:
            for part in inside:
                strips, facts = read_part(part)
                strays += facts["strays"]
                for strip, fact in zip(strips, facts["sequences"], strict=True):
                    place = (fact["subject"], fact["condition"], fact["view_degrees"])
                    if place in places:
                        where = f"{sequence_name(*place)} in {places[place]} and in {fact['source']}"
                        report.duplicates.append(where)
                        continue
                    places[place] = fact["source"]
                    kept = fact["num_frames"] >= min_frames
                    report.add_sequence(fact, kept, min_frames)
                    if kept:
                        shard.write_film_strip(strip, fact["num_frames"], report.settings["size"], *place)
        shards[shard.path.name] = shard.entries
    report.strays = sorted(strays)
    report.compare_with_structure(set(places), subjects)
    if report.num_walks == 0:
        reasons = ", ".join(f"{reason} ({count})" for reason, count in sorted(report.drop_reasons.items()))
        raise RawDataError(
            f"{source.path}: not one usable walk in {report.num_raw_sequences} sequences. "
            f"Dropped frames: {reasons or 'none'}; at least {min_frames} usable frames are needed."
        )
    write_atomically(out / "report.json", json.dumps(report.as_dict(), indent=1).encode())
    write_atomically(out / "report.md", report.as_markdown().encode())
    write_index(out, report.name, report.settings["size"], shards)


def _explained(error: OSError, out: pathlib.Path) -> Exception:
    """A full disk told as one; other errors as they are."""
    full = error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG) or "disk full" in str(error)
    if not full:
        return error
    kept = len(list((out / PARTS).glob("*.npz")))
    return PreparationError(
        f"The disk is full: could not write below {out} ({error}). {kept} aligned parts are kept: free some space and "
        "call again to go on."
    )
