"""All commands in turn on four people and two cameras, as a user would call them."""

import contextlib
import io
import json
import os
import shutil
import subprocess
import sys

import numpy as np
import pytest

from tf3dlocal.cli import main

pytestmark = pytest.mark.slow  # a training, an export and their commands

CONFIG = """
data:
  protocol: PROTOCOL
  subjects_per_batch: 2
  walks_per_subject: 2
  clip_length: 4
  window: [4, 5]
model:
  arguments:
    channels: [2, 4, 4]
    local_blocks: [3]
    parts: [[torso, 0.33, 0.33, 1.0, 0.5, 0.35, 0.5]]
    num_strips: 4
    embedding_channels: 4
    compact_channels: 0
training: {steps: 2, report_every: 1, strategy: none}
"""

PROTOCOL = """
name: four people
train: [001..002]
test: [003..004]
gallery: [nm-01, nm-02, nm-03, nm-04]
probes: {NM: [nm-05, nm-06], CL: [cl]}
"""


def call(*arguments):
    with pytest.raises(SystemExit) as ended:
        main([str(argument) for argument in arguments])
    return ended.value.code or 0


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The output of all commands in turn; a failure here fails every test of this file."""
    folder = tmp_path_factory.mktemp("commands")
    (folder / "protocol.yaml").write_text(PROTOCOL)
    (folder / "config.yaml").write_text(CONFIG.replace("PROTOCOL", str(folder / "protocol.yaml")))
    raw, prepared, run, saved = (folder / name for name in ("raw", "prepared", "run", "saved"))
    commands = [
        ("walkers", raw, "--subjects", 4, "--frames", 6, "--views", "0,90", "--workers", 1),
        ("prepare", raw, prepared, "--workers", 1, "--json", folder / "prepare.json"),
        ("train", folder / "config.yaml", "--data", prepared, "--run", run, "--json", folder / "train.json"),
        (
            "evaluate",
            run,
            "--data",
            prepared,
            "--protocol",
            folder / "protocol.yaml",
            "--precision",
            "mixed_bfloat16",
            "--json",
            folder / "half.json",
        ),
        ("evaluate", run, "--data", prepared, "--protocol", folder / "protocol.yaml", "--json", folder / "run.json"),
        ("export", run, saved, "--json", folder / "export.json"),
        (
            "evaluate",
            saved,
            "--data",
            prepared,
            "--protocol",
            folder / "protocol.yaml",
            "--json",
            folder / "saved.json",
        ),
        ("evaluate", "gei", "--data", prepared, "--protocol", folder / "protocol.yaml", "--json", folder / "gei.json"),
        ("embed", saved, f"three={raw}/003/nm-01/090", f"four={raw}/004/nm-01/090", "--out", folder / "gallery.npz"),
        ("embed", saved, raw / "003/nm-01/090", "--json", folder / "embed.json"),
        ("enroll", folder / "people.npz", "three", raw / "003/nm-01/090", "--model", saved),
        ("enroll", folder / "people.npz", "four", raw / "004/nm-01/090", "--model", saved),
        ("identify", folder / "people.npz", raw / "003/nm-01/090", "--json", folder / "identify.json"),
    ]
    told = []
    for command in commands:
        with contextlib.redirect_stdout(io.StringIO()) as out:
            assert call(*command) == 0, command
        told.append([command[0], out.getvalue()])
    (folder / "told.json").write_text(json.dumps(told))
    return folder


def numbers(folder, name):
    return json.loads((folder / f"{name}.json").read_text())


def test_prepare_counts_walks_and_frames(folder):
    report = numbers(folder, "prepare")
    assert report["num_walks"] == 4 * 10 * 2
    assert report["num_frames"] == report["num_raw_frames"] == 80 * 6


def test_train_returns_its_log(folder):
    log = numbers(folder, "train")["log"]
    assert [record["step"] for record in log][-1] == 2


def test_a_command_ends_with_the_next_one_also_without_a_terminal(folder):
    raw, prepared, run, saved = (str(folder / name) for name in ("raw", "prepared", "run", "saved"))
    following = [
        f"prepare {raw} prepared",
        f"train CONFIG.yaml --data {prepared}",
        f"evaluate {run} --data {prepared} --protocol {folder / 'protocol.yaml'}",
        f"export {run} OUT",
        f"export {run} OUT",
        f"enroll people.npz NAME WALK --model {saved}",
        None,
        None,
        f"enroll people.npz NAME WALK --model {saved}",
        f"embed {saved} NAME=FOLDER --out walks.npz",
        f"identify {folder / 'people.npz'} WALK",
        f"calibrate {folder / 'people.npz'} --data DIR",
        f"calibrate {folder / 'people.npz'} --data DIR",
    ]
    for (command, told), command_after in zip(numbers(folder, "told"), following, strict=True):
        last = told.splitlines()[-1]
        if command_after is None:
            assert "Next: " not in told, command
        else:
            assert last == f"Next: tf3dlocal {command_after}", command


def test_tensorboard_gets_the_scores_of_the_run_at_its_step_once(folder):
    import tensorflow as tf

    (file,) = (folder / "run" / "tensorboard" / "test").iterdir()
    found = {}
    for record in tf.data.TFRecordDataset(str(file)):
        event = tf.compat.v1.Event.FromString(record.numpy())
        for value in event.summary.value:
            found[value.tag] = event.step, float(tf.make_ndarray(value.tensor))
    means = numbers(folder, "run")["rank1"]
    assert found["four_people/rank_1_NM"] == (2, pytest.approx(means["NM"]["mean"]))
    assert set(found) == {f"four_people/rank_{rank}_{group}" for rank in (1, 5) for group in ("NM", "CL")}
    before = file.stat().st_mtime_ns
    test = ("evaluate", folder / "run", "--data", folder / "prepared", "--protocol", folder / "protocol.yaml")
    assert call(*test) == 0
    (again,) = (folder / "run" / "tensorboard" / "test").iterdir()
    assert again.name == file.name and again.stat().st_mtime_ns > before


@pytest.mark.bad_input
def test_a_run_that_cannot_be_written_is_evaluated_and_what_is_lost_is_said(folder, tmp_path, capfd):
    run = shutil.copytree(folder / "run", tmp_path / "run")
    shutil.rmtree(run / "tensorboard" / "test")
    (run / "tensorboard" / "test").write_text("a file")
    test = ("evaluate", run, "--data", folder / "prepared", "--protocol", folder / "protocol.yaml")
    assert call(*test) == 0
    out = capfd.readouterr().out
    assert "note: TensorBoard does not get these scores" in out and "Rank-1 (%)" in out


def test_the_run_and_its_export_have_the_same_rank_1(folder):
    run, saved = numbers(folder, "run"), numbers(folder, "saved")
    for group in ("NM", "CL"):  # two graphs differ in the last digit, so ties may differ
        assert run["rank1"][group]["mean"] == pytest.approx(saved["rank1"][group]["mean"], abs=100 / 8)
    assert run["groups"] == ["NM", "CL"]


def test_a_run_is_evaluated_in_another_precision_which_the_report_names(folder):
    half, run = numbers(folder, "half"), numbers(folder, "run")
    assert half["facts"]["precision"] == "mixed_bfloat16" and run["facts"]["precision"] == "float32"
    assert "The model was trained in float32 and computes here in mixed_bfloat16." in half["notices"]
    for group in ("NM", "CL"):
        assert half["rank1"][group]["mean"] == pytest.approx(run["rank1"][group]["mean"], abs=100 / 8)


@pytest.mark.bad_input
def test_the_precision_of_an_export_and_of_the_baseline_cannot_be_changed(folder, capfd):
    test = ("--data", folder / "prepared", "--protocol", folder / "protocol.yaml", "--precision", "auto")
    assert call("evaluate", folder / "saved", *test) == 1
    assert "an exported model computes in float32" in capfd.readouterr().err
    assert call("evaluate", "gei", *test) == 2
    assert "gei has no network" in capfd.readouterr().err


def test_the_baseline_of_gait_energy_images_needs_no_model(folder):
    baseline = numbers(folder, "gei")
    assert baseline["groups"] == ["NM", "CL"]
    assert baseline["distance"] == "Euclidean"


def test_the_card_of_the_export_contains_the_config_of_the_run(folder):
    card = json.loads((folder / "saved" / "1" / "model_card.json").read_text())
    assert card["config"]["model"]["arguments"]["channels"] == [2, 4, 4]
    assert card["made_by"].startswith("tf3dlocal export run saved")
    assert card["config"]["data"]["protocol"] == "protocol.yaml"


def test_the_card_of_the_export_contains_the_last_evaluation_of_the_run_and_no_folder_of_this_machine(folder):
    text = (folder / "saved" / "1" / "model_card.json").read_text()
    scores = json.loads(text)["scores"]
    assert scores["rank1"]["NM"]["mean"] == numbers(folder, "run")["rank1"]["NM"]["mean"]
    assert scores["protocol"] == "four people" and "pairs" not in scores
    assert str(folder) not in text and str(folder.parent) not in text


def test_numbers_are_written_where_the_terminal_knows_ascii_alone(folder, tmp_path):
    """The printed table has a degree sign."""
    command = [sys.executable, "-m", "tf3dlocal", "evaluate", "gei", "--data", str(folder / "prepared")]
    command += ["--protocol", str(folder / "protocol.yaml"), "--json", str(tmp_path / "gei.json")]
    environment = {**os.environ, "PYTHONIOENCODING": "ascii", "LC_ALL": "C", "PYTHONUTF8": "0"}
    done = subprocess.run(command, env=environment, capture_output=True, timeout=600, check=False)
    assert done.returncode == 0, done.stderr.decode()
    assert json.loads((tmp_path / "gei.json").read_text())["groups"] == ["NM", "CL"]
    assert done.stdout.isascii() and b"CL" in done.stdout


@pytest.mark.bad_input
def test_scores_of_another_file_are_refused_before_anything_is_written(folder, tmp_path, capfd):
    (tmp_path / "scores.json").write_text("[]")
    assert call("export", folder / "run", tmp_path / "out", "--scores", tmp_path / "scores.json") == 1
    assert "has no rank-1" in capfd.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_walk_is_nearest_to_itself_in_the_gallery(folder):
    (answer,) = numbers(folder, "identify")
    assert answer["nearest"][0] == ["three", pytest.approx(0, abs=1e-4)]
    assert numbers(folder, "embed")["num_frames"] == [6]
    gallery = np.load(folder / "gallery.npz")
    assert gallery["names"].tolist() == ["three", "four"]


def test_an_exported_version_is_not_overwritten(folder, capfd):
    assert call("export", folder / "run", folder / "saved") == 1
    assert "choose version 2" in capfd.readouterr().err


def test_an_export_of_an_export_is_refused(folder, tmp_path, capfd):
    assert call("export", folder / "saved", tmp_path / "again") == 1
    assert "An exported model has no Keras layers" in capfd.readouterr().err


def test_an_unfinished_training_is_named_as_such(folder, tmp_path, capfd):
    unfinished = shutil.copytree(folder / "run", tmp_path / "run")
    (unfinished / "model.keras").unlink()
    protocol = folder / "protocol.yaml"
    assert call("evaluate", unfinished, "--data", folder / "prepared", "--protocol", protocol) == 1
    assert "is not finished" in capfd.readouterr().err


def test_a_protocol_that_does_not_fit_the_data_set_is_explained(folder, capfd):
    assert call("evaluate", folder / "run", "--data", folder / "prepared", "--protocol", "casia-b-st") == 1
    assert "none of them is in the data set" in capfd.readouterr().err


def test_a_walk_without_pictures_names_its_folder(folder, tmp_path, capfd):
    (tmp_path / "walk").mkdir()
    assert call("embed", folder / "saved", tmp_path / "walk") == 1
    assert str(tmp_path / "walk") in capfd.readouterr().err


def test_too_few_people_for_a_batch_are_reported_before_training(folder, tmp_path, capfd):
    settings = ("--set", "data.subjects_per_batch=3", "--run", tmp_path / "run")
    assert call("train", folder / "config.yaml", "--data", folder / "prepared", *settings) == 1
    assert "data.subjects_per_batch is 3" in capfd.readouterr().err
    assert not (tmp_path / "run").exists()
