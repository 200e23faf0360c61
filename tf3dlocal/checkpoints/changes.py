"""How an array of PyTorch becomes ours, each with the way back."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np


class Change(NamedTuple):
    """Two functions that undo each other exactly: they move numbers and never compute with them.

    Example:
        >>> MATRIX.to_ours(np.zeros((7, 512))).shape, MATRIX.to_theirs(np.zeros((512, 7))).shape
        ((512, 7), (7, 512))
    """

    to_ours: Callable
    to_theirs: Callable


def _input_and_output_last(array):
    return np.moveaxis(array, (0, 1), (-1, -2))


def _output_and_input_first(array):
    return np.moveaxis(array, (-1, -2), (0, 1))


SAME = Change(lambda array: array, lambda array: array)

# [out, in, ..] <-> [.., in, out]: convolutions of any number of axes.
KERNEL = Change(_input_and_output_last, _output_and_input_first)

# [out, in, y, x] <-> [1, y, x, in, out]: their 2-D convolution is ours over one frame.
FRAME_KERNEL = Change(
    lambda array: _input_and_output_last(array)[None], lambda array: _output_and_input_first(array[0])
)

# [out, in] <-> [in, out]: a linear layer.
MATRIX = Change(np.transpose, np.transpose)


def grouped_kernel(num_parts):
    """[parts x out, in, k] <-> [parts, k, in, out]: a grouped Conv1d with one group per part."""
    return Change(
        lambda array: array.reshape(num_parts, -1, *array.shape[1:]).transpose(0, 3, 2, 1),
        lambda array: array.transpose(0, 3, 2, 1).reshape(-1, *array.shape[2:0:-1]),
    )


def grouped_bias(num_parts):
    """[parts x out] <-> [parts, out]."""
    return Change(lambda array: array.reshape(num_parts, -1), lambda array: array.reshape(-1))


def grouped_matrices(num_parts):
    """[parts x out, in, 1, 1] <-> [parts, in, out]: a grouped 1x1 convolution is one matrix per part."""
    return Change(
        lambda array: array.reshape(num_parts, -1, array.shape[1]).transpose(0, 2, 1),
        lambda array: array.transpose(0, 2, 1).reshape(-1, array.shape[1], 1, 1),
    )


def flat_vector(num_parts):
    """[channels x parts] <-> [parts x channels]: one number for each entry of the flattened part features."""
    return Change(
        lambda array: array.reshape(-1, num_parts).T.reshape(-1),
        lambda array: array.reshape(num_parts, -1).T.reshape(-1),
    )


def flat_matrix(num_parts):
    """[out, channels x parts] <-> [parts x channels, out]: a linear layer on the flattened part features."""
    return Change(
        lambda array: array.reshape(array.shape[0], -1, num_parts).transpose(2, 1, 0).reshape(-1, array.shape[0]),
        lambda array: array.reshape(num_parts, -1, array.shape[1]).transpose(2, 1, 0).reshape(array.shape[1], -1),
    )
