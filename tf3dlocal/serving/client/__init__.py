"""A client of TF Serving for exported models, and a check of what a server answers.

Names are resolved on first use: REST needs neither TensorFlow nor OpenCV.
"""

import importlib

_HOME = {
    "Address": "address",
    "CheckedFact": "check",
    "Client": "client",
    "ModelNotFoundError": "errors",
    "RefusedRequestError": "errors",
    "ServerCheck": "check",
    "ServedModel": "served_model",
    "ServerTimeoutError": "errors",
    "ServerUnavailableError": "errors",
    "ServingApiMissingError": "errors",
    "ServingError": "errors",
    "Signature": "served_model",
    "SignatureNotFoundError": "errors",
    "TensorFacts": "served_model",
    "UnusableAnswerError": "errors",
    "VersionStatus": "served_model",
    "WalkRequest": "requests",
    "check_server": "check",
    "draw_walk": "check",
}

__all__ = list(_HOME)


def __getattr__(name: str) -> object:
    if name in _HOME:
        return getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(set(globals()) | set(__all__))
