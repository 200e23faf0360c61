"""CASIA-B: its layout SSS/cc-nn/VVV/*.png, its full structure, and its known gaps."""

from tf3dlocal.data.path_pattern import PathPattern

SUBJECTS = tuple(f"{number:03d}" for number in range(1, 125))
CONDITIONS = tuple(
    f"{kind}-{number:02d}" for kind, count in (("bg", 2), ("cl", 2), ("nm", 6)) for number in range(1, count + 1)
)
VIEWS = tuple(range(0, 181, 18))

LAYOUT = PathPattern(
    layout="casia-b",
    pattern="{subject}/{condition}/{view}/{frame}.png",
    expressions={"subject": r"\d{3}", "condition": r"[a-z][a-z0-9]*-\d{2}", "view": r"\d{3}"},
)

# Sequences that a preprocessed copy of CASIA-B lacks: absent from the original or without one usable frame.
_GAPS = {
    "005": {condition: (0,) for condition in CONDITIONS},
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
KNOWN_GAPS = frozenset(
    (subject, condition, view_degrees)
    for subject, conditions in _GAPS.items()
    for condition, views in conditions.items()
    for view_degrees in views
)
