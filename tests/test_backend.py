"""Keras with another backend: one sentence says what works."""

import warnings

import keras
import pytest

from tf3dlocal.load_model import _warn_of_backend


@pytest.mark.bad_input
@pytest.mark.parametrize("backend", ["torch", "jax", "numpy", "openvino"])
def test_another_backend_is_named_with_what_works_and_what_does_not(monkeypatch, backend):
    monkeypatch.setattr(keras.config, "backend", lambda: backend)
    with pytest.warns(
        UserWarning, match=f"backend '{backend}', .* models and training need TensorFlow.*Preparing data"
    ):
        _warn_of_backend()


def test_tensorflow_is_no_reason_for_a_warning():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        _warn_of_backend()
