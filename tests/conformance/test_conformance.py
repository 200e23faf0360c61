"""What Keras expects of every layer, model and loss, for every row of the table; and the table is complete."""

import functools
import inspect
import json

import keras
import numpy as np
import pytest
import tensorflow as tf
from conformance.table import LAYERS, LOSSES, MODELS
from layer_tools import relative_error

from tf3dlocal import layers, losses, models

ROWS = {**LAYERS, **MODELS}


def public_classes(package, base):
    return {member for _, member in inspect.getmembers(package, inspect.isclass) if issubclass(member, base)}


def numbers(row, batch=2, frames=3, seed=0):
    rng = np.random.default_rng(seed)
    return [rng.uniform(0.1, 1, shape).astype("float32") for shape in row.sizes(batch, frames)[0]]


@functools.cache
def as_model(name, dtype="float32"):
    """A functional model of a row, with batch and frames unknown: a layer between inputs, or a builder's result."""
    row = ROWS[name]
    if not isinstance(row.make, type):
        return row.make(**row.arguments, dtype=dtype)
    inputs = [keras.Input(shape[1:]) for shape in row.sizes(None, None)[0]]
    outputs = row.make(**row.arguments, dtype=dtype, name="layer")(*inputs)
    return keras.Model(inputs if len(inputs) > 1 else inputs[0], outputs)


def run(model, inputs):
    return model(inputs if len(inputs) > 1 else inputs[0])


def shapes(outputs):
    return (
        {name: tuple(value.shape) for name, value in outputs.items()}
        if isinstance(outputs, dict)
        else tuple(outputs.shape)
    )


def flat(outputs):
    return [outputs[name] for name in sorted(outputs)] if isinstance(outputs, dict) else [outputs]


def assert_equal(found, expected, **tolerance):
    for own, other in zip(flat(found), flat(expected), strict=True):
        np.testing.assert_allclose(own, other, **tolerance)


every_row = pytest.mark.parametrize("name", ROWS)
every_layer = pytest.mark.parametrize("row", LAYERS.values(), ids=LAYERS)
every_loss = pytest.mark.parametrize("row", LOSSES.values(), ids=LOSSES)


def test_no_layer_is_missing_in_the_table():
    assert {row.make for row in LAYERS.values()} == public_classes(layers, keras.layers.Layer)


def test_no_model_is_missing_in_the_table():
    assert {name.split(",")[0] for name in MODELS} == set(models.MODELS)
    assert {row.make for row in MODELS.values()} == set(models.MODELS.values())


def test_no_loss_is_missing_in_the_table():
    assert {row.make for row in LOSSES.values()} == public_classes(losses, keras.losses.Loss)


@every_row
def test_outputs_have_the_shapes_of_the_table_with_known_and_unknown_batch_and_frames(name):
    row, model = ROWS[name], as_model(name)
    assert shapes(model.output) == row.sizes(None, None)[1]
    for batch, frames in ((2, 3), (1, 1), (3, 8)):
        assert shapes(run(model, numbers(row, batch, frames))) == row.sizes(batch, frames)[1]


@every_layer
def test_a_layer_computes_its_output_shape(row):
    layer = row.make(**row.arguments)
    layer(*numbers(row))
    for sizes in (row.sizes(2, 3), row.sizes(None, None)):
        assert layer.compute_output_shape(*sizes[0]) == sizes[1]


@pytest.mark.parametrize("policy", ["float32", "mixed_float16"])
@every_row
def test_a_layer_computes_its_output_dtype(name, policy):
    model = as_model(name, policy)
    expected, found = flat(model.output), flat(run(model, numbers(ROWS[name])))
    assert [value.dtype for value in expected] == [value.dtype.name for value in found]


