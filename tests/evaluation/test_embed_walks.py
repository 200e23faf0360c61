import gc
import importlib
import weakref

import keras
import numpy as np
import pytest
import tensorflow as tf

from tf3dlocal.evaluation import embed_walks

embedding = importlib.import_module("tf3dlocal.evaluation.embedding")


class Walks:
    """Random walks of given lengths."""

    def __init__(self, num_frames, size=64):
        self.num_frames = np.array(num_frames)
        rng = np.random.default_rng(0)
        self.pictures = [rng.integers(0, 256, (n, size, size), np.uint8) for n in num_frames]

    def read(self, i):
        return type("Walk", (), {"silhouettes": self.pictures[i]})


def mean_of_columns(silhouettes):
    """[batch, frames, height, width, 1] -> [batch, width]."""
    return np.mean(silhouettes, axis=(1, 2, 4))


@pytest.fixture(scope="module")
def model():
    keras.utils.set_random_seed(0)
    silhouettes = keras.Input((None, 64, 44, 1), name="silhouettes")
    x = keras.layers.AveragePooling3D((1, 16, 11))(silhouettes)
    x = keras.layers.Dense(3, activation="relu")(x)
    x = keras.layers.Dropout(0.5)(x)
    x = keras.ops.max(x, axis=1)  # batch, height, width, channels
    parts = keras.layers.Reshape((4, 12))(x)
    return keras.Model(silhouettes, {"embedding": parts, "logits": keras.layers.Dense(2)(parts)})


def test_each_walk_of_a_batch_equals_the_walk_alone(model):
    walks = Walks([5, 3, 5, 7, 3, 5, 1])
    together = embed_walks(model, walks=walks, batch_size=8, progress=False)
    alone = embed_walks(model, walks=walks, batch_size=1, progress=False)
    assert together.shape == (7, 4, 12) and together.dtype == np.float32
    np.testing.assert_allclose(together, alone, atol=1e-6)
    picture = walks.pictures[3][None, ..., 10:54, None] / np.float32(255)
    np.testing.assert_allclose(together[3], model(picture, training=False)["embedding"][0], atol=1e-6)


def test_the_order_of_the_walks_is_kept():
    walks = Walks([2, 9, 2, 4])
    expected = [walks.pictures[i][..., 10:54].mean(axis=(0, 1)) / 255 for i in range(4)]
    found = embed_walks(mean_of_columns, walks=walks, batch_size=2, width=44, progress=False)
    np.testing.assert_allclose(found[:, 0], expected, rtol=1e-5)


@pytest.mark.parametrize("batch_size, max_frames, largest", [(2, 720, 2), (8, 9, 3), (8, 2, 1)])
def test_a_batch_holds_no_more_walks_and_frames_than_allowed(batch_size, max_frames, largest):
    seen = []

    def watch(silhouettes):
        seen.append(len(silhouettes))
        return mean_of_columns(silhouettes)

    embed_walks(watch, walks=Walks([3] * 7), batch_size=batch_size, progress=False, max_frames=max_frames)
    assert max(seen) == largest and sum(seen) == 7


@pytest.mark.parametrize("width, expected", [(None, 128), (88, 88)])
def test_a_function_gets_all_columns_or_those_in_the_middle(width, expected):
    walks = Walks([2], size=128)
    found = embed_walks(mean_of_columns, walks=walks, width=width, progress=False)
    margin = (128 - expected) // 2
    columns = walks.pictures[0][..., margin : 128 - margin].mean(axis=(0, 1)) / 255
    np.testing.assert_allclose(found, columns[None, None], rtol=1e-5)


def test_a_model_of_the_full_width_gets_it():
    silhouettes = keras.Input((None, 64, 64, 1))
    model = keras.Model(silhouettes, keras.ops.mean(silhouettes, axis=(1, 2, 4)))
    assert embed_walks(model, walks=Walks([2]), progress=False).shape == (1, 1, 64)


def test_a_model_of_another_size_is_refused_with_both_sizes(model):
    with pytest.raises(ValueError, match="64 x 44, the walks have 128 x 128.*Prepare"):
        embed_walks(model, walks=Walks([2], size=128), progress=False)


def test_a_model_without_an_output_of_that_name_is_refused_with_the_names_it_has(model):
    with pytest.raises(ValueError, match="embedding, logits. None has the name 'features'"):
        embed_walks(model, walks=Walks([2]), progress=False, output="features")


