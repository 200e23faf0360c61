"""A model in another precision than it was trained in."""

import keras
import numpy as np
import pytest
from conformance.table import MODELS
from layer_tools import relative_error

from tf3dlocal.evaluation import evaluate, in_precision
from tf3dlocal.evaluation.model_precision import choose_model, precision_of

CLIPS = np.random.default_rng(0).random((2, 6, 16, 12, 1), np.float32)


def built(name, precision):
    return MODELS[name].make(**MODELS[name].arguments, dtype=precision)


def policies(model):
    """{layer: policy} of all layers that the embedding needs."""
    needed = keras.Model(model.input, model.output["embedding"])
    return {layer.name: layer.dtype_policy.name for layer in needed.layers}


@pytest.mark.slow
@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("trained", ["float32", "mixed_float16", "mixed_bfloat16"])
@pytest.mark.parametrize("precision", ["float32", "mixed_bfloat16"])
def test_a_model_in_another_precision_is_the_one_that_is_built_in_it(name, trained, precision):
    model = built(name, trained)
    found = in_precision(model, precision=precision)
    assert policies(found) == policies(built(name, precision)) and precision_of(found) == precision
    for ours, theirs in zip(found.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert (found is model) == (trained == precision)


def test_bfloat16_gives_almost_the_embedding_of_float32_and_leaves_the_model_as_it_is():
    model = built("gaitset", "float32")
    half = in_precision(model, precision="mixed_bfloat16")
    expected, found = (np.asarray(each(CLIPS, training=False)["embedding"]) for each in (model, half))
    assert found.dtype == np.float32  # the head keeps it
    assert 1e-5 < relative_error(found, expected) < 0.02  # bfloat16 has 8 bits
    assert precision_of(model) == "float32"


def test_a_model_of_pure_float16_computes_in_mixed_bfloat16():
    half = in_precision(built("gaitset", "float16"), precision="mixed_bfloat16")
    assert precision_of(half) == "mixed_bfloat16" and half.weights[0].dtype == "float32"


def test_the_precision_of_the_training_is_the_default_and_is_recorded():
    model = built("gaitset", "mixed_float16")
    assert choose_model(model) == (model, "mixed_float16", None)
    assert choose_model(len) == (len, None, None)


def test_a_sentence_says_what_was_chosen_and_why(monkeypatch):
    monkeypatch.setattr("tf3dlocal.evaluation.model_precision.fast_precision", lambda: ("mixed_bfloat16", "I say so"))
    model = built("gaitset", "float32")
    found, precision, sentence = choose_model(model, precision="auto")
    assert precision_of(found) == precision == "mixed_bfloat16"
    assert sentence == (
        "Precision: mixed_bfloat16, since I say so. The model was trained in float32 and computes here in "
        "mixed_bfloat16."
    )
    again, _, sentence = choose_model(found, precision="auto")
    assert again is found and sentence == "Precision: mixed_bfloat16, since I say so."
    assert choose_model(model, precision="float32") == (model, "float32", None)


def test_an_evaluation_reports_the_precision(small_walks):
    protocol = {"name": "blobs", "train": [], "test": "all", "gallery": ["nm-01"], "probes": {"NM": ["nm-05"]}}
    from tf3dlocal.evaluation import Protocol, markdown_report

    silhouettes = keras.Input((None, 64, 44, 1))
    rows = keras.layers.AveragePooling3D((1, 8, 11))(silhouettes)
    embedding = keras.layers.Dense(4, kernel_initializer=keras.initializers.GlorotUniform(0))(
        keras.layers.Flatten()(keras.ops.max(rows, axis=1))
    )
    model = keras.Model(silhouettes, {"embedding": embedding})
    settings = {"walks": small_walks, "protocol": Protocol(**protocol), "progress": False}
    assert evaluate(model, **settings).details["precision"] == "float32"
    half = evaluate(model, precision="mixed_bfloat16", **settings)
    assert half.details["precision"] == "mixed_bfloat16"
    assert half.notices[-1] == "The model was trained in float32 and computes here in mixed_bfloat16."
    assert "- precision: mixed_bfloat16\n" in markdown_report(half)


@pytest.mark.bad_input
def test_an_unknown_precision_and_a_model_without_layers_are_refused():
    with pytest.raises(ValueError, match=r"precision must be one of auto, float32, mixed_bfloat16; got 'bf16'\."):
        choose_model(built("gaitset", "float32"), precision="bf16")
    with pytest.raises(ValueError, match="precision is 'auto', and the model is a builtin_function_or_method"):
        choose_model(len, precision="auto")
