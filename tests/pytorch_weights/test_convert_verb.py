"""`tf3dlocal convert` on the command line: order of arguments, report, both directions, refusals."""

import json

import keras
import numpy as np
import pytest
import synthetic_states
import torch
from references import gait_in_torch

from tf3dlocal.cli import main
from tf3dlocal.models import GaitPart, GaitSet, ThreeDLocal
from tf3dlocal.pytorch_weights import load, parse_settings, write_torch

SMALL = (4, 6, 8)
OPTIONS = ("--source", "opengait", "--model", "gaitset", "--set", "channels=[4,6,8]", "--set", "embedding_channels=12")


@pytest.fixture
def pytorch_file(tmp_path):
    return synthetic_states.save(
        tmp_path / "GaitSet-40000.pt", synthetic_states.opengait_gaitset(SMALL), optimizer={}, scheduler={}
    )


def call(capfd, *arguments):
    with pytest.raises(SystemExit) as ended:
        main(["convert", *map(str, arguments)])
    out, err = capfd.readouterr()
    return ended.value.code or 0, " ".join(out.split()), " ".join(err.split())


def vectors(tmp_path, exchanged=False, off=0.0):
    walks = (np.random.default_rng(5).random((2, 4, 64, 44)) * 255).astype("uint8")
    embedding = gait_in_torch.opengait_gaitset(synthetic_states.opengait_gaitset(SMALL), walks / np.float32(255)) + off
    np.savez(
        tmp_path / "vectors.npz", silhouettes=walks, embedding=embedding.swapaxes(1, 2) if exchanged else embedding
    )
    return tmp_path / "vectors.npz"


def test_both_orders_of_the_arguments_give_a_model_and_a_report(pytorch_file, tmp_path, capfd):
    for arguments in ((pytorch_file, tmp_path / "a.keras", *OPTIONS), (pytorch_file, *OPTIONS, tmp_path / "b.keras")):
        code, out, err = call(capfd, *arguments)
        assert code == 0, err
        assert "11 tensors" in out and "iteration 40000" in out and "not needed: optimizer, scheduler" in out
    for name in ("a.keras", "b.keras"):
        assert keras.saving.load_model(tmp_path / name, compile=False).name == "gaitset"


@pytest.mark.parametrize("exchanged", [False, True])
def test_the_report_in_json_has_every_tensor_and_the_difference(exchanged, pytorch_file, tmp_path, capfd):
    numbers = tmp_path / "numbers.json"
    file = vectors(tmp_path, exchanged)
    code, out, err = call(capfd, pytorch_file, tmp_path / "a.keras", *OPTIONS, "--vectors", file, "--json", numbers)
    assert code == 0, err
    assert "from the original's" in out
    report = json.loads(numbers.read_text())
    assert report["embedding_difference"] < 1e-5 and report["iteration"] == 40000
    assert len(report["sha256"]) == 64 and report["num_parameters"] == sum(
        np.prod(t["shape"]) for t in report["tensors"]
    )
    assert report["tensors"][0] == {
        "key": "set_block1.forward_block.0.conv.weight",
        "weight": "block_1_convolution_1.kernel",
        "shape": [4, 1, 5, 5],
        "keras_shape": [1, 5, 5, 1, 4],
        "same_bits": True,
    }


def test_an_embedding_that_differs_is_an_error_and_nothing_is_written(pytorch_file, tmp_path, capfd):
    code, _, err = call(capfd, pytorch_file, tmp_path / "a.keras", *OPTIONS, "--vectors", vectors(tmp_path, off=2e-4))
    assert code == 1 and "differs by 2.0" in err and "Nothing was written" in err
    assert not list(tmp_path.glob("*.keras"))


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"silhouettes": np.zeros((1, 2, 64, 44))}, "the arrays embedding are missing"),
        ({"silhouettes": np.zeros((1, 2, 64)), "embedding": np.zeros((1, 2, 3))}, "silhouettes must be [walks"),
        ({"silhouettes": np.full((1, 2, 64, 44), 255.0), "embedding": np.zeros((1, 62, 12))}, "float 0..1"),
        ({"silhouettes": np.zeros((1, 2, 64, 64)), "embedding": np.zeros((1, 62, 12))}, "input_shape=[null,64,64,1]"),
        ({"silhouettes": np.zeros((1, 2, 64, 44)), "embedding": np.zeros((1, 61, 12))}, "embedding is [1, 61, 12]"),
    ],
)
def test_vectors_that_do_not_fit_are_refused(arrays, message, pytorch_file, tmp_path, capfd):
    np.savez(tmp_path / "vectors.npz", **arrays)
    code, _, err = call(capfd, pytorch_file, tmp_path / "a.keras", *OPTIONS, "--vectors", tmp_path / "vectors.npz")
    assert code == 1 and message in err


