"""CASIA-B and OU-MVLP: how their paths are built, what a complete copy holds, and CASIA-B's known gaps."""

from __future__ import annotations

from dataclasses import dataclass

from tf3dlocal.data.raw.path_pattern import PathPattern

Place = tuple[str, str, int]  # subject, condition, view in degrees


@dataclass(frozen=True, kw_only=True)
class KnownDataSet:
    """A published data set.

    Attributes:
        title: Name in reports.
        layout: How the paths of the raw frames are built.
        conditions: All conditions of a subject.
        views: All views, in degrees.
        subjects: All subjects. Empty where a report would not list the missing ones.
        known_gaps: Sequences (subject, condition, view) that every copy lacks.
    """

    title: str
    layout: PathPattern
    conditions: tuple[str, ...]
    views: tuple[int, ...]
    subjects: tuple[str, ...] = ()
    known_gaps: frozenset[Place] = frozenset()


# Sequences that a preprocessed copy of CASIA-B lacks: absent from the original, or without one usable frame.
# Subject 005 lacks view 0 in all conditions.
_CASIA_B_GAPS = {
    "026": {"cl-02": (162,)},
    "037": {"bg-01": (144, 162, 180), "bg-02": (54, 126, 162)},
    "048": {"cl-01": (162,), "cl-02": (54, 126, 144, 162)},
    "068": {
        "nm-01": (54, 126, 144, 162),
        "nm-02": (126, 162),
        "nm-03": (126, 144, 180),
        "nm-04": (126, 144),
    },
    "079": {"bg-02": (54, 162)},
    "088": {"nm-03": (54, 126, 162, 180), "nm-04": (54, 126, 144, 162, 180)},
    "109": {"nm-01": (126, 144, 162, 180)},
}
_CASIA_B_CONDITIONS = tuple(
    f"{kind}-{number:02d}" for kind, count in (("bg", 2), ("cl", 2), ("nm", 6)) for number in range(1, count + 1)
)

CASIA_B = KnownDataSet(
    title="CASIA-B",
    layout=PathPattern(
        "casia-b",
        pattern="{subject}/{condition}/{view}/{frame}.png",
        expressions={"subject": r"\d{3}", "condition": r"[a-z][a-z0-9]*-\d{2}", "view": r"\d{3}"},
    ),
    conditions=_CASIA_B_CONDITIONS,
    views=tuple(range(0, 181, 18)),
    subjects=tuple(f"{number:03d}" for number in range(1, 125)),
    known_gaps=frozenset(
        (subject, condition, view_degrees)
        for subject, conditions in (_CASIA_B_GAPS | {"005": dict.fromkeys(_CASIA_B_CONDITIONS, (0,))}).items()
        for condition, views in conditions.items()
        for view_degrees in views
    ),
)

# Walk 00 is the probe and walk 01 the gallery in the usual protocol.
OU_MVLP = KnownDataSet(
    title="OU-MVLP",
    layout=PathPattern(
        "ou-mvlp",
        pattern="Silhouette_{view}-{condition}/{subject}/{frame}.png",
        expressions={"view": r"\d{3}", "condition": r"\d{2}", "subject": r"\d{5}"},
    ),
    conditions=("00", "01"),
    views=(0, 15, 30, 45, 60, 75, 90, 180, 195, 210, 225, 240, 255, 270),
)

# OpenGait writes any data set under the same kind of path: one pickle per walk.
OPENGAIT_LAYOUT = PathPattern(
    "opengait",
    pattern="{subject}/{condition}/{view}/{frame}.pkl",
    # macOS leaves "._000.pkl" next to 000.pkl.
    expressions={"view": r"\d{3}", "frame": r"[^./][^/]*"},
)

KNOWN_DATA_SETS = (CASIA_B, OU_MVLP)
LAYOUTS = {pattern.layout: pattern for pattern in (CASIA_B.layout, OU_MVLP.layout, OPENGAIT_LAYOUT)}
