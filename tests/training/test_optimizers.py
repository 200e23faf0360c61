"""Rates and weight decay of the optimizers, and the scaling of the loss."""

import inspect
import json
import re

import keras
import numpy as np
import pytest

from tf3dlocal.layers import LocalPath, PartPrior
from tf3dlocal.losses import BatchAllTripletLoss
from tf3dlocal.models import MODELS, ThreeDLocal
from tf3dlocal.training.optimizers import SGD, WEIGHT_GROUPS, Adam, LossScaleOptimizer, make_optimizer, weight_group

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
@pytest.mark.slow
def test_only_the_localization_network_moves_at_a_separate_rate(name, path_variables):
    steps = moved(make_optimizer(name, schedule=1e-2, rates={"localization": 0.1}), path_variables)
    localization = [step for path, step in steps.items() if "/localization/" in path]
    others = [step for path, step in steps.items() if "/localization/" not in path]
    assert len(localization) == 13 and len(others) == 1
    np.testing.assert_allclose(localization, 1e-3, rtol=1e-3)
    np.testing.assert_allclose(others, 1e-2, rtol=1e-3)


# Every weight of every system and its group: a weight of a new layer fails the test below until it is written here.
PART = r"block_[123]_(head|torso|left_arm|right_arm|left_leg|right_leg)"
NORM = "(gamma|beta|moving_mean|moving_variance)"
GROUPS = {
    r"block_[1234]_convolution_[12]/kernel": "global_path",
    r"(global|set)_[23]_convolution_[12]/kernel": "global_path",  # GaitSet's and GLN's second branch
    r"(lateral|smooth)_[123]/kernel": "global_path",  # GLN
    r"layer_1/kernel|(small|large)_(2|3_1|3_2)/(volume|space|time)/kernel": "global_path",  # MT3D
    r"local_transform_[123]/kernel": "global_path",  # MT3D
    rf"{PART}/convolution_[12]/kernel": "local_paths",
    r"block_[123]_fusion/kernel": "local_paths",
    rf"{PART}/localization/(pool0|norm1|norm2|norm4|output_norm)/{NORM}": "localization",
    rf"{PART}/localization/(conv1|conv2|conv4)/kernel": "localization",
    rf"{PART}/localization/fc6/(kernel|bias)": "localization",
    r"(block_[123]_)?micro_motion_pooling/template_[12]_(squeeze|expand)_(kernel|bias)": "head",
    r"(block_[123]_)?part_features/kernel": "head",
    rf"compact_block/(input_norm|output_norm)/{NORM}": "head",
    r"compact_block/linear/kernel": "head",
    r"logits/kernel": "head",
}
SMALL = {"channels": (4, 4, 4), "embedding_channels": 3, "compact_channels": 4, "num_classes": 2}
SYSTEMS = [(name, preset, {}) for name, build in MODELS.items() for preset in inspect.getmodule(build).PRESETS]
SYSTEMS += [("three_d_local", "paper", {"local_blocks": (3,), "per_frame": True, "global_path": "focal"})]
SYSTEMS += [("three_d_local", "paper", {"local_blocks": (3,), "registered": True, "num_convolutions": 2})]
SYSTEMS += [("gaitpart", "release", {"channels": (4, 4, 4, 8), "strips": (1, 2, 4, 4)})]


@pytest.mark.slow
def test_every_weight_of_every_system_has_a_group_that_is_written_down():
    seen = set()
    for name, preset, arguments in SYSTEMS:
        for weight in MODELS[name](preset, **{**SMALL, **arguments}).weights:
            patterns = [pattern for pattern in GROUPS if re.fullmatch(pattern, weight.path)]
            assert len(patterns) == 1, f"{weight.path} of {name} matches {patterns} in GROUPS"
            assert weight_group(weight.path) == GROUPS[patterns[0]], weight.path
            seen.update(patterns)
    assert seen == set(GROUPS), "a pattern that no weight has any more"


def test_a_weight_of_a_model_without_named_layers_belongs_to_the_global_path():
    """So rates for the other groups change nothing in such a model."""
    paths = ["kernel", "dense/kernel", "convolution_1/kernel", "encoder/conv2d/kernel", "localization"]
    assert {weight_group(path) for path in paths} == {"global_path"}


@pytest.fixture(scope="module")
def whole_model():
    """A 3DLocal with weights in all groups, and what they are at the start."""
    parts = [("upper", 0.5, 1.0, 0.5, 0.5, 0.25, 0.5)]
    small = {"input_shape": (None, 16, 12, 1), "num_strips": 2, "parts": parts, "hidden_divisor": 1, "clip_length": 4}
    model = ThreeDLocal(**SMALL, **small, local_blocks=(3,), dropout=0.0, seed=0)
    return model, model.get_weights()


@pytest.fixture
def start_again(whole_model):
    model, weights = whole_model
    model.set_weights(weights)
    return model


def moved_by_group(model, start):
    """{group: whether each of its trained weights has moved}."""
    changed = {group: [] for group in WEIGHT_GROUPS}
    for weight, old in zip(model.weights, start, strict=True):
        if weight.trainable:
            changed[weight_group(weight.path)].append(not np.array_equal(weight.numpy(), old))
    return changed


