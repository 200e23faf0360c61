"""Rates and weight decay of the optimizers, and the scaling of the loss."""

import keras
import numpy as np
import pytest

from tf3dlocal.layers import LocalPath, PartPrior
from tf3dlocal.training.optimizers import LossScaleOptimizer, make_optimizer

HEAD = PartPrior("head", 1 / 2, 1 / 2, 1 / 2, 1 / 2, 1 / 2, 1 / 2)


def moved(optimizer, variables):
    """How far each variable moves in one step along a gradient of ones."""
    before = [variable.numpy() for variable in variables]
    optimizer.apply([keras.ops.ones(variable.shape) for variable in variables], variables)
    return {v.path: float(np.abs(v.numpy() - old).mean()) for v, old in zip(variables, before, strict=True)}


@pytest.fixture
def path_variables():
    keras.utils.clear_session()
    path = LocalPath(HEAD, channels=2, hidden_channels=2, clip_length=4, name="block_3_head")
    path.build((None, None, 8, 6, 2), (None, None, 8, 6, 4))
    return path.trainable_variables


@pytest.mark.parametrize("name", ["sgd", "adam"])
def test_only_the_localization_network_moves_at_a_separate_rate(name, path_variables):
    steps = moved(make_optimizer(name, schedule=1e-2, localization_rate=0.1), path_variables)
    localization = [step for path, step in steps.items() if "/localization/" in path]
    others = [step for path, step in steps.items() if "/localization/" not in path]
    assert len(localization) == 13 and len(others) == 1
    np.testing.assert_allclose(localization, 1e-3, rtol=1e-3)
    np.testing.assert_allclose(others, 1e-2, rtol=1e-3)


@pytest.mark.parametrize("name", ["sgd", "adam"])
def test_without_such_a_rate_it_is_keras_own_optimizer(name, path_variables):
    start = [variable.numpy() for variable in path_variables]
    ours = moved(make_optimizer(name, schedule=1e-2), path_variables)
    for variable, value in zip(path_variables, start, strict=True):
        variable.assign(value)
    kept = {"adam": keras.optimizers.Adam(1e-2), "sgd": keras.optimizers.SGD(1e-2, momentum=0.9)}[name]
    assert moved(kept, path_variables) == ours


def test_weight_decay_goes_through_the_momentum_as_in_pytorch():
    """OpenGait's recipes: v <- 0.9 v + g + 5e-4 w, w <- w - 0.1 v; with zero gradients ten times Keras' own decay."""
    variable = keras.Variable(np.array([1.0, -2.0], "float32"))
    optimizer = make_optimizer("sgd", schedule=0.1, momentum=0.9, weight_decay=5e-4)
    weight, velocity = np.array([1.0, -2.0]), np.zeros(2)
    gradients = np.random.default_rng(0).normal(scale=1e-3, size=(200, 2))
    for gradient in gradients:
        optimizer.apply([keras.ops.convert_to_tensor(gradient.astype("float32"))], [variable])
        velocity = 0.9 * velocity + gradient + 5e-4 * weight
        weight = weight - 0.1 * velocity
    np.testing.assert_allclose(variable.numpy(), weight, rtol=1e-4)
    assert weight[0] < 0.95  # 0.1 * 5e-4 / (1 - 0.9) a step


def test_adam_decays_through_its_moments_as_in_pytorch():
    variable = keras.Variable(np.array([1.0], "float32"))
    make_optimizer("adam", schedule=1e-2, weight_decay=0.5).apply([keras.ops.zeros(1)], [variable])
    np.testing.assert_allclose(variable.numpy(), [0.99], rtol=1e-5)  # any gradient makes a first step of the whole rate


def test_the_rate_holds_under_loss_scaling(path_variables):
    optimizer = make_optimizer("sgd", schedule=1e-2, localization_rate=0.5, loss_scaling=True)
    optimizer.build(path_variables)
    assert set(optimizer.inner_optimizer.rate_shares) == {0.5, 1.0}


def scaled_model(optimizer, jit_compile):
    """Two weights, and a loss in which an input above float16's range makes the gradient overflow."""
    keras.utils.clear_session()
    x = keras.Input([2])
    model = keras.Model(x, keras.layers.Dense(1, kernel_initializer="ones", dtype="mixed_float16", name="only")(x))
    scaled = optimizer(keras.optimizers.SGD(0.01), initial_scale=8.0, dynamic_growth_steps=2)
    model.compile(scaled, loss="mse", jit_compile=jit_compile)
    model.optimizer.build(model.trainable_variables)
    return model


@pytest.mark.parametrize("jit_compile", [False, pytest.param(True, marks=pytest.mark.slow)], ids=["graph", "xla"])
def test_on_one_device_loss_scaling_is_keras_own_and_a_file_of_keras_own_is_read(jit_compile, tmp_path):
    inputs, answers = np.ones([4, 4, 2], "float32"), np.zeros([4, 4, 1], "float32")
    inputs[2] = 6e4
    kept, ours = scaled_model(keras.optimizers.LossScaleOptimizer, jit_compile), None
    file = tmp_path / "kept.keras"
    for step, batch in enumerate(zip(inputs, answers, strict=True)):
        if step == 1:  # the rest is trained by both
            kept.save(file)
            ours = scaled_model(LossScaleOptimizer, jit_compile)
            ours.load_weights(file)
        for model in (kept, ours):
            if model:
                model.train_on_batch(*batch)
    assert [v.path for v in ours.optimizer.variables] == [v.path for v in kept.optimizer.variables]
    for mine, theirs in zip(
        ours.variables + ours.optimizer.variables, kept.variables + kept.optimizer.variables, strict=True
    ):
        np.testing.assert_array_equal(mine.numpy(), theirs.numpy(), err_msg=mine.path)
    assert (
        float(ours.optimizer.dynamic_scale) == 8 and int(ours.optimizer.iterations) == 3
    )  # doubled, halved; one left out
    ours.save(file)
    assert type(keras.saving.load_model(file).optimizer) is LossScaleOptimizer


def test_the_optimizer_comes_back_from_its_config():
    config = keras.optimizers.serialize(make_optimizer("adam", schedule=1e-3, weight_decay=5e-4, localization_rate=0.1))
    again = keras.optimizers.deserialize(config)
    assert again.localization_rate == 0.1 and again.decay_in_gradient == 5e-4 and again.weight_decay is None


def test_an_unknown_optimizer_is_named():
    with pytest.raises(ValueError, match="'lion'. Use adam or sgd"):
        make_optimizer("lion", schedule=1e-3)
