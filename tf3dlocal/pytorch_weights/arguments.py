"""The arguments of a model's builder: read from the command line, checked, and written as a command line again."""

import inspect
from typing import Any

import keras

from tf3dlocal.io import near_names, read_yaml
from tf3dlocal.models import MODELS
from tf3dlocal.pytorch_weights.mapping import Table


def parse_settings(settings: list[str]) -> dict[str, Any]:
    """Read builder arguments from "argument=value" texts; the values are YAML.

    Raises:
        ValueError: A text has no "=", an argument is given twice, or a value is not YAML.

    Example:
        >>> parse_settings(["channels=[64, 128, 256]", "sampler=trilinear", "negative_slope=1e-4"])
        {'channels': (64, 128, 256), 'sampler': 'trilinear', 'negative_slope': 0.0001}
    """
    arguments = {}
    for setting in settings:
        name, equals, text = setting.partition("=")
        name = name.strip()
        if not equals or not name:
            raise ValueError(f"--set expects ARGUMENT=VALUE, such as channels=[64,128,256]; got {setting!r}.")
        if name in arguments:
            raise ValueError(f"--set {name} is given twice.")
        value = read_yaml(text, source=f"--set {name}").values
        arguments[name] = tuple(value) if isinstance(value, list) else value
    return arguments


def build_for(table: Table, arguments: dict[str, Any]) -> keras.Model:
    """Build the model of a table: the builder's preset for its source, with the user's arguments.

    Raises:
        ValueError: The builder has no such argument, the argument is `preset`, or its value does not fit.
    """
    builder = MODELS[table.model]
    known = [name for name in inspect.signature(builder).parameters if name != "preset"]
    for name in arguments:
        if name == "preset":
            raise ValueError(
                f"preset cannot be set: weights of {table.source} need the preset {table.preset!r} of {table.model}."
            )
        if name not in known:
            raise ValueError(f"{table.model} has no argument {name!r}. {near_names(name, known)}")
    return builder(preset=table.preset, **arguments)


def as_settings(arguments: dict[str, Any]) -> str:
    """Write arguments as options of the command line.

    Example:
        >>> as_settings({"channels": [64, 128, 256], "num_classes": 74})
        '--set channels=[64,128,256] --set num_classes=74'
    """

    def text(value):
        return "[" + ",".join(map(str, value)) + "]" if isinstance(value, (list, tuple)) else str(value)

    return " ".join(f"--set {name}={text(value)}" for name, value in arguments.items())
