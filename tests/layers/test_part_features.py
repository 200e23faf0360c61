"""What turns strips into features: micro-motion pooling, one matrix per part, and the compact block."""

import numpy as np
import pytest
import tensorflow as tf
from layer_tools import MODES, randomize
from references.layer_loops import normalized_by_hand

from tf3dlocal.layers import CompactBlock, MicroMotionPooling, SeparateDense


def random_parts(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


def frames_around(x, t, length):
    """The frames t - length//2 .. t + length//2 of x [frames, channels], None beyond its ends."""
    return [x[i] if 0 <= i < len(x) else None for i in range(t - length // 2, t + length // 2 + 1)]


def convolution_in_time(x, kernel, bias):
    """One part's Conv1d: x [frames, inputs], kernel [length, inputs, outputs]; zeros beyond the ends."""
    rows = []
    for t in range(len(x)):
        around = frames_around(x, t, len(kernel))
        rows.append(
            sum(frame @ weight for frame, weight in zip(around, kernel, strict=True) if frame is not None) + bias
        )
    return np.array(rows)


def micro_motion_by_hand(layer, x, part, slope):
    """GaitPart's temporal pooling of one part, x float64 [frames, channels], in loops."""
    total = np.zeros(x.shape)
    for length, (squeeze, expand) in zip((3, 5), layer.template_weights, strict=True):
        (first, first_bias), (second, second_bias) = (
            (kernel.numpy()[part].astype("float64"), bias.numpy()[part].astype("float64") if layer.use_bias else 0.0)
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
def test_micro_motion_pooling_equals_a_loop_over_parts_and_frames(options, slope, frames):
    parts = random_parts(2, frames, 3, 8)
    layer = MicroMotionPooling(**options)
    layer.build(parts.shape)
    randomize(layer)
    expected = [
        [micro_motion_by_hand(layer, clip[:, part].astype("float64"), part, slope) for part in range(3)]
        for clip in parts
    ]
    # Sums of up to 24 products in float32, a sigmoid with slope 1/4, and a product with numbers up to six.
    np.testing.assert_allclose(layer(parts), expected, rtol=0, atol=1e-5)


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


def test_micro_motion_weights_start_within_pytorchs_bounds_and_none_like_another():
    layer = MicroMotionPooling(use_bias=True, seed=0)
    layer.build((None, None, 2, 8))
    (squeeze_1, expand_1), (squeeze_2, expand_2) = layer.template_weights
    for (kernel, bias), fan_in in ((squeeze_1, 3 * 8), (expand_1, 2), (squeeze_2, 3 * 8), (expand_2, 3 * 2)):
        for weight in (kernel, bias):
            assert 0.5 < np.abs(weight).max() * fan_in**0.5 <= 1
    assert np.abs(squeeze_1[0] - squeeze_2[0]).max() > 0.05


def test_a_padded_mean_and_an_unpadded_maximum_in_half_precision_too():
    """A still part at -2 over three frames: means -4/3, -2, -4/3 and -6/5, -6/5, -6/5; the padding is never the maximum."""
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
        parts = random_parts(2, frames, 3, 8)
        np.testing.assert_allclose(run(parts), layer(parts), rtol=0, atol=1e-5)  # sums of 24 numbers in another order


def test_every_part_is_multiplied_with_a_matrix_of_its_own():
    parts, layer = random_parts(2, 3, 8), SeparateDense(5, seed=0)
    found = layer(parts)
    expected = np.stack([parts[:, part] @ layer.kernel.numpy()[part] for part in range(3)], axis=1)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5)


def test_the_matrices_start_as_a_grouped_convolution_of_the_release_does():
    kernel = SeparateDense(256, seed=0)
    kernel.build((None, 16, 128))
    # 524288 numbers: their deviation is known to one in a thousand; four times that.
    assert kernel.kernel.numpy().std() == pytest.approx((2 / (16 * 256)) ** 0.5, rel=4e-3)


def compact_by_hand(layer, parts):
    """BN - ReLU - linear - BN with the moving statistics."""
    flat = np.maximum(normalized_by_hand(parts.reshape(len(parts), -1), layer.input_norm), 0)
    return normalized_by_hand(flat @ layer.linear.kernel.numpy().astype("float64"), layer.output_norm)


def test_the_compact_block_is_a_normalized_linear_map_of_all_parts():
    parts, layer = random_parts(6, 3, 8), CompactBlock(5)
    layer.build(parts.shape)
    randomize(layer)
    np.testing.assert_allclose(layer(parts), compact_by_hand(layer, parts), rtol=0, atol=1e-5)


def test_in_training_it_normalizes_with_the_batch_and_remembers_a_tenth_of_it():
    parts, layer = random_parts(32, 3, 8) + 2, CompactBlock(5, dropout=0.0)
    compact = layer(parts, training=True).numpy()
    np.testing.assert_allclose(compact.mean(axis=0), 0, atol=1e-5)
    np.testing.assert_allclose(compact.var(axis=0), 1, rtol=1e-3)  # epsilon, 1e-5, beside variances down to 0.1
    flat = parts.reshape(32, 24).astype("float64")
    np.testing.assert_allclose(layer.input_norm.moving_mean, 0.1 * flat.mean(axis=0), rtol=1e-5)
    np.testing.assert_allclose(layer.input_norm.moving_variance, 0.9 + 0.1 * flat.var(axis=0), rtol=1e-5)


def test_dropout_acts_in_training_only_between_the_relu_and_the_linear_map():
    """A linear map that adds up counts the numbers that survive: after BN and ReLU, half of the 512 are one, half zero."""
    layer = CompactBlock(5, dropout=0.9, seed=0)
    parts = np.full((2, 16, 32), 3.0, "float32")
    parts[0, 8:], parts[1, :8] = -3, -3
    layer.build(parts.shape)
    layer.linear.kernel.assign(np.ones((512, 5)))
    layer.output_norm.trainable = False  # it shows the sums as they are, but for its epsilon
    survivors = [
        layer(parts, training=True).numpy() / 10 for _ in range(2)
    ]  # dropout makes the tenth ten times as large
    np.testing.assert_allclose(survivors, np.rint(survivors), atol=1e-3)
    # 25.6 of 256, with a deviation of 4.8; five of them.
    assert 1 < np.min(survivors) and np.max(survivors) < 50 and np.any(survivors[0] != survivors[1])
    np.testing.assert_allclose(layer(parts), compact_by_hand(layer, parts), rtol=1e-5)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("layer", [SeparateDense(5, seed=0), CompactBlock(5, seed=0)], ids=lambda layer: layer.name)
def test_they_give_the_same_in_every_mode(layer, mode):
    parts = random_parts(4, 3, 8)
    np.testing.assert_allclose(MODES[mode](layer)(parts), layer(parts), rtol=0, atol=1e-5)


def test_an_unknown_activation_is_refused():
    with pytest.raises(ValueError, match="activation is .leaky_relu. or .relu., not 'gelu'"):
        MicroMotionPooling(activation="gelu")
