"""Convolutions against plain loops."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from layer_tools import MODES, relative_error
from references.layer_loops import convolution_by_hand

from tf3dlocal.layers import BasicBlock3D, FocalConvolution, LeakyReLU, VolumeConvolution, kaiming_fan_out
from tf3dlocal.layers.convolution.volume_convolution import volume_convolution

# Sums of up to 135 products of numbers near one: 135 x 2^-24 = 8e-6 at the very most.
CLOSE = {"rtol": 0, "atol": 1e-5}


def random_volume(size=(4, 8, 6), batch=2, channels=5, seed=0):
    return np.random.default_rng(seed).normal(size=(batch, *size, channels)).astype("float32")


@pytest.mark.parametrize("kernel_size", [1, 3, (1, 5, 5), (3, 1, 1), (5, 3, 1)])
def test_a_volume_convolution_equals_a_loop_over_the_kernel(kernel_size):
    layer, volume = VolumeConvolution(3, kernel_size=kernel_size, seed=0), random_volume()
    found = layer(volume).numpy()
    np.testing.assert_allclose(found, [convolution_by_hand(clip, layer.kernel.numpy()) for clip in volume], **CLOSE)


@pytest.mark.parametrize("frames", [1, 2])
def test_fewer_frames_than_the_kernel_has_see_zeros_around_them(frames):
    layer, volume = VolumeConvolution(3, kernel_size=5, seed=0), random_volume((frames, 8, 6))
    found = layer(volume).numpy()
    np.testing.assert_allclose(found, [convolution_by_hand(clip, layer.kernel.numpy()) for clip in volume], **CLOSE)


def gradients_of(function, *values):
    """The gradients of the sum of squares of what function returns, by every value."""
    values = [tf.constant(value) for value in values]
    with tf.GradientTape() as tape:
        tape.watch(values)
        total = tf.reduce_sum(tf.square(function(*values)))
    return tape.gradient(total, values)


@pytest.mark.parametrize("kernel_size", [1, 3])
def test_several_maps_are_read_as_one_that_has_their_channels_side_by_side(kernel_size):
    layer, joined = VolumeConvolution(3, kernel_size=kernel_size, seed=0), random_volume()
    maps = [joined[..., :1], joined[..., 1:3], joined[..., 3:]]
    found, expected = layer(maps), layer(joined)
    assert layer.kernel.shape[3:] == (5, 3)
    np.testing.assert_allclose(found, expected, **CLOSE)
    apart, whole = gradients_of(lambda *maps: layer(list(maps)), *maps), gradients_of(layer, joined)
    assert relative_error(np.concatenate(apart, axis=-1), whole[0]) < 1e-5


@pytest.mark.parametrize("kernel_size", [(3, 3, 3), (1, 5, 5), (3, 1, 1), (1, 1, 3)])
def test_a_convolution_of_one_channel_has_the_gradients_of_tensorflows_own(kernel_size):
    volume, kernel = random_volume(channels=1), np.random.default_rng(1).normal(size=(*kernel_size, 1, 4))
    own = gradients_of(volume_convolution, volume, kernel.astype("float32"))
    plain = gradients_of(lambda *values: tf.nn.conv3d(*values, [1] * 5, "SAME"), volume, kernel.astype("float32"))
    for found, expected in zip(own, plain):
        assert relative_error(found, expected) < 1e-5


@pytest.mark.parametrize("slope", [0.0, 0.01, 1.0])
def test_a_leaky_relu_has_the_values_and_the_gradients_of_keras_own(slope):
    maps = random_volume()
    maps[0, 0, 0, 0] = [0.0, -0.0, 1e-45, -1e-45, -2.0]
    own, plain = LeakyReLU(slope), keras.layers.LeakyReLU(slope)
    np.testing.assert_array_equal(own(maps), plain(maps))
    np.testing.assert_array_equal(gradients_of(own, maps)[0], gradients_of(plain, maps)[0])


@pytest.mark.parametrize("precision", ["float32", "mixed_bfloat16"])
def test_a_graph_keeps_zeros_before_the_convolution_and_the_zeros_of_the_convolution_itself(precision):
    """TensorFlow with oneDNN fuses a pad and a conv3d, and would lose the padding of the conv3d."""
    layer, volume = VolumeConvolution(3, seed=0, dtype=precision), random_volume()

    @tf.function
    def padded_twice(volume):
        return tf.cast(layer(tf.pad(volume, [[0, 0], [0, 0], [1, 1], [0, 0], [0, 0]])), "float32")

    found = padded_twice(volume)
    more_rows = np.pad(volume, [(0, 0), (0, 0), (1, 1), (0, 0), (0, 0)])
    expected = [convolution_by_hand(clip, layer.kernel.numpy()) for clip in more_rows]
    # bfloat16 keeps 8 bits of each of the 135 products' factors. Without AVX-512 the partial sums, up to 7, are rounded
    # to 8 bits as well: 135 random errors of up to 7 / 512 add up to 0.09 (standard deviation), and 0.09 was seen. A
    # lost padding changes values by several units.
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5 if precision == "float32" else 0.2)


@pytest.mark.parametrize("num_strips", [1, 2, 4])
def test_a_focal_convolution_sees_zeros_beyond_the_borders_of_its_strip(num_strips):
    layer, volume = FocalConvolution(3, kernel_size=5, num_strips=num_strips, seed=0), random_volume()
    found = layer(volume)
    for clip, convolved in zip(volume, found.numpy(), strict=True):
        strips = np.split(clip, num_strips, axis=1)
        expected = np.concatenate([convolution_by_hand(strip, layer.kernel.numpy()) for strip in strips], axis=1)
        np.testing.assert_allclose(convolved, expected, **CLOSE)


def test_a_dot_next_to_the_border_of_a_strip_spreads_within_its_strip_only():
    layer = FocalConvolution(1, num_strips=2)
    dot = np.zeros((1, 1, 8, 5, 1), "float32")
    dot[0, 0, 3, 2] = 1  # the last row of the upper strip
    layer.build(dot.shape)
    layer.kernel.assign(np.ones(layer.kernel.shape))
    expected = np.zeros((8, 5))
    expected[2:4, 1:4] = 1
    np.testing.assert_array_equal(layer(dot)[0, 0, :, :, 0], expected)


def test_a_basic_block_is_the_rectified_sum_of_three_convolutions():
    layer, volume = BasicBlock3D(3, seed=0), random_volume((4, 6, 5), channels=2)
    found = layer(volume).numpy()
    sizes = [tuple(convolution.kernel.shape[:3]) for convolution in layer.convolutions]
    assert sizes == [(3, 3, 3), (1, 3, 3), (3, 1, 1)]
    for clip, own in zip(volume, found, strict=True):
        total = sum(convolution_by_hand(clip, convolution.kernel.numpy()) for convolution in layer.convolutions)
        # Sums of 78 products of numbers near one.
        np.testing.assert_allclose(own, np.where(total > 0, total, 0.01 * total), rtol=0, atol=1e-5)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.slow
def test_the_joint_kernel_of_a_basic_block_has_the_gradients_of_three_convolutions(mode):
    volume = tf.constant(random_volume((4, 6, 5), channels=2))
    weights = random_volume((4, 6, 5), channels=3, seed=1)
    layer = BasicBlock3D(3, seed=0)
    layer.build(volume.shape)

    def one(volume):
        return layer(volume)

    def three(volume):
        return layer.activation(sum(convolution(volume) for convolution in layer.convolutions))

    def gradients(function):
        def of(volume):
            with tf.GradientTape() as tape:
                tape.watch(volume)
                loss = tf.reduce_sum(function(volume) * weights)
            return tape.gradient(loss, [volume, *(weight.value for weight in layer.trainable_weights)])

        return MODES[mode](of)(volume)

    for own, reference in zip(gradients(one), gradients(three), strict=True):
        assert relative_error(own, reference.numpy()) < 1e-5  # sums of up to 240 products


def test_weights_start_normal_with_the_variance_of_kaimings_fan_out():
    kernel = np.asarray(kaiming_fan_out(seed=0)((3, 3, 3, 16, 32)))
    # The deviation of 13824 numbers is known to one in 166; four times that.
    assert kernel.std() == pytest.approx((2 / (27 * 32)) ** 0.5, rel=4 / 166)
    assert np.abs(kernel).max() > 3 * kernel.std()  # not truncated


@pytest.mark.bad_input
@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: VolumeConvolution(3, kernel_size=(3, 2, 3)), r"kernel_size must be odd .* got \(3, 2, 3\)\."),
        (lambda: FocalConvolution(3, kernel_size=(3, 3, 3)), r"kernel of one frame; got kernel_size=\(3, 3, 3\)\."),
        (lambda: FocalConvolution(3, num_strips=3)(random_volume()), r"num_strips=3 does not divide a map of 8 rows\."),
    ],
)
def test_a_convolution_that_does_not_fit_raises(build, message):
    with pytest.raises(ValueError, match=message):
        build()
