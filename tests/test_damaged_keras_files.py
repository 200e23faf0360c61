"""Damaged and hostile .keras files: one sentence each, no code of a file is run, in bounded time and memory."""

import io
import json
import os
import zipfile

import keras
import pytest

import tf3dlocal

pytestmark = pytest.mark.bad_input


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """A .keras file with a layer of this package."""
    from tf3dlocal.layers import FramePooling

    silhouettes = keras.Input((None, 16, 12, 1))
    pooled = keras.layers.GlobalAveragePooling3D()(FramePooling(name="pooling")(silhouettes))
    file = tmp_path_factory.mktemp("saved") / "small.keras"
    keras.Model(silhouettes, {"embedding": keras.layers.Dense(3)(pooled)}).save(file)
    return file


WORDS_OF_LIBRARIES = ("codec", "Expecting", "synchronously", "KerasSaveable", "indices", "object does not", "zip file")


def refusal(file):
    with pytest.raises(ValueError) as refused:
        tf3dlocal.load_model(file)
    message = str(refused.value)
    assert str(file) in message and "\n" not in message and len(message) < 600, message
    assert not any(words in message for words in WORDS_OF_LIBRARIES), message
    return message


def rewritten(saved, folder, *, without=(), **replaced):
    file = folder / "other.keras"
    with zipfile.ZipFile(saved) as old, zipfile.ZipFile(file, "w") as new:
        for name in old.namelist():
            if name not in without:
                new.writestr(name, replaced.get(name.split(".")[0], old.read(name)))
    return file


@pytest.mark.parametrize("share", [0, 0.01, 0.1, 0.3, 0.5, 0.7, 0.9, 0.99, 0.999])
def test_a_file_that_was_cut_short_cannot_be_read(share, saved, tmp_path):
    content = saved.read_bytes()
    (tmp_path / "cut.keras").write_bytes(content[: int(len(content) * share)])
    message = refusal(tmp_path / "cut.keras")
    assert "cut.keras cannot be read: it is empty" in message or "its end is missing; the file is damaged" in message


def test_a_flipped_byte_ends_in_a_sentence_or_does_no_harm(saved, tmp_path):
    content, file = saved.read_bytes(), tmp_path / "flipped.keras"
    refused = 0
    for number in range(40):
        flipped = bytearray(content)
        flipped[number * len(content) // 40] ^= 0x41
        file.write_bytes(flipped)
        try:
            tf3dlocal.load_model(file)
        except ValueError as error:
            assert str(file) in str(error) and "\n" not in str(error)
            refused += 1
    assert refused > 20


@pytest.mark.parametrize("member", ["config.json", "model.weights.h5"])
def test_a_member_that_is_missing_is_a_sentence(member, saved, tmp_path):
    refusal(rewritten(saved, tmp_path, without=[member]))


CONFIGS = {
    "empty": "",
    "no json": "{",
    "not utf-8": b"\xff\xfe\x00",
    "a list": "[]",
    "a number": "3",
    "null": "null",
    "an empty dict": "{}",
    "deep": "[" * 50_000,
    "a long number": '{"a": 1' + "0" * 5000 + "}",
    "a name that is a number": json.dumps({"registered_name": 5, "class_name": 3, "config": 4, "module": []}),
    "a config that is a list": json.dumps({"registered_name": "tf3dlocal>LocalPath", "config": ["a"]}),
    "a config that is null": json.dumps({"registered_name": "tf3dlocal>LocalPath", "config": None}),
    "an empty class": json.dumps({"registered_name": "tf3dlocal>", "config": {}}),
    "no layers": json.dumps({"module": "keras", "class_name": "Functional", "config": {}, "registered_name": "x"}),
    "layers of numbers": json.dumps({"module": "keras", "class_name": "Functional", "config": {"layers": [3]}}),
    "a layer alone": json.dumps({"module": "keras.layers", "class_name": "Dense", "config": {"units": 3}}),
    "no model": json.dumps({"module": "keras.optimizers", "class_name": "Adam", "config": {}}),
    "another module": json.dumps({"module": "os", "class_name": "getcwd", "config": {}, "registered_name": None}),
    "a dict of texts": json.dumps({"class_name": "__numpy__", "config": {"value": "x", "dtype": "object"}}),
}


@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)
def test_a_config_of_any_kind_is_a_sentence(config, saved, tmp_path):
    refusal(rewritten(saved, tmp_path, config=config))


def changed_config(saved, change):
    with zipfile.ZipFile(saved) as archive:
        config = json.loads(archive.read("config.json"))
    change(config)
    return json.dumps(config)


