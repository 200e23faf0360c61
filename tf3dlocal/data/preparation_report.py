"""What `prepare` kept and what it dropped, and why: for a person (Markdown) and for a program (JSON)."""

from __future__ import annotations

import collections
from dataclasses import asdict, dataclass, field

from tf3dlocal.data import casia_b, oumvlp

SHORT = 30  # frames; the usual training clip needs as many
ROWS = 40  # of a list in the Markdown report; the JSON report holds all
OPENGAIT = "opengait"  # a layout that holds either data set
LOSSES = {
    "left_out": "walks left out: too few usable frames",
    "missing": "walks missing from the raw data",
    "known_gaps": "walks missing that CASIA-B is known to lack",
    "duplicates": "walks found twice (the first was taken)",
    "strays": "files that belong to no walk",
}


@dataclass
class PreparationReport:
    """The account of one preparation.

    Sequences are written subject/condition/view. `dropped_frames` has one entry per sequence and reason; `left_out`
    are sequences without enough usable frames; `short` are kept but have fewer than 30 frames; `missing` are absent
    from the raw data although the data set's structure asks for them, and `known_gaps` are those of them that
    CASIA-B itself is known to lack; `strays` are files that belong to no sequence, and `duplicates` sequences that
    the raw data hold twice (the first is kept). `num_came_aligned` counts the raw frames that came aligned and were
    taken as they are, `num_came_cut` those of them that came without their sides and got them back as zeros.
    """

    name: str
    source: str
    layout: str
    settings: dict
    num_walks: int = 0
    num_frames: int = 0
    num_raw_sequences: int = 0
    num_raw_frames: int = 0
    num_came_aligned: int = 0
    num_came_cut: int = 0
    subjects: list[str] = field(default_factory=list)
    drop_reasons: dict[str, int] = field(default_factory=dict)
    dropped_frames: list[dict] = field(default_factory=list)
    left_out: list[dict] = field(default_factory=list)
    short: list[dict] = field(default_factory=list)
    structure: str = ""
    missing: list[str] = field(default_factory=list)
    known_gaps: list[str] = field(default_factory=list)
    missing_subjects: list[str] = field(default_factory=list)
    duplicates: list[str] = field(default_factory=list)
    strays: list[str] = field(default_factory=list)
    fingerprint: str = ""
    reused: bool = field(default=False, compare=False)

    def add_sequence(self, facts: dict, kept: bool, min_frames: int) -> None:
        """Count one raw sequence: `facts` as from `align_sequence`, and whether its walk was kept."""
        name = sequence_name(facts["subject"], facts["condition"], facts["view_degrees"])
        self.num_raw_sequences += 1
        self.num_raw_frames += facts["num_raw_frames"]
        self.num_came_aligned += facts.get("num_came_aligned", 0)
        self.num_came_cut += facts.get("num_came_cut", 0)
        for reason, frames in sorted(facts["dropped"].items()):
            self.drop_reasons[reason] = self.drop_reasons.get(reason, 0) + len(frames)
            self.dropped_frames.append({"sequence": name, "reason": reason, "frames": frames})
        frames = facts["num_frames"]
        if not kept:
            need = f"{frames} usable of {facts['num_raw_frames']} frames; at least {min_frames} needed"
            self.left_out.append({"sequence": name, "num_frames": frames, "why": need})
            return
        self.num_walks += 1
        self.num_frames += frames
        if frames < SHORT:
            self.short.append({"sequence": name, "num_frames": frames})

    def compare_with_structure(self, places: set[tuple[str, str, int]], subjects_wanted=None) -> None:
        """Find the sequences that should be there; `places` holds (subject, condition, view) of all that are."""
        self.subjects = sorted({place[0] for place in places})
        self.structure, expected, whole = _expected(self.layout, places)
        missing = sorted((subject, *pair) for subject in self.subjects for pair in expected)
        missing = [place for place in missing if place not in places]
        left_out = {entry["sequence"] for entry in self.left_out}
        is_casia_b = self.structure.startswith("CASIA-B")
        self.known_gaps = [sequence_name(*place) for place in missing if is_casia_b and place in casia_b.KNOWN_GAPS]
        if is_casia_b:
            gaps = {sequence_name(*gap) for gap in casia_b.KNOWN_GAPS}
            self.known_gaps = sorted({*self.known_gaps, *(gaps & left_out)})
        self.missing = [name for name in (sequence_name(*place) for place in missing) if name not in self.known_gaps]
        wanted = whole if subjects_wanted is None else sorted(map(str, subjects_wanted))
        self.missing_subjects = [subject for subject in wanted if subject not in self.subjects]

    def losses(self) -> list[tuple[int, str]]:
        """What was lost, in a line each: [(count, what), ...]; empty if nothing was."""
        lines = [(count, f"frames dropped: {reason}") for reason, count in sorted(self.drop_reasons.items())]
        return lines + [(len(getattr(self, name)), what) for name, what in LOSSES.items() if getattr(self, name)]

    def as_dict(self) -> dict:
        """All of it, for report.json."""
        content = asdict(self)
        del content["reused"]
        return content

    def as_markdown(self) -> str:
        """The report for a person; long lists are cut, with a word on where the rest is."""
        dropped = self.num_raw_frames - self.num_frames
        sequences = self.num_raw_sequences
        lines = [
            f"# Preparation of {self.name}",
            "",
            f"Source: `{self.source}` (layout {self.layout}). Settings: "
            + ", ".join(f"{key}: {value}" for key, value in self.settings.items() if value is not None)
            + ".",
            "",
            "| | kept | of |",
            "|---|---|---|",
            f"| walks | {self.num_walks} | {sequences} |",
            f"| frames | {self.num_frames} | {self.num_raw_frames} |",
            f"| subjects | {len(self.subjects)} | {len(self.subjects) + len(self.missing_subjects)} |",
            "",
            *self._as_they_came(),
            f"## Dropped frames: {dropped}",
            "",
        ]
        reasons = [f"- {reason}: {count}" for reason, count in sorted(self.drop_reasons.items())]
        lines += reasons + [""] * bool(reasons)
        by_walk = collections.Counter()
        for entry in self.dropped_frames:
            by_walk[entry["sequence"]] += len(entry["frames"])
        lines += _listed("Sequences that lost frames, most first", [f"{k}: {v}" for k, v in by_walk.most_common()])
        lines += _listed("Sequences left out", [f"{entry['sequence']}: {entry['why']}" for entry in self.left_out])
        short = [f"{entry['sequence']}: {entry['num_frames']} frames" for entry in self.short]
        lines += _listed(f"Kept, but shorter than {SHORT} frames", short)
        lines += ["## Against the full structure", "", self.structure, ""]
        lines += _listed("Missing sequences", self.missing)
        lines += _listed("Missing sequences that are known gaps of CASIA-B", self.known_gaps)
        lines += _listed("Missing subjects", self.missing_subjects)
        lines += _listed("Sequences that occur twice (the first is kept)", self.duplicates)
        lines += _listed("Stray files, not used", self.strays)
        return "\n".join(lines).rstrip() + "\n"

    def _as_they_came(self):
        """A paragraph on frames that were not aligned here."""
        if not self.num_came_aligned:
            return []
        cut = f" {self.num_came_cut} of them had their sides cut off, which are zeros now." if self.num_came_cut else ""
        words = "frames came aligned and were taken as they are; only all black ones were dropped"
        return [f"{self.num_came_aligned} {words} (minimum_pixel_sum is for raw frames).{cut}", ""]


