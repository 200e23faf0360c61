"""One matrix per strip, the compact block, and its dropout on any number of devices."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from layer_tools import MODES, randomize
from references.layer_loops import normalized_by_hand

from tf3dlocal.layers import CompactBlock, Dropout, SeparateDense, dropout, replicas


def random_numbers(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


def test_every_strip_is_multiplied_with_its_own_matrix():
    strips, layer = random_numbers(2, 3, 8), SeparateDense(5, seed=0)
    found = layer(strips)
    expected = np.stack([strips[:, strip] @ layer.kernel.numpy()[strip] for strip in range(3)], axis=1)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5)


def test_the_initial_matrices_are_those_of_a_grouped_convolution_in_the_release():
    kernel = SeparateDense(256, seed=0)
    kernel.build((None, 16, 128))
    # 524288 numbers: their deviation is known to one in a thousand; four times that.
    assert kernel.kernel.numpy().std() == pytest.approx((2 / (16 * 256)) ** 0.5, rel=4e-3)


def compact_by_hand(layer, strips):
    """BN - ReLU - linear - BN with the moving statistics."""
    flat = np.maximum(normalized_by_hand(strips.reshape(len(strips), -1), layer.input_norm), 0)
    return normalized_by_hand(flat @ layer.linear.kernel.numpy().astype("float64"), layer.output_norm)


def test_the_compact_block_is_a_normalized_linear_map_of_all_strips():
    strips, layer = random_numbers(6, 3, 8), CompactBlock(5)
    layer.build(strips.shape)
    randomize(layer)
    np.testing.assert_allclose(layer(strips), compact_by_hand(layer, strips), rtol=0, atol=1e-5)


def test_in_training_it_normalizes_with_the_batch_and_remembers_a_tenth_of_it():
    strips, layer = random_numbers(32, 3, 8) + 2, CompactBlock(5, dropout=0.0)
    compact = layer(strips, training=True).numpy()
    np.testing.assert_allclose(compact.mean(axis=0), 0, atol=1e-5)
    np.testing.assert_allclose(compact.var(axis=0), 1, rtol=1e-3)  # epsilon, 1e-5, next to variances down to 0.1
    flat = strips.reshape(32, 24).astype("float64")
    np.testing.assert_allclose(layer.input_norm.moving_mean, 0.1 * flat.mean(axis=0), rtol=1e-5)
    np.testing.assert_allclose(layer.input_norm.moving_variance, 0.9 + 0.1 * flat.var(axis=0), rtol=1e-5)


def test_dropout_acts_in_training_only_between_the_relu_and_the_linear_map():
    """A linear map of ones counts the numbers that survive: after BN and ReLU, half of the 512 are one, half zero."""
    layer = CompactBlock(5, dropout=0.9, seed=0)
    strips = np.full((2, 16, 32), 3.0, "float32")
    strips[0, 8:], strips[1, :8] = -3, -3
    layer.build(strips.shape)
    layer.linear.kernel.assign(np.ones((512, 5)))
    layer.output_norm.trainable = False  # it returns the sums as they are, except for its epsilon
    # Dropout makes the remaining tenth ten times as large.
    survivors = [layer(strips, training=True).numpy() / 10 for _ in range(2)]
    np.testing.assert_allclose(survivors, np.rint(survivors), atol=1e-3)
    # 25.6 of 256, with a deviation of 4.8; five of them.
    assert 1 < np.min(survivors) and np.max(survivors) < 50 and np.any(survivors[0] != survivors[1])
    np.testing.assert_allclose(layer(strips), compact_by_hand(layer, strips), rtol=1e-5)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("layer", [SeparateDense(5, seed=0), CompactBlock(5, seed=0)], ids=lambda layer: layer.name)
def test_heads_give_the_same_in_every_mode(layer, mode):
    strips = random_numbers(4, 3, 8)
    np.testing.assert_allclose(MODES[mode](layer)(strips), layer(strips), rtol=0, atol=1e-5)


CLIPS = random_numbers(12, 7)


def test_one_device_draws_the_masks_of_keras_own_layer_and_keeps_its_seed_under_the_same_path():
    own, kept = Dropout(0.6, seed=3, name="dropout"), keras.layers.Dropout(0.6, seed=3, name="dropout")
    for _ in range(2):
        np.testing.assert_array_equal(own(CLIPS, training=True), kept(CLIPS, training=True))
    np.testing.assert_array_equal(own.seed_generator.state.numpy(), kept.seed_generator.state.numpy())
    paths = [layer.seed_generator.state.path.split("/")[-1] for layer in (own, kept)]
    assert paths[0] == paths[1] and own.get_config() == kept.get_config()
    np.testing.assert_array_equal(own(CLIPS), CLIPS)


def of_each_replica(monkeypatch, layer, clips, num_replicas):
    """The outputs of every replica for its share; each starts with the seed as it was before the step."""
    start, found = layer.seed_generator.state.numpy(), []
    for replica, share in enumerate(np.split(clips, num_replicas)):
        for module in (dropout, replicas):
            monkeypatch.setattr(module, "replica_of_step", lambda replica=replica: (replica, num_replicas))
        layer.seed_generator.state.assign(start)
        step = tf.function(lambda x: layer(x, training=True), input_signature=[tf.TensorSpec([None, 7], clips.dtype)])
        found.append(step(share).numpy())
    monkeypatch.undo()
    return found


@pytest.mark.parametrize("precision", ["float32", "float16"])
@pytest.mark.parametrize("num_replicas", [2, 3])
def test_several_replicas_draw_the_masks_of_one_device_also_for_batches_of_unknown_size(
    monkeypatch, num_replicas, precision
):
    several, one = (Dropout(0.5, seed=1, dtype=precision) for _ in range(2))
    clips = CLIPS.astype(precision)
    for _ in range(2):
        shares = of_each_replica(monkeypatch, several, clips, num_replicas)
        np.testing.assert_array_equal(np.concatenate(shares), one(clips, training=True))
        assert np.any((shares[0] == 0) != (shares[1] == 0))
    np.testing.assert_array_equal(several.seed_generator.state.numpy(), one.seed_generator.state.numpy())


def test_the_compact_block_has_this_dropout():
    assert type(CompactBlock(5, dropout=0.9).dropout) is Dropout
