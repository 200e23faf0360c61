"""The scaled cross-entropy equals its formula and the losses of Keras."""

import keras
import numpy as np
import pytest

from tf3dlocal.losses import ScaledCrossEntropy

LOGITS = np.random.default_rng(0).normal(size=[5, 3]).astype("float32")
LABELS = np.array([0, 2, 1, 1, 0])


def test_without_scale_and_smoothing_it_equals_the_loss_of_keras():
    expected = keras.losses.SparseCategoricalCrossentropy(from_logits=True)(LABELS, LOGITS)
    np.testing.assert_allclose(ScaledCrossEntropy()(LABELS[:, None], LOGITS), expected, rtol=1e-6)


def test_scale_and_smoothing_are_those_of_the_formula():
    loss = keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=0.1)
    expected = loss(np.eye(3, dtype="float32")[LABELS], 16 * LOGITS)
    np.testing.assert_allclose(ScaledCrossEntropy(scale=16, label_smoothing=0.1)(LABELS, LOGITS), expected, rtol=1e-5)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [({"scale": 0}, "above 0, not 0"), ({"label_smoothing": 2}, "from 0 to less than 1, not 2")],
)
def test_arguments_out_of_range_raise_an_error(arguments, message):
    with pytest.raises(ValueError, match=message):
        ScaledCrossEntropy(**arguments)


def test_its_config_restores_it():
    loss = ScaledCrossEntropy(scale=16, label_smoothing=0.1)
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(loss))
    assert (again.scale, again.label_smoothing) == (16, 0.1)