def test_an_existing_file_is_kept_without_overwrite(pytorch_file, tmp_path, capfd):
    out = tmp_path / "a.keras"
    out.write_text("mine")
    code, _, err = call(capfd, pytorch_file, out, *OPTIONS)
    assert code == 1 and "exists" in err and out.read_text() == "mine"
    code, _, err = call(capfd, pytorch_file, out, *OPTIONS, "--overwrite")
    assert code == 0, err
    assert keras.saving.load_model(out, compile=False).name == "gaitset"


def test_a_failed_write_leaves_the_old_file_and_nothing_else(pytorch_file, tmp_path, monkeypatch):
    from tf3dlocal.pytorch_weights import convert

    (tmp_path / "a.keras").write_text("mine")

    def full(self, path):
        path.write_text("half")
        raise OSError("no space left on device")

    monkeypatch.setattr(keras.Model, "save", full)
    with pytest.raises(OSError, match="no space"):
        convert(
            pytorch_file,
            out=tmp_path / "a.keras",
            source="opengait",
            model="gaitset",
            arguments={"channels": SMALL, "embedding_channels": 12},
            overwrite=True,
        )
    assert (tmp_path / "a.keras").read_text() == "mine"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["GaitSet-40000.pt", "a.keras"]


def test_both_directions_on_the_command_line(pytorch_file, tmp_path, capfd):
    assert call(capfd, pytorch_file, tmp_path / "a.keras", *OPTIONS)[0] == 0
    code, _out, err = call(capfd, tmp_path / "a.keras", tmp_path / "back.pth.tar", *OPTIONS[:4], "--to", "torch")
    assert code == 0, err
    there, back = (torch.load(path, weights_only=True)["model"] for path in (pytorch_file, tmp_path / "back.pth.tar"))
    assert there.keys() == back.keys() and all(torch.equal(there[key], back[key]) for key in there)
    code, _, err = call(capfd, tmp_path / "a.keras", tmp_path / "b.pt", *OPTIONS, "--to", "torch")
    assert code == 2 and "a .keras file contains its arguments" in err


@pytest.mark.parametrize(
    ("model", "source", "kind", "reason"),
    [
        (lambda: GaitSet(channels=SMALL), "opengait", "gaitset", "OpenGait has the frame half first"),
        (
            lambda: GaitSet(preset="opengait", channels=SMALL),
            "release",
            "gaitset",
            "the release has the global half first",
        ),
        (
            lambda: GaitPart(preset="release", channels=SMALL),
            "opengait",
            "gaitpart",
            "OpenGait has a LeakyReLU of slope 0.01 everywhere",
        ),
        (lambda: GaitPart(channels=SMALL), "release", "gaitpart", "no weight"),
        (lambda: GaitSet(channels=SMALL, compact_channels=5), "release", "gaitset", "has no place for these weights"),
        (lambda: ThreeDLocal(channels=SMALL), "release", "three_d_local", "preset 'release'"),
        (lambda: GaitSet(channels=SMALL), "release", "gaitpart", "is no gaitpart"),
    ],
)
@pytest.mark.slow
def test_a_model_that_the_original_computes_differently_is_not_written(model, source, kind, reason, tmp_path):
    with pytest.raises(ValueError) as refused:
        write_torch(model(), out=tmp_path / "a.pt", source=source, model=kind)
    assert reason in str(refused.value)
    assert not list(tmp_path.iterdir())


def test_a_model_of_the_papers_preset_converts_to_opengait(tmp_path):
    model = GaitPart(channels=(4, 6, 8), seed=1)
    write_torch(model, out=tmp_path / "gaitpart.pt", source="opengait", model="gaitpart")
    again = load(tmp_path / "gaitpart.pt", source="opengait", model="gaitpart", channels=(4, 6, 8))
    walks = np.random.default_rng(0).random((1, 5, 64, 44, 1), "float32")
    assert np.array_equal(model(walks)["embedding"], again(walks)["embedding"])


def test_gln_with_its_compact_block_converts_in_both_directions(tmp_path):
    state = synthetic_states.opengait_gln(SMALL, compact=7, classes=9)
    arguments = {
        "channels": SMALL,
        "lateral_channels": 6,
        "embedding_channels": 5,
        "compact_channels": 7,
        "num_classes": 9,
    }
    model = load(synthetic_states.save(tmp_path / "gln.pt", state), source="opengait", model="gln", **arguments)
    report = write_torch(model, out=tmp_path / "back.pt", source="opengait", model="gln")
    back = torch.load(tmp_path / "back.pt", weights_only=True)["model"]
    assert back.keys() == synthetic_states.as_tensors(state).keys()
    assert all(np.array_equal(back[key].numpy(), state[key]) for key in state)
    assert any("flattens (channel, strip)" in note for note in report.notes)


def test_settings_are_read_as_yaml():
    assert parse_settings(["channels=[64, 128, 256]", "num_classes=74", "global_path=focal"]) == {
        "channels": (64, 128, 256),
        "num_classes": 74,
        "global_path": "focal",
    }
    for wrong in (["channels"], ["=3"], ["a=1", "a=2"], ["a=[1"]):
        with pytest.raises(ValueError):
            parse_settings(wrong)
