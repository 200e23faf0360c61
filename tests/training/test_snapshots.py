"""A training with local paths keeps a few models for supplement Fig. 3, and shows its parts in TensorBoard."""

import shutil

import numpy as np
import pytest
import tensorflow as tf
from small_walks import write_small_walks

from tf3dlocal import load_model
from tf3dlocal.config import Experiment
from tf3dlocal.training import RunFolder, run_experiment, step_of
from tf3dlocal.training.callbacks import Report
from tf3dlocal.training.run.snapshots import snapshot_steps

CONFIG = """
data: {protocol: PROTOCOL, subjects_per_batch: 2, walks_per_subject: 2, clip_length: 4, window: [4, 5]}
model:
  arguments: {channels: [2, 2, 4], local_blocks: [3], parts: [[torso, 0.33, 0.33, 1.0, 0.5, 0.35, 0.5]],
              num_strips: 4, embedding_channels: 4, compact_channels: 0}
training: {steps: 6, report_every: 1, checkpoint_every: 2, keep_checkpoints: 1, strategy: none}
"""
PROTOCOL = """
name: small
train: [001, 002]
test: [003, 004]
gallery: [nm-01]
probes: {NM: [nm-05]}
"""


@pytest.mark.parametrize(
    ("steps", "count", "expected"),
    [
        (120_000, 4, [2_000, 40_000, 80_000, 120_000]),  # as in the supplement
        (250_000, 3, [4_167, 125_000, 250_000]),
        (600, 2, [10, 600]),
        (5, 1, [5]),
        (2, 9, [1, 2]),
        (600, 0, []),
    ],
)
def test_the_first_snapshot_is_early_and_the_others_are_evenly_spaced(steps, count, expected):
    assert snapshot_steps(steps, count=count) == expected


@pytest.fixture(scope="module")
def killed_and_resumed(tmp_path_factory):
    """A run that was killed after step 4, before its snapshot, and resumed from the checkpoint of step 2."""
    folder = tmp_path_factory.mktemp("snapshots")
    write_small_walks(folder / "data")
    (folder / "protocol.yaml").write_text(PROTOCOL)
    config = Experiment.from_text(CONFIG.replace("PROTOCOL", str(folder / "protocol.yaml")))
    run, act = RunFolder(folder / "run"), Report.act

    def act_or_die(self, step, logs):
        act(self, step, logs)
        if step == 4:
            raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(Report, "act", act_or_die)
        run_experiment(config, data=folder / "data", run=run.path, progress=False)
    before = run.snapshots.steps()
    run.snapshots.file(5).write_bytes(b"of a step that is repeated, or never comes")
    run_experiment(config, data=folder / "data", run=run.path, progress=False)
    return run, before


@pytest.mark.slow
def test_snapshots_survive_a_kill_and_the_removal_of_checkpoints(killed_and_resumed):
    run, before = killed_and_resumed
    assert before == [1, 2]
    assert run.snapshots.steps() == [1, 2, 4, 6] and run.checkpoint_steps() == [6]


def test_a_snapshot_is_the_whole_model_of_its_step_without_the_optimizer(killed_and_resumed):
    run, _ = killed_and_resumed
    last, final, first = (load_model(file) for file in (run.snapshots.file(6), run.model_file, run.snapshots.file(1)))
    for one, other in zip(last.get_weights(), final.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    assert any(np.any(one != other) for one, other in zip(first.get_weights(), final.get_weights(), strict=True))
    sizes = [file.stat().st_size for file in (run.snapshots.file(6), *run.checkpoints.glob("*.keras"))]
    assert sizes[0] < sizes[1]


def pictures_of(run):
    """{tag: steps} of the pictures in the event files."""
    found = {}
    for file in sorted(run.tensorboard.glob("events.out.tfevents.*")):
        for record in tf.data.TFRecordDataset(str(file)):
            event = tf.compat.v1.Event.FromString(record.numpy())
            for value in event.summary.value:
                if value.metadata.plugin_data.plugin_name == "images":
                    found.setdefault(value.tag, []).append(event.step)
                    assert value.tensor.string_val[2].startswith(b"\x89PNG")
    return found


def test_tensorboard_has_the_parts_of_the_start_and_of_each_snapshot_once(killed_and_resumed):
    run, _ = killed_and_resumed
    assert pictures_of(run) == {f"parts/block_3/{view}": [0, 1, 2, 4, 6] for view in ("000", "180")}


@pytest.mark.slow
def test_snapshots_that_a_resumed_training_has_passed_are_named(killed_and_resumed, tmp_path, capfd):
    run, _ = killed_and_resumed
    folder = shutil.copytree(run.path, tmp_path / "run")
    config = Experiment.from_yaml(run.config_file, overrides=["training.snapshots=6", "training.steps=7"])
    run_experiment(config, data=run.path.parent / "data", run=folder)
    told = " ".join(capfd.readouterr().err.split())
    assert "There are no snapshots of the steps 3: the training passed them with another training.snapshots" in told
    assert "no snapshots of the steps 3" in (folder / "log.txt").read_text()


@pytest.mark.bad_input
@pytest.mark.parametrize("name", ["snapshots", "checkpoints", "tensorboard"])
def test_a_file_where_the_run_keeps_a_folder_is_named_before_anything_is_written(killed_and_resumed, tmp_path, name):
    run, _ = killed_and_resumed
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / name).write_text("a file")
    with pytest.raises(OSError, match=f"run/{name} cannot be written: it is not a folder"):
        run_experiment(
            Experiment.from_yaml(run.config_file), data=run.path.parent / "data", run=tmp_path / "run", progress=False
        )
    assert [path.name for path in (tmp_path / "run").iterdir() if path.name != ".lock"] == [name]


def test_the_step_of_a_model_file_is_known(killed_and_resumed):
    run, _ = killed_and_resumed
    files = {run.snapshots.file(4): 4, run.model_file: 6, next(run.checkpoints.glob("*.keras")): 6}
    assert {file: step_of(file) for file in files} == files


@pytest.mark.slow
def test_a_model_without_local_paths_keeps_no_snapshots_and_shows_no_parts(train, tmp_path):
    train(tmp_path, "training.steps=2")
    run = RunFolder(tmp_path)
    assert run.snapshots.steps() == [] and pictures_of(run) == {} and not run.snapshots.folder.exists()
