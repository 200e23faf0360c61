"""Pooling over time: the maximum of a set, micro-motion templates, and frames that become one."""

import numpy as np
import pytest
import tensorflow as tf
from layer_tools import randomize

from tf3dlocal.layers import LocalTransform, MicroMotionPooling, SetPooling


def random_numbers(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


def frames_around(x, t, length):
    """The frames t - length//2 .. t + length//2 of x [frames, channels], None beyond its ends."""
    return [x[i] if 0 <= i < len(x) else None for i in range(t - length // 2, t + length // 2 + 1)]


def convolution_in_time(x, kernel, bias):
    """One strip's Conv1d: x [frames, inputs], kernel [length, inputs, outputs]; zeros beyond the ends."""
    rows = []
    for t in range(len(x)):
        around = frames_around(x, t, len(kernel))
        rows.append(
            sum(frame @ weight for frame, weight in zip(around, kernel, strict=True) if frame is not None) + bias
        )
    return np.array(rows)


def micro_motion_by_hand(layer, x, strip, slope):
    """GaitPart's temporal pooling of one strip, x float64 [frames, channels], in loops."""
    total = np.zeros(x.shape)
    for length, (squeeze, expand) in zip((3, 5), layer.template_weights, strict=True):
        (first, first_bias), (second, second_bias) = (
            (kernel.numpy()[strip].astype("float64"), bias.numpy()[strip].astype("float64") if layer.use_bias else 0.0)
            for kernel, bias in (squeeze, expand)
        )
        hidden = convolution_in_time(x, first, first_bias)
        hidden = np.where(hidden > 0, hidden, slope * hidden)
        attention = 1 / (1 + np.exp(-convolution_in_time(hidden, second, second_bias)))
        for t in range(len(x)):
            inside = [frame for frame in frames_around(x, t, length) if frame is not None]
            mean = sum(inside) / length  # PyTorch's average counts the padding: zeros, but `length` of them and frames
            total[t] += (mean + np.max(inside, axis=0)) * attention[t]
    return total.max(axis=0)


@pytest.mark.parametrize("frames", [1, 2, 7])
@pytest.mark.parametrize(
    ("options", "slope"),
    [
        ({}, 0.01),
        ({"use_bias": True, "activation": "relu"}, 0.0),
    ],
    ids=["paper", "release"],
)
def test_micro_motion_pooling_equals_a_loop_over_strips_and_frames(options, slope, frames):
    strips = random_numbers(2, frames, 3, 8)
    layer = MicroMotionPooling(**options)
    layer.build(strips.shape)
    randomize(layer)
    expected = [
        [micro_motion_by_hand(layer, clip[:, strip].astype("float64"), strip, slope) for strip in range(3)]
        for clip in strips
    ]
    # Sums of up to 24 products in float32, a sigmoid with slope 1/4, and a product with numbers up to six.
    np.testing.assert_allclose(layer(strips), expected, rtol=0, atol=1e-5)


def test_the_first_convolutions_see_three_frames_and_the_second_one_and_three():
    layer = MicroMotionPooling(squeeze=2, use_bias=True)
    layer.build((None, None, 16, 8))
    shapes = [
        [(tuple(kernel.shape), tuple(bias.shape)) for kernel, bias in template] for template in layer.template_weights
    ]
    assert shapes == [
        [((16, 3, 8, 4), (16, 4)), ((16, 1, 4, 8), (16, 8))],
        [((16, 3, 8, 4), (16, 4)), ((16, 3, 4, 8), (16, 8))],
    ]


@pytest.mark.parametrize("channels", [1, 3])
def test_fewer_channels_than_it_squeezes_leave_one_filter(channels):
    layer = MicroMotionPooling(squeeze=4)
    layer.build((None, None, 2, channels))
    assert [squeeze[0].shape[-1] for squeeze, _ in layer.template_weights] == [1, 1]


def test_initial_micro_motion_weights_are_within_pytorchs_bounds_and_all_different():
    layer = MicroMotionPooling(use_bias=True, seed=0)
    layer.build((None, None, 2, 8))
    (squeeze_1, expand_1), (squeeze_2, expand_2) = layer.template_weights
    for (kernel, bias), fan_in in ((squeeze_1, 3 * 8), (expand_1, 2), (squeeze_2, 3 * 8), (expand_2, 3 * 2)):
        for weight in (kernel, bias):
            assert 0.5 < np.abs(weight).max() * fan_in**0.5 <= 1
    assert np.abs(squeeze_1[0] - squeeze_2[0]).max() > 0.05


def test_a_padded_mean_and_an_unpadded_maximum_in_half_precision_too():
    """A still strip at -2 over three frames has means -4/3, -2, -4/3 and three times -6/5; padding is never the maximum."""
    layer = MicroMotionPooling(dtype="mixed_float16")
    still = np.full((1, 3, 1, 4), -2.0, "float32")
    layer.build(still.shape)
    for weight in layer.weights:
        weight.assign(np.zeros(weight.shape))  # sigmoid(0) = 1/2
    found = layer(still)
    assert found.dtype == "float16"
    # The largest number in half precision near 3.2 is known to 2^-10.
    np.testing.assert_allclose(found[0, 0], (-4 / 3 - 2 - 6 / 5 - 2) / 2, atol=2 * 2.0**-10)


@pytest.mark.parametrize("mode", ["graph", "xla"])
def test_micro_motion_pooling_gives_the_same_in_every_mode_for_an_unknown_batch_and_frames(mode):
    layer = MicroMotionPooling(seed=0)
    layer.build((None, None, 3, 8))
    run = tf.function(layer, input_signature=[tf.TensorSpec([None, None, 3, 8])], jit_compile=mode == "xla")
    for frames in (1, 6):
        strips = random_numbers(2, frames, 3, 8)
        np.testing.assert_allclose(run(strips), layer(strips), rtol=0, atol=1e-5)  # sums of 24 numbers in another order


def test_an_unknown_activation_raises():
    with pytest.raises(ValueError, match="activation must be .leaky_relu. or .relu.; got 'gelu'"):
        MicroMotionPooling(activation="gelu")


def test_set_pooling_is_the_largest_value_of_every_cell_over_all_frames():
    volume = random_numbers(2, 5, 4, 3, 2)
    np.testing.assert_array_equal(SetPooling()(volume), volume.max(axis=1))
    np.testing.assert_array_equal(SetPooling(keep_frames=True)(volume), volume.max(axis=1, keepdims=True))


@pytest.mark.parametrize("frames", [1, 2, 3, 4, 8, 9])
def test_a_local_transform_fuses_frames_three_by_three_and_drops_what_is_left_over(frames):
    layer, volume = LocalTransform(3, seed=0), random_numbers(2, frames, 4, 3, 5)
    found = layer(volume).numpy()
    filled = np.concatenate([volume, np.zeros((2, max(0, 3 - frames), 4, 3, 5), "float32")], axis=1)
    assert found.shape == (2, max(1, frames // 3), 4, 3, 5)
    for group in range(found.shape[1]):
        expected = sum(filled[:, 3 * group + frame] @ layer.kernel.numpy()[frame] for frame in range(3))
        np.testing.assert_allclose(found[:, group], expected, rtol=0, atol=1e-5)


def test_a_local_transform_fuses_an_unknown_number_of_frames_in_a_graph():
    layer = LocalTransform(3, seed=0)
    layer.build((None, None, 4, 3, 5))
    graph = tf.function(layer, input_signature=[tf.TensorSpec([None, None, 4, 3, 5])])
    for frames in (1, 3, 7):
        volume = random_numbers(2, frames, 4, 3, 5)
        np.testing.assert_allclose(graph(volume), layer(volume), rtol=0, atol=1e-6)


def test_a_local_transform_of_no_frames_raises():
    with pytest.raises(ValueError, match="at least one frame; got interval=0"):
        LocalTransform(0)
