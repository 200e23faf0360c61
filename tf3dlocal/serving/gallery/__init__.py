"""A gallery of known people on disk, and the answer to "who is this walker?".

Names are resolved on first use, so that importing this package does not import TensorFlow.
"""

import importlib

_HOME = {
    "WindowRule": "windows",
    "at_frame_rate": "windows",
    "embed_in_windows": "windows",
}

__all__ = list(_HOME)


def __getattr__(name: str) -> object:
    if name in _HOME:
        return getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(set(globals()) | set(__all__))
