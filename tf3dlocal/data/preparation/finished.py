"""Whether a folder holds the prepared data set that a call would make, whole."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import pathlib

from tf3dlocal.data.preparation.parallel_alignment import PreparationError
from tf3dlocal.data.preparation.preparation_report import PreparationReport
from tf3dlocal.data.preparation.report_text import report_text
from tf3dlocal.data.records.dataset_index import INDEX_NAME, damaged_shards, read_index
from tf3dlocal.io import check_regular_file, readable, tell, write_text


def finished(out: pathlib.Path, *, wanted: PreparationReport, shown: bool) -> PreparationReport | None:
    """Return the report of a data set in `out` that is complete, undamaged and what a call would make.

    Every shard is read and compared with its checksum.

    Args:
        out: Folder of the prepared data set.
        wanted: The report that the call would fill: its settings, source and fingerprint.
        shown: Whether to print why a data set has to be prepared again.

    Returns:
        The report, or None where there is no data set or a damaged one.

    Raises:
        PreparationError: `out` holds another data set.
    """
    if not (out / INDEX_NAME).exists():
        return None
    report, index = _read_report(out), None
    try:
        index = read_index(out)
        if report is not None and index.get("report_sha256", _checksum(report)) != _checksum(report):
            report = None  # a value is not what was written, or the set was replaced and its reports not yet
        made_by = index.get("preparation", report.fingerprint if report else None)
    except (OSError, ValueError) as error:
        fault, made_by = str(error), report.fingerprint if report else None
    is_old = index is not None and "preparation" not in index
    if is_old and report is not None and made_by != wanted.fingerprint and _is_alike(report, wanted):
        made_by = wanted.fingerprint
        note = "An earlier version prepared it and kept neither checksums of its files nor those of the raw files."
    elif made_by != wanted.fingerprint:
        raise PreparationError(
            f"{out} holds a data set that was prepared in another way ({_difference(report, wanted)}). Choose another "
            "folder, or replace the data set with --overwrite (in Python overwrite=True)."
        )
    else:
        note = ""
    if index is not None:
        faults = damaged_shards(out, index=index)
        if not faults and report is not None and (is_old or report.fingerprint == wanted.fingerprint):
            help_text = "Its walks are whole. Whether the raw files have changed is not known: see --overwrite."
            tell(f"{out}: {note} {help_text}", shown=shown and bool(note))
            _restore_text(out, report, shown=shown)
            return report
        fault = "; ".join(faults) or "its report is missing, damaged or of another preparation"
    tell(f"{out} is not whole ({fault.rstrip('.')}). It is prepared again.", shown=shown)
    return None


def _read_report(out: pathlib.Path) -> PreparationReport | None:
    try:
        with readable(out / "report.json"):
            check_regular_file(out / "report.json")
            text = (out / "report.json").read_text(encoding="utf-8")
            report = dataclasses.replace(PreparationReport.from_json(text), reused=True)
            report_text(report)  # which reads every entry
            return report
    except (OSError, ValueError):
        return None


def _checksum(report: PreparationReport) -> str:
    return hashlib.sha256(report.as_json().encode()).hexdigest()


def _restore_text(out: pathlib.Path, report: PreparationReport, *, shown: bool) -> None:
    """Write report.md again where it is missing or does not say what report.json says."""
    path, text = out / "report.md", report_text(report)
    try:
        check_regular_file(path)
        is_whole = path.read_text(encoding="utf-8") == text
    except (OSError, ValueError):
        is_whole = False
    if not is_whole:
        with contextlib.suppress(OSError):  # the folder may be read-only
            write_text(path, text)
            tell(f"{path} was missing or changed. It is written again from report.json.", shown=shown)


def _is_alike(report: PreparationReport, wanted: PreparationReport) -> bool:
    """Return whether two preparations have the same settings and read the same folder."""
    same = (report.settings, report.layout) == (wanted.settings, wanted.layout)
    return same and pathlib.Path(report.source).resolve() == pathlib.Path(wanted.source).resolve()


def _difference(report: PreparationReport | None, wanted: PreparationReport) -> str:
    if report is None:
        return "its report.json cannot be read"
    before, now = report.settings, wanted.settings
    changed = [
        f"{key} was {before.get(key)!r} and is {now.get(key)!r}"
        for key in dict.fromkeys([*now, *before])
        if before.get(key) != now.get(key)
    ]
    return "; ".join(changed) or "the raw files have changed"
