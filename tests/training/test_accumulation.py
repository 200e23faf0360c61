"""A batch computed in slices trains as the whole batch: the same loss, gradient, statistics, draws and weights."""

import itertools

import keras
import numpy as np
import pytest
import tensorflow as tf
from programs import run_program

from tf3dlocal.config import ConfigError
from tf3dlocal.layers import PAPER_PARTS, RELEASE_PARTS
from tf3dlocal.losses import BatchAllTripletLoss, NonzeroTriplets, ScaledCrossEntropy
from tf3dlocal.models import MODELS
from tf3dlocal.training.accumulation.gradients import accumulated_gradients
from tf3dlocal.training.accumulation.sections import graph_sections
from tf3dlocal.training.accumulation.slices import in_slices
from tf3dlocal.training.accumulation.trained_model import TrainedModel
from tf3dlocal.training.optimizers import make_optimizer

NARROW = {
    "input_shape": (None, 32, 16, 1),
    "channels": (8, 8, 8),
    "embedding_channels": 6,
    "compact_channels": 5,
    "num_classes": 4,
    "dropout": 0.5,
    "seed": 0,
}
SYSTEMS = {
    "three_d_local paper": {"num_strips": 4, "parts": PAPER_PARTS[:1], "path_dropout": 0.5, "location_jitter": 0.1},
    "three_d_local release": {"preset": "release", "num_strips": 4, "parts": RELEASE_PARTS[:2]},
    "three_d_local recommended": {"preset": "recommended", "num_strips": 4, "part_strips": 2},
    "gaitset": {"bins": (1, 2, 4)},
    "gaitpart": {"num_strips": 4},
    "gln": {"bins": (1, 2, 4), "lateral_channels": 4},
    "mt3d": {"num_strips": 4},
}
LABELS = np.repeat(np.arange(4), 2).astype("int32")


def narrow(system, **options):
    model = MODELS[system.split()[0]](**{**NARROW, **SYSTEMS[system], **options})
    rng = np.random.default_rng(1)
    for variable in model.trainable_variables:
        if "fc6" in variable.path:  # starts near zero, and hides there what flows through it
            variable.assign(rng.normal(scale=0.05, size=variable.shape))
    return model


def walks(batch=8, frames=5, seed=0):
    return np.random.default_rng(seed).uniform(size=(batch, frames, 32, 16, 1)).astype("float32")


def losses(outputs):
    triplets = tf.reduce_mean(BatchAllTripletLoss(0.5)(LABELS, outputs["part_features"]))
    return triplets + tf.reduce_mean(ScaledCrossEntropy()(LABELS, outputs["logits"]))


def plain_step(model):
    with tf.GradientTape() as tape:
        outputs = model(walks(), training=True)
        loss = losses(outputs)
    return outputs, loss, tape.gradient(loss, model.trainable_variables)


def sliced_step(model, num_slices):
    seen = []

    def loss_of(outputs):
        seen.append(losses(outputs))
        return seen[0]

    outputs, gradients = accumulated_gradients(model, inputs=walks(), loss_of=loss_of, num_slices=num_slices)
    return outputs, seen[0], gradients


