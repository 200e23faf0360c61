"""The last step of a preparation: gather the aligned parts into shards, and write reports and index."""

from __future__ import annotations

import functools
import itertools
import pathlib
from collections.abc import Iterator, Sequence

from tf3dlocal.data.plausibility import ADVICE
from tf3dlocal.data.preparation.part_files import read_part
from tf3dlocal.data.preparation.preparation_report import PreparationReport, sequence_name
from tf3dlocal.data.preparation.report_text import report_text
from tf3dlocal.data.raw.files import RawDataError
from tf3dlocal.data.records.dataset_index import (
    INDEX_NAME,
    WalkEntry,
    damaged_shards,
    make_index,
    read_index,
    shard_checksum,
    write_index,
)
from tf3dlocal.data.records.shards import shard_name, write_shard
from tf3dlocal.data.records.walk_records import FilmStrip
from tf3dlocal.io import remove_unfinished, write_text

SHARD_BYTES = 64 * 2**20


def gather_parts(
    paths: Sequence[pathlib.Path], *, out: pathlib.Path, report: PreparationReport, strays: Sequence[str]
) -> None:
    """Write shards, reports and index. Walks are in the order of the parts and of names in a part.

    A data set that is in `out` already stays whole until the new one is written and checked: the new shards have other
    names, and replacing the index replaces the set, in one step. The old shards are removed after that.

    Args:
        paths: The part files.
        out: Folder of the prepared data set.
        report: The report, filled and written here.
        strays: Files of the raw data that belong to no part.

    Raises:
        RawDataError: There is no usable walk.
        UnreadableError: A part file is damaged.
        OSError: A file could not be written, or does not hold what was written.
    """
    remove_unfinished(out)
    used = remove_unused_shards(out) if (out / INDEX_NAME).exists() else set()
    groups = _groups_of_equal_size(paths)
    edition = "b" if any(not name.startswith("walks-b-") for name in used) else ""
    names = [shard_name(number, len(groups), edition=edition) for number in range(len(groups))]
    places: dict[tuple[str, str, int], str] = {}  # where each sequence was found
    report.strays = list(strays)
    shards: dict[str, list[WalkEntry]] = {}
    has_new_index = False
    try:
        for name, group in zip(names, groups, strict=True):
            shards[name] = write_shard(out / name, _walks_of_parts(group, report=report, places=places))
        report.strays.sort()
        report.compare_with_structure(set(places), subjects_wanted=report.settings["subjects"])
        if report.num_walks == 0:
            raise RawDataError(_no_walk(report) + (f" The data set in {out} is as it was." if used else ""))
        size = report.settings["size"]
        if faults := damaged_shards(out, index=make_index(name=report.name, size=size, shards=shards)):
            raise OSError(f"{out}: not what was written: {'; '.join(faults)}. Check the disk.")
        checksums = {name: shard_checksum(out / name) for name in names}

        def write_the_index() -> None:
            nonlocal has_new_index
            write_index(
                out,
                name=report.name,
                size=size,
                shards=shards,
                checksums=checksums,
                preparation=report.fingerprint,
                report=report.as_json(),
            )
            has_new_index = True

        # A new data set has an index when all else is there. One that is replaced keeps its reports until it is.
        steps = [functools.partial(_write_reports, out, report), write_the_index]
        for step in reversed(steps) if used else steps:
            step()
    except BaseException:
        if not has_new_index:
            for name in set(shards) - used:
                (out / name).unlink(missing_ok=True)
        raise
    remove_unused_shards(out)


def remove_unused_shards(out: pathlib.Path) -> set[str]:
    """Remove the shards in a folder that its index does not name: of a killed call, or of a set that was replaced.

    Returns:
        The names of the shards that the index names. Without a readable index, no shard is removed.
    """
    shards = {path.name for path in out.glob("walks-*.tfrecord")}
    if (out / INDEX_NAME).exists():
        try:
            used = set(read_index(out)["shards"])
        except (OSError, ValueError):
            return shards
    else:
        used = set()
    for name in shards - used:
        (out / name).unlink()
    return used


def _write_reports(out: pathlib.Path, report: PreparationReport) -> None:
    write_text(out / "report.json", report.as_json())
    write_text(out / "report.md", report_text(report))


def _no_walk(report: PreparationReport) -> str:
    """Return why there is no usable walk."""
    reasons = ", ".join(f"{reason} ({count})" for reason, count in sorted(report.drop_reasons.items()))
    advice = [ADVICE[reason] for reason in sorted(report.drop_reasons) if reason in ADVICE]
    most = max((entry["num_frames"] for entry in report.left_out), default=0)
    longest = f" The longest has {most}." if most else ""
    return " ".join(
        [
            f"{report.source}: there is no usable walk in {report.num_raw_sequences} sequences. Dropped frames: "
            f"{reasons or 'none'}. A walk needs {_min_frames(report)} usable frames.{longest}",
            *dict.fromkeys(advice),
        ]
    )


def _groups_of_equal_size(paths: Sequence[pathlib.Path]) -> list[list[pathlib.Path]]:
    """Group the part files into shards of about equal size."""
    sizes = [path.stat().st_size for path in paths]
    num_groups = max(1, min(len(paths), round(sum(sizes) / SHARD_BYTES)))
    per_group = sum(sizes) / num_groups
    groups: list[list[pathlib.Path]] = [[] for _ in range(num_groups)]
    for path, size, end in zip(paths, sizes, itertools.accumulate(sizes), strict=True):
        groups[int((end - size / 2) / per_group)].append(path)  # by the middle of the part in the row of all bytes
    return groups


def _walks_of_parts(
    paths: Sequence[pathlib.Path], *, report: PreparationReport, places: dict[tuple[str, str, int], str]
) -> Iterator[FilmStrip]:
    """Yield the usable walks of part files, and count all sequences in the report."""
    for path in paths:
        strips, facts_of_part = read_part(path)
        report.strays += facts_of_part["strays"]
        for png, facts in zip(strips, facts_of_part["sequences"], strict=True):
            who = {key: facts[key] for key in ("subject", "condition", "view_degrees")}
            place = tuple(who.values())
            if place in places:
                where = f"{sequence_name(facts)} in {places[place]} and in {facts['source']}"
                report.duplicates.append(where)
                continue
            places[place] = facts["source"]
            is_kept = facts["num_frames"] >= _min_frames(report)
            report.add_sequence(facts, kept=is_kept, min_frames=_min_frames(report))
            if is_kept:
                yield FilmStrip(png, num_frames=facts["num_frames"], size=report.settings["size"], **who)


def _min_frames(report: PreparationReport) -> int:
    return max(1, report.settings["min_frames"])
