"""What is not exported: numbers that are not finite, half precision, folders of this machine; and full disks."""

import errno
import json

import keras
import numpy as np
import pytest
import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2

import tf3dlocal.io.machine
from tf3dlocal.models import MODELS
from tf3dlocal.serving import CARD_NAME, ExportedModel, export, read_scores, scores_of_run
from tf3dlocal.serving.local_paths import without_local_paths

HALVES = {tf.float16.as_datatype_enum, tf.bfloat16.as_datatype_enum}
WIDTHS = {"input_shape": (None, 16, 12, 1), "channels": (4, 5, 6), "embedding_channels": 6, "seed": 1}
SMALL = {
    "gaitpart": {"strips": (1, 2, 4), "num_strips": 2},
    "gaitset": {"bins": (1, 2)},
    "gln": {"bins": (1, 2), "lateral_channels": 5},
    "mt3d": {"num_strips": 4},
    "three_d_local": {"num_strips": 4, "local_blocks": (3,)},
}


def small_model(**settings):
    silhouettes = keras.Input((None, 16, 12, 1))
    pooled = keras.layers.GlobalAveragePooling3D()(silhouettes)
    return keras.Model(silhouettes, {"embedding": keras.layers.Dense(3, **settings)(pooled)})


def types_in(folder):
    """The element types of all nodes of a SavedModel, in functions too."""
    saved = saved_model_pb2.SavedModel.FromString((folder / "saved_model.pb").read_bytes())
    for meta in saved.meta_graphs:
        nodes = [*meta.graph_def.node, *(node for one in meta.graph_def.library.function for node in one.node_def)]
        for node in nodes:
            for value in node.attr.values():
                yield value.type
                yield value.tensor.dtype
                yield from value.list.type


