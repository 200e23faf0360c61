"""The classifier's loss against its formula and against Keras."""

import keras
import numpy as np
import pytest

from tf3dlocal.losses import ScaledCrossEntropy

LOGITS = np.random.default_rng(0).normal(size=[5, 3]).astype("float32")
LABELS = np.array([0, 2, 1, 1, 0])


def test_without_scale_and_smoothing_it_is_keras_own():
    expected = keras.losses.SparseCategoricalCrossentropy(from_logits=True)(LABELS, LOGITS)
    np.testing.assert_allclose(ScaledCrossEntropy()(LABELS[:, None], LOGITS), expected, rtol=1e-6)


def test_scale_and_smoothing_are_those_of_the_formula():
    loss = keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=0.1)
    expected = loss(np.eye(3, dtype="float32")[LABELS], 16 * LOGITS)
    np.testing.assert_allclose(ScaledCrossEntropy(scale=16, label_smoothing=0.1)(LABELS, LOGITS), expected, rtol=1e-5)


def test_values_without_sense_are_refused():
    with pytest.raises(ValueError, match="label_smoothing in 0..1; got 1.0 and 2"):
        ScaledCrossEntropy(label_smoothing=2)


def test_it_survives_its_config():
    loss = ScaledCrossEntropy(scale=16, label_smoothing=0.1)
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(loss))
    assert (again.scale, again.label_smoothing) == (16, 0.1)
