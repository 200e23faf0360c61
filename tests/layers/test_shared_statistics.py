"""What six paths read of one map is computed once, and the numbers are those of paths that compute it themselves."""

import collections

import numpy as np
import pytest
import tensorflow as tf

from tf3dlocal.layers import PAPER_PARTS, LocalPath, MapStatistics, batch_normalization, local_block

HEIGHT, WIDTH, CHANNELS = 16, 11, 8


def random_map(channels=CHANNELS, frames=6, batch=3, seed=0):
    return np.random.default_rng(seed).normal(size=(batch, frames, HEIGHT, WIDTH, channels)).astype("float32")


def six_paths(**options):
    options = {"channels": 4, "hidden_channels": 2, **options}
    return [LocalPath(part, seed=0, name=part.name, **options) for part in PAPER_PARTS]


def training_step(paths, *, shared):
    """Function (block_input, global_map) -> features, and gradients of their sum by all weights, in training."""

    def step(block_input, global_map):
        with tf.GradientTape() as tape:
            statistics = MapStatistics(halve_frames=not paths[0].localization.per_frame)(global_map) if shared else None
            outputs = [path(block_input, global_map, statistics=statistics, training=True) for path in paths]
            features = tf.concat([each["features"] for each in outputs], axis=-1)
            loss = tf.reduce_sum(features**2)
        weights = [weight.value for path in paths for weight in path.trainable_weights]
        return features, tape.gradient(loss, weights)

    return step


def operations(function, *arguments):
    """How often each operation is in the graph of a function, before any optimization of it."""
    graph = tf.function(function).get_concrete_function(*(tf.TensorSpec(each.shape) for each in arguments)).graph
    return collections.Counter(operation.type for operation in graph.get_operations())


@pytest.mark.slow
def test_a_block_pools_its_map_twice_and_not_twice_for_every_path():
    maps = random_map(4), random_map(seed=1)
    paths = six_paths()
    for path in paths:
        path.build(maps[0].shape, maps[1].shape)
    alone, shared = (operations(training_step(paths, shared=shared), *maps) for shared in (False, True))
    assert alone["MaxPool3D"] == 6 * 4  # maximum and minimum of the map, Pool3, Pool5
    assert shared["MaxPool3D"] == 2 + 6 * 2
    assert shared["MaxPool3DGrad"] == alone["MaxPool3DGrad"] == 6 * 2  # the map gets no gradient


@pytest.mark.slow
def test_a_block_of_a_model_has_the_shared_poolings():
    import keras

    block_input = keras.Input((6, HEIGHT, WIDTH, CHANNELS))
    model = keras.Model(block_input, local_block(block_input, global_map=block_input, seed=0))
    counts = operations(lambda maps: model(maps, training=True), random_map())
    assert counts["MaxPool3D"] == 14


@pytest.mark.parametrize("options", [{}, {"per_frame": True}, {"geometry": "release", "sampler": "gaussian"}], ids=str)
@pytest.mark.slow
def test_shared_statistics_give_what_every_path_computes_alone(options):
    maps = random_map(4), 2 * random_map(seed=1) + 1
    found = {}
    for shared in (False, True):
        paths = [path for path in six_paths(**options) if "geometry" not in options or path.name == "head"]
        features, gradients = training_step(paths, shared=shared)(*map(tf.constant, maps))
        moved = [weight.numpy() for path in paths for weight in path.non_trainable_weights]
        found[shared] = [features.numpy(), *(gradient.numpy() for gradient in gradients), *moved]
    for own, expected in zip(found[True], found[False], strict=True):
        np.testing.assert_array_equal(own, expected)


def test_the_moments_of_the_clips_give_those_of_the_batch():
    """As Keras' batch normalization of the whole batch; the layer's head is compared with it in test_pooling.py."""
    volume = 3 * random_map() + 2
    norm = batch_normalization("norm")
    norm(volume, training=True)
    path = six_paths()[0]
    path(random_map(4), volume, statistics=MapStatistics()(volume), training=True)
    np.testing.assert_allclose(path.localization.pool0.moving_mean, norm.moving_mean, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(path.localization.pool0.moving_variance, norm.moving_variance, rtol=1e-5)


def test_statistics_stay_in_single_precision_on_their_way_into_a_path():
    """A mean of 300 of which float16 would keep a quarter, and a variance beyond its largest number."""
    volume = 300 + 400 * random_map()
    path = LocalPath(PAPER_PARTS[0], channels=2, hidden_channels=2, dtype="mixed_float16", seed=0)
    path(random_map(4), volume, statistics=MapStatistics(dtype="mixed_float16")(volume), training=True)
    moving = path.localization.pool0.moving_variance.numpy()
    assert np.isfinite(moving).all() and (moving > 1e4).all()
