"""One interface for all systems of supplement Table 2: the same input, the same named outputs, the same head."""

import inspect

import keras
import numpy as np
import pytest
from layer_tools import randomize, relative_error

from tf3dlocal.layers import PAPER_PARTS
from tf3dlocal.models import MODELS, embedding_model

TINY = {
    "three_d_local": {
        "local_blocks": (3,),
        "parts": PAPER_PARTS[:1],
        "hidden_divisor": 1,
        "num_strips": 4,
        "compact_channels": 0,
    },
    "gaitset": {"bins": (1, 2, 4)},
    "gaitpart": {"num_strips": 4},
    "gln": {"bins": (1, 2, 4), "lateral_channels": 4},
    "mt3d": {"num_strips": 4},
}
SHARED = {"input_shape": (None, 32, 12, 1), "channels": (4, 4, 4), "embedding_channels": 6, "seed": 0}
every_model = pytest.mark.parametrize("name", MODELS)


def tiny(name, **options):
    return MODELS[name](**{**SHARED, **TINY[name], **options})


def random_walks(frames=4, batch=3, seed=0):
    return np.random.default_rng(seed).uniform(size=(batch, frames, 32, 12, 1)).astype("float32")


def test_all_five_are_here():
    assert set(MODELS) == set(TINY)


@every_model
def test_input_and_outputs_have_the_same_names_and_axes(name):
    model = tiny(name)
    assert model.name == name and model.input.name == "silhouettes"
    assert list(model.output) == ["part_features", "embedding"]
    outputs = model(random_walks())
    assert outputs["part_features"].shape[0] == 3 and outputs["part_features"].shape[2] == 6
    np.testing.assert_array_equal(embedding_model(model)(random_walks()), outputs["embedding"])


@every_model
def test_every_model_takes_the_arguments_that_the_trainer_offers(name):
    shared = {
        "preset",
        "num_classes",
        "input_shape",
        "channels",
        "embedding_channels",
        "compact_channels",
        "dropout",
        "synchronized",
        "dtype",
        "seed",
        "name",
    }
    assert shared <= set(inspect.signature(MODELS[name]).parameters)


@every_model
def test_every_model_takes_the_compact_block_and_its_classifier(name):
    model = tiny(name, compact_channels=5, num_classes=3)
    outputs = model(random_walks())
    assert {key: tuple(value.shape[1:]) for key, value in outputs.items() if key != "part_features"} == {
        "embedding": (5,),
        "logits": (3,),
    }
    assert model.get_layer("compact_block").dropout.rate == 0.9


@every_model
def test_the_embedding_of_a_walk_does_not_depend_on_its_batch(name):
    model, walks = randomize(tiny(name)), random_walks()
    together = model(walks)["embedding"].numpy()
    assert relative_error([model(walk[None])["embedding"][0] for walk in walks], together) < 1e-5


@every_model
def test_a_seed_gives_the_same_model_again(name):
    for own, same in zip(tiny(name).weights, tiny(name).weights, strict=True):
        np.testing.assert_array_equal(own, same)


@every_model
def test_nothing_but_named_layers_is_in_the_graph(name):
    model = tiny(name, compact_channels=5, num_classes=3)
    assert all(isinstance(layer, keras.layers.Layer) for layer in model.layers)
    numbered = [layer.name for layer in model.layers if layer.name.startswith(layer.__class__.__name__.lower())]
    assert numbered == []
