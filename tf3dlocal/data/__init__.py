"""From silhouettes on disk to batches.

The raw layouts are read by their own readers, aligned by `silhouettes` and written once, by `prepare`, as a prepared
data set (`tfrecords`). Pickles that OpenGait made are aligned already and taken over as they are
(`opengait_pickles`). From there `open_walks` gives the columns of the set, `training_batches` batches of P subjects
with K walks each and `whole_walks` complete walks for testing.

The names below are fetched on first use, so that the processes which only align silhouettes never import TensorFlow.
"""

import importlib

_HOME = {
    "Walk": "walk",
    "align_silhouette": "silhouettes",
    "open_raw": "raw_source",
    "read_raw": "raw_source",
    "read_opengait_pickle": "opengait_pickles",
    "open_walks": "walk_dataset",
    "WalkDataset": "walk_dataset",
    "data_fingerprint": "fingerprint",
    "plan_batch": "pk_sampling",
    "draw_clip": "clips",
    "cut_sides": "clips",
    "training_batches": "pipeline",
    "whole_walks": "pipeline",
}

__all__ = list(_HOME)


def __getattr__(name):
    if name in _HOME:
        return getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__():
    return sorted(set(globals()) | set(_HOME))