@pytest.mark.bad_input
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("weight", [0, 1])
def test_a_model_with_a_weight_that_is_not_finite_is_not_exported(value, weight, tmp_path):
    model = small_model()
    array = model.weights[weight].numpy()
    array.flat[0] = value
    model.weights[weight].assign(array)
    with pytest.raises(ValueError, match="weights that are not finite .*dense"):
        export(model, folder=tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.bad_input
def test_a_model_whose_embedding_is_not_finite_is_not_exported(tmp_path):
    model = small_model()
    model.weights[0].assign(np.full((1, 3), 3e38, np.float32))
    model.weights[1].assign(np.full(3, 3e38, np.float32))
    with pytest.raises(ValueError, match="gives an embedding with numbers that are not finite"):
        export(model, folder=tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.bad_input
@pytest.mark.slow
def test_an_embedding_that_is_not_finite_is_refused_with_the_walk(tmp_path):
    silhouettes = keras.Input((None, 16, 12, 1))
    inverse = keras.layers.GlobalMaxPooling3D()(keras.ops.reciprocal(silhouettes))
    export(keras.Model(silhouettes, {"embedding": keras.ops.minimum(inverse, 1e30)}), folder=tmp_path / "fine")
    model = keras.Model(silhouettes, {"embedding": keras.ops.log(keras.layers.GlobalMaxPooling3D()(silhouettes))})
    embedder = ExportedModel(export(model, folder=tmp_path / "log"))
    walks = np.full((3, 2, 16, 12), 255, np.uint8)
    walks[1] = 0  # log(0)
    with pytest.raises(ValueError, match=r"not finite for the walks \[1\] of 3"):
        embedder.embed(walks)


@pytest.mark.parametrize(
    ("name", "policy"),
    [*((name, "mixed_float16") for name in SMALL), ("gaitset", "mixed_bfloat16"), ("gaitset", "float16")],
)
@pytest.mark.slow
def test_a_model_of_any_precision_is_exported_in_float32_even_where_a_gpu_is_seen(name, policy, tmp_path, monkeypatch):
    model = MODELS[name](**WIDTHS, **SMALL[name], dtype=policy)
    monkeypatch.setattr(tf3dlocal.io.machine, "has_accelerator", lambda: True)
    version = export(model, folder=tmp_path)
    assert not HALVES & set(types_in(version))
    monkeypatch.undo()
    walks = np.random.default_rng(0).integers(0, 256, (2, 6, 16, 12), dtype=np.uint8)
    embedded = ExportedModel(version).embed(walks)
    single = MODELS[name](**WIDTHS, **SMALL[name], dtype="float32")
    single.set_weights([weight.astype("float32") for weight in model.get_weights()])
    expected = np.asarray(single(walks[..., None].astype("float32") / 255, training=False)["embedding"])
    np.testing.assert_allclose(embedded, expected, atol=1e-5)
    assert model.layers[1].compute_dtype in ("float16", "bfloat16"), "the model itself is not changed"


@pytest.mark.slow
def test_a_model_that_overflows_in_half_precision_is_exported_because_float32_holds_its_numbers(tmp_path):
    silhouettes = keras.Input((None, 16, 12, 1))
    x = keras.layers.GlobalMaxPooling3D()(silhouettes)
    for _ in range(2):
        x = keras.layers.Dense(3, kernel_initializer=keras.initializers.Constant(1e3), dtype="mixed_float16")(x)
    model = keras.Model(silhouettes, {"embedding": x})
    walks = np.full((1, 2, 16, 12), 255, np.uint8)
    assert not np.isfinite(np.asarray(model(walks[..., None] / np.float32(255))["embedding"])).any()
    np.testing.assert_allclose(ExportedModel(export(model, folder=tmp_path)).embed(walks), 3e6, rtol=1e-6)


def test_a_cast_to_half_precision_between_layers_becomes_float32(tmp_path):
    silhouettes = keras.Input((None, 16, 12, 1))
    pooled = keras.layers.GlobalAveragePooling3D()(keras.ops.cast(silhouettes, "float16"))
    version = export(keras.Model(silhouettes, {"embedding": pooled}), folder=tmp_path)
    assert not HALVES & set(types_in(version))


@pytest.mark.bad_input
@pytest.mark.parametrize(
    "error",
    [
        tf.errors.ResourceExhaustedError(None, None, "/tmp/x.tmp; No space left on device"),
        tf.errors.UnknownError(None, None, "/tmp/x.tmp: No space left on device"),
        tf.errors.InternalError(None, None, "Some disk broke\nwith a second line"),
        tf.errors.UnknownError(None, None, "{{function_node x}} /tmp/x.tmp; File too large [Op:SaveV2]"),
        tf.errors.PermissionDeniedError(None, None, "/tmp/x.tmp; Permission denied"),
    ],
    ids=lambda error: type(error).__name__,
)
@pytest.mark.slow
def test_a_disk_that_cannot_be_written_is_one_sentence_and_leaves_nothing(error, tmp_path, monkeypatch):
    def fail(*args, **kwargs):
        raise error

    monkeypatch.setattr(tf.saved_model, "save", fail)
    with pytest.raises(OSError) as refused:
        export(small_model(), folder=tmp_path)
    assert refused.value.errno == (errno.ENOSPC if "No space" in error.message else errno.EIO)
    assert refused.value.filename == str(tmp_path / "1") and "\n" not in str(refused.value)
    assert not any(word in str(refused.value) for word in ("{{", "[Op:", "x.tmp;"))
    assert list(tmp_path.iterdir()) == []


def test_what_killed_exports_left_is_removed_by_the_next(tmp_path, monkeypatch):
    monkeypatch.setattr(tf3dlocal.io.whole_file, "TIDIED", set())
    left = tmp_path / ".0123abcd.unfinished"
    left.mkdir()
    (left / "lock").touch()
    export(small_model(), folder=tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["1"]


def test_the_card_holds_no_folder_of_this_machine(tmp_path):
    config = {"data": {"folder": str(tmp_path / "casia"), "protocol": "protocols/own.yaml"}}
    scores = {"rank1": {"NM": 91.0}, "facts": {"data": f"walks in {tmp_path}/casia"}, "model": tmp_path / "run"}
    command = f"tf3dlocal export {tmp_path}/run {tmp_path}/out"
    text = (
        export(small_model(), folder=tmp_path, config=config, scores=scores, made_by=command) / CARD_NAME
    ).read_text()
    card = json.loads(text)
    assert str(tmp_path) not in text and str(tmp_path.parent) not in text
    assert card["config"]["data"] == {"folder": "casia", "protocol": "own.yaml"}
    assert card["scores"] == {"rank1": {"NM": 91.0}, "facts": {"data": "walks in casia"}, "model": "run"}
    assert card["made_by"] == "tf3dlocal export run out"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("/home/ann/run", "run"),
        ("~/run/", "run"),
        ("../a/b.yaml", "b.yaml"),
        ("C:\\data\\casia", "casia"),
        ("/", ""),
        ("https://github.com/a/b", "https://github.com/a/b"),
        ("Huang et al., https://a.org/b.pdf, 2021", "Huang et al., https://a.org/b.pdf, 2021"),
        ("part_mean", "part_mean"),
        ("rank-1, in %", "rank-1, in %"),
        ("trained in '/srv/my data/x' once", "trained in 'my data/x' once"),
        ("2026-11-29T10:00:00+00:00", "2026-11-29T10:00:00+00:00"),
    ],
)
def test_paths_become_names_and_other_texts_stay(text, told):
    assert without_local_paths(text) == told


def test_the_scores_of_a_run_are_those_of_its_present_model(tmp_path):
    assert scores_of_run(tmp_path) is None
    report = {"rank1": {"NM": {"mean": 91.0}}, "pairs": {}, "details": {"model": "/x"}, "protocol": {"name": "own"}}
    (tmp_path / "model.keras").touch()
    (tmp_path / "evaluation.json").write_text(json.dumps(report))
    assert scores_of_run(tmp_path) == {"rank1": {"NM": {"mean": 91.0}}, "protocol": "own"}
    import os

    os.utime(tmp_path / "evaluation.json", (1, 1))
    assert scores_of_run(tmp_path) is None


@pytest.mark.bad_input
@pytest.mark.parametrize("text", ["", "{", "[]", "null", "3", "{}", '{"rank1": 5}', "\xff", "[" * 50_000])
def test_a_file_without_scores_is_refused(text, tmp_path):
    (tmp_path / "scores.json").write_text(text, encoding="latin-1")
    with pytest.raises(ValueError, match=r"scores.json cannot be read: .*evaluate RUN .*writes such a file"):
        read_scores(tmp_path / "scores.json")


@pytest.mark.bad_input
def test_missing_scores_are_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"There is no .*none\.json"):
        read_scores(tmp_path / "none.json")


