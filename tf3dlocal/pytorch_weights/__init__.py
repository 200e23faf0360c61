"""Weights of the PyTorch originals in Keras models and back: one mapping table per model, every tensor accounted for.

The originals are the 3DLocal authors' release and OpenGait. Names are resolved on first use, so that importing this
package imports neither Keras nor torch.
"""

import importlib

_HOME = {
    "TABLES": "tables",
    "ParityReport": "parity",
    "PyTorchFile": "pytorch_file",
    "convert": "conversion",
    "load": "conversion",
    "parse_settings": "arguments",
    "read_pytorch_file": "pytorch_file",
    "write_torch": "conversion",
}

__all__ = [
    "TABLES",
    "ParityReport",
    "PyTorchFile",
    "convert",
    "load",
    "parse_settings",
    "read_pytorch_file",
    "write_torch",
]


def __getattr__(name):
    if name in _HOME:
        return getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__():
    return sorted(set(globals()) | set(__all__))
