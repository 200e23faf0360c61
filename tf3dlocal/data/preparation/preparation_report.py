"""What `prepare` kept and dropped, and why. `report_text` writes it for a person, `as_dict` for a program."""

from __future__ import annotations

import collections
import json
import re
from collections.abc import Iterable
from dataclasses import KW_ONLY, asdict, dataclass, field, fields

from tf3dlocal.data.raw.known_data_sets import KNOWN_DATA_SETS, OPENGAIT_LAYOUT, KnownDataSet, Place
from tf3dlocal.io import printable

SHORT = 30  # frames: the length of the usual training clip
IS_OF_TYPE = {  # by the annotations of a report; JSON's `true` is no number
    "str": lambda value: type(value) is str,
    "int": lambda value: type(value) is int,
    "bool": lambda value: type(value) is bool,
    "dict": lambda value: type(value) is dict,
    "dict[str, int]": lambda value: type(value) is dict and all(type(each) is int for each in value.values()),
    "list[str]": lambda value: type(value) is list and all(type(each) is str for each in value),
    "list[dict]": lambda value: type(value) is list and all(type(each) is dict for each in value),
}
NAMED = 3  # of a list that is printed; the reports have all


@dataclass
class PreparationReport:
    """The account of one preparation. Sequences are named subject/condition/view.

    Attributes:
        name: Name of the data set.
        source: Folder or archive of the raw data.
        layout: Name of the layout.
        settings: The settings of the preparation.
        num_walks: Walks kept.
        num_frames: Frames kept.
        num_raw_sequences: Sequences read.
        num_raw_frames: Frames read.
        num_came_aligned: Raw frames that were aligned already and taken as they are.
        num_came_cut: Those of them that lacked their sides and got them back as zeros.
        subjects: Names of the subjects.
        changed: What was done to frames before they were aligned, such as scaling, or noticed in them, to their number.
        drop_reasons: Reason to the number of frames dropped.
        dropped_frames: One entry per sequence and reason, with the names of the frames.
        left_out: Sequences without enough usable frames, and those that are no silhouettes (these with a "reason").
        short: Walks kept that have fewer than 30 frames.
        structure: What a complete data set would hold, in words.
        missing: Sequences of the structure that the raw data lack.
        known_gaps: Those of them that every copy of CASIA-B lacks.
        missing_subjects: Subjects that the raw data lack.
        duplicates: Sequences that the raw data hold twice. The first is kept.
        strays: Files that belong to no sequence.
        fingerprint: Checksum of the settings and the raw files.
        reused: Whether the data set was complete before the call.
    """

    name: str
    _: KW_ONLY
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
    changed: dict[str, int] = field(default_factory=dict)
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

    def add_sequence(self, facts: dict, *, kept: bool, min_frames: int) -> None:
        """Count one raw sequence.

        Args:
            facts: See `align_sequence`.
            kept: Whether its walk was kept.
            min_frames: Fewest usable frames of a walk.
        """
        name = sequence_name(facts)
        self.num_raw_sequences += 1
        self.num_raw_frames += facts["num_raw_frames"]
        self.num_came_aligned += facts["num_came_aligned"]
        self.num_came_cut += facts["num_came_cut"]
        for what, count in sorted(facts["changed"].items()):
            self.changed[what] = self.changed.get(what, 0) + count
        for reason, frames in sorted(facts["dropped"].items()):
            self.drop_reasons[reason] = self.drop_reasons.get(reason, 0) + len(frames)
            self.dropped_frames.append({"sequence": name, "reason": reason, "frames": frames})
        frames = facts["num_frames"]
        if facts["refused"]:
            self.left_out.append({"sequence": name, "num_frames": 0, **facts["refused"]})
            return
        if not kept:
            need = f"{frames} usable of {facts['num_raw_frames']} frames; at least {min_frames} needed"
            self.left_out.append({"sequence": name, "num_frames": frames, "why": need})
            return
        self.num_walks += 1
        self.num_frames += frames
        if frames < SHORT:
            self.short.append({"sequence": name, "num_frames": frames})

    def compare_with_structure(self, places: set[Place], *, subjects_wanted: Iterable[str] | None = None) -> None:
        """Find the sequences that a complete data set would also hold.

        Args:
            places: (subject, condition, view in degrees) of all sequences.
            subjects_wanted: The subjects that were to be prepared. None is all.
        """
        self.subjects = sorted({place[0] for place in places})
        known = _known_data_set(self.layout, places)
        if known is None:
            pairs = _common_pairs(places)
            self.structure = (
                f"No known data set: the {len(pairs)} pairs of condition and view that half of the subjects have, "
                "or more."
            )
        else:
            pairs = [(condition, view) for condition in known.conditions for view in known.views]
            self.structure = (
                f"{known.title}: {len(known.conditions)} conditions, {len(known.views)} views, {len(pairs)} sequences "
                "per subject."
            )
        missing = {(subject, *pair) for subject in self.subjects for pair in pairs} - places
        gaps = {place_name(*gap) for gap in (known.known_gaps if known else ())}
        missing = sorted(place_name(*place) for place in missing)
        left_out = {entry["sequence"] for entry in self.left_out}
        self.known_gaps = sorted(gaps & left_out.union(missing))
        self.missing = [name for name in missing if name not in gaps]
        everyone = known.subjects if known else ()
        wanted = everyone if subjects_wanted is None else sorted(map(str, subjects_wanted))
        self.missing_subjects = [subject for subject in wanted if subject not in self.subjects]

    def losses(self) -> list[tuple[int, str]]:
        """Return what was lost or changed, one line each: [(count, what), ...]. Empty if nothing was.

        The first entries of a list are named, such as the walks that are missing. One frame is a "frame".
        """
        lines = [(count, what) for what, count in sorted(self.changed.items())]
        lines += [(count, f"frames dropped: {reason}") for reason, count in sorted(self.drop_reasons.items())]
        implausible = [entry for entry in self.left_out if "reason" in entry]
        lists = {
            "walks left out: too few usable frames": [entry for entry in self.left_out if "reason" not in entry],
            "walks left out: no silhouettes": implausible,
            "walks missing from the raw data": self.missing,
            "walks missing that CASIA-B is known to lack": self.known_gaps,
            "walks found twice (the first was kept)": self.duplicates,
            "files that belong to no walk": self.strays,
        }
        for what, entries in lists.items():
            if entries:
                first = [entry["sequence"] if isinstance(entry, dict) else entry for entry in entries[:NAMED]]
                more = f" and {len(entries) - NAMED} more" if len(entries) > NAMED else ""
                lines.append((len(entries), f"{what}: {', '.join(map(printable, first))}{more}"))
        return [(count, _singular(what) if count == 1 else what) for count, what in lines]

    def as_dict(self) -> dict:
        """Return the content of report.json."""
        content = asdict(self)
        del content["reused"]
        return content

    def as_json(self) -> str:
        """Return report.json as text."""
        return json.dumps(self.as_dict(), indent=1)

    @classmethod
    def from_json(cls, text: str) -> PreparationReport:
        """Read what `as_json` gave.

        Raises:
            TypeError: A value is missing or unknown, or has another type.
            ValueError: It is not JSON.
        """
        report = cls(**json.loads(text))
        for each in fields(cls):
            value = getattr(report, each.name)
            if not IS_OF_TYPE[each.type](value):
                raise TypeError(f"{each.name!r} should be of type {each.type}")
        return report


