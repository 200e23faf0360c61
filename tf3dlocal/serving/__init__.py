"""From a trained model to a server, a gallery and an answer: who is this walker?

Names are resolved on first use, so that importing this package does not import TensorFlow.
"""

import importlib

_HOME = {
    "CARD_NAME": "exported_model",
    "ExportedModel": "exported_model",
    "WalkEmbeddings": "walk_embeddings",
    "WalkFolder": "walk_folder",
    "export": "exporting",
    "read_walk_folder": "walk_folder",
}

__all__ = ["CARD_NAME", "ExportedModel", "WalkEmbeddings", "WalkFolder", "export", "read_walk_folder"]


def __getattr__(name):
    if name in _HOME:
        return getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__():
    return sorted(set(globals()) | set(__all__))
