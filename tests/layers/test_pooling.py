"""Poolings in space against plain loops, for any size."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from layer_tools import randomize
from references.layer_loops import adaptive_maximum_by_hand, halving_maximum_by_hand

from tf3dlocal.layers import (
    FramePooling,
    HorizontalPooling,
    HorizontalPyramidPooling,
    NormalizedMaxPooling,
    adaptive_max_pool,
    batch_normalization,
    halving_max_pool,
)


def random_volume(size=(5, 8, 7), batch=2, channels=3, seed=0):
    return np.random.default_rng(seed).normal(size=(batch, *size, channels)).astype("float32")


@pytest.mark.parametrize("halve_frames", [True, False])
@pytest.mark.parametrize("size", [(1, 1, 1), (2, 3, 4), (5, 8, 7)])
@pytest.mark.parametrize("dtype", ["float32", "float16"])  # TensorFlow has no such pooling of float16 on a CPU
def test_halving_equals_a_plain_loop(dtype, size, halve_frames):
    volume = random_volume(size).astype(dtype)
    expected = np.stack([halving_maximum_by_hand(clip, halve_frames) for clip in volume])
    found = halving_max_pool(volume, halve_frames=halve_frames)
    assert found.dtype == dtype
    np.testing.assert_array_equal(found, expected)


def test_padding_is_never_the_maximum_even_if_all_values_are_negative():
    assert np.max(halving_max_pool(random_volume() - 100)) < -90


def test_the_sizes_are_those_of_supplement_table_1():
    shape = (1, 30, 16, 11, 1)
    seen = []
    for _ in range(3):
        shape = halving_max_pool(np.zeros(shape, "float32")).shape
        seen.append(tuple(shape)[1:4])
    assert seen == [(15, 8, 6), (8, 4, 3), (4, 2, 2)]


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("num_bins", [1, 2, 4])
@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 9, 15])
def test_adaptive_pooling_equals_a_plain_loop(size, num_bins, axis):
    values = np.moveaxis(np.random.default_rng(0).normal(size=(size, 3, 2)), 0, axis)
    expected = adaptive_maximum_by_hand(values, num_bins, axis)
    np.testing.assert_array_equal(adaptive_max_pool(values, num_bins=num_bins, axis=axis), expected)


@pytest.mark.parametrize("jit_compile", [False, True])
def test_the_length_of_an_adaptively_pooled_axis_may_be_unknown(jit_compile):
    signature = [tf.TensorSpec([None, None, 2], tf.float64)]
    pool = tf.function(
        lambda values: adaptive_max_pool(values, num_bins=4, axis=1), input_signature=signature, jit_compile=jit_compile
    )
    for size in (1, 4, 9):
        values = np.random.default_rng(size).normal(size=(2, size, 2))
        np.testing.assert_array_equal(pool(values), adaptive_maximum_by_hand(values, 4, 1))


def test_as_many_bins_as_cells_change_nothing():
    values = random_volume()
    np.testing.assert_array_equal(adaptive_max_pool(values, num_bins=5, axis=1), values)


def plain_head(norm, volume, training, halve_frames):
    """BN - ReLU - Pool0, in the order of supplement Table 1."""
    return halving_max_pool(keras.ops.relu(norm(volume, training=training)), halve_frames=halve_frames)


def pair_of_heads(halve_frames=True):
    """The layer and the plain batch normalization, with equal weights, gammas of both signs."""
    pooling, norm = NormalizedMaxPooling(halve_frames=halve_frames), batch_normalization("norm")
    for layer in (pooling, norm):
        layer.build((None, None, 8, 7, 6))
        randomize(layer)
    assert {weight.path.split("/")[-1] for weight in pooling.weights} == {weight.name for weight in norm.weights}
    assert (norm.gamma.numpy() < 0).any() and (norm.gamma.numpy() > 0).any()
    return pooling, norm


@pytest.mark.parametrize("halve_frames", [True, False])
def test_pooling_before_normalizing_equals_the_plain_order(halve_frames):
    """In inference, in training, and in the statistics after training, also for negative gammas."""
    pooling, norm = pair_of_heads(halve_frames)
    # Three steps of training between two of inference; float32 sums of 560 numbers near one are good to 1e-6.
    for step, training in enumerate([False, True, True, True, False]):
        volume = 2 * random_volume(channels=6, seed=step) + 1
        expected = plain_head(norm, volume, training, halve_frames)
        np.testing.assert_allclose(pooling(volume, training=training), expected, rtol=0, atol=5e-6)
        np.testing.assert_allclose(pooling.moving_mean, norm.moving_mean, rtol=0, atol=1e-6)
        np.testing.assert_allclose(pooling.moving_variance, norm.moving_variance, rtol=1e-6)


@pytest.mark.parametrize("training", [False, True])
def test_its_weights_have_the_gradients_of_the_plain_order_and_the_map_gets_none(training):
    pooling, norm = pair_of_heads()
    volume = tf.constant(random_volume(channels=6))
    weights = np.random.default_rng(1).normal(size=(2, 3, 4, 4, 6)).astype("float32")
    gradients = []
    for layer, head in (
        (pooling, pooling),
        (norm, lambda volume, training: plain_head(norm, tf.stop_gradient(volume), training, True)),
    ):
        with tf.GradientTape() as tape:
            tape.watch(volume)
            loss = tf.reduce_sum(head(volume, training=training) * weights)
        gradients.append(tape.gradient(loss, [layer.gamma.value, layer.beta.value, volume]))
    for own, plain in zip(gradients[0][:2], gradients[1][:2], strict=True):
        np.testing.assert_allclose(own, plain, rtol=0, atol=1e-4)  # sums of 96 terms up to 3, each good to 1e-6
    assert gradients[0][2] is None


def test_a_frozen_layer_keeps_its_statistics_as_a_frozen_batch_normalization_does():
    pooling, norm = pair_of_heads()
    pooling.trainable = norm.trainable = False
    before, volume = pooling.moving_mean.numpy(), random_volume(channels=6)
    expected = plain_head(norm, volume, True, True)
    np.testing.assert_allclose(pooling(volume, training=True), expected, rtol=0, atol=5e-6)
    np.testing.assert_array_equal(pooling.moving_mean, before)


def test_half_precision_normalizes_in_single_precision():
    pooling = NormalizedMaxPooling(dtype="mixed_float16")
    volume = 300 + random_volume(channels=6)  # squares of 300 leave half precision, whose largest number is 65504
    pooled = pooling(volume, training=True)
    assert pooled.dtype == "float16" and np.isfinite(pooled).all()
    # The map itself is rounded to 0.25 / 2, a tenth of its deviation of one; nothing is lost beyond that.
    np.testing.assert_allclose(pooled, NormalizedMaxPooling()(volume, training=True), rtol=0, atol=0.15)


@pytest.mark.parametrize("size", [(1, 2, 2), (3, 8, 6), (2, 9, 7)])
def test_frame_pooling_is_the_maximum_of_two_by_two_cells_and_drops_an_odd_last_one(size):
    volume = random_volume(size)
    frames, height, width = size
    expected = np.zeros((2, frames, height // 2, width // 2, 3), "float32")
    for y in range(height // 2):
        for x in range(width // 2):
            expected[:, :, y, x] = volume[:, :, 2 * y : 2 * y + 2, 2 * x : 2 * x + 2].max(axis=(2, 3))
    np.testing.assert_array_equal(FramePooling()(volume), expected)


def mean_plus_maximum(maps, num_strips):
    """By strip [batch, strips, channels] of maps [batch, height, width, channels]."""
    strips = np.split(maps, num_strips, axis=1)
    return np.stack([strip.mean(axis=(1, 2)) + strip.max(axis=(1, 2)) for strip in strips], axis=1)


@pytest.mark.parametrize("num_strips", [1, 2, 8])
def test_horizontal_pooling_is_the_mean_plus_the_maximum_of_every_strip(num_strips):
    volume = random_volume()
    expected = np.stack([mean_plus_maximum(volume[:, frame], num_strips) for frame in range(5)], axis=1)
    np.testing.assert_allclose(HorizontalPooling(num_strips)(volume), expected, rtol=0, atol=1e-6)


def test_horizontal_pooling_of_a_picture_gives_the_numbers_one_gets_by_hand():
    picture = np.array([[0, 1, 2], [3, 4, 8], [1, 1, 1], [1, 1, 1]], "float32").reshape(1, 1, 4, 3, 1)
    np.testing.assert_array_equal(HorizontalPooling(2)(picture)[0, 0, :, 0], [3 + 8, 1 + 1])


def test_a_pyramid_is_the_mean_plus_the_maximum_of_every_strip_of_every_scale():
    maps = random_volume()[:, 0]
    expected = np.concatenate([mean_plus_maximum(maps, number) for number in (4, 1, 2)], axis=1)
    # Sums of 56 numbers of order one.
    np.testing.assert_allclose(HorizontalPyramidPooling((4, 1, 2))(maps), expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize(
    ("layer", "shape", "message"),
    [
        (HorizontalPooling(16), (1, 1, 8, 3, 5), r"num_strips=16 does not divide a map of 8 rows\."),
        (HorizontalPyramidPooling((1, 2, 3)), (1, 8, 3, 5), r"bins \[3\] do not divide a map of 8 rows\."),
        (HorizontalPyramidPooling(()), (1, 8, 3, 5), r"bins \(\) do not divide a map of 8 rows\."),
    ],
)
def test_strips_that_do_not_divide_the_map_raise(layer, shape, message):
    with pytest.raises(ValueError, match=message):
        layer(np.zeros(shape, "float32"))
