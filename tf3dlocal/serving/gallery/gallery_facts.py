"""What a gallery file may hold: the type and the range of each fact and of each column."""

import dataclasses
import sys
import types
import typing
from typing import Any

import numpy as np

from tf3dlocal.evaluation import check_distance
from tf3dlocal.io import MOST_SEED
from tf3dlocal.serving.client.address import MOST_VERSION
from tf3dlocal.serving.client.walk_checks import MOST_FRAMES
from tf3dlocal.serving.gallery.calibration import Calibration
from tf3dlocal.serving.gallery.embedded_walk import check_frame_rate
from tf3dlocal.serving.gallery.gallery import GalleryModel, check_name
from tf3dlocal.serving.gallery.windows import WindowRule

COLUMNS = {"names": "U", "embeddings": "f", "num_frames": "i", "frame_rates": "f", "digests": "U", "sources": "U"}
MOST = 10**12  # people or walks of a data set: more than anybody has
RANGES = {  # of the numbers; a fact that may be absent is None then
    "model.version": (0, MOST_VERSION),
    "windows.length": (1, MOST_FRAMES),
    "windows.step": (1, MOST_FRAMES),
    **dict.fromkeys(("calibration.fpir", "calibration.fnir", "calibration.fnmr"), (0, 1)),
    **dict.fromkeys(
        (f"calibration.{name}" for name in ("num_people", "num_enrolled", "walks_per_person", "num_searches")),
        (1, MOST),
    ),
    **dict.fromkeys(
        (f"calibration.{name}" for name in ("threshold", "threshold_low", "threshold_high", "verify_threshold")),
        (0, sys.float_info.max),
    ),
    "calibration.seed": (0, MOST_SEED),
}


def check_facts(facts: dict[str, Any]) -> None:
    """Raise an error if a fact of a gallery file is of another type than `write_gallery` writes, or out of its range.

    Args:
        facts: What the file says about itself.

    Raises:
        ValueError: A fact is wrong; the message has its name and its value.
        KeyError: A fact is missing.
    """
    for key, kind in {"model": GalleryModel, "windows": WindowRule, "calibration": Calibration}.items():
        if key != "calibration" or facts[key] is not None:
            _check_fields(facts[key], kind=kind, key=key)
    _check(facts["windows"]["step"] <= facts["windows"]["length"], key="windows", value=facts["windows"])
    _check("\0" not in facts["model"]["folder"], key="model.folder", value=facts["model"]["folder"])
    check_distance(facts["model"]["distance"])
    rate = facts["frame_rate"]
    _check(rate is None or _is_of(rate, float), key="frame_rate", value=rate)
    check_frame_rate(rate)


def _check_fields(values: Any, *, kind: type, key: str) -> None:
    """Refuse a record that does not have the fields of a class, each of its type and in its range."""
    hints = typing.get_type_hints(kind)
    names = [field.name for field in dataclasses.fields(kind)]
    _check(isinstance(values, dict), key=key, value=values)
    if missing := [name for name in names if name not in values]:
        raise KeyError(f"{key}.{missing[0]}")
    for name, value in values.items():
        _check(name in names and _is_of(value, hints[name]), key=f"{key}.{name}", value=value)
        least, most = RANGES.get(f"{key}.{name}", (None, None))
        _check(least is None or value is None or least <= value <= most, key=f"{key}.{name}", value=value)


def _is_of(value: Any, hint: Any) -> bool:
    """Return whether a value of JSON has a type; a whole number is a float too, NaN is none, and a bool is neither.

    A whole number that is larger than any float is no float: to compute with it would fail.
    """
    if typing.get_origin(hint) is types.UnionType:
        return any(_is_of(value, each) for each in typing.get_args(hint))
    if typing.get_origin(hint) is tuple:
        return isinstance(value, list) and all(_is_of(each, str) for each in value)
    if hint is float:
        most = sys.float_info.max
        return isinstance(value, int | float) and not isinstance(value, bool) and -most <= value <= most
    return isinstance(value, hint) and not isinstance(value, bool)


def _check(is_right: bool, *, key: str, value: Any) -> None:
    if not is_right:
        raise ValueError(f"its fact {key!r} is {value!r}, which no command writes")


def check_columns(arrays: dict[str, np.ndarray]) -> None:
    """Refuse columns of another type than `write_gallery` gives them, and numbers that no walk has."""
    for column, kind in COLUMNS.items():
        array = arrays[column]
        if array.dtype.kind != kind or (column != "embeddings" and array.ndim != 1):
            raise ValueError(
                f"its column {column!r} is {array.dtype} {list(array.shape)}, which `enroll` does not write"
            )
    if (arrays["num_frames"] < 1).any():
        raise ValueError("its column 'num_frames' has numbers below 1")
    if not (np.isfinite(arrays["frame_rates"]) & (arrays["frame_rates"] >= 0)).all():
        raise ValueError("its column 'frame_rates' has numbers that are not finite, or below 0")
    for name in dict.fromkeys(arrays["names"].tolist()):
        check_name(name)
    for rate in arrays["frame_rates"].tolist():
        check_frame_rate(rate or None)
    embeddings = arrays["embeddings"]
    if len(embeddings) and not embeddings.size:
        raise ValueError(f"its embeddings {list(embeddings.shape)} have no numbers")
    for start in range(0, len(embeddings), 65536):
        if not np.isfinite(embeddings[start : start + 65536]).all():
            raise ValueError("its embeddings have numbers that are not finite (NaN or infinite)")
