"""The report of a preparation for a person, as Markdown."""

from __future__ import annotations

import collections

from tf3dlocal.data.preparation.preparation_report import SHORT, PreparationReport
from tf3dlocal.io import printable

ROWS = 40  # of a list; report.json has them all


def report_text(report: PreparationReport) -> str:
    """Write a report as Markdown. Long lists are cut, with a note on where the rest is.

    Names are those of files, which may hold line breaks and the commands of a terminal: these are escaped.
    """
    settings = ", ".join(
        f"{key}: {printable(str(value))}" for key, value in report.settings.items() if value is not None
    )
    num_subjects = len(report.subjects)
    lines = [
        f"# Preparation of {printable(report.name)}",
        "",
        f"Source: `{printable(report.source)}` (layout {printable(report.layout)}). Settings: {settings}.",
        "",
        "| | kept | of |",
        "|---|---|---|",
        f"| walks | {report.num_walks} | {report.num_raw_sequences} |",
        f"| frames | {report.num_frames} | {report.num_raw_frames} |",
        f"| subjects | {num_subjects} | {num_subjects + len(report.missing_subjects)} |",
        "",
        *_already_aligned(report),
        *[f"{count} {what}.\n" for what, count in sorted(report.changed.items())],
        f"## Dropped frames: {report.num_raw_frames - report.num_frames}",
        "",
    ]
    reasons = [f"- {reason}: {count}" for reason, count in sorted(report.drop_reasons.items())]
    lines += reasons + [""] * bool(reasons)
    by_walk = collections.Counter()
    for entry in report.dropped_frames:
        by_walk[entry["sequence"]] += len(entry["frames"])
    lines += _listed(
        "Sequences that lost frames, most first", [f"{name}: {count}" for name, count in by_walk.most_common()]
    )
    lines += _listed("Sequences left out", [f"{entry['sequence']}: {entry['why']}" for entry in report.left_out])
    short = [f"{entry['sequence']}: {entry['num_frames']} frames" for entry in report.short]
    lines += _listed(f"Kept, but shorter than {SHORT} frames", short)
    lines += ["## Compared with the full structure", "", report.structure, ""]
    lines += _listed("Missing sequences", report.missing)
    lines += _listed("Missing sequences that are known gaps of CASIA-B", report.known_gaps)
    lines += _listed("Missing subjects", report.missing_subjects)
    lines += _listed("Sequences that occur twice (the first is kept)", report.duplicates)
    lines += _listed("Stray files, not used", report.strays)
    return "\n".join(lines).rstrip() + "\n"


def _already_aligned(report: PreparationReport) -> list[str]:
    """Return a paragraph on frames that were not aligned by this preparation."""
    if not report.num_came_aligned:
        return []
    cut = f" {report.num_came_cut} of them lacked their sides, which are zeros now." if report.num_came_cut else ""
    words = "frames were aligned already and taken as they are. Only black ones were dropped"
    return [f"{report.num_came_aligned} {words} (minimum_pixel_sum is for raw frames).{cut}", ""]


def _listed(title: str, rows: list[str]) -> list[str]:
    if not rows:
        return [f"{title}: none.", ""]
    lines = [f"### {title}: {len(rows)}", "", *(f"- {printable(row)}" for row in rows[:ROWS])]
    if len(rows) > ROWS:
        lines.append(f"- ... and {len(rows) - ROWS} more: see report.json")
    return [*lines, ""]