@pytest.mark.parametrize(
    "change",
    [
        lambda config: config["config"]["layers"].clear(),
        lambda config: config["config"]["layers"].pop(),
        lambda config: config["config"]["layers"][-1]["config"].update(units=7),
        lambda config: config["config"]["layers"][-1]["config"].update(units="many"),
        lambda config: config["config"]["layers"][-1]["config"].update(units=-1),
        lambda config: config["config"]["layers"][-1].update(config=None),
        lambda config: config["config"]["layers"][-1].update(inbound_nodes="x"),
        lambda config: config["config"]["layers"][0]["config"].update(batch_shape=[None, "x"]),
        lambda config: config["config"].update(output_layers=None),
        lambda config: config["config"].update(layers=None),
    ],
    ids=range(10),
)
def test_a_model_with_impossible_layers_is_a_sentence(change, saved, tmp_path):
    refusal(rewritten(saved, tmp_path, config=changed_config(saved, change)))


@pytest.mark.parametrize("weights", [b"", b"no weights", b"\x89HDF\r\n\x1a\n" + bytes(200)])
def test_weights_of_another_kind_are_a_sentence(weights, saved, tmp_path):
    assert "cannot be read: " in refusal(rewritten(saved, tmp_path, model=weights))


def test_a_python_function_in_a_file_is_not_run(saved, tmp_path):
    import base64
    import marshal

    trap = tmp_path / "it-ran"
    code = base64.b64encode(marshal.dumps(compile(f"open({str(trap)!r}, 'w')", "x", "exec"))).decode()
    function = {"class_name": "__lambda__", "config": {"code": code, "defaults": None, "closure": None}}
    layer = {"module": "keras.layers", "class_name": "Lambda", "config": {"function": function}, "inbound_nodes": []}
    change = changed_config(saved, lambda config: config["config"]["layers"].append(layer))
    assert "cannot be read: " in refusal(rewritten(saved, tmp_path, config=change))
    assert not trap.exists()


def test_a_small_file_that_fills_the_memory_is_refused_before_it_is_unpacked(tmp_path):
    file = tmp_path / "bomb.keras"
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("config.json", "w") as member:
        block = bytes(2**20)
        for _ in range(200):
            member.write(block)
    assert "it claims 209,715,200 bytes" in refusal(file)


def test_a_zip_that_cannot_be_read_is_a_sentence(saved, tmp_path):
    content = bytearray(saved.read_bytes())
    content[8:10] = b"\x63\x00"  # a compression method that there is not
    directory = content.rfind(b"PK\x01\x02")
    content[directory + 10 : directory + 12] = b"\x63\x00"
    (tmp_path / "method.keras").write_bytes(content)
    refusal(tmp_path / "method.keras")
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("other.txt", "hello")
    (tmp_path / "zip.keras").write_bytes(buffer.getvalue())
    assert "config.json" in refusal(tmp_path / "zip.keras")


@pytest.mark.parametrize("kind", ["pipe", "device"])
def test_what_would_be_read_for_ever_is_not_opened(kind, tmp_path):
    file = tmp_path / "endless.keras"
    os.mkfifo(file) if kind == "pipe" else file.symlink_to("/dev/zero")
    with pytest.raises((ValueError, FileNotFoundError), match="endless"):
        tf3dlocal.load_model(file)


@pytest.mark.parametrize(
    ("path", "error", "told"),
    [
        ("", ValueError, "A path is empty"),
        ("~nobody-of-this-name/x.keras", FileNotFoundError, "nobody-of-this-name"),
        ("nowhere/x.keras", FileNotFoundError, "nowhere"),
    ],
)
def test_a_path_to_nothing_is_named(path, error, told, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(error, match=told):
        tf3dlocal.load_model(path)


KINDS = {
    "text": b"model: {name: gaitset}\n",
    "hdf5": b"\x89HDF\r\n\x1a\n" + bytes(200),
    "pickle": b"\x80\x04}q\x00.",
    "zeros": bytes(1000),
}


@pytest.mark.parametrize("content", KINDS.values(), ids=KINDS)
def test_a_file_of_another_kind_is_told_by_its_beginning(content, tmp_path):
    (tmp_path / "a.keras").write_bytes(content)
    assert f"a .keras file is a zip archive, and it begins {content[:12]!r}" in refusal(tmp_path / "a.keras")


@pytest.mark.parametrize("name", ["config.yaml", "model.h5", "weights.pt", "model"])
def test_a_file_of_another_name_is_told_what_is_expected(name, tmp_path):
    (tmp_path / name).write_text("text")
    assert "is not a .keras file. Give a run folder or a .keras file" in refusal(tmp_path / name)


def test_a_layer_of_a_module_that_is_not_imported_is_named(saved, tmp_path):
    def change(config):
        config["config"]["layers"][-1].update(module="my_layers", registered_name="mine>Pooling", class_name="Pooling")

    message = refusal(rewritten(saved, tmp_path, config=changed_config(saved, change)))
    assert "has a layer of the class 'mine>Pooling', which is neither of Keras nor of tf3dlocal" in message


def test_another_version_of_keras_is_named_where_a_model_cannot_be_built(saved, tmp_path):
    change = changed_config(saved, lambda config: config["config"]["layers"][-1]["config"].update(of_the_future=1))
    metadata = json.dumps({"keras_version": "99.0.0"})
    message = refusal(rewritten(saved, tmp_path, config=change, metadata=metadata))
    assert "make no model (written by Keras 99.0.0, and this is " in message