@pytest.mark.parametrize("frozen", WEIGHT_GROUPS)
@pytest.mark.parametrize(("name", "loss_scaling"), [("sgd", False), ("adam", False), ("adam", True)])
@pytest.mark.slow
def test_a_rate_of_0_freezes_a_group_under_momentum_and_weight_decay(start_again, name, loss_scaling, frozen):
    start, variables = start_again.get_weights(), start_again.trainable_variables
    options = {"weight_decay": 0.5, "rates": {frozen: 0}, "loss_scaling": loss_scaling}
    optimizer = make_optimizer(name, schedule=1e-2, **options)
    for seed in range(3):
        optimizer.apply([keras.random.normal(variable.shape, seed=seed) for variable in variables], variables)
    for group, changed in moved_by_group(start_again, start).items():
        assert changed and set(changed) == {group != frozen}, group
    own = optimizer.inner_optimizer if loss_scaling else optimizer
    assert [share == 0 for share in own.rate_shares] == [weight_group(v.path) == frozen for v in variables]


def test_a_gradient_that_is_no_number_does_not_reach_a_frozen_weight(start_again):
    start, variables = start_again.get_weights(), start_again.trainable_variables
    make_optimizer("adam", schedule=1e-2, rates={"head": 0}).apply(
        [keras.ops.full(v.shape, np.nan if weight_group(v.path) == "head" else 1.0) for v in variables], variables
    )
    assert not any(moved_by_group(start_again, start)["head"])
    assert all(np.isfinite(variable.numpy()).all() for variable in variables)


@pytest.mark.slow
def test_the_moving_statistics_of_frozen_batch_normalizations_follow_the_data(start_again):
    """In `fit`, and within the model: what docs/training.md says about them."""
    start = start_again.get_weights()
    rates = {"localization": 0, "global_path": 0, "head": 0}
    start_again.compile(SGD(1e-2, rates=rates), loss={"part_features": BatchAllTripletLoss(margin=9.0)})
    walks = np.random.default_rng(0).uniform(size=(4, 4, 16, 12, 1)).astype("float32")
    for _ in range(2):
        start_again.train_on_batch(walks, dict.fromkeys(start_again.output, np.array([0, 0, 1, 1])))
    changed = moved_by_group(start_again, start)
    assert all(changed.pop("local_paths")) and not any(sum(changed.values(), []))
    statistics = [
        not np.array_equal(weight.numpy(), old)
        for weight, old in zip(start_again.weights, start, strict=True)
        if "/localization/" in weight.path and "moving" in weight.path
    ]
    assert len(statistics) == 8 and all(statistics)


@pytest.mark.bad_input
@pytest.mark.parametrize("optimizer", [Adam, SGD])
@pytest.mark.parametrize(
    ("rates", "message"),
    [
        ({"heads": 1}, "rates: there is no group of weights 'heads'. Did you mean 'head'?"),
        ({"head": -0.1}, "the rate of head is -0.1. Give a number of at least 0."),
        ({"head": float("nan")}, "the rate of head is nan. Give"),
        ({"local_paths": float("inf")}, "the rate of local_paths is inf. Give"),
        ({"localization": "slow"}, "the rate of localization is 'slow'. Give"),
        ({"localization": True}, "the rate of localization is True. Give"),
        (0.1, "rates is 0.1. Give a rate by group of weights, such as {'localization': 0.1}."),
        ([], "rates is []. Give"),
    ],
)
def test_a_rate_that_is_none_is_refused(optimizer, rates, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        optimizer(1e-3, rates=rates)


@pytest.mark.bad_input
@pytest.mark.parametrize("optimizer", [Adam, SGD])
def test_the_argument_that_rates_has_replaced_names_its_successor(optimizer):
    with pytest.raises(TypeError, match=r"localization_rate is now .* give rates=\{'localization': 0.1\}\."):
        optimizer(1e-3, localization_rate=0.1)


@pytest.mark.bad_input
def test_a_model_whose_weights_are_all_frozen_is_refused():
    variable = keras.Variable(np.ones(1, "float32"))
    with pytest.raises(ValueError, match="the rate of global_path is 0, and the model has no other weights to train"):
        make_optimizer("sgd", schedule=1e-2, rates={"global_path": 0}).build([variable])


@pytest.mark.parametrize("name", ["sgd", "adam"])
@pytest.mark.slow
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


@pytest.mark.slow
def test_the_rate_holds_under_loss_scaling(path_variables):
    optimizer = make_optimizer("sgd", schedule=1e-2, rates={"localization": 0.5}, loss_scaling=True)
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
@pytest.mark.slow
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
    rates = {"localization": 0.1, "head": 0}
    config = keras.optimizers.serialize(make_optimizer("adam", schedule=1e-3, weight_decay=5e-4, rates=rates))
    again = keras.optimizers.deserialize(json.loads(json.dumps(config)))
    assert again.rates == {"global_path": 1, "local_paths": 1, "localization": 0.1, "head": 0}
    assert again.decay_in_gradient == 5e-4 and again.weight_decay is None


def test_an_unknown_optimizer_is_named():
    with pytest.raises(ValueError, match="'lion'. Use adam or sgd"):
        make_optimizer("lion", schedule=1e-3)
