"""A whole training: what it writes, that it resumes, and its errors.

That it resumes to the bit, on one thread, is shown in test_killed.py.
"""

import json
import os

import keras
import numpy as np
import pytest
from small_walks import write_small_walks
from tiny_gait import CONFIG

from tf3dlocal.config import ConfigError, Experiment
from tf3dlocal.data import data_fingerprint, open_walks
from tf3dlocal.training import run_experiment
from tf3dlocal.training.callbacks import Report
from tf3dlocal.training.run.run_folder import RunFolder

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("tiny_model_by_name")]


def read_log(folder):
    return [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]


def test_a_training_leaves_config_log_checkpoints_and_a_model_without_optimizer(train, tmp_path):
    model = train(tmp_path / "run", "training.evaluate_every=6", "training.held_out_subjects=2")
    log = read_log(tmp_path / "run")
    assert [record["step"] for record in log] == [0, 2, 4, 6, 6]  # rank-1 before the first step, too
    losses = {"loss", "part_features_loss", "logits_loss", "part_features_nonzero_triplets", "logits_accuracy"}
    assert losses | {"step", "learning_rate", "seconds_per_step"} == set(log[1])
    for record in (log[0], log[4]):
        assert set(record) == {"step", "rank_1", "rank_1_NM", "rank_1_CL"} and 0 <= record["rank_1"] <= 100
    weighted = log[1]["part_features_loss"] + 0.5 * log[1]["logits_loss"]
    np.testing.assert_allclose(log[1]["loss"], weighted, rtol=1e-5)
    names = sorted(path.name for path in (tmp_path / "run" / "checkpoints").iterdir())
    assert names == ["step-000004.keras", "step-000006.keras"]  # the last two of three
    assert list((tmp_path / "run" / "tensorboard").iterdir())
    assert Experiment.from_yaml(tmp_path / "run" / "config.yaml").training.steps == 6
    saved = keras.saving.load_model(tmp_path / "run" / "model.keras")
    assert not saved.compiled
    for ours, theirs in zip(model.get_weights(), saved.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert model.get_layer("logits").units == 2  # the classes are the subjects that train, not those held out


@pytest.mark.parametrize("precision", ["float32", "mixed_bfloat16"])
def test_a_training_killed_between_checkpoints_resumes_to_the_same_weights(train, tmp_path, killed_after, precision):
    whole = train(tmp_path / "whole", f"training.precision={precision}")
    with killed_after(4):
        train(tmp_path / "killed", f"training.precision={precision}")
    with open(tmp_path / "killed" / "log.jsonl", "a") as file:
        file.write('{"step": 5, "lo')  # the line that the kill cut short
    resumed = train(tmp_path / "killed", f"training.precision={precision}")
    for ours, theirs in zip(whole.get_weights(), resumed.get_weights(), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-6)
    for ours, theirs in zip(whole.optimizer.variables, resumed.optimizer.variables, strict=True):
        np.testing.assert_allclose(ours.numpy(), theirs.numpy(), atol=1e-6)
    timeless = [
        [{key: value for key, value in record.items() if key != "seconds_per_step"} for record in read_log(folder)]
        for folder in (tmp_path / "whole", tmp_path / "killed")
    ]
    assert [record["step"] for record in timeless[1]] == [2, 4, 6]
    for ours, theirs in zip(*timeless, strict=True):
        assert ours == pytest.approx(theirs, rel=1e-5)


def test_a_finished_training_is_not_repeated_and_a_longer_one_resumes(train, tmp_path):
    first = train(tmp_path, "training.steps=2")
    written = (tmp_path / "model.keras").stat().st_mtime_ns
    again = train(tmp_path, "training.steps=2")
    assert (tmp_path / "model.keras").stat().st_mtime_ns == written
    for ours, theirs in zip(first.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    train(tmp_path, "training.steps=4")
    assert [record["step"] for record in read_log(tmp_path)] == [2, 4]


def test_a_run_folder_of_another_config_is_refused_with_the_keys_that_differ(train, tmp_path):
    train(tmp_path, "training.steps=1")
    with pytest.raises(
        ConfigError, match=r"data.clip_length: 4 in the folder, 3 now\n.*optimizer.name: 'adam' .*'sgd'"
    ):
        train(tmp_path, "training.steps=1", "optimizer.name=sgd", "data.clip_length=3")


def test_a_second_training_in_a_folder_is_refused_while_the_first_one_writes_there(train, tmp_path):
    run = RunFolder(tmp_path)
    with (
        run.hold(),
        pytest.raises(ConfigError, match=rf"Another training \(process {os.getpid()} on .*{tmp_path}. Wait for"),
    ):
        train(tmp_path)
    assert list(tmp_path.iterdir()) == [run.lock_file]


@pytest.mark.slow
def test_the_folder_is_held_during_a_training_and_free_after_it(train, tmp_path, monkeypatch):
    act, refused = Report.act, []

    def begin_again_at_four(self, step, logs):
        act(self, step, logs)
        if step == 4:
            with pytest.raises(ConfigError, match="Another training"):
                train(tmp_path)
            refused.append(step)

    monkeypatch.setattr(Report, "act", begin_again_at_four)
    train(tmp_path)
    assert refused == [4] and [record["step"] for record in read_log(tmp_path)] == [2, 4, 6]
    train(tmp_path, "training.steps=7")


@pytest.mark.slow
def test_a_finished_training_can_be_read_while_another_call_holds_its_folder(train, tmp_path):
    first = train(tmp_path, "training.steps=2")
    written = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*") if path.is_file()}
    written.pop(RunFolder(tmp_path).lock_file)
    with RunFolder(tmp_path).hold():
        again = train(tmp_path, "training.steps=2")
        with pytest.raises(ConfigError, match="Another training"):
            train(tmp_path, "training.steps=4")
    assert all(path.stat().st_mtime_ns == time for path, time in written.items())
    for ours, theirs in zip(first.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_a_model_whose_checkpoints_were_deleted_is_not_trained_over(train, tmp_path):
    (tmp_path / "model.keras").write_bytes(b"hours of work")
    with pytest.raises(ConfigError, match="model.keras, and no checkpoint to resume from. .*another run folder"):
        train(tmp_path)
    assert (tmp_path / "model.keras").read_bytes() == b"hours of work" and not (tmp_path / "log.jsonl").exists()


def cut_short(file):
    file.write_bytes(file.read_bytes()[:500])


def one_bit_turned(file):
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)


@pytest.mark.parametrize("damage", [cut_short, one_bit_turned])
def test_after_a_damaged_checkpoint_the_one_before_it_is_used_and_a_message_says_so(train, tmp_path, damage, capfd):
    whole = train(tmp_path, "training.steps=4")
    damage(tmp_path / "checkpoints" / "step-000004.keras")
    again = train(tmp_path, "training.steps=4", progress=True)
    told = capfd.readouterr().err
    assert "step-000004.keras cannot be read: " in told and "is set aside as step-000004.damaged" in told
    assert f"{tmp_path} resumes from step 2 of 4" in told
    for ours, theirs in zip(whole.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-6)
    names = sorted(path.name for path in (tmp_path / "checkpoints").iterdir())
    assert names == ["step-000002.keras", "step-000004.damaged", "step-000004.keras"]


def test_if_no_checkpoint_can_be_read_the_fix_is_named_and_nothing_is_overwritten(train, tmp_path):
    train(tmp_path, "training.steps=2")
    checkpoint = tmp_path / "checkpoints" / "step-000002.keras"
    cut_short(checkpoint)
    with pytest.raises(ValueError, match="step-000002.keras cannot be read.*or remove it"):
        train(tmp_path, "training.steps=2")
    assert checkpoint.stat().st_size == 500


def test_a_run_remembers_its_data_set_and_refuses_another(train, tmp_path, prepared):
    train(tmp_path / "run", "training.steps=1")
    noted = json.loads((tmp_path / "run" / "data.json").read_text())
    assert noted["name"] == "small walks" and noted["num_walks"] == 120
    assert noted["fingerprint"] == data_fingerprint(open_walks(prepared))
    (tmp_path / "other").mkdir()
    write_small_walks(tmp_path / "other", subjects=("001", "002", "003", "004", "005"))
    with pytest.raises(
        ConfigError,
        match=r"the data set 'small walks' of 120 walks of 4 subjects \(fingerprint .{8}\), and now the data set is",
    ):
        train(tmp_path / "run", "training.steps=2", data=tmp_path / "other")


def test_a_loss_that_is_no_longer_a_number_stops_the_training_before_a_checkpoint(train, tmp_path):
    with pytest.raises(ValueError, match="The loss is nan at step .*learning_rate"):
        train(tmp_path, "schedule.learning_rate=1e9", "optimizer.name=sgd", "training.report_every=4")
    log = tmp_path / "log.jsonl"
    assert not log.exists() or all(np.isfinite(record["loss"]) for record in read_log(tmp_path))
    for checkpoint in (tmp_path / "checkpoints").iterdir():
        assert int(checkpoint.stem[-6:]) < 4


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["data.subjects_per_batch=5"], "trains 4 of the 4 subjects of 'small walks'.*subjects_per_batch is 5"),
        (["training.held_out_subjects=3", "training.evaluate_every=2"], "holds out 3"),
        (["model.name=gaitnet"], "model.name is 'gaitnet'. Did you mean 'gaitset'"),
        (["model.arguments.chanels=3"], "model.arguments.chanels is no argument of tiny_gait. Did you mean 'channels'"),
        (["data.protocol=casia-c"], "casia-c"),
        (
            ["losses.cross_entropy.weight=0"],
            "No loss trains the layers embedding of tiny_gait. Give losses.cross_entropy",
        ),
    ],
)
def test_what_does_not_fit_is_refused_before_anything_is_written(train, tmp_path, overrides, message):
    with pytest.raises(ValueError, match=message):
        train(tmp_path / "run", *overrides)
    assert not (tmp_path / "run" / "log.jsonl").exists()


def test_without_a_data_set_the_fix_is_named(tmp_path):
    with pytest.raises(ConfigError, match="--data"):
        run_experiment(Experiment.from_text(CONFIG), run=tmp_path)


def test_the_triplet_loss_alone_and_float16_train_too(train, tmp_path):
    overrides = [
        "losses.cross_entropy.weight=0",
        "model.arguments.compact=false",
        "training.precision=mixed_float16",
        "training.steps=2",
    ]
    model = train(tmp_path, *overrides)
    assert set(model.output) == {"part_features", "embedding"}
    assert set(read_log(tmp_path)[0]) >= {"loss", "part_features_nonzero_triplets"}
    assert isinstance(model.optimizer, keras.optimizers.LossScaleOptimizer)
