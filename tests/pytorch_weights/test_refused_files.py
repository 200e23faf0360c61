"""Tensors that do not fit are named with the solution, no code in a file is run, and nothing is written."""

import builtins
import os
import pickle
import zipfile

import numpy as np
import pytest
import synthetic_states
import torch

from tf3dlocal.pytorch_weights import convert, load, read_pytorch_file

SMALL = (4, 6, 8)
ARGUMENTS = {"channels": SMALL, "embedding_channels": 12}


@pytest.fixture
def state():
    return synthetic_states.opengait_gaitset(SMALL)


def refusal(tmp_path, path, source="opengait", model="gaitset", arguments=None, error=ValueError):
    """Return the message of a refused conversion, after a check that nothing was written."""
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(error) as refused:
        convert(
            path,
            out=tmp_path / "out.keras",
            source=source,
            model=model,
            arguments=ARGUMENTS if arguments is None else arguments,
        )
    assert sorted(tmp_path.rglob("*")) == before
    return str(refused.value)


def test_missing_left_over_and_misshapen_tensors_are_all_named_with_both_shapes(state, tmp_path):
    del state["gl_block3.2.conv.weight"]
    del state["set_block1.forward_block.2.conv.weight"]
    state |= {
        "extra.weight": np.zeros((3, 2), "float32"),
        "set_block2.forward_block.0.conv.weight": np.zeros((6, 5, 3, 3), "float32"),
    }
    message = refusal(tmp_path, synthetic_states.save(tmp_path / "a.pt", state))
    assert "missing (2):" in message
    assert (
        "gl_block3.2.conv.weight [8, 8, 3, 3]" in message
        and "set_block1.forward_block.2.conv.weight [4, 4, 3, 3]" in message
    )
    assert "without a place in the model (1):\n  extra.weight [3, 2]" in message
    assert "set_block2.forward_block.0.conv.weight [6, 5, 3, 3]" in message and "[6, 4, 3, 3] in the model" in message


@pytest.mark.parametrize(
    ("source", "model", "state", "built_with", "solution"),
    [
        (
            "opengait",
            "gaitset",
            synthetic_states.opengait_gaitset(SMALL),
            {},
            "--set channels=[4,6,8] --set embedding_channels=12",
        ),
        (
            "release",
            "gaitset",
            synthetic_states.release_gaitset(SMALL),
            {"embedding_channels": 12},
            "--set channels=[4,6,8]",
        ),
        (
            "release",
            "gaitpart",
            synthetic_states.release_gaitpart((4, 6, 8, 12)),
            ARGUMENTS,
            "--set channels=[4,6,8,12]",
        ),
        (
            "opengait",
            "gaitpart",
            synthetic_states.opengait_gaitpart((4, 6, 8, 12)),
            {"channels": SMALL},
            "--set channels=[4,6,8,12] --set embedding_channels=12",
        ),
        (
            "opengait",
            "gln",
            synthetic_states.opengait_gln(SMALL, compact=7, classes=9),
            {"channels": SMALL, "lateral_channels": 6, "embedding_channels": 5},
            "--set compact_channels=7 --set num_classes=9",
        ),
    ],
)
def test_widths_that_differ_give_the_arguments_that_fit(source, model, state, built_with, solution, tmp_path):
    path = synthetic_states.save(tmp_path / "a.pt", state)
    message = refusal(tmp_path, path, source, model, built_with)
    assert message.endswith(f"Try {solution}")
    given = dict(setting.split("=") for setting in solution.replace("--set ", "").split(" "))
    values = {name: [int(number) for number in text.strip("[]").split(",")] for name, text in given.items()}
    arguments = built_with | {name: value if name == "channels" else value[0] for name, value in values.items()}
    load(path, source=source, model=model, **arguments)


def test_weights_of_another_model_are_named(state, tmp_path):
    path = synthetic_states.save(tmp_path / "a.pt", state)
    assert "its keys are those of --source opengait --model gaitset" in refusal(tmp_path, path, "release", "gaitpart")
    strange = synthetic_states.save(tmp_path / "b.pt", {"fc.weight": np.zeros((2, 2), "float32")})
    assert "no model that has a mapping table (fc.weight)" in refusal(tmp_path, strange)


def test_sources_and_models_without_a_table_are_refused_with_those_there_are(state, tmp_path):
    path = synthetic_states.save(tmp_path / "a.pt", state)
    message = refusal(tmp_path, path, "opengait", "mt3d")
    assert "release: three_d_local, gaitset, gaitpart; opengait: gaitset, gaitpart, gln" in message


