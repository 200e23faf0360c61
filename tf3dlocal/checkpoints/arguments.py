"""A model built with the preset of its source and what the user sets beside it."""

import difflib
import inspect

import yaml

from tf3dlocal.models import MODELS


def parse_settings(settings):
    """Builder's arguments from "argument=value" texts, values read as YAML.

    Raises:
        ValueError: a text without "=", an argument given twice, or a value that is no YAML.

    Example:
        >>> parse_settings(["channels=[64, 128, 256]", "sampler=trilinear", "negative_slope=1e-4"])
        {'channels': (64, 128, 256), 'sampler': 'trilinear', 'negative_slope': 0.0001}
    """
    arguments = {}
    for setting in settings:
        name, equals, text = setting.partition("=")
        if not equals or not name.strip():
            raise ValueError(f"--set takes argument=value, such as channels=[64,128,256]; got {setting!r}")
        if name.strip() in arguments:
            raise ValueError(f"--set {name.strip()} is given twice")
        try:
            value = yaml.safe_load(text)
        except yaml.YAMLError as error:
            raise ValueError(f"--set {setting}: the value is no YAML: {str(error).splitlines()[0]}") from None
        arguments[name.strip()] = number_or_same(value)
    return arguments


def number_or_same(value):
    """YAML 1.1 reads 1e-4 as a text; and lists become tuples, as the builders have them."""
    if isinstance(value, list):
        return tuple(map(number_or_same, value))
    if isinstance(value, str):
        try:
            return float(value)
        except ValueError:
            return value
    return value


def build(table, arguments):
    """The model of a table: the builder's preset for this source, with the user's arguments.

    Raises:
        ValueError: an argument that the builder does not have (the nearest is named), `preset`, or one that does not fit.
    """
    builder = MODELS[table.model]
    known = list(inspect.signature(builder).parameters)
    for name in arguments:
        if name == "preset":
            raise ValueError(
                f"preset is not for you to set: weights of {table.source} need preset {table.preset!r} of {table.model}"
            )
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
            hint = f"Did you mean {near[0]}? " if near else ""
            raise ValueError(
                f"{table.model} has no argument {name!r}. {hint}There are "
                f"{', '.join(other for other in known if other != 'preset')}."
            )
    try:
        return builder(preset=table.preset, **arguments)
    except (TypeError, KeyError, AttributeError) as error:
        given = ", ".join(f"{name}={value!r}" for name, value in arguments.items())
        raise ValueError(f"{table.model} cannot be built with {given}: {error}") from error


def as_settings(arguments):
    """The command line's text for some arguments.

    Example:
        >>> as_settings({"channels": [64, 128, 256], "num_classes": 74})
        '--set channels=[64,128,256] --set num_classes=74'
    """

    def text(value):
        return "[" + ",".join(map(str, value)) + "]" if isinstance(value, (list, tuple)) else str(value)

    return " ".join(f"--set {name}={text(value)}" for name, value in arguments.items())
