"""Damaged, foreign and hostile SavedModels: one sentence each, and no graph of a stranger is loaded."""

import json
import os
import shutil

import keras
import numpy as np
import pytest
import tensorflow as tf

import tf3dlocal
from tf3dlocal.serving import CARD_NAME, ExportedModel, export
from tf3dlocal.serving.gallery import GalleryModel

pytestmark = pytest.mark.bad_input
FILES = ["saved_model.pb", "variables/variables.index", "variables/variables.data-00000-of-00001", CARD_NAME]


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The folder of one version."""
    silhouettes = keras.Input((None, 16, 12, 1))
    pooled = keras.layers.GlobalAveragePooling3D()(silhouettes)
    model = keras.Model(silhouettes, {"embedding": keras.layers.Dense(3)(pooled)})
    return export(model, folder=tmp_path_factory.mktemp("whole"))


@pytest.fixture
def copy(whole, tmp_path):
    return shutil.copytree(whole, tmp_path / "1")


def card_of(folder):
    return json.loads((folder / CARD_NAME).read_text())


def refusal(folder, **settings):
    with pytest.raises((ValueError, FileNotFoundError)) as refused:
        ExportedModel(folder, **settings)
    message = str(refused.value)
    assert "\n" not in message and message.endswith((".", ").")), message
    return message


@pytest.mark.parametrize("share", [0.0, 0.2, 0.5, 0.8, 0.99])
@pytest.mark.parametrize("file", FILES)
def test_a_file_that_was_cut_short_is_named(file, share, copy):
    content = (copy / file).read_bytes()
    (copy / file).write_bytes(content[: int(len(content) * share)])
    assert file in refusal(copy)


@pytest.mark.parametrize("position", [0.0, 0.1, 0.35, 0.6, 0.9])
@pytest.mark.parametrize("file", FILES[:-1])
def test_one_flipped_bit_is_seen(file, position, copy):
    content = bytearray((copy / file).read_bytes())
    content[int(position * len(content))] ^= 4
    (copy / file).write_bytes(content)
    assert f"{file} cannot be read: it is damaged or was changed" in refusal(copy)


@pytest.mark.parametrize("share", [0.0, 0.3, 0.9])
@pytest.mark.parametrize("file", FILES[:-1])
@pytest.mark.slow
def test_damage_in_a_model_that_is_trusted_is_one_sentence_too(file, share, copy):
    content = (copy / file).read_bytes()
    (copy / file).write_bytes(content[: int(len(content) * share)])
    assert "cannot be read: " in refusal(copy, trust=True)


@pytest.mark.parametrize("file", FILES)
def test_a_file_that_is_missing_is_named(file, copy):
    (copy / file).unlink()
    assert file in refusal(copy)


CARDS = {
    "a list": [],
    "a number": 3,
    "nothing": None,
    "empty": {},
    "another format": {"format": "other", "sha256": {}},
    "checksums as a list": {"format": "tf3dlocal-saved-model", "sha256": ["saved_model.pb"]},
    "no checksum": {"format": "tf3dlocal-saved-model", "sha256": {}},
    "a checksum of another kind": {"format": "tf3dlocal-saved-model", "sha256": dict.fromkeys(FILES[:-1], 5)},
    "a file outside": {"format": "tf3dlocal-saved-model", "sha256": {"../../etc/passwd": "0"}},
}


@pytest.mark.parametrize("card", CARDS.values(), ids=CARDS)
def test_a_card_that_is_not_one_of_this_package_is_refused(card, copy):
    (copy / CARD_NAME).write_text(json.dumps(card))
    refusal(copy)


@pytest.mark.parametrize("text", ["{", "\x00", '"', "[" * 50_000, '{"a": 1' + "0" * 5000 + "}"])
def test_a_card_that_is_not_json_is_refused(text, copy):
    (copy / CARD_NAME).write_text(text)
    assert f"{CARD_NAME} cannot be read: " in refusal(copy)


@pytest.mark.parametrize("embedding", [None, 5, [], {}, {"distance": "cosine"}, {"distance": ["part_mean"]}])
@pytest.mark.slow
def test_a_card_without_a_known_distance_is_refused_and_one_of_a_trusted_stranger_has_the_default(embedding, copy):
    (copy / CARD_NAME).write_text(json.dumps(card_of(copy) | {"embedding": embedding}))
    assert f"{CARD_NAME} cannot be read: " in refusal(copy) and "distance" in refusal(copy)
    if not embedding:
        assert ExportedModel(copy, trust=True).distance == "part_mean"


@pytest.mark.parametrize("trust", [False, True])
@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("version", None),
        ("version", "v1"),
        ("version", True),
        ("version", -1),
        ("version", 10**30),
        ("name", None),
        ("name", ["gaitset"]),
        ("config.data.clip_length", 10**9),
        ("config.data.clip_length", 0),
        ("config.data.clip_length", "12"),
    ],
)
def test_an_entry_that_no_export_writes_is_refused_with_file_and_key(key, value, trust, copy):
    first, *inner = key.split(".")
    for name in reversed(inner):
        value = {name: value}
    (copy / CARD_NAME).write_text(json.dumps(card_of(copy) | {first: value}))
    told = refusal(copy, trust=trust)
    assert told.startswith(f"{copy / CARD_NAME} cannot be read: its entry {key} ") and "tf3dlocal export" in told


@pytest.mark.slow
@pytest.mark.parametrize(
    "text", ["no JSON", "[]", "\x00", '{"version": null, "name": 5}', '{"version": "v1", "config": {"data": 3}}']
)
def test_a_card_of_others_does_not_keep_a_trusted_model_from_being_described(text, copy):
    (copy / CARD_NAME).write_text(text)
    refusal(copy)
    model = GalleryModel.of(ExportedModel(copy, trust=True))
    assert (model.name, model.version, model.distance) == ("unknown", 0, "part_mean")


@pytest.mark.parametrize("trust", [False, True])
def test_a_card_that_would_fill_the_memory_is_refused(trust, copy):
    with (copy / CARD_NAME).open("r+b") as file:
        file.truncate(2**27)
    assert "134,217,728 bytes" in refusal(copy, trust=trust)


@pytest.mark.parametrize("name", ["saved_model.cpb", "saved_model.pbtxt", "variables/extra", "assets/words.txt"])
def test_a_file_that_the_card_does_not_list_is_refused_where_tensorflow_would_load_it(name, copy):
    (copy / name).parent.mkdir(exist_ok=True)
    (copy / name).touch()
    assert name in refusal(copy)
    assert ExportedModel(copy, trust=True).height == 16


def test_what_an_operating_system_leaves_in_a_folder_does_no_harm(copy):
    (copy / ".DS_Store").touch()
    assert ExportedModel(copy).height == 16


def test_a_strangers_graph_is_not_loaded_and_writes_nothing(tmp_path, monkeypatch):
    trap = tmp_path / "it-ran"

    class Hostile(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec([None, None, 16, 12], tf.uint8, name="silhouettes")])
        def __call__(self, silhouettes):
            tf.io.write_file(str(trap), "written by the graph")
            return {"embedding": tf.zeros([tf.shape(silhouettes)[0], 3])}

    hostile = Hostile()
    tf.saved_model.save(hostile, str(tmp_path / "saved"), signatures={"serving_default": hostile.__call__})
    trap.unlink(missing_ok=True)
    message = refusal(tmp_path / "saved")
    assert f"has no {CARD_NAME}" in message and "--trust (trust=True)" in message
    with pytest.raises(ValueError, match="SavedModel is a program"):
        tf3dlocal.load_model(tmp_path / "saved")
    assert not trap.exists()
    trusted = tf3dlocal.load_model(tmp_path / "saved", trust=True)
    trusted.embed(np.zeros((1, 2, 16, 12), np.uint8))
    assert trap.exists(), "the trap is a trap"


def test_a_savedmodel_of_another_kind_is_refused_though_it_is_trusted(tmp_path):
    class Other(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec([], tf.float32)])
        def __call__(self, x):
            return {"y": x}

    other = Other()
    tf.saved_model.save(other, str(tmp_path), signatures={"serving_default": other.__call__})
    assert "no signature 'serving_default'" in refusal(tmp_path, trust=True)


@pytest.mark.parametrize("trust", [False, True])
@pytest.mark.parametrize("kind", ["pipe", "link to a device"])
@pytest.mark.parametrize("file", FILES[1:])
def test_a_file_that_would_be_read_for_ever_is_refused_even_where_the_model_is_trusted(file, kind, trust, copy):
    (copy / file).unlink()
    os.mkfifo(copy / file) if kind == "pipe" else (copy / file).symlink_to("/dev/zero")
    assert "not a regular file" in refusal(copy, trust=trust)


@pytest.mark.parametrize("name", ["saved_model.pb", CARD_NAME, "variables"])
def test_a_part_of_an_exported_model_leads_to_the_whole(name, copy):
    assert f"Give its folder: {copy}." in refusal(copy / name)


def test_a_file_is_no_exported_model(tmp_path):
    (tmp_path / "c.yaml").write_text("model: {name: gaitset}")
    assert "c.yaml is a file, and an exported model is a folder" in refusal(tmp_path / "c.yaml")


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda folder: (folder / "checkpoints").mkdir(), "tf3dlocal export"),
        (lambda folder: (folder / "model.keras").touch(), "tf3dlocal export"),
        (lambda folder: (folder / "²").mkdir(), "There is no SavedModel"),
        (lambda folder: (folder / "1").mkdir(), "There is no SavedModel"),
        (lambda folder: (folder / "saved_model.pb").mkdir(), "There is no SavedModel"),
        (lambda folder: shutil.rmtree(folder), "There is no"),
    ],
)
def test_a_folder_of_another_kind_is_named_with_what_to_do(make, told, tmp_path):
    folder = tmp_path / "folder"
    folder.mkdir()
    make(folder)
    with pytest.raises(FileNotFoundError, match=told):
        ExportedModel(folder)
