"""From silhouettes on disk to batches.

`raw` reads silhouettes in folders, archives and OpenGait's pickles. `preparation` aligns them (`silhouettes`) and
writes them once as a prepared data set (`records`). `open_walks` opens the set as columns, and `training_batches`
gives batches of P subjects with K walks each.

The names below are imported on first use, so that processes which only align silhouettes never import TensorFlow.
"""

import importlib

_HOME = {
    "FrameFault": "raw.frames",
    "ImplausibleSilhouettesError": "plausibility",
    "MINIMUM_PIXEL_SUM": "silhouettes",
    "PathPattern": "raw.path_pattern",
    "PreparationError": "preparation.parallel_alignment",
    "PreparationReport": "preparation.preparation_report",
    "RawDataError": "raw.files",
    "SegmenterError": "video.segmenter",
    "VideoError": "video.source",
    "VideoReport": "video.video_report",
    "Walk": "records.walk_records",
    "WalkCheck": "plausibility",
    "WalkDataset": "records.walk_dataset",
    "align_silhouette": "silhouettes",
    "cut_sides": "silhouettes",
    "data_fingerprint": "records.walk_dataset",
    "draw_clip": "clips",
    "extract_silhouettes": "video.extract_silhouettes",
    "grey_mask": "plausibility",
    "natural_key": "raw.files",
    "open_raw": "raw.raw_source",
    "open_walks": "records.open_walks",
    "plan_batch": "pk_sampling",
    "plausible_silhouettes": "plausibility",
    "prepare": "preparation.prepare",
    "read_frame": "raw.frames",
    "read_opengait_pickle": "raw.opengait_pickles",
    "read_picture": "raw.frames",
    "silhouette_width": "silhouettes",
    "training_batches": "pipeline",
}

__all__ = [
    "FrameFault",
    "ImplausibleSilhouettesError",
    "MINIMUM_PIXEL_SUM",
    "PathPattern",
    "PreparationError",
    "PreparationReport",
    "RawDataError",
    "SegmenterError",
    "VideoError",
    "VideoReport",
    "Walk",
    "WalkCheck",
    "WalkDataset",
    "align_silhouette",
    "cut_sides",
    "data_fingerprint",
    "draw_clip",
    "extract_silhouettes",
    "grey_mask",
    "natural_key",
    "open_raw",
    "open_walks",
    "plan_batch",
    "plausible_silhouettes",
    "prepare",
    "read_frame",
    "read_opengait_pickle",
    "read_picture",
    "silhouette_width",
    "training_batches",
]


def __getattr__(name: str) -> object:
    if name in _HOME:
        return getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(set(globals()) | set(_HOME))