@every_row
def test_half_precision_stays_finite_and_near_single_precision(name):
    inputs, half, full = numbers(ROWS[name]), as_model(name, "mixed_float16"), as_model(name)
    half.set_weights(full.get_weights())
    for own, expected in zip(flat(run(half, inputs)), flat(run(full, inputs)), strict=True):
        # Up to fifteen layers, each rounding to 2^-11 of the largest number a few times: 2 per cent in all.
        assert np.isfinite(own).all() and relative_error(own, expected.numpy()) < 0.02


@every_layer
def test_a_layer_comes_back_from_its_config_as_text(row):
    layer = row.make(**row.arguments, name="layer")
    text = json.dumps(layer.get_config())
    again = row.make.from_config(json.loads(text))
    assert json.dumps(again.get_config()) == text
    inputs = numbers(row)
    expected = layer(*inputs)
    again(*inputs)
    again.set_weights(layer.get_weights())
    assert_equal(again(*inputs), expected, rtol=0)


@every_row
def test_a_model_with_it_comes_back_from_a_file(name, tmp_path):
    model, inputs = as_model(name), numbers(ROWS[name])
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    assert [weight.path for weight in again.weights] == [weight.path for weight in model.weights]
    assert_equal(run(again, inputs), run(model, inputs), rtol=0)


@every_row
@pytest.mark.slow
def test_a_graph_for_any_batch_and_frames_gives_the_same(name):
    row, model = ROWS[name], as_model(name)
    signature = [tf.TensorSpec(shape) for shape in row.sizes(None, None)[0]]
    graph = tf.function(lambda *inputs: run(model, inputs), input_signature=signature)
    for batch, frames in ((2, 3), (1, 5)):
        inputs = numbers(row, batch, frames)
        assert_equal(graph(*inputs), run(model, inputs), rtol=0, atol=1e-5)


@every_row
def test_every_trainable_weight_learns(name):
    model, inputs = as_model(name), numbers(ROWS[name], batch=3, frames=5)
    with tf.GradientTape() as tape:
        outputs = flat(run(model, inputs))
        rng = np.random.default_rng(1)
        loss = sum(tf.reduce_sum(output * rng.normal(size=output.shape)) for output in outputs)
    gradients = tape.gradient(loss, [weight.value for weight in model.trainable_weights])
    idle = [
        weight.path
        for weight, gradient in zip(model.trainable_weights, gradients, strict=True)
        if gradient is None or not np.any(gradient)
    ]
    assert not idle


def labels_and_features(row, dtype="float32"):
    """Three walks of each of two subjects."""
    return np.array([0, 0, 0, 1, 1, 1]), tf.constant(numbers(row, batch=6)[0], dtype)


@every_loss
def test_a_loss_gives_single_precision_numbers_of_the_shape_in_the_table(row):
    for dtype in ("float32", "float16"):
        value = row.make(**row.arguments).call(*labels_and_features(row, dtype))
        assert value.shape == row.sizes(6, None)[1] and value.dtype == "float32" and np.isfinite(value).all()


@every_loss
def test_a_loss_comes_back_from_its_config_as_text(row):
    loss = row.make(**row.arguments)
    config = json.loads(json.dumps(keras.saving.serialize_keras_object(loss)))
    again = keras.saving.deserialize_keras_object(config)
    assert type(again) is row.make and again.get_config() == loss.get_config()
    np.testing.assert_array_equal(again(*labels_and_features(row)), loss(*labels_and_features(row)))


@every_loss
@pytest.mark.slow
def test_a_loss_teaches_every_walk_in_a_graph_for_any_batch(row):
    @tf.function(input_signature=[tf.TensorSpec([None], tf.int32), tf.TensorSpec(row.sizes(None, None)[0][0])])
    def gradient(labels, features):
        with tf.GradientTape() as tape:
            tape.watch(features)
            loss = tf.reduce_sum(row.make(**row.arguments).call(labels, features))
        return tape.gradient(loss, features)

    found = gradient(*labels_and_features(row)).numpy()
    assert np.isfinite(found).all() and all(walk.any() for walk in found)