def sequence_name(facts: dict) -> str:
    """Return subject/condition/view of the facts of `align_sequence`, as `Walk.name`."""
    return place_name(facts["subject"], facts["condition"], facts["view_degrees"])


def place_name(subject: str, condition: str, view_degrees: int) -> str:
    """Return subject/condition/view, as `Walk.name`."""
    return f"{subject}/{condition}/{view_degrees:03d}"


def _known_data_set(layout: str, places: set[Place]) -> KnownDataSet | None:
    """Return the published data set that the sequences are (nearly) all of.

    A smaller data set in the same layout is not reported as incomplete. OpenGait's layout holds any data set.
    """
    pairs = {place[1:] for place in places}
    for known in KNOWN_DATA_SETS:
        full = {(condition, view) for condition in known.conditions for view in known.views}
        named = layout in (known.layout.layout, OPENGAIT_LAYOUT.layout)
        if named and pairs <= full and len(pairs) > 0.75 * len(full):
            return known
    return None


def _common_pairs(places: set[Place]) -> list[tuple[str, int]]:
    """Return the (condition, view) that half of the subjects have, or more."""
    counts = collections.Counter(place[1:] for place in places)
    num_subjects = len({place[0] for place in places})
    return sorted(pair for pair, count in counts.items() if 2 * count >= num_subjects)


def _singular(what: str) -> str:
    """Write the words that follow a count for the count 1: "walks missing" becomes "walk missing"."""
    what = re.sub(r"^files that belong\b", "file that belongs", what)
    return re.sub(r"^(frame|walk|file)s\b", r"\1", what)
