"""What is wrong with a config: one line per mistake, with its place and its fix."""

import difflib
from collections.abc import Mapping
from typing import Any

import pydantic

from tf3dlocal.io import YamlDocument


class ConfigError(ValueError):
    """A config cannot be used; the message names the file, the key and the fix."""


def explain(
    experiment: type[pydantic.BaseModel],
    *,
    problem: Mapping[str, Any],
    document: YamlDocument,
    overrides: Mapping[str, str],
) -> str:
    """Return one line about one of pydantic's findings.

    Args:
        experiment: the model that was validated, for the names of its keys.
        problem: one of `ValidationError.errors()`.
        document: the YAML text, for the line of the key.
        overrides: the override of each key that was changed, such as {"training.steps": "--set training.steps=3"}.

    Returns:
        Such as "configs/x.yaml, line 12: there is no key 'training.step'; did you mean 'training.steps'?"
    """
    key = ".".join(str(step) for step in problem["loc"])
    place = _place(key, document, overrides)
    if problem["type"] == "extra_forbidden":
        return f"{place}: there is no key {key!r}; {_nearest_key(experiment, key)}"
    if problem["type"] == "missing":
        return f"{place}: the key {key!r} is missing; it has no default."
    if problem["type"] == "value_error":  # of a validator in `sections`, whose message names the value
        reason = problem["msg"].removeprefix("Value error, ")
        return f"{place}: {key + ': ' if key else ''}{reason}."
    reason = problem["msg"][:1].lower() + problem["msg"][1:]
    return f"{place}: {key!r} is {problem['input']!r}: {reason}."


def _place(key, document, overrides):
    """Where a key was set: its override, or its line; a section is named with the overrides inside it."""
    for name, override in overrides.items():
        if key and f"{key}.".startswith(f"{name}."):
            return override
    inside = [override for name, override in overrides.items() if not key or name.startswith(f"{key}.")]
    return " with ".join([document.where(key), *inside])


def _nearest_key(experiment, key):
    known = _known_keys(experiment)
    *section, name = key.split(".")
    siblings = [one for one in known if one.split(".")[:-1] == section]
    near = difflib.get_close_matches(name, [one.split(".")[-1] for one in siblings], n=1)
    near = [".".join([*section, near[0]])] if near else [one for one in known if one.split(".")[-1] == name]
    near = near or difflib.get_close_matches(key, known, n=1, cutoff=0.5)
    return f"did you mean {near[0]!r}?" if near else f"there are {', '.join(siblings or known)}."


def _known_keys(section, prefix=""):
    keys = []
    for name, field in section.model_fields.items():
        keys.append(prefix + name)
        if isinstance(field.annotation, type) and issubclass(field.annotation, pydantic.BaseModel):
            keys += _known_keys(field.annotation, f"{prefix}{name}.")
    return keys
