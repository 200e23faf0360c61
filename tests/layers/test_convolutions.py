"""Convolutions and the poolings of frames and strips against plain loops, in every form."""

import numpy as np
import pytest
import tensorflow as tf
from layer_tools import MODES
from references.layer_loops import convolution_by_hand

from tf3dlocal.layers import (
    FocalConvolution,
    FramePooling,
    HorizontalPooling,
    VolumeConvolution,
    choose_form,
    kaiming_fan_out,
)

FORMS = ["reference", "stacked", "sliced"]
# Sums of up to 135 products of numbers near one: 135 x 2^-24 = 8e-6 at the very most.
CLOSE = {"rtol": 0, "atol": 1e-5}


def random_volume(size=(4, 8, 6), batch=2, channels=5, seed=0):
    return np.random.default_rng(seed).normal(size=(batch, *size, channels)).astype("float32")


@pytest.mark.parametrize("kernel_size", [1, 3, (1, 5, 5), (3, 1, 1), (5, 3, 1)])
@pytest.mark.parametrize("form", FORMS)
def test_a_volume_convolution_equals_a_loop_over_the_kernel_in_every_form(form, kernel_size):
    layer, volume = VolumeConvolution(3, kernel_size, form=form, seed=0), random_volume()
    expected = layer(volume).numpy(), [convolution_by_hand(clip, layer.kernel.numpy()) for clip in volume]
    np.testing.assert_allclose(*expected, **CLOSE)


@pytest.mark.parametrize("precision", ["float32", "mixed_bfloat16"])
@pytest.mark.parametrize("form", FORMS)
def test_a_graph_keeps_zeros_before_the_convolution_and_the_zeros_of_the_convolution_itself(form, precision):
    """TensorFlow with oneDNN joins a pad and a conv3d, and loses the padding of the conv3d over it."""
    layer, volume = VolumeConvolution(3, 3, form=form, seed=0, dtype=precision), random_volume()

    @tf.function
    def padded_twice(volume):
        return tf.cast(layer(tf.pad(volume, [[0, 0], [0, 0], [1, 1], [0, 0], [0, 0]])), "float32")

    found = padded_twice(volume)
    more_rows = np.pad(volume, [(0, 0), (0, 0), (1, 1), (0, 0), (0, 0)])
    expected = [convolution_by_hand(clip, layer.kernel.numpy()) for clip in more_rows]
    # bfloat16 keeps 8 bits of each of the 135 products' factors and of the sum, which is of order one.
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5 if precision == "float32" else 0.05)


@pytest.mark.parametrize("frames", [1, 2])
def test_fewer_frames_than_the_kernel_has_see_zeros_around_them(frames):
    layer, volume = VolumeConvolution(3, 5, form="stacked", seed=0), random_volume((frames, 8, 6))
    np.testing.assert_allclose(
        layer(volume), [convolution_by_hand(clip, layer.kernel.numpy()) for clip in volume], **CLOSE
    )


@pytest.mark.parametrize("mode", MODES)
def test_the_stacked_form_has_the_gradients_of_the_reference(mode):
    volume = tf.constant(random_volume())
    weights = random_volume(channels=3, seed=1)
    found = []
    for form in ("reference", "stacked"):
        layer = VolumeConvolution(3, 3, form=form, seed=0)
        layer.build(volume.shape)

        def gradients(volume, layer=layer):
            with tf.GradientTape() as tape:
                tape.watch(volume)
                loss = tf.reduce_sum(layer(volume) * weights)
            return tape.gradient(loss, [volume, layer.kernel.value])

        found.append(MODES[mode](gradients)(volume))
    for reference, stacked in zip(*found, strict=True):
        # Sums of up to 384 products of either sign and order one.
        np.testing.assert_allclose(stacked, reference, rtol=0, atol=5e-5)


