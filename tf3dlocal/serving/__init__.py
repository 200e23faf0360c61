"""From a trained model to a server, a gallery and an answer: who is this walker?

Names are resolved on first use, so that importing this package does not import TensorFlow.
"""

import importlib

_HOME = {
    "CARD_NAME": "exported_model",
    "Client": "client.client",
    "EVALUATION_NAME": "scores",
    "ExportedModel": "exported_model",
    "ServingError": "client.errors",
    "WalkEmbeddings": "walk_embeddings",
    "WalkFolder": "walk_folder",
    "check_server": "client.check",
    "export": "exporting",
    "read_scores": "scores",
    "read_walk_folder": "walk_folder",
    "scores_of_run": "scores",
}

__all__ = [
    "CARD_NAME",
    "Client",
    "EVALUATION_NAME",
    "ExportedModel",
    "ServingError",
    "WalkEmbeddings",
    "WalkFolder",
    "check_server",
    "export",
    "read_scores",
    "read_walk_folder",
    "scores_of_run",
]


def __getattr__(name):
    if name in _HOME:
        return getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__():
    return sorted(set(globals()) | set(__all__))
