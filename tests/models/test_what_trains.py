"""What a Keras user gets: an embedding that is trained, loss scaling in float16, and statistics of all replicas."""

import types
import warnings

import keras
import numpy as np
import pytest
import tensorflow as tf
from test_all_models import every_model, random_walks, tiny

from tf3dlocal import load_model
from tf3dlocal.config import Experiment
from tf3dlocal.layers import (
    PAPER_PARTS,
    CompactBlock,
    LocalizationNetwork,
    LocalPath,
    NormalizedMaxPooling,
    batch_normalization,
    defaults,
)
from tf3dlocal.losses import BatchAllTripletLoss
from tf3dlocal.models import GLN, ThreeDLocal
from tf3dlocal.training import prepare_model

SMALL = {
    "input_shape": (None, 32, 12, 1),
    "channels": (4, 4, 4),
    "local_blocks": (3,),
    "parts": PAPER_PARTS[:1],
    "hidden_divisor": 1,
    "num_strips": 4,
    "embedding_channels": 6,
    "seed": 0,
}


def without_warning(build):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return build()


@pytest.mark.slow
def test_without_classes_the_paper_is_compared_by_its_part_features_and_all_of_it_trains():
    model = without_warning(lambda: ThreeDLocal(**SMALL))
    assert [layer.name for layer in model.layers[-2:]] == ["micro_motion_pooling", "part_features"]
    assert list(model.output) == ["part_features", "embedding"]
    model.compile(keras.optimizers.SGD(1.0), loss={"part_features": BatchAllTripletLoss(margin=10.0)})
    walks = random_walks(batch=8)
    before = model.predict(walks, verbose=0)["embedding"]
    model.fit(walks, {"part_features": np.repeat(range(4), 2)}, batch_size=8, verbose=0)
    assert np.abs(model.predict(walks, verbose=0)["embedding"] - before).max() > 1e-6


def test_with_classes_the_paper_has_the_compact_block_and_its_classifier():
    model = without_warning(lambda: ThreeDLocal(**SMALL, num_classes=3))
    assert [layer.name for layer in model.layers[-2:]] == ["compact_block", "logits"]
    assert model.output["embedding"].shape == (None, 256)
    assert ThreeDLocal(**SMALL, num_classes=3, compact_channels=5).output["embedding"].shape == (None, 5)


@pytest.mark.bad_input
@every_model
def test_a_compact_block_that_no_classifier_trains_is_warned_of(name):
    with pytest.warns(UserWarning, match="compact_channels=5 without num_classes: no classifier trains") as found:
        model = tiny(name, compact_channels=5)
    assert found[0].filename.endswith("test_all_models.py")  # the line that calls the builder
    assert model.output["embedding"].shape == (None, 5)


@pytest.mark.bad_input
def test_a_compact_block_that_no_output_reads_is_refused():
    with pytest.raises(
        ValueError, match="compact_channels is 256 without a classifier: .* no output reads the compact"
    ):
        GLN("opengait", compact_channels=256)


@every_model
def test_half_precision_is_trained_with_loss_scaling_and_others_are_not(name):
    for dtype, scaled in (("mixed_float16", True), ("mixed_bfloat16", False), (None, False)):
        model = tiny(name, dtype=dtype)
        model.compile("adam", loss={"part_features": "mse"})
        assert isinstance(model.optimizer, keras.optimizers.LossScaleOptimizer) is scaled, dtype
        outputs = model(random_walks())
        assert all(value.dtype == "float32" for value in outputs.values())


def test_the_models_own_policy_changes_no_output():
    half = tiny("three_d_local", dtype="mixed_float16")
    same = keras.Model(half.input, half.output)
    assert half.dtype_policy.name == "mixed_float16" and same.dtype_policy.name == "float32"
    for name, value in half(random_walks()).items():
        np.testing.assert_array_equal(value, same(random_walks())[name])


def test_a_model_read_from_disk_is_trained_with_loss_scaling_too(tmp_path):
    for dtype, scaled in (("mixed_float16", True), ("float32", False)):
        tiny("gaitset", dtype=dtype).save(tmp_path / "model.keras")
        model = load_model(tmp_path / "model.keras")
        model.compile("adam", loss={"part_features": "mse"})
        assert isinstance(model.optimizer, keras.optimizers.LossScaleOptimizer) is scaled


@pytest.mark.slow
def test_small_gradients_survive_in_half_precision():
    """Of a loss so small that most gradients are below 2^-24, the smallest number of float16."""

    def moved(dtype, **options):
        model = tiny("gaitset", dtype=dtype)
        loss = {"part_features": lambda y, x: 1e-7 * tf.reduce_sum(x**2, -1)}
        model.compile(keras.optimizers.SGD(1e4), loss=loss, **options)
        kernel = model.get_layer("block_1_convolution_1").kernel
        before = kernel.numpy()
        model.fit(random_walks(), {"part_features": np.zeros(3)}, verbose=0)
        return kernel.numpy() - before

    full = moved("float32")
    scaled, plain = (moved("mixed_float16", auto_scale_loss=scale) for scale in (True, False))
    error, without = (np.linalg.norm(found - full) / np.linalg.norm(full) for found in (scaled, plain))
    assert error < 0.1 < 0.5 < without


@pytest.mark.parametrize(("precision", "wrappers"), [("mixed_float16", 1), ("float32", 0)])
def test_a_training_wraps_its_optimizer_once(precision, wrappers):
    text = "{model: {name: gaitset, arguments: {channels: [4, 4, 4], bins: [1, 2]}}, training: {steps: 1}}"
    config = Experiment.from_text(text, overrides=(f"training.precision={precision}",))
    optimizer, found = prepare_model(config, num_classes=3, size=64).optimizer, 0
    while isinstance(optimizer, keras.optimizers.LossScaleOptimizer):
        optimizer, found = optimizer.inner_optimizer, found + 1
    assert found == wrappers


def synchronized_of(layer):
    return {each.synchronized for each in layer._flatten_layers() if hasattr(each, "synchronized")}


MAKERS = {
    "norm": lambda **options: batch_normalization("norm", **options),
    "pooling": lambda **options: NormalizedMaxPooling(**options),
    "localization": lambda **options: LocalizationNetwork(2, **options),
    "path": lambda **options: LocalPath(PAPER_PARTS[0], channels=2, hidden_channels=2, **options),
    "compact block": lambda **options: CompactBlock(4, **options),
    "model": lambda **options: ThreeDLocal(**SMALL, num_classes=3, **options),
}


@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
def test_statistics_are_those_of_all_replicas_where_the_strategy_has_several(make, monkeypatch):
    assert synchronized_of(make()) == {False}
    with tf.distribute.OneDeviceStrategy("CPU:0").scope():
        assert synchronized_of(make()) == {False}
    several = types.SimpleNamespace(num_replicas_in_sync=2)
    monkeypatch.setattr(defaults, "current_strategy", lambda: several)
    assert synchronized_of(make()) == {True}
    assert synchronized_of(make(synchronized=False)) == {False}
    monkeypatch.undo()
    assert synchronized_of(make(synchronized=True)) == {True}


def test_a_layer_from_a_config_follows_the_strategy_that_it_comes_back_in(monkeypatch):
    config = LocalPath(PAPER_PARTS[0], channels=2, hidden_channels=2).get_config()
    monkeypatch.setattr(defaults, "current_strategy", lambda: types.SimpleNamespace(num_replicas_in_sync=2))
    assert synchronized_of(LocalPath.from_config(config)) == {True}
