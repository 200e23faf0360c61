"""The model of a config: what is refused, what is compiled, and that a step gives the same numbers each time."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tf3dlocal.config import ConfigError, Experiment
from tf3dlocal.io import freed_memory
from tf3dlocal.losses import BatchAllTripletLoss
from tf3dlocal.models import ThreeDLocal
from tf3dlocal.training import experiment, make_strategy, model_setup, prepare_model


def prepared_model(*overrides):
    text = "{model: {name: gaitset, arguments: {channels: [4, 4, 4], bins: [1, 2]}}, training: {steps: 1}}"
    return prepare_model(Experiment.from_text(text, overrides=overrides), num_classes=5, size=64)


def test_a_prepared_model_is_compiled_with_a_built_optimizer():
    model = prepared_model("losses.cross_entropy.weight=1", "model.arguments.compact_channels=6")
    assert model.compiled and model.optimizer.built and model.output["logits"].shape[-1] == 5
    assert model.num_slices is None and model.jit_compile is False


@pytest.mark.parametrize("override", ["training.recompute=true", "training.accumulation_steps=2"])
def test_slices_are_set(override):
    assert prepared_model(override).num_slices in (1, 2)


def test_the_seed_of_the_config_gives_the_initial_weights():
    first, same, other = (prepared_model(f"training.seed={seed}").get_weights() for seed in (3, 3, 4))
    assert all(np.array_equal(a, b) for a, b in zip(first, same, strict=True))
    assert not all(np.array_equal(a, b) for a, b in zip(first, other, strict=True))


def test_the_model_is_built_in_the_scope_of_the_strategy():
    strategy = tf.distribute.MirroredStrategy(["CPU:0"])
    config = Experiment.from_text("{model: {name: mt3d, arguments: {channels: [4, 4, 4]}}, training: {steps: 1}}")
    assert prepare_model(config, num_classes=3, size=64, strategy=strategy).distribute_strategy is strategy
    assert prepare_model(config, num_classes=3, size=64).distribute_strategy is make_strategy("none")


LOCAL = {
    "channels": [2, 2, 4],
    "local_blocks": [3],
    "parts": [["head", 0.25, 0.3, 0.5, 0.5, 0.1, 0.5], ["legs", 0.4, 0.6, 1, 0.5, 0.8, 0.5]],
    "num_strips": 4,
    "embedding_channels": 3,
    "compact_channels": 0,
    "path_dropout": 0.5,
    "location_jitter": 0.2,
}


@pytest.mark.slow
@pytest.mark.parametrize("accumulation_steps", [1, 2])
def test_a_penalty_draws_the_parts_to_their_priors_also_in_slices(accumulation_steps):
    """With hardly any other gradient."""
    config = Experiment(
        model={"arguments": LOCAL},
        losses={"prior": {"weight": 0.5}, "triplet": {"weight": 1e-6}},
        schedule={"learning_rate": 0.01},
        training={"steps": 1, "accumulation_steps": accumulation_steps},
    )
    model = prepare_model(config, num_classes=5, size=64)
    path = model.get_layer("block_3_head")
    path.localization.fc6.bias.assign([0.5] * 8)
    clips = np.random.default_rng(0).uniform(size=(4, 6, 64, 44, 1)).astype("float32")
    before = model(clips)["prior_distances"].numpy()
    logs = [
        model.train_on_batch(clips, dict.fromkeys(model.output, np.array([0, 0, 1, 1])), return_dict=True)
        for _ in range(5)
    ]
    after = model(clips)["prior_distances"].numpy()
    assert np.all(after[:, 0] < before[:, 0]) and logs[0]["loss"] > logs[-1]["loss"] > 0
    np.testing.assert_allclose(logs[0]["loss"], 0.5 * logs[0]["prior_distances_loss"], rtol=1e-3)


@pytest.mark.bad_input
def test_a_penalty_on_parts_needs_parts():
    with pytest.raises(ConfigError, match="no output prior_distances, .* a weight. Set losses.prior.weight to 0"):
        prepared_model("losses.prior.weight=0.1")
    config = Experiment(
        model={"arguments": {**LOCAL, "local_blocks": []}}, losses={"prior": {"weight": 1}}, training={"steps": 1}
    )
    with pytest.raises(ConfigError, match=r"losses.prior.weight requires .* and model.arguments.local_blocks is empty"):
        prepare_model(config, num_classes=5, size=64)


@pytest.fixture
def repeatable():
    before = tf.config.optimizer.get_experimental_options().get("arithmetic_optimization", True)
    model_setup.keep_sums_repeatable()
    yield
    tf.config.optimizer.set_experimental_options({"arithmetic_optimization": before})


@pytest.mark.parametrize(
    ("accelerator", "deterministic", "expected"),
    [
        (False, False, ["memory", "sums"]),
        (False, True, ["memory", "sums"]),
        (True, False, ["memory"]),
        (True, True, ["memory", "ops"]),
    ],
)
def test_sums_are_kept_on_a_cpu_and_operations_are_deterministic_on_an_accelerator_if_asked(
    monkeypatch, accelerator, deterministic, expected
):
    """keep_freed_memory itself does nothing where there is an accelerator."""
    called = []
    monkeypatch.setattr(experiment, "has_accelerator", lambda: accelerator)
    monkeypatch.setattr(experiment, "keep_freed_memory", lambda: called.append("memory"))
    monkeypatch.setattr(experiment, "keep_sums_repeatable", lambda: called.append("sums"))
    monkeypatch.setattr(experiment, "make_deterministic", lambda: called.append("ops"))
    text = f"training: {{steps: 1, deterministic: {str(deterministic).lower()}}}"
    with pytest.raises(ConfigError, match="There is no data set"):
        experiment.run_experiment(Experiment.from_text(text))
    assert called == expected


def test_memory_is_not_kept_where_there_is_an_accelerator(monkeypatch):
    monkeypatch.setattr(freed_memory, "has_accelerator", lambda: True)
    assert freed_memory.keep_freed_memory() is False


@pytest.mark.slow
def test_the_gradients_of_a_map_that_six_paths_read_are_the_same_to_the_last_digit_each_time(repeatable):
    """With the arithmetic optimizer three of fifteen differ, on two cores."""
    keras.utils.set_random_seed(0)
    silhouettes = tf.constant(np.random.default_rng(0).uniform(size=(16, 12, 64, 44, 1)) > 0.5, tf.float32)
    labels = tf.constant(np.repeat(np.arange(8), 2))
    model = ThreeDLocal(channels=(12, 24, 48), local_blocks=(3,), embedding_channels=64, clip_length=12, seed=0)
    loss = BatchAllTripletLoss(margin=0.2)

    @tf.function
    def gradients():
        with tf.GradientTape() as tape:
            value = loss(labels, model(silhouettes, training=True)["part_features"])
        return tape.gradient(value, model.trainable_variables)

    first = [np.asarray(gradient) for gradient in gradients() if gradient is not None]
    for _ in range(25):
        found = [gradient for gradient in gradients() if gradient is not None]
        for one, expected in zip(found, first, strict=True):
            np.testing.assert_array_equal(one, expected)
