"""The release preset computes what the authors' PyTorch code computes, forward and backward."""

import importlib.util

import keras
import numpy as np
import pytest
import tensorflow as tf

from tf3dlocal.losses import BatchAllTripletLoss
from tf3dlocal.models import ThreeDLocal
from tf3dlocal.pytorch_weights import TABLES
from tf3dlocal.pytorch_weights.mapping import weight_at
from tf3dlocal.pytorch_weights.transfer import set_weights as put_in

pytestmark = pytest.mark.shared

RELEASE = TABLES["release", "three_d_local"]


@pytest.fixture(scope="module")
def parity(shared):
    return shared / "parity"


@pytest.fixture(scope="module")
def state(parity):
    spec = importlib.util.spec_from_file_location("parity_weights", parity / "weights.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.state_dict("official_3dlocal", parity)


def test_embeddings_are_those_of_the_authors_code(state, parity):
    model = ThreeDLocal("release")
    put_in(model, RELEASE, state)
    silhouettes = np.load(parity / "input_u8.npy")[..., None] / np.float32(255)
    expected = np.load(parity / "official_3dlocal.npz")["out64/embedding"]
    assert np.abs(model(silhouettes)["embedding"] - expected).max() < 5e-5


def test_the_mixture_sampler_computes_what_the_authors_code_computes_at_batch_size_one(state, parity):
    model = ThreeDLocal("release", sampler="mixture")
    put_in(model, RELEASE, state)
    volume = model.get_layer("block_3_head").outputs["volume"]
    both = keras.Model(model.input, [model.output["embedding"], volume])
    embedding, volume = both(np.load(parity / "input_u8.npy")[..., None] / np.float32(255))
    recorded = np.load(parity / "official_3dlocal_mixture.npz")
    assert np.abs(embedding - recorded["out/embedding"]).max() < 5e-5
    sampled = np.asarray(volume).transpose(0, 4, 1, 2, 3)[:, ::8, ::3]
    assert np.abs(sampled - recorded["mid/local.head.sampler"]).max() < 5e-5


@pytest.mark.slow
def test_loss_gradients_and_batch_statistics_of_a_training_step_are_those_of_the_authors_code(state, parity):
    model = ThreeDLocal("release")
    put_in(model, RELEASE, state)
    step = np.load(parity / "train_official_3dlocal.npz")
    silhouettes = step["input_u8"][..., None] / np.float32(255)
    with tf.GradientTape() as tape:
        features = model(silhouettes, training=True)["part_features"]
        loss = tf.reduce_mean(BatchAllTripletLoss(margin=0.2).call(step["labels"], features))
    assert abs(float(loss) / float(step["out64/loss"]) - 1) < 1e-5
    rows = [(row, weight_at(model, row.place)[0]) for row in RELEASE.rows(model)]
    trained = [(row, variable) for row, variable in rows if variable.trainable]
    gradients = tape.gradient(loss, [variable.value for _, variable in trained])
    worst = {}
    for (row, _), gradient in zip(trained, gradients):
        if row.key.endswith("localization.fc.0.bias"):
            continue  # a batch normalization follows, so the true gradient is zero
        expected = step[f"grad64/{row.key}"]
        found = thinned_as_the_reference(row.change.to_pytorch(gradient.numpy()), len(expected))
        worst[row.key] = np.linalg.norm(found - expected) / np.linalg.norm(expected)
    assert max(worst.values()) < 2e-2, sorted(worst.items(), key=lambda item: -item[1])[:5]
    for row, variable in rows:
        if "running_mean" in row.key:
            assert np.abs(row.change.to_pytorch(variable.numpy()) - step[f"buf/{row.key}"]).max() < 1e-4, row.key


def thinned_as_the_reference(gradient, kept):
    """Every n-th entry of the flat tensor, `kept` in all, as in the reference."""
    return gradient.reshape(-1)[:: -(-gradient.size // kept)]


def test_the_release_has_the_parameters_of_the_authors_code():
    assert sum(int(np.prod(weight.shape)) for weight in ThreeDLocal("release").trainable_weights) == 4_264_862