@pytest.mark.parametrize("num_strips", [1, 2, 4])
@pytest.mark.parametrize("form", ["reference", "stacked"])
def test_a_focal_convolution_sees_zeros_beyond_the_borders_of_its_strip(form, num_strips):
    layer, volume = FocalConvolution(3, 5, num_strips, form=form, seed=0), random_volume()
    found = layer(volume)
    for clip, convolved in zip(volume, found.numpy(), strict=True):
        strips = np.split(clip, num_strips, axis=1)
        expected = np.concatenate([convolution_by_hand(strip, layer.kernel.numpy()) for strip in strips], axis=1)
        np.testing.assert_allclose(convolved, expected, **CLOSE)


def test_a_dot_beside_a_strips_border_spreads_within_its_strip_only():
    layer = FocalConvolution(1, 3, num_strips=2)
    dot = np.zeros((1, 1, 8, 5, 1), "float32")
    dot[0, 0, 3, 2] = 1  # the last row of the upper strip
    layer.build(dot.shape)
    layer.kernel.assign(np.ones(layer.kernel.shape))
    expected = np.zeros((8, 5))
    expected[2:4, 1:4] = 1
    np.testing.assert_array_equal(layer(dot)[0, 0, :, :, 0], expected)


@pytest.mark.parametrize("size", [(1, 2, 2), (3, 8, 6), (2, 9, 7)])
@pytest.mark.parametrize("form", FORMS)
def test_frame_pooling_is_the_maximum_of_two_by_two_cells_and_drops_an_odd_last_one(form, size):
    volume = random_volume(size)
    frames, height, width = size
    expected = np.zeros((2, frames, height // 2, width // 2, 5), "float32")
    for y in range(height // 2):
        for x in range(width // 2):
            expected[:, :, y, x] = volume[:, :, 2 * y : 2 * y + 2, 2 * x : 2 * x + 2].max(axis=(2, 3))
    np.testing.assert_array_equal(FramePooling(form)(volume), expected)


@pytest.mark.parametrize("num_parts", [1, 2, 8])
def test_horizontal_pooling_is_the_mean_plus_the_maximum_of_every_strip(num_parts):
    volume = random_volume()
    expected = np.stack(
        [strip.mean(axis=(2, 3)) + strip.max(axis=(2, 3)) for strip in np.split(volume, num_parts, axis=2)], 2
    )
    np.testing.assert_allclose(HorizontalPooling(num_parts)(volume), expected, rtol=0, atol=1e-6)


def test_horizontal_pooling_of_a_picture_gives_the_numbers_one_gets_by_hand():
    picture = np.array([[0, 1, 2], [3, 4, 8], [1, 1, 1], [1, 1, 1]], "float32").reshape(1, 1, 4, 3, 1)
    np.testing.assert_array_equal(HorizontalPooling(2)(picture)[0, 0, :, 0], [3 + 8, 1 + 1])


def test_weights_start_normal_with_the_variance_of_kaimings_fan_out():
    kernel = np.asarray(kaiming_fan_out(seed=0)((3, 3, 3, 16, 32)))
    # The deviation of 13824 numbers is known to one in 166; four times that.
    assert kernel.std() == pytest.approx((2 / (27 * 32)) ** 0.5, rel=4 / 166)
    assert np.abs(kernel).max() > 3 * kernel.std()  # not truncated


def test_forms_are_the_frameworks_own_unless_they_are_named():
    assert choose_form("auto") == "reference"
    assert [choose_form(form) for form in FORMS] == FORMS
    with pytest.raises(ValueError, match="'fast'; there are auto, reference, stacked, sliced"):
        choose_form("fast")


@pytest.mark.parametrize(
    ("build", "complaint"),
    [
        (lambda: VolumeConvolution(3, (3, 2, 3)), "must be odd .* got .3, 2, 3"),
        (lambda: FocalConvolution(3, (3, 3, 3)), "kernel of one frame; got .3, 3, 3"),
        (lambda: FocalConvolution(3, 3, num_strips=3)(random_volume()), "3 strips do not divide a map of 8 rows"),
        (lambda: HorizontalPooling(16)(random_volume()), "16 strips do not divide a map of 8 rows"),
    ],
)
def test_what_does_not_fit_is_refused(build, complaint):
    with pytest.raises(ValueError, match=complaint):
        build()