def max_pool_of_doubles(x, window, strides):
    """`keras.ops.max_pool` of volumes without padding, which TensorFlow lacks in float64."""
    sizes = [(size - reach) // step + 1 for size, reach, step in zip(x.shape[1:4], window, strides, strict=True)]
    shifted = []
    for place in itertools.product(*map(range, window)):
        cut = (slice(at, at + step * size, step) for at, step, size in zip(place, strides, sizes, strict=True))
        shifted.append(x[:, *cut])
    return keras.ops.max(keras.ops.stack(shifted), axis=0)


@pytest.fixture
def double_precision():
    """Models and losses that compute in float64, also where they set float32.

    In float32 both steps differ by what the last digit of a number does: 1e-5 of a gradient for most of these random
    models, 2e-4 for one with batch normalizations over 8 clips after three blocks, whose plain gradient changes by 4e-4
    when the last digit of the input does. That would hide a mistake; in float64 rounding is 1e-13.
    """
    pool = keras.ops.max_pool
    cast, make, add_weight = keras.ops.cast, keras.layers.Layer.__init__, keras.layers.Layer.add_weight

    def double(options):
        return {**options, "dtype": "float64"} if str(options.get("dtype")) == "float32" else options

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(keras.ops, "cast", lambda x, dtype: cast(x, "float64" if dtype == "float32" else dtype))
        patch.setattr(
            keras.layers.Layer, "__init__", lambda self, *args, **options: make(self, *args, **double(options))
        )
        patch.setattr(
            keras.layers.Layer, "add_weight", lambda self, *args, **options: add_weight(self, *args, **double(options))
        )
        patch.setattr(
            keras.ops,
            "max_pool",
            lambda x, *where: max_pool_of_doubles(x, *where) if len(x.shape) == 5 else pool(x, *where),
        )
        before = keras.config.floatx(), keras.config.dtype_policy()
        keras.config.set_floatx("float64")
        keras.config.set_dtype_policy("float64")
        yield
        keras.config.set_floatx(before[0])
        keras.config.set_dtype_policy(before[1])


@pytest.fixture(scope="module")
def plain():
    """The plain step of a system and its model after it, made once, in double precision."""
    made = {}

    def find(system):
        if system not in made:
            model = narrow(system)
            made[system] = (model, tf.function(lambda: plain_step(model))())
        return made[system]

    return find


@pytest.mark.parametrize(
    "num_slices", [pytest.param(1, marks=pytest.mark.slow), 2, pytest.param(4, marks=pytest.mark.slow)]
)
# Local paths take seconds to trace.
@pytest.mark.parametrize(
    "system", [pytest.param(name, marks=pytest.mark.slow) if "local" in name else name for name in SYSTEMS]
)
@pytest.mark.slow
def test_loss_gradient_statistics_and_draws_are_those_of_the_plain_step(double_precision, plain, system, num_slices):
    expected_model, (expected_outputs, expected_loss, expected) = plain(system)
    model = narrow(system)
    outputs, loss, gradients = tf.function(lambda: sliced_step(model, num_slices))()
    assert loss.dtype == tf.float64 and {gradient.dtype for gradient in gradients} == {tf.float64}
    np.testing.assert_allclose(loss, expected_loss, rtol=1e-12)
    for name, value in expected_outputs.items():
        np.testing.assert_allclose(outputs[name], value, atol=1e-10, err_msg=name)
    whole = np.sqrt(sum(np.sum(np.square(gradient)) for gradient in expected))
    for variable, found, wanted in zip(model.trainable_variables, gradients, expected, strict=True):
        # A gradient below a hundredth of the whole is measured by that: some are zero but for rounding.
        error = np.linalg.norm(found - wanted) / max(np.linalg.norm(wanted), 1e-2 * whole)
        assert error <= 1e-10, (variable.path, error)
    # Moving statistics, renewed once, and the states of the random numbers.
    for ours, theirs in zip(model.non_trainable_variables, expected_model.non_trainable_variables, strict=True):
        np.testing.assert_allclose(ours.numpy(), theirs.numpy(), atol=1e-11, err_msg=ours.path)


@pytest.mark.slow
def test_small_batches_one_after_the_other_are_another_training(double_precision, plain, monkeypatch):
    """Separate triplets and statistics for each half give a gradient that is off by its own size."""
    _, (_, _, expected) = plain("gaitset")
    model, whole_batch, labels, halves = narrow("gaitset"), walks(), LABELS, []
    for half in (slice(0, 4), slice(4, 8)):
        monkeypatch.setitem(globals(), "walks", lambda half=half: whole_batch[half])
        monkeypatch.setitem(globals(), "LABELS", labels[half])
        halves.append(plain_step(model)[2])
    errors = [np.linalg.norm((a + b) / 2 - c) / np.linalg.norm(c) for a, b, c in zip(*halves, expected, strict=True)]
    assert np.median(errors) > 0.5


def fitted(num_slices, system="three_d_local release", jit_compile=False, **options):
    """Log, weights and optimizer after three steps."""
    built = narrow(system, **options)
    model = TrainedModel(built.input, built.output)
    model.num_slices = num_slices
    loss = {"part_features": BatchAllTripletLoss(0.5)}
    metrics = {"part_features": [NonzeroTriplets(0.5)]}
    if "logits" in model.output:
        loss["logits"] = ScaledCrossEntropy()
        metrics["logits"] = [keras.metrics.SparseCategoricalAccuracy(name="accuracy")]
    weights = dict(zip(loss, (1.0, 0.5)))
    optimizer = make_optimizer("sgd", schedule=0.01, loss_scaling=options.get("dtype") == "mixed_float16")
    model.compile(optimizer, loss=loss, loss_weights=weights, metrics=metrics, jit_compile=jit_compile)
    labels = dict.fromkeys(model.output, np.tile(LABELS, 3))
    batches = tf.data.Dataset.from_tensor_slices((walks(24), labels)).batch(8, drop_remainder=True)
    log = model.fit(batches, epochs=1, verbose=0, shuffle=False).history
    return log, model.get_weights(), model.optimizer


@pytest.mark.parametrize("jit_compile", [False, pytest.param(True, marks=pytest.mark.slow)], ids=["graph", "xla"])
@pytest.mark.slow
def test_fit_logs_the_same_and_ends_with_the_same_weights(double_precision, jit_compile):
    options = {"parts": RELEASE_PARTS[:1], "jit_compile": jit_compile}
    log, weights, _ = fitted(None, **options)
    sliced_log, sliced_weights, _ = fitted(4, **options)
    assert set(log) == set(sliced_log) >= {"loss", "logits_loss", "part_features_nonzero_triplets", "logits_accuracy"}
    for name, values in log.items():
        np.testing.assert_allclose(sliced_log[name], values, rtol=1e-6, err_msg=name)  # metrics add up in float32
    for ours, theirs in zip(sliced_weights, weights, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-9)


def apart(some, others):
    """Distance of two sets of weights."""
    return np.sqrt(sum(np.sum(np.square(a - b)) for a, b in zip(some, others, strict=True)))


@pytest.mark.parametrize("precision", ["mixed_float16", "mixed_bfloat16"])
@pytest.mark.slow
def test_mixed_precision_in_slices_trains_as_without(precision):
    """Slices change the weights of half precision by less than half precision itself does.

    Without a compact block, whose statistics of 8 clips magnify rounding: that is 1e-3 of a number in float16 already.
    """
    options = {"system": "gaitset", "compact_channels": 0, "num_classes": None}
    _, exact, _ = fitted(None, **options)
    log, weights, _ = fitted(None, **options, dtype=precision)
    sliced_log, sliced_weights, optimizer = fitted(4, **options, dtype=precision)
    np.testing.assert_allclose(sliced_log["loss"], log["loss"], rtol=0.01)
    assert 0 < apart(sliced_weights, weights) < apart(weights, exact)
    assert int(optimizer.iterations) == 3  # no step was left out for an overflow


@pytest.mark.slow
@pytest.mark.parametrize("num_slices", [1, 4])
def test_local_paths_in_half_precision_train_in_slices_as_without(num_slices):
    """Slices call the two halves of a local path past Keras' own casting; an overflow is met in the same step.

    Their sums are rounded otherwise, as far apart as two roundings of one step may be: 1.5 is above the square root of
    2 of independent ones. Seen are 0.07 and 0.17 with AVX-512, 0.01 and 0.76 with AVX2. The losses differed by up to 4
    %, and float16 from float32 by 2 %: the batch normalizations of 8 clips magnify rounding.
    """
    options = {"system": "three_d_local paper", "path_dropout": 0, "compact_channels": 0, "num_classes": None}
    _, exact, _ = fitted(None, **options)
    log, weights, plain = fitted(None, **options, dtype="mixed_float16")
    sliced_log, sliced_weights, sliced = fitted(num_slices, **options, dtype="mixed_float16")
    np.testing.assert_allclose(sliced_log["loss"], log["loss"], rtol=0.1)
    assert apart(sliced_weights, weights) < 1.5 * apart(weights, exact)
    assert int(sliced.iterations) == int(plain.iterations) >= 2
    assert float(sliced.dynamic_scale) == float(plain.dynamic_scale)


def test_a_model_is_cut_where_a_layer_looks_at_the_whole_batch():
    first, second, third = graph_sections(narrow("three_d_local paper", local_blocks=(2, 3))).sections
    assert [step.name for step in first.whole] == ["block_2_head/location"]
    assert [step.name for step in second.whole] == ["block_3_head/location"]
    assert {"block_1_convolution_1", "block_2_convolution_2_relu"} < {step.name for step in first.sliced}
    assert {"block_2_head", "block_2_fusion", "block_3_convolution_2_relu"} < {step.name for step in second.sliced}
    assert third.sliced[-1].name == "part_features" and not third.whole
    end = graph_sections(narrow("gaitset")).end
    assert [step.name for step in end] == ["compact_block", "logits"]


def test_without_a_layer_that_sees_the_whole_batch_only_the_features_are_kept():
    graph = graph_sections(narrow("gaitset", compact_channels=0, num_classes=None))
    (section,) = graph.sections
    assert len(section.writes) == 1 and not graph.end


def test_what_the_loss_does_not_reach_has_no_gradient():
    x = keras.Input((3,))
    idle = keras.layers.Dense(2, name="idle")(x)
    used = keras.layers.Dense(2, name="used")(x)
    model = keras.Model(x, {"idle": idle, "used": used})
    inputs = tf.ones((4, 3))
    _, gradients = accumulated_gradients(
        model, inputs=inputs, loss_of=lambda outputs: tf.reduce_sum(outputs["used"]), num_slices=2
    )
    reached = {v.path.split("/")[0] for v, g in zip(model.trainable_variables, gradients, strict=True) if g is not None}
    assert reached == {"used"}


@pytest.mark.slow
def test_a_batch_of_unknown_size_is_cut_when_it_is_there():
    model = narrow("gaitset")

    def loss_of(outputs):
        return tf.reduce_sum(outputs["logits"])

    @tf.function(input_signature=[tf.TensorSpec((None, None, 32, 16, 1))])
    def step(x):
        return accumulated_gradients(model, inputs=x, loss_of=loss_of, num_slices=2)[0]["part_features"]

    assert step(walks(4)).shape[0] == 4 and step(walks(6, frames=3)).shape[0] == 6


def test_a_batch_that_does_not_divide_is_refused_with_the_numbers():
    with pytest.raises(ValueError, match="A batch of 8 clips does not divide into 3 slices"):
        in_slices(lambda x: ([x], []), num_slices=3, tensors=[tf.zeros((8, 2))], dtypes=["float32"])


@pytest.mark.slow
def test_an_experiment_in_slices_gives_the_same_model_and_may_change_its_slices_on_the_way(train, tmp_path):
    whole = train(tmp_path / "whole")
    recomputed = train(tmp_path / "recomputed", "training.recompute=true")
    train(tmp_path / "sliced", "training.accumulation_steps=4", "training.steps=3")
    sliced = train(tmp_path / "sliced", "training.accumulation_steps=2")
    for model in (recomputed, sliced):
        for ours, theirs in zip(model.get_weights(), whole.get_weights(), strict=True):
            np.testing.assert_allclose(ours, theirs, atol=1e-5)


def test_accumulation_steps_that_do_not_divide_the_batch_are_refused_with_those_that_do(train, tmp_path):
    with pytest.raises(ConfigError, match="accumulation_steps is 3, .* the 8 clips .* one of 1, 2, 4, 8"):
        train(tmp_path, "training.accumulation_steps=3")


@pytest.mark.slow
def test_two_devices_in_two_slices_each_give_what_one_device_gives(tmp_path):
    found = []
    for num_replicas, num_slices in ((1, 0), (2, 2)):
        out = tmp_path / f"{num_replicas}.npz"
        run_program("accumulated_replicas.py", num_replicas, num_slices, out)
        found.append(dict(np.load(out)))
    one, two = found
    assert len(one) == len(two) > 20
    for name, expected in one.items():
        # Weights of up to two, each the sum of float32 numbers in two orders: 6e-6 of a weight is the most seen.
        np.testing.assert_allclose(two[name], expected, rtol=1e-5, atol=1e-5, err_msg=name)