@pytest.mark.bad_input
def test_unknown_arguments_and_the_preset_are_refused(state, tmp_path):
    path = synthetic_states.save(tmp_path / "a.pt", state)
    assert "Did you mean 'channels'" in refusal(tmp_path, path, arguments={"chanels": SMALL})
    assert "preset cannot be set" in refusal(tmp_path, path, arguments={"preset": "paper"})
    assert "channels must be 3 whole numbers" in refusal(tmp_path, path, arguments={"channels": 5})
    assert "one per block; got 5." in refusal(tmp_path, path, arguments={"channels": 5})


def test_layers_without_tensors_are_refused(state, tmp_path):
    path = synthetic_states.save(tmp_path / "a.pt", state)
    message = refusal(tmp_path, path, arguments=ARGUMENTS | {"compact_channels": 5})
    assert "compact_block" in message and "leave out the --set that adds them" in message


def test_the_prefix_of_data_parallel_is_removed_and_reported(state, tmp_path):
    prefixed = {f"module.{key}": value for key, value in state.items()}
    path = synthetic_states.save(tmp_path / "a.pt", prefixed)
    report = convert(path, out=tmp_path / "out.keras", source="opengait", model="gaitset", arguments=ARGUMENTS)
    assert 'started with "module."' in report.notes[0]
    assert report.tensors[0]["key"] == "set_block1.forward_block.0.conv.weight"


def test_a_prefix_of_some_keys_only_is_refused(state, tmp_path):
    mixed = {f"module.{key}" if key.startswith("set") else key: value for key, value in state.items()}
    assert "seems to mix two state dicts" in refusal(tmp_path, synthetic_states.save(tmp_path / "a.pt", mixed))


def test_counters_are_known_and_counters_of_no_normalization_are_not(tmp_path):
    gln = synthetic_states.opengait_gln(SMALL, compact=7, classes=9)
    arguments = {
        "channels": SMALL,
        "lateral_channels": 6,
        "embedding_channels": 5,
        "compact_channels": 7,
        "num_classes": 9,
    }
    path = synthetic_states.save(tmp_path / "a.pt", gln, scheduler={})
    report = convert(path, out=tmp_path / "gln.keras", source="opengait", model="gln", arguments=arguments)
    assert sorted(report.ignored) == ["encoder_bn.num_batches_tracked", "reduce_bn.num_batches_tracked", "scheduler"]
    torch.save(synthetic_states.as_tensors(gln) | {"Head.num_batches_tracked": torch.tensor(1)}, tmp_path / "b.pt")
    assert "Head.num_batches_tracked" in refusal(tmp_path, tmp_path / "b.pt", "opengait", "gln", arguments)


@pytest.mark.parametrize("layout", ["bare", "release", "opengait", "with optimizer", "old format"])
@pytest.mark.slow
def test_every_layout_is_read(layout, state, tmp_path):
    tensors = synthetic_states.as_tensors(state)
    parameter = torch.nn.Parameter(torch.ones(3))
    adam = torch.optim.Adam([parameter])
    parameter.sum().backward()
    adam.step()
    schedule = torch.optim.lr_scheduler.MultiStepLR(adam, [10, 20])
    content = {
        "bare": tensors,
        "release": {"iteration": 7, "model": tensors, "optimizer": {}},
        "opengait": {"model": tensors, "optimizer": {}, "scheduler": {}, "iteration": 7},
        "with optimizer": {
            "model": tensors,
            "optimizer": adam.state_dict(),
            "scheduler": schedule.state_dict(),
            "iteration": 7,
        },
        "old format": {"iteration": 7, "model": tensors, "optimizer": adam.state_dict()},
    }[layout]
    torch.save(content, tmp_path / "a.pth.tar", _use_new_zipfile_serialization=layout != "old format")
    read = read_pytorch_file(tmp_path / "a.pth.tar")
    assert read.iteration == (None if layout == "bare" else 7)
    assert all(np.array_equal(read.weights[key], state[key]) for key in state) and read.weights.keys() == state.keys()
    assert set(read.ignored) == set(content) - {"model", "iteration", *state}


@pytest.mark.parametrize("share", [0.0, 0.01, 0.5, 0.999])
def test_a_truncated_file_is_refused(share, state, tmp_path):
    whole = synthetic_states.save(tmp_path / "whole.pt", state).read_bytes()
    (tmp_path / "a.pt").write_bytes(whole[: int(len(whole) * share)])
    assert "truncated, damaged" in refusal(tmp_path, tmp_path / "a.pt")


