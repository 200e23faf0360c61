"""The count of a step's memory: by hand for a few operations, and lower in slices."""

import tensorflow as tf
from _graph_memory import GraphMemory, saved

from tf3dlocal.layers import apply_filters
from tf3dlocal.models import MODELS

MB = 250_000  # numbers of float32 in a megabyte


def peak(function):
    return GraphMemory(tf.function(function).get_concrete_function(tf.TensorSpec([MB])).graph).peak / 1e6


def kept_to_the_end(x):
    kept = tf.cos(x)
    return kept * tf.sin(tf.cos(kept))


def test_a_tensor_is_alive_from_its_operation_to_the_last_one_that_reads_it():
    assert peak(lambda x: tf.sin(tf.cos(x))) == 2  # the input, a third tensor, belongs to the caller
    assert peak(lambda x: tf.sin(tf.cos(tf.sin(tf.cos(x))))) == 2
    assert peak(kept_to_the_end) == 3


def test_what_needs_no_bytes_gets_none():
    assert peak(lambda x: tf.nn.relu(tf.cos(x))) == 1  # written over its argument
    assert peak(lambda x: tf.sin(tf.reshape(tf.cos(x), [2, -1]))) == 2  # another view of the same
    assert peak(lambda x: tf.sin(tf.cos(x)) + tf.sin(tf.cos(x))) == 2  # equal operations run once


def test_a_step_in_slices_needs_less_and_the_backward_pass_reads_most_of_the_plain_step():
    from memory import step_function

    model = MODELS["gaitset"](
        input_shape=(None, 32, 16, 1), channels=(8, 8, 8), bins=(1, 2), compact_channels=4, num_classes=74, seed=0
    )
    plain, border = step_function(model, batch=16, frames=8, num_slices=0)
    sliced, _ = step_function(model, batch=16, frames=8, num_slices=8)
    whole = GraphMemory(plain.graph).peak
    kept = sum(size for size, _ in saved(plain.graph, border).values())
    assert 0.7 * whole < kept <= whole
    assert GraphMemory(sliced.graph).peak < whole / 4


def test_samplers_keep_the_sampled_volumes_and_no_step_of_their_products():
    num_paths = 12
    rows, columns, frames = (tf.random.normal((1, size, size)) for size in (50, 50, 10))

    def peak_of(product):
        def gradient(x):
            volume = tf.reshape(x, (1, 10, 50, 50, 10))  # 1 MB
            with tf.GradientTape() as tape:
                tape.watch(volume)
                # A sine keeps its argument, as the convolution of a path does.
                sums = [
                    tf.reduce_sum(tf.sin(product(volume, rows * path, columns, frames)))
                    for path in range(1, num_paths + 1)
                ]
                total = tf.add_n(sums)
            return tape.gradient(total, volume)

        return peak(gradient)

    assert num_paths <= peak_of(apply_filters) < num_paths + 8
    assert peak_of(space_then_time) > 3 * num_paths  # the product as such


def space_then_time(volume, rows, columns, frames):
    volume = tf.einsum("bny,btyxc->btnxc", rows, volume)
    return tf.einsum("blt,btnmc->blnmc", frames, tf.einsum("bmx,btnxc->btnmc", columns, volume))
