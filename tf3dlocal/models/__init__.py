"""Models, one file each: builders that return functional Keras models with named layers and named outputs."""

from collections.abc import Mapping
from typing import Any

from tf3dlocal.io import near_names
from tf3dlocal.models.arguments import check_agreement, check_arguments, shown
from tf3dlocal.models.gait_model import GaitModel
from tf3dlocal.models.gaitpart import GaitPart
from tf3dlocal.models.gaitset import GaitSet
from tf3dlocal.models.gln import GLN
from tf3dlocal.models.heads import embedding_model
from tf3dlocal.models.mt3d import MT3D
from tf3dlocal.models.part_geometry import (
    PART_NUMBERS,
    check_located,
    located_parts,
    part_geometry,
    part_numbers,
    prior_numbers,
)
from tf3dlocal.models.three_d_local import ThreeDLocal

MODELS = {"three_d_local": ThreeDLocal, "gaitset": GaitSet, "gaitpart": GaitPart, "gln": GLN, "mt3d": MT3D}
"""The builders by the names that configs use."""


def check_model_arguments(name: str, arguments: Mapping[str, Any], *, set_by: Mapping[str, str] | None = None) -> None:
    """Check a model of a config before anything is built or read: its name, and its arguments' types and ranges.

    The builders check their arguments in the same way.

    Args:
        name: A key of MODELS.
        arguments: {argument: value}, as under model.arguments.
        set_by: The arguments that other keys of the config set, {"input_shape": "data.size"}: messages name these keys.
            With it the arguments must be all that the builder gets, and they are checked against each other as well,
            such as strips that must divide a map.

    Raises:
        ValueError: An unknown model or argument, or a value that does not fit; all of them are named, such as
            model.arguments.channels.

    Example:
        >>> check_model_arguments("gaitset", {"channels": [32, 64, 128]})
        >>> check_model_arguments("gaitset", {"chanels": [32, 64, 128]})
        Traceback (most recent call last):
        ValueError: model.arguments.chanels is no argument of GaitSet. Did you mean 'channels'?
    """
    if not isinstance(name, str) or name not in MODELS:
        raise ValueError(f"model.name is {shown(name)}. {near_names(str(name), MODELS)}")
    if not isinstance(arguments, Mapping):
        raise ValueError(f"model.arguments must be a mapping of arguments to values; got {shown(arguments)}.")
    builder = MODELS[name]
    presets = getattr(builder, "presets", None)  # a builder that a user has added has none

    def called(argument):
        return (set_by or {}).get(argument, f"model.arguments.{argument}")

    check_arguments(builder, arguments=arguments, presets=presets, called=called)
    if set_by is not None and presets is not None:
        check_agreement(builder, arguments=arguments, called=called)


__all__ = [
    "GLN",
    "MODELS",
    "MT3D",
    "PART_NUMBERS",
    "GaitModel",
    "GaitPart",
    "GaitSet",
    "ThreeDLocal",
    "check_located",
    "check_model_arguments",
    "embedding_model",
    "located_parts",
    "part_geometry",
    "part_numbers",
    "prior_numbers",
]
