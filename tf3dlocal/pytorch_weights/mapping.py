"""Mapping tables: which PyTorch tensor belongs to which Keras weight, and how the array changes."""

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

import keras
import numpy as np


class Change(NamedTuple):
    """Two functions that invert each other exactly: they move numbers and never compute with them.

    Example:
        >>> MATRIX.to_keras(np.zeros((7, 512))).shape, MATRIX.to_pytorch(np.zeros((512, 7))).shape
        ((512, 7), (7, 512))
    """

    to_keras: Callable[[np.ndarray], np.ndarray]
    to_pytorch: Callable[[np.ndarray], np.ndarray]


def _input_and_output_last(array):
    return np.moveaxis(array, (0, 1), (-1, -2))


def _output_and_input_first(array):
    return np.moveaxis(array, (-1, -2), (0, 1))


SAME = Change(lambda array: array, lambda array: array)

# [out, in, ..] <-> [.., in, out]: convolutions of any number of axes.
KERNEL = Change(_input_and_output_last, _output_and_input_first)

# [out, in, y, x] <-> [1, y, x, in, out]: a 2-D convolution in PyTorch is a 3-D convolution over one frame in Keras.
FRAME_KERNEL = Change(
    lambda array: _input_and_output_last(array)[None], lambda array: _output_and_input_first(array[0])
)

# [out, in] <-> [in, out]: a linear layer.
MATRIX = Change(np.transpose, np.transpose)


def grouped_kernel(num_strips: int) -> Change:
    """[strips x out, in, k] <-> [strips, k, in, out]: a grouped Conv1d with one group per strip."""
    return Change(
        lambda array: array.reshape(num_strips, -1, *array.shape[1:]).transpose(0, 3, 2, 1),
        lambda array: array.transpose(0, 3, 2, 1).reshape(-1, *array.shape[2:0:-1]),
    )


def grouped_bias(num_strips: int) -> Change:
    """[strips x out] <-> [strips, out]."""
    return Change(lambda array: array.reshape(num_strips, -1), lambda array: array.reshape(-1))


def grouped_matrices(num_strips: int) -> Change:
    """[strips x out, in, 1, 1] <-> [strips, in, out]: a grouped 1x1 convolution is one matrix per strip."""
    return Change(
        lambda array: array.reshape(num_strips, -1, array.shape[1]).transpose(0, 2, 1),
        lambda array: array.transpose(0, 2, 1).reshape(-1, array.shape[1], 1, 1),
    )


def flat_vector(num_strips: int) -> Change:
    """[channels x strips] <-> [strips x channels]: one number for each entry of the flattened strip features."""
    return Change(
        lambda array: array.reshape(-1, num_strips).T.reshape(-1),
        lambda array: array.reshape(num_strips, -1).T.reshape(-1),
    )


def flat_matrix(num_strips: int) -> Change:
    """[out, channels x strips] <-> [strips x channels, out]: a linear layer on the flattened strip features."""
    return Change(
        lambda array: array.reshape(array.shape[0], -1, num_strips).transpose(2, 1, 0).reshape(-1, array.shape[0]),
        lambda array: array.reshape(num_strips, -1, array.shape[1]).transpose(2, 1, 0).reshape(array.shape[1], -1),
    )


class Row(NamedTuple):
    """One PyTorch tensor, the place of its Keras weight, and how the array changes between them.

    A place is the name of a layer, then attributes and indices, then a range of the first axis if several tensors make
    up one weight: "micro_motion_pooling.template_weights.0.1.0[3]", "part_features.kernel[:31]".
    """

    key: str
    place: str
    change: Change = SAME


class Table(NamedTuple):
    """The mapping of one model of one source, and what identifies it.

    Attributes:
        source: "release" or "opengait".
        model: Name in `tf3dlocal.models.MODELS`.
        preset: Preset of the builder that computes what the source computes.
        mark: Key that no other table has; it identifies a state dict.
        rows: Function of a Keras model; yields a `Row` for every tensor.
        arguments_of: Function of {key: shape}; the builder's arguments that follow from the shapes.
        differences: Function of a Keras model; yields a sentence for everything that the source computes differently
            and that no key or shape shows.
        notes: Function of a Keras model; yields a sentence for everything that no key or shape can confirm.
    """

    source: str
    model: str
    preset: str
    mark: str
    rows: Callable[[keras.Model], Iterable[Row]]
    arguments_of: Callable[[dict], dict]
    differences: Callable[[keras.Model], Iterable[str]] = lambda model: ()
    notes: Callable[[keras.Model], Iterable[str]] = lambda model: ()


def batch_normalization_rows(prefix: str, place: str, change: Change = SAME) -> Iterator[Row]:
    """Yield the rows of the four tensors of a batch normalization."""
    names = {"weight": "gamma", "bias": "beta", "running_mean": "moving_mean", "running_var": "moving_variance"}
    for pytorch_name, keras_name in names.items():
        yield Row(f"{prefix}.{pytorch_name}", f"{place}.{keras_name}", change)


def weight_at(model: keras.Model, place: str) -> tuple[keras.Variable, int | slice]:
    """Return the variable that a place names, and the index or slice of its first axis.

    Raises:
        ValueError: The model has no such place.

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
        raise ValueError(f"The layer {layer!r} has no weight {'.'.join(steps)!r}.")
    if bounds is None:
        return found, slice(None)
    if ":" not in bounds:
        return found, int(bounds)
    return found, slice(*(int(bound) if bound else None for bound in bounds.split(":")))


def sizes(shapes: dict, *keys: str, axis: int = 0) -> list[int]:
    """Return the size of one axis of each of these tensors; tensors that are missing are skipped.

    Example:
        >>> sizes({"a": (32, 1), "b": (64, 32)}, "a", "b", "c")
        [32, 64]
    """
    return [shapes[key][axis] for key in keys if key in shapes and len(shapes[key]) > axis]


def known(**arguments: Any) -> dict:
    """Return the arguments that are neither empty nor None."""
    return {name: value for name, value in arguments.items() if value not in (None, [], ())}


def first(values: Iterable) -> Any:
    """Return the first value, or None if there is none."""
    return next(iter(values), None)
