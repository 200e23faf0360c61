"""Programs without this package rely on the export, so many of these tests act as such a program."""

import json
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

from tf3dlocal.serving import CARD_NAME, ExportedModel, export

HEIGHT, WIDTH = 16, 12

STRANGER = """
import importlib.machinery
import sys

class Forbid:
    # TensorFlow looks for Keras (find_spec) without importing it, so only the import itself is refused.
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("keras", "tf3dlocal", "tf_keras"):
            return importlib.machinery.ModuleSpec(name, self)

    def create_module(self, spec):
        raise ImportError(f"this process must not import {spec.name}")

    def exec_module(self, module):
        pass

sys.meta_path.insert(0, Forbid())
import numpy as np
import tensorflow as tf

loaded = tf.saved_model.load(sys.argv[1])
walks = np.load(sys.argv[2])
by_uint8 = loaded.signatures["serving_default"](silhouettes=tf.constant(walks))["embedding"].numpy()
by_float = loaded.signatures["float"](silhouettes=tf.constant(walks / np.float32(255), tf.float32))["embedding"].numpy()
assert not {"keras", "tf3dlocal"} & set(sys.modules)
np.savez(sys.argv[3], by_uint8=by_uint8, by_float=by_float)
"""


@pytest.fixture(scope="module")
def model():
    """A small model with what an export can get wrong: batch normalization, dropout, several outputs."""
    keras.utils.set_random_seed(3)
    silhouettes = keras.Input((None, HEIGHT, WIDTH, 1), name="silhouettes")
    x = keras.layers.Conv3D(4, 3, padding="same", activation="relu")(silhouettes)
    x = keras.layers.BatchNormalization()(x)
    x = keras.layers.GlobalMaxPooling3D()(x)
    parts = keras.layers.Reshape((2, 6))(keras.layers.Dense(12)(x))
    embedding = keras.layers.Dropout(0.5)(keras.layers.Dense(5)(x))
    logits = keras.layers.Dense(3)(embedding)
    outputs = {"part_features": parts, "embedding": embedding, "logits": logits}
    model = keras.Model(silhouettes, outputs, name="stand_in")
    model.layers[2].set_weights([np.linspace(low, low + 1, 4) for low in (0.5, -0.5, 0.1, 0.5)])
    return model


@pytest.fixture(scope="module")
def exported(model, tmp_path_factory):
    folder = tmp_path_factory.mktemp("exported") / "gait"
    export(
        model, folder=folder, config={"preset": "paper"}, scores={"NM": 91.2}, made_by="tf3dlocal export runs/a gait"
    )
    return folder


def draw_walks(batch, frames, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (batch, frames, HEIGHT, WIDTH), dtype=np.uint8)


@pytest.mark.slow
def test_a_process_without_keras_and_without_this_package_gets_the_same_embeddings(model, exported, tmp_path):
    walks = draw_walks(2, 7)
    np.save(tmp_path / "walks.npy", walks)
    command = [
        sys.executable,
        "-c",
        STRANGER,
        str(exported / "1"),
        str(tmp_path / "walks.npy"),
        str(tmp_path / "seen.npz"),
    ]
    subprocess.run(command, check=True, timeout=240, cwd=tmp_path)
    expected = model(walks[..., None].astype("float32") / 255, training=False)["embedding"]
    seen = np.load(tmp_path / "seen.npz")
    np.testing.assert_allclose(seen["by_uint8"], expected, atol=1e-5)
    np.testing.assert_allclose(seen["by_float"], expected, atol=1e-5)


@pytest.mark.parametrize(("batch", "frames"), [(1, 1), (3, 4), (1, 41)])
def test_any_number_of_walks_and_frames_is_embedded(model, exported, batch, frames):
    walks = draw_walks(batch, frames)
    expected = model(walks[..., None].astype("float32") / 255, training=False)["embedding"]
    np.testing.assert_allclose(ExportedModel(exported).embed(walks), expected, atol=1e-5)


def test_the_signatures_name_their_input_and_their_output(exported):
    signatures = tf.saved_model.load(exported / "1").signatures
    assert set(signatures) == {"serving_default", "float", "variable", "raw", "png"}
    for name, dtype in (("serving_default", tf.uint8), ("float", tf.float32)):
        (taken,) = signatures[name].structured_input_signature[1].values()
        assert (taken.name, taken.dtype, taken.shape.as_list()) == ("silhouettes", dtype, [None, None, HEIGHT, WIDTH])
        assert set(signatures[name].structured_outputs) == {"embedding"}


def test_the_card_describes_the_export_and_how_to_make_it_again(model, exported):
    card = json.loads((exported / "1" / CARD_NAME).read_text())
    assert card["num_parameters"] == model.count_params()
    assert card["config"] == {"preset": "paper"}
    assert card["scores"] == {"NM": 91.2}
    assert card["made_by"] == "tf3dlocal export runs/a gait"
    assert card["embedding"]["shape"] == [None, 5]
    assert card["embedding"]["axes"] == ["batch", "channels"]
    assert card["embedding"]["distance"] == "part_mean"
    assert {"saved_model.pb", "variables/variables.index"} <= set(card["sha256"])


