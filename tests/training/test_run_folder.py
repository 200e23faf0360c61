"""What a run folder takes for its own, what it clears away, and what it takes for a damaged checkpoint."""

import errno
import itertools
import random
import zipfile
from types import SimpleNamespace

import numpy as np
import pytest
import tensorflow as tf

from tf3dlocal.config import ConfigError, Experiment
from tf3dlocal.training.checkpoint_file import RANDOM_STATES, damage_of
from tf3dlocal.training.computing_devices import computing_devices
from tf3dlocal.training.run_folder import Restored, RunFolder
from tf3dlocal.training.workers import Workers

CONFIG = "{model: {name: gaitset}, training: {steps: 10}}"


def test_the_form_of_the_convolutions_may_change_between_two_calls(tmp_path):
    run = RunFolder(tmp_path)
    run.claim(Experiment.from_text(CONFIG, ["model.arguments.form=conv3d"]))
    run.check(Experiment.from_text(CONFIG))
    with pytest.raises(ConfigError, match="model.arguments.bins"):
        run.check(Experiment.from_text(CONFIG, ["model.arguments.bins=[1]"]))


def test_what_workers_that_were_killed_left_for_each_other_is_cleared_away(tmp_path):
    mark = tmp_path / ".workers-0123456789abcdef"
    mark.touch()
    RunFolder(tmp_path).claim(Experiment.from_text(CONFIG))
    assert not mark.exists()


@pytest.fixture
def checkpoint(tmp_path):
    """A file with the members of a checkpoint, where a training looks for it."""
    file = tmp_path / "checkpoints" / "step-000004.keras"
    file.parent.mkdir()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("model.weights.h5", random.Random(0).randbytes(300))
        archive.writestr(RANDOM_STATES, "[]")
    return file


def test_no_wrong_bit_is_taken_for_a_trouble_of_the_disk(checkpoint):
    content = checkpoint.read_bytes()
    assert damage_of(checkpoint) is None
    damage = []
    list_of_members = range(content.index(b"PK\x01\x02"), len(content))
    for place, bit in itertools.product(list_of_members, (0, 7)):
        wrong = bytearray(content)
        wrong[place] ^= 1 << bit
        checkpoint.write_bytes(wrong)
        damage.append(damage_of(checkpoint))
    assert any("Invalid argument" in str(reason) for reason in damage), (
        "the system was asked for a place before the file"
    )
    assert any("encrypted" in str(reason) for reason in damage)


@pytest.mark.parametrize("number", [errno.EIO, errno.ESTALE, errno.EACCES, errno.EMFILE])
def test_a_checkpoint_that_cannot_be_reached_is_no_damaged_one(checkpoint, monkeypatch, number):
    def read(self, *arguments):
        raise OSError(number, "it failed")

    monkeypatch.setattr(zipfile.ZipFile, "testzip", read)
    with pytest.raises(OSError, match=rf"it failed, and it may be whole; start again .*{checkpoint}") as raised:
        RunFolder(checkpoint.parents[1]).restore(None)
    assert raised.value.errno == number


def several_workers(monkeypatch, rows):
    """The second of three workers, without the others: what they say is `rows`."""
    workers = Workers(tf.distribute.get_strategy())
    workers.addresses, workers.index, workers.is_chief = ("a:1", "b:1", "c:1"), 1, False
    monkeypatch.setattr(workers, "together", lambda *numbers: np.array(rows))
    return workers


def test_workers_go_on_behind_the_same_step_or_not_at_all(tmp_path, monkeypatch):
    run = RunFolder(tmp_path)
    several_workers(monkeypatch, [[500], [500], [500]]).agree_on(Restored(500), run)
    with pytest.raises(
        ConfigError, match=r"worker 1 \(b:1\) has another newest whole checkpoint .* found steps 400 and 500"
    ):
        several_workers(monkeypatch, [[500], [400], [500]]).agree_on(Restored(400), run)


def test_a_worker_names_the_batch_of_the_chief_and_not_its_own(tmp_path, monkeypatch):
    shared = RunFolder(tmp_path)
    own, _ = several_workers(monkeypatch, []).own_folder(shared, Restored())
    save = Workers(tf.distribute.get_strategy()).named_as_shared(
        lambda step: own.bad_batches / f"{step}.npz", own, shared
    )
    assert own.path != shared.path and save(step=3) == tmp_path / "bad_batch" / "3.npz"


@pytest.mark.parametrize(
    ("gpus", "replicas", "said"),
    [
        (8, 8, "8 GPUs"),
        (1, 1, "one GPU"),
        (0, 1, "one CPU (TensorFlow sees no GPU)"),
        (0, 2, "2 CPUs (TensorFlow sees no GPU)"),
    ],
)
def test_it_is_said_on_what_a_training_computes(monkeypatch, gpus, replicas, said):
    monkeypatch.setattr(tf.config, "list_logical_devices", lambda kind: [kind] * gpus if kind == "GPU" else [])
    assert computing_devices(SimpleNamespace(num_replicas_in_sync=replicas)) == said
