"""What a mapping table is made of, and how the place of a weight is found."""

import re
from collections.abc import Callable
from typing import NamedTuple

from tf3dlocal.checkpoints.changes import SAME, Change


class Row(NamedTuple):
    """One tensor of theirs, where it belongs in our model, and how the array changes on the way.

    A place is a layer's name, then attributes and numbers, then a range of the first axis where several tensors of
    theirs make one weight of ours: "micro_motion_pooling.template_weights.0.1.0[3]", "part_features.kernel[:31]".
    """

    key: str
    place: str
    change: Change = SAME


class Table(NamedTuple):
    """All that is known of one model of one source.

    `rows(model)` yields a `Row` for every tensor; `mark` is a key that no other table has; `arguments_of(shapes)` tells
    the builder's arguments that the keys and shapes of a state dict give away; `differences(model)` yields a sentence
    for all that the original computes otherwise than this model, and that no key or shape would tell.
    """

    source: str
    model: str
    preset: str
    mark: str
    rows: Callable
    arguments_of: Callable
    differences: Callable = lambda model: ()
    notes: Callable = lambda model: ()


def batch_normalization_rows(prefix, place, change=SAME):
    """The four tensors of a batch normalization."""
    names = {"weight": "gamma", "bias": "beta", "running_mean": "moving_mean", "running_var": "moving_variance"}
    for theirs, ours in names.items():
        yield Row(f"{prefix}.{theirs}", f"{place}.{ours}", change)


def weight_at(model, place):
    """The variable that a place names and the part of it: (keras.Variable, index or slice of its first axis).

    Raises:
        ValueError: the model has no such place.

    Example:
        >>> import keras
        >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(3, name="logits")])
        >>> weight_at(model, "logits.kernel[1]")[0].name, weight_at(model, "logits.kernel[:1]")[1]
        ('kernel', slice(None, 1, None))
    """
    path, bounds = re.fullmatch(r"([^\[]+)(?:\[(.*)\])?", place).groups()
    layer, *steps = path.split(".")
    found = model.get_layer(layer)
    try:
        for step in steps:
            found = found[int(step)] if step.isdigit() else getattr(found, step)
    except (AttributeError, IndexError, TypeError):
        found = None
    if not hasattr(found, "assign"):
        raise ValueError(f"the layer {layer!r} has no weight {'.'.join(steps)!r}")
    if bounds is None:
        return found, slice(None)
    if ":" not in bounds:
        return found, int(bounds)
    return found, slice(*(int(bound) if bound else None for bound in bounds.split(":")))


def sizes(shapes, *keys, axis=0):
    """One axis' size of each of these tensors, as far as the state dict has them.

    Example:
        >>> sizes({"a": (32, 1), "b": (64, 32)}, "a", "b", "c")
        [32, 64]
    """
    return [shapes[key][axis] for key in keys if key in shapes and len(shapes[key]) > axis]


def known(**arguments):
    """The arguments that could be told: those that are neither empty nor None."""
    return {name: value for name, value in arguments.items() if value not in (None, [], ())}


def first(values):
    """The first value, or None of none."""
    return next(iter(values), None)
