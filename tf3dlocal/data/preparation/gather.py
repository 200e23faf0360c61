"""The last step of a preparation: gather the aligned parts into shards, and write reports and index."""

from __future__ import annotations

import itertools
import json
import pathlib
from collections.abc import Iterator, Sequence

from tf3dlocal.data.preparation.part_files import read_part
from tf3dlocal.data.preparation.preparation_report import PreparationReport, sequence_name
from tf3dlocal.data.preparation.report_text import report_text
from tf3dlocal.data.raw.files import RawDataError
from tf3dlocal.data.records.dataset_index import INDEX_NAME, write_index
from tf3dlocal.data.records.shards import shard_name, write_shard
from tf3dlocal.data.records.walk_records import FilmStrip
from tf3dlocal.io import remove_unfinished, write_text

SHARD_BYTES = 64 * 2**20


def gather_parts(
    paths: Sequence[pathlib.Path], *, out: pathlib.Path, report: PreparationReport, strays: Sequence[str]
) -> None:
    """Write shards, reports and, last, the index. Walks are in the order of the parts and of names in a part.

    Args:
        paths: The part files.
        out: Folder of the prepared data set.
        report: The report, filled and written here.
        strays: Files of the raw data that belong to no part.

    Raises:
        RawDataError: There is no usable walk.
        UnreadableError: A part file is damaged.
        OSError: A file could not be written.
    """
    for leftover in (out / INDEX_NAME, *out.glob("walks-*.tfrecord")):
        leftover.unlink(missing_ok=True)
    remove_unfinished(out)
    places: dict[tuple[str, str, int], str] = {}  # where each sequence was found
    report.strays = list(strays)
    groups = _groups_of_equal_size(paths)
    shards = {}
    for number, group in enumerate(groups):
        name = shard_name(number, len(groups))
        shards[name] = write_shard(out / name, _walks_of_parts(group, report=report, places=places))
    report.strays.sort()
    report.compare_with_structure(set(places), subjects_wanted=report.settings["subjects"])
    if report.num_walks == 0:
        reasons = ", ".join(f"{reason} ({count})" for reason, count in sorted(report.drop_reasons.items()))
        raise RawDataError(
            f"{report.source}: there is no usable walk in {report.num_raw_sequences} sequences. Dropped frames: "
            f"{reasons or 'none'}. A walk needs {_min_frames(report)} usable frames."
        )
    write_text(out / "report.json", json.dumps(report.as_dict(), indent=1))
    write_text(out / "report.md", report_text(report))
    write_index(out, name=report.name, size=report.settings["size"], shards=shards)


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
