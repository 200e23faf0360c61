"""Convolution by F(4, 3) is the plain convolution, its gradient the plain gradient; and who chooses it."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tf3dlocal.layers import FramePooling, choose_form, in_compiled_graph, minimal_filtering
from tf3dlocal.layers.volume_convolution import FEWEST_CHANNELS, stacked_convolution, volume_convolution


def numbers(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


@pytest.mark.parametrize("axis", [1, 2, 3])
@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 8, 30])
def test_it_is_the_plain_convolution_for_any_length_along_any_axis(axis, size):
    shape = [2, 5, 5, 5, 3]
    shape[axis] = size
    volume, kernel = numbers(*shape), numbers(3, 3, 3, 3, 4, seed=1)
    result = minimal_filtering(volume, kernel, axis, lambda inputs, taps: keras.ops.conv(inputs, taps, padding="same"))
    np.testing.assert_allclose(result, keras.ops.conv(volume, kernel, padding="same"), atol=1e-4)


def test_a_length_that_is_not_known_when_the_graph_is_made_fits_too():
    kernel = numbers(3, 1, 1, 3, 4, seed=1)

    @tf.function(input_signature=[tf.TensorSpec([None, None, 4, 3, 3])])
    def convolved(volume):
        return minimal_filtering(volume, kernel, 1, stacked_convolution)

    for num_frames in (1, 6, 9):
        volume = numbers(2, num_frames, 4, 3, 3)
        np.testing.assert_allclose(convolved(volume), keras.ops.conv(volume, kernel, padding="same"), atol=1e-4)


def test_two_taps_are_refused():
    with pytest.raises(ValueError, match="needs three taps"):
        minimal_filtering(numbers(1, 4, 4, 4, 1), numbers(2, 1, 1, 1, 1), 1, stacked_convolution)


@pytest.mark.parametrize("kernel_size", [(3, 3, 3), (1, 3, 3)])
@pytest.mark.parametrize("compiled", [False, True])
def test_values_and_gradients_of_the_forms_agree(kernel_size, compiled):
    channels = FEWEST_CHANNELS
    volume, kernel = numbers(1, 6, 8, 5, channels), numbers(*kernel_size, channels, channels, seed=1) / 24

    def values_and_gradients(form):
        @tf.function(jit_compile=compiled)
        def run(volume, kernel):
            with tf.GradientTape() as tape:
                tape.watch([volume, kernel])
                result = volume_convolution(volume, kernel, form)
                loss = tf.reduce_sum(tf.square(result))
            return [result, *tape.gradient(loss, [volume, kernel])]

        return run(tf.constant(volume), tf.constant(kernel))

    for plain, minimal in zip(values_and_gradients("stacked"), values_and_gradients("minimal"), strict=True):
        assert np.linalg.norm(minimal - plain) < 2e-6 * np.linalg.norm(plain)  # float32 rounds at 6e-8


def test_half_precision_and_narrow_maps_take_the_plain_products():
    """In half precision factors of eight would cost a digit; with few channels the sums cost more than they save."""
    narrow, kernel = numbers(1, 6, 4, 3, 8), numbers(3, 3, 3, 8, 8, seed=1)
    np.testing.assert_array_equal(
        volume_convolution(narrow, kernel, "minimal"), volume_convolution(narrow, kernel, "stacked")
    )
    wide = tf.cast(numbers(1, 6, 4, 3, FEWEST_CHANNELS), "float16")
    kernel = tf.cast(numbers(3, 3, 3, FEWEST_CHANNELS, FEWEST_CHANNELS, seed=1), "float16")
    np.testing.assert_array_equal(
        volume_convolution(wide, kernel, "minimal"), volume_convolution(wide, kernel, "stacked")
    )


def test_auto_is_minimal_only_where_the_graph_is_compiled():
    if tf.config.list_physical_devices("GPU"):
        pytest.skip("on a GPU auto is the vendor's convolution everywhere")
    seen = []

    def noting(number):
        seen.append((in_compiled_graph(), choose_form("auto"), choose_form("stacked")))
        return number

    def around(number):
        return tf.function(noting, jit_compile=True)(noting(number))

    tf.function(around)(noting(tf.constant(1)))
    in_a_loop = tf.function(lambda: tf.while_loop(lambda i: i < 2, lambda i: noting(i) + 1, [0]), jit_compile=True)
    in_a_loop()
    plain, compiled = (False, "reference", "stacked"), (True, "minimal", "stacked")
    assert seen == [plain, plain, compiled, compiled]


def test_what_is_traced_as_compiled_holds_no_pooling_operation():
    """The maximum of slices is several times faster there; this is how a graph shows which form it was made with."""

    def operations(compiled):
        graph = (
            tf.function(FramePooling(), jit_compile=compiled)
            .get_concrete_function(tf.TensorSpec([1, 2, 4, 4, 1]))
            .graph
        )
        return {operation.type for operation in graph.get_operations()}

    assert "MaxPool" not in operations(True)
    if not tf.config.list_physical_devices("GPU"):
        assert "MaxPool" in operations(False)