@pytest.mark.slow
def test_an_embedding_of_parts_keeps_its_parts(tmp_path):
    silhouettes = keras.Input((None, HEIGHT, WIDTH, 1))
    pooled = keras.layers.GlobalAveragePooling3D()(silhouettes)
    parts = keras.layers.Reshape((3, 2))(keras.layers.Dense(6)(pooled))
    export(keras.Model(silhouettes, {"embedding": parts}), folder=tmp_path)
    embedder = ExportedModel(tmp_path)
    assert embedder.embed(draw_walks(2, 3)).shape == (2, 3, 2)
    assert embedder.card["embedding"]["axes"] == ["batch", "parts", "channels"]


@pytest.mark.slow
def test_a_mixed_precision_model_returns_float32(tmp_path):
    silhouettes = keras.Input((None, HEIGHT, WIDTH, 1))
    pooled = keras.layers.GlobalAveragePooling3D(dtype="mixed_float16")(silhouettes)
    embedding = keras.layers.Dense(4, dtype="mixed_float16")(pooled)
    export(keras.Model(silhouettes, {"embedding": embedding}), folder=tmp_path)
    assert ExportedModel(tmp_path).embed(draw_walks(1, 3)).dtype == np.float32


def test_a_version_is_never_overwritten_and_the_next_number_is_named(model, exported):
    before = (exported / "1" / "saved_model.pb").read_bytes()
    with pytest.raises(FileExistsError, match="choose version 2"):
        export(model, folder=exported)
    assert (exported / "1" / "saved_model.pb").read_bytes() == before


@pytest.mark.slow
def test_the_highest_version_is_loaded(model, tmp_path):
    for version in (2, 10):
        export(model, folder=tmp_path, version=version)
    assert ExportedModel(tmp_path).folder == tmp_path / "10"
    assert ExportedModel(tmp_path / "2").folder == tmp_path / "2"


def test_an_export_that_fails_half_way_leaves_nothing(model, tmp_path, monkeypatch):
    def full_disk(module, folder, signatures):
        (tmp_path / "touched").touch()
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(tf.saved_model, "save", full_disk)
    with pytest.raises(OSError, match="No space left"):
        export(model, folder=tmp_path / "gait")
    assert (tmp_path / "touched").exists()
    assert list((tmp_path / "gait").iterdir()) == []


def test_a_model_of_a_fixed_number_of_frames_is_refused_with_the_solution(tmp_path):
    silhouettes = keras.Input((30, HEIGHT, WIDTH, 1))
    embedding = keras.layers.GlobalAveragePooling3D()(silhouettes)
    with pytest.raises(ValueError, match=r"exactly 30 frames.*input_shape=\(None, 16, 12, 1\)"):
        export(keras.Model(silhouettes, {"embedding": embedding}), folder=tmp_path)


def test_a_model_without_an_embedding_is_refused(tmp_path):
    silhouettes = keras.Input((None, HEIGHT, WIDTH, 1))
    logits = keras.layers.GlobalAveragePooling3D()(silhouettes)
    with pytest.raises(ValueError, match="none is called 'embedding'"):
        export(keras.Model(silhouettes, {"logits": logits}), folder=tmp_path)


@pytest.mark.parametrize("version", [0, -1, "1", True, 1.0])
def test_a_version_that_is_not_a_positive_integer_is_refused(model, tmp_path, version):
    with pytest.raises(ValueError, match="version must be a positive integer"):
        export(model, folder=tmp_path, version=version)


def test_an_unknown_distance_is_refused(model, tmp_path):
    with pytest.raises(ValueError, match="part_mean"):
        export(model, folder=tmp_path, distance="cosine")


def test_silhouettes_of_another_size_are_refused_with_both_sizes(exported):
    with pytest.raises(ValueError, match=r"uint8 \[batch, frames >= 1, 16, 12\]; got uint8 \[1, 5, 64, 64\]"):
        ExportedModel(exported).embed(np.zeros((1, 5, 64, 64), np.uint8))


def test_a_folder_without_a_saved_model_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="There is no SavedModel in"):
        ExportedModel(tmp_path)


@pytest.mark.parametrize("file", ["saved_model.pb", "variables/variables.index", CARD_NAME])
@pytest.mark.slow
def test_a_damaged_file_is_one_sentence_with_the_solution(model, tmp_path, file):
    version = export(model, folder=tmp_path)
    content = (version / file).read_bytes()
    (version / file).write_bytes(content[: len(content) // 2])
    with pytest.raises(ValueError, match="cannot be read: .* Export the model again"):
        ExportedModel(tmp_path)