def sequence_name(subject: str, condition: str, view_degrees: int) -> str:
    """subject/condition/view, as `Walk.name`."""
    return f"{subject}/{condition}/{view_degrees:03d}"


def _listed(title, rows):
    if not rows:
        return [f"{title}: none.", ""]
    lines = [f"### {title}: {len(rows)}", "", *(f"- {row}" for row in rows[:ROWS])]
    if len(rows) > ROWS:
        lines.append(f"- ... and {len(rows) - ROWS} more: see report.json")
    return [*lines, ""]


def _expected(layout, places):
    """What a complete data set would hold: (in words, [(condition, view), ...] of each subject, all subjects)."""
    pairs = {place[1:] for place in places}
    for known, title in ((casia_b, "CASIA-B"), (oumvlp, "OU-MVLP")):
        full = [(condition, view) for condition in known.CONDITIONS for view in known.VIEWS]
        # A smaller set of one's own in the same layout is not blamed for what it never meant to hold.
        if layout in (known.LAYOUT.layout, OPENGAIT) and pairs <= set(full) and len(pairs) > 0.75 * len(full):
            words = (
                f"{title}: {len(known.CONDITIONS)} conditions, {len(known.VIEWS)} views, {len(full)} sequences each."
            )
            return words, full, getattr(known, "SUBJECTS", ())
    counts = collections.Counter(place[1:] for place in places)
    num_subjects = len({place[0] for place in places})
    common = sorted(pair for pair, count in counts.items() if 2 * count > num_subjects)
    words = (
        f"No known data set's: the {len(common)} pairs of condition and view that more than half of the subjects have."
    )
    return words, common, ()