def test_other_files_are_refused(tmp_path):
    (tmp_path / "note.pt").write_text("weights are on the other disk")
    assert "cannot be read as a PyTorch file" in refusal(tmp_path, tmp_path / "note.pt")
    torch.save({"epoch": 3, "net": {}}, tmp_path / "other.pt")
    assert "it has epoch, net" in refusal(tmp_path, tmp_path / "other.pt")
    torch.save({"model": {"a": torch.ones(2), "lr": 0.1}}, tmp_path / "mixed.pt")
    assert "holds more than tensors: lr (float)" in refusal(tmp_path, tmp_path / "mixed.pt")
    torch.jit.save(torch.jit.script(torch.nn.Linear(2, 2)), tmp_path / "script.pt")
    assert "TorchScript" in refusal(tmp_path, tmp_path / "script.pt")
    assert "There is no file" in refusal(tmp_path, tmp_path / "absent.pt", error=FileNotFoundError)


class Malicious:
    """Would make a folder when unpickled."""

    def __init__(self, folder):
        self.folder = str(folder)

    def __reduce__(self):
        return os.mkdir, (self.folder,)


@pytest.mark.parametrize(
    "form", ["zip", "old format", "bare pickle", "new pickle", "as a tensor", "in the optimizer", "builtins"]
)
def test_nothing_in_a_malicious_file_is_run(form, state, tmp_path):
    trap = tmp_path / "it-ran"
    tensors = synthetic_states.as_tensors(state)
    content = {"model": tensors, "optimizer": Malicious(trap)}
    if form == "as a tensor":
        content = {"model": tensors | {"extra": Malicious(trap)}}
    if form == "builtins":

        class Evaluates:
            def __reduce__(self):
                return builtins.eval, (f"__import__('os').mkdir({str(trap)!r})",)

        content = {"model": tensors, "optimizer": Evaluates()}
    path = tmp_path / "bad.pt"
    if form.endswith("pickle"):
        path.write_bytes(pickle.dumps(Malicious(trap), protocol=2 if form == "bare pickle" else 4))
    else:
        torch.save(content, path, _use_new_zipfile_serialization=form != "old format")
    message = refusal(tmp_path, path)
    assert not trap.exists()
    if form == "new pickle":  # torch's restricted unpickler stops before it reads a name
        assert "Nothing in it was run" in message
    else:
        assert "reading it would run code. None of it was run" in message
        assert ("eval" if form == "builtins" else "mkdir") in message
    # The trap is a trap: an ordinary unpickler falls into it.
    if form.endswith("pickle"):
        pickle.loads(path.read_bytes())
        assert trap.exists()
    elif form == "zip":
        assert any(name.endswith("data.pkl") for name in zipfile.ZipFile(path).namelist())
        torch.load(path, weights_only=False)
        assert trap.exists()


def test_other_number_formats_keep_their_values_or_are_refused(state, tmp_path):
    tensors = synthetic_states.as_tensors(state)
    half = {key: value.half() for key, value in tensors.items()}
    torch.save(half, tmp_path / "half.pt")
    read = read_pytorch_file(tmp_path / "half.pt")
    assert all(np.array_equal(read.weights[key], half[key].float().numpy()) for key in half)
    assert "torch.float16 and is now float32, with the same values" in read.notes[0]
    torch.save(tensors | {"Head.fc_bin": tensors["Head.fc_bin"].double() + 1e-12}, tmp_path / "double.pt")
    assert "Head.fc_bin is torch.float64 with numbers that float32 cannot hold" in refusal(
        tmp_path, tmp_path / "double.pt"
    )
    torch.save(tensors | {"Head.fc_bin": tensors["Head.fc_bin"].int()}, tmp_path / "integers.pt")
    assert "not of floating point (1):\n  Head.fc_bin int32" in refusal(tmp_path, tmp_path / "integers.pt")
    broken = {**state, "Head.fc_bin": np.full_like(state["Head.fc_bin"], np.nan)}
    assert "not finite in Head.fc_bin" in read_pytorch_file(synthetic_states.save(tmp_path / "nan.pt", broken)).notes[0]


def test_without_torch_the_message_says_how_to_get_it(state, tmp_path, monkeypatch):
    path = synthetic_states.save(tmp_path / "a.pt", state)
    monkeypatch.setitem(__import__("sys").modules, "torch", None)
    message = refusal(tmp_path, path, error=ImportError)
    assert "pip install 'tf3dlocal[convert]'" in message
