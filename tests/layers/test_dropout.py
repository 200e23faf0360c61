"""Dropout draws what Keras' own draws on one device, and on several the same for the whole batch."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tf3dlocal.layers import CompactBlock, Dropout, dropout

CLIPS = np.random.default_rng(0).normal(size=(12, 7)).astype("float32")


def test_one_device_draws_what_keras_own_layer_draws_and_keeps_its_seed_under_the_same_path():
    ours, kept = Dropout(0.6, seed=3, name="dropout"), keras.layers.Dropout(0.6, seed=3, name="dropout")
    for _ in range(2):
        np.testing.assert_array_equal(ours(CLIPS, training=True), kept(CLIPS, training=True))
    np.testing.assert_array_equal(ours.seed_generator.state.numpy(), kept.seed_generator.state.numpy())
    paths = [layer.seed_generator.state.path.split("/")[-1] for layer in (ours, kept)]
    assert paths[0] == paths[1] and ours.get_config() == kept.get_config()
    np.testing.assert_array_equal(ours(CLIPS), CLIPS)


def of_each_replica(monkeypatch, layer, clips, num_replicas):
    """What the replicas of a step make of their shares; each has a copy of the seed as it stood before the step."""
    start, found = layer.seed_generator.state.numpy(), []
    for replica, share in enumerate(np.split(clips, num_replicas)):
        monkeypatch.setattr(dropout, "replica_of_step", lambda replica=replica: (replica, num_replicas))
        layer.seed_generator.state.assign(start)
        step = tf.function(lambda x: layer(x, training=True), input_signature=[tf.TensorSpec([None, 7], clips.dtype)])
        found.append(step(share).numpy())
    monkeypatch.undo()
    return found


@pytest.mark.parametrize("precision", ["float32", "float16"])
@pytest.mark.parametrize("num_replicas", [2, 3])
def test_the_draws_of_several_replicas_are_those_of_one_device_also_for_batches_of_unknown_size(
    monkeypatch, num_replicas, precision
):
    several, one = (Dropout(0.5, seed=1, dtype=precision) for _ in range(2))
    clips = CLIPS.astype(precision)
    for _ in range(2):
        shares = of_each_replica(monkeypatch, several, clips, num_replicas)
        np.testing.assert_array_equal(np.concatenate(shares), one(clips, training=True))
        assert np.any((shares[0] == 0) != (shares[1] == 0))
    np.testing.assert_array_equal(several.seed_generator.state.numpy(), one.seed_generator.state.numpy())


def test_it_is_the_dropout_of_the_compact_block():
    assert type(CompactBlock(5, dropout=0.9).dropout) is Dropout