def test_an_output_with_another_number_of_axes_is_refused():
    with pytest.raises(ValueError, match=r"shape \[1\] for 1 walks"):
        embed_walks(lambda x: np.zeros(1), walks=Walks([2]), progress=False)


def test_a_model_of_single_frames_is_refused():
    frame = keras.Input((64, 44, 1))
    with pytest.raises(ValueError, match="One input .batch, frames, height, width, 1. is required"):
        embed_walks(keras.Model(frame, keras.layers.Flatten()(frame)), walks=Walks([2]), progress=False)


def test_a_second_call_uses_the_weights_of_the_moment():
    silhouettes = keras.Input((None, 64, 44, 1))
    scale = keras.layers.Dense(1, use_bias=False, kernel_initializer="ones")
    model = keras.Model(silhouettes, keras.ops.mean(scale(silhouettes), axis=(1, 2, 4)))
    walks = Walks([2])
    before = embed_walks(model, walks=walks, progress=False)
    scale.set_weights([np.full((1, 1), 3.0)])
    np.testing.assert_allclose(embed_walks(model, walks=walks, progress=False), 3 * before, rtol=1e-6)


@pytest.mark.slow
def test_a_model_is_traced_once_and_freed_with_its_graph():
    calls = []
    silhouettes = keras.Input((None, 64, 44, 1))
    watched = keras.layers.Lambda(lambda x: calls.append(1) or keras.ops.mean(x, axis=(1, 2, 4)))
    model = keras.Model(silhouettes, watched(silhouettes))
    calls.clear()
    for _ in range(2):
        embed_walks(model, walks=Walks([2, 3]), progress=False)
    assert len(calls) == 1 and model in embedding._GRAPHS
    watch = weakref.ref(model)
    del model
    gc.collect()
    assert watch() is None


def test_no_walks_is_an_error():
    with pytest.raises(ValueError, match="no walks to embed"):
        embed_walks(mean_of_columns, walks=Walks([]), progress=False)


@pytest.mark.parametrize("kind", ["uint8", "float32"])
def test_a_loaded_saved_model_is_embedded_through_its_signature(model, tmp_path, kind):
    module = tf.Module()
    module.weights = [weight.value for weight in model.weights]

    @tf.function(input_signature=[tf.TensorSpec([None, None, 64, 44], kind, name="silhouettes")])
    def embed(silhouettes):
        x = tf.cast(silhouettes, tf.float32) / (255.0 if kind == "uint8" else 1.0)
        return {"embedding": model(x[..., tf.newaxis], training=False)["embedding"]}

    tf.saved_model.save(module, str(tmp_path), signatures={"serving_default": embed})
    walks = Walks([4, 2, 4])
    found = embed_walks(tf.saved_model.load(str(tmp_path)), walks=walks, progress=False)
    np.testing.assert_allclose(found, embed_walks(model, walks=walks, progress=False), atol=1e-5)


def test_an_error_of_the_model_is_raised_as_it_is():
    def broken(silhouettes):
        raise RuntimeError("out of memory")

    with pytest.raises(RuntimeError, match="out of memory"):
        embed_walks(broken, walks=Walks([2, 3]), progress=False)


def test_the_progress_bar_writes_to_standard_error_only(capsys):
    embed_walks(mean_of_columns, walks=Walks([2, 3]), progress=True)
    assert capsys.readouterr().out == ""


@pytest.mark.bad_input
@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("named", [True, False])
def test_an_embedding_that_is_not_finite_is_refused_and_the_walk_is_named(wrong, named):
    walks = Walks([2, 3, 2])
    if named:
        walks.subjects, walks.conditions, walks.view_degrees = ["a", "b", "c"], ["nm-01"] * 3, [0, 18, 90]

    def diverged(silhouettes):
        found = np.array(mean_of_columns(silhouettes))
        if silhouettes.shape[1] == 3:
            found[0, 5] = wrong
        return found

    walk = "b nm-01 018" if named else "in row 1"
    with pytest.raises(ValueError, match=f"embedding of walk {walk} .3 frames. has numbers that are not finite"):
        embed_walks(diverged, walks=walks, progress=False)


@pytest.mark.bad_input
@pytest.mark.parametrize("setting", ["batch_size", "max_frames"])
@pytest.mark.parametrize("value", [0, -1])
def test_a_setting_below_one_is_refused(setting, value):
    with pytest.raises(ValueError, match=f"{setting} is {value}"):
        embed_walks(mean_of_columns, walks=Walks([2]), progress=False, **{setting: value})
