"""The count of a step's memory: by hand for a few operations, and less in slices."""

import importlib
import pathlib

import pytest
import tensorflow as tf

from tf3dlocal.models import MODELS

BENCHMARKS = pathlib.Path(__file__).resolve().parents[2] / "benchmarks"
MB = 250_000  # numbers of float32 in a megabyte


@pytest.fixture
def memory(monkeypatch):
    monkeypatch.syspath_prepend(BENCHMARKS)
    return importlib.import_module("memory")


def peak(memory, function):
    return memory.Memory(tf.function(function).get_concrete_function(tf.TensorSpec([MB])).graph).peak / 1e6


def kept_to_the_end(x):
    kept = tf.cos(x)
    return kept * tf.sin(tf.cos(kept))


def test_a_tensor_lives_from_its_operation_to_the_last_that_reads_it(memory):
    assert peak(memory, lambda x: tf.sin(tf.cos(x))) == 2  # of three tensors the input is the caller's
    assert peak(memory, lambda x: tf.sin(tf.cos(tf.sin(tf.cos(x))))) == 2
    assert peak(memory, kept_to_the_end) == 3


def test_what_needs_no_bytes_of_its_own_gets_none(memory):
    assert peak(memory, lambda x: tf.nn.relu(tf.cos(x))) == 1  # written over its argument
    assert peak(memory, lambda x: tf.sin(tf.reshape(tf.cos(x), [2, -1]))) == 2  # another view of the same
    assert peak(memory, lambda x: tf.sin(tf.cos(x)) + tf.sin(tf.cos(x))) == 2  # equal operations run once


def test_a_step_in_slices_needs_less_and_what_the_backward_pass_reads_is_most_of_the_plain_one(memory):
    model = MODELS["gaitset"](
        input_shape=(None, 32, 16, 1), channels=(8, 8, 8), bins=(1, 2), compact_channels=4, num_classes=74, seed=0
    )
    plain, border = memory.step_function(model, 16, 8, 0)
    sliced = memory.step_function(model, 16, 8, 8)[0]
    whole = memory.Memory(plain.graph).peak
    kept = sum(size for size, _ in memory.saved(plain.graph, border).values())
    assert 0.7 * whole < kept <= whole
    assert memory.Memory(sliced.graph).peak < whole / 4
