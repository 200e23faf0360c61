"""A gallery of known people on disk, and the answer to "who is this walker?".

Names are resolved on first use, so that importing this package does not import TensorFlow.
"""

import importlib

_HOME = {
    "Answer": "answers",
    "Calibration": "calibration",
    "EmbeddedWalk": "embedded_walk",
    "Gallery": "gallery",
    "GalleryModel": "gallery",
    "LiveAnswer": "watched_folder",
    "LiveRefusal": "watched_folder",
    "LiveWalk": "live_walk",
    "Verdict": "answers",
    "WalkSearch": "walk_search",
    "WindowRule": "windows",
    "at_frame_rate": "windows",
    "calibrate": "actions",
    "change_gallery": "gallery_file",
    "embed_in_windows": "windows",
    "enroll": "actions",
    "follow": "live_walks",
    "forget": "actions",
    "identify": "answers",
    "is_gallery": "gallery_file",
    "named_model": "gallery_file",
    "open_model": "actions",
    "read_gallery": "gallery_file",
    "thresholds_of": "calibration",
    "verify": "answers",
    "write_gallery": "gallery_file",
}

__all__ = list(_HOME)


def __getattr__(name: str) -> object:
    if name in _HOME:
        return getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(set(globals()) | set(__all__))