@pytest.mark.bad_input
@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda out: out.write_text("kept"), "cannot be written: it is not a folder"),
        (lambda out: out.symlink_to("nowhere"), "cannot be written: it is a link to nothing"),
        (lambda out: (out.mkdir(), (out / "1").write_text("kept")), "exists, and a version is never overwritten"),
        (lambda out: (out.mkdir(), (out / "1").symlink_to("nowhere")), "exists, and a version is never overwritten"),
    ],
)
def test_where_no_folder_can_be_made_nothing_is_traced_and_nothing_changed(make, told, tmp_path, monkeypatch):
    make(tmp_path / "out")
    before = sorted(path.name for path in tmp_path.rglob("*"))
    monkeypatch.setattr(tf.saved_model, "save", None)
    with pytest.raises(OSError, match=told) as refused:
        export(small_model(), folder=tmp_path / "out")
    assert str(tmp_path / "out") in str(refused.value)
    assert sorted(path.name for path in tmp_path.rglob("*")) == before


@pytest.mark.bad_input
@pytest.mark.parametrize("version", [0, -1, 1.0, True, "1", 2**63])
def test_a_version_is_a_positive_integer_of_64_bits(version, tmp_path):
    with pytest.raises(ValueError, match="version must be a positive integer of 64 bits"):
        export(small_model(), folder=tmp_path, version=version)


@pytest.mark.bad_input
def test_another_backend_than_tensorflow_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(keras.config, "backend", lambda: "torch")
    with pytest.raises(ValueError, match="Keras uses the backend 'torch'. Set KERAS_BACKEND=tensorflow"):
        export(None, folder=tmp_path)
