"""Which calls a run folder accepts, what it removes, and which checkpoints count as damaged."""

import errno
import itertools
import json
import os
import random
import re
import zipfile

import numpy as np
import pytest
import tensorflow as tf

from tf3dlocal import __version__
from tf3dlocal.config import ConfigError, Experiment
from tf3dlocal.training import RunFolder, config_of_run
from tf3dlocal.training.distributed.workers import Workers
from tf3dlocal.training.run.checkpoint import RANDOM_STATES, Restored, damage_of
from tf3dlocal.training.run.model_file import note_of

CONFIG = "{model: {name: gaitset}, training: {steps: 10}}"


def test_devices_and_intervals_may_change_between_two_calls_and_the_model_may_not(tmp_path):
    run = RunFolder(tmp_path)
    run.claim(Experiment.from_text(CONFIG, overrides=["training.jit_compile=true"]))
    (run.checkpoints / "step-000004.keras").touch()  # before the first checkpoint any config may be corrected
    run.check(Experiment.from_text(CONFIG, overrides=["training.keep_checkpoints=9"]))
    with pytest.raises(ConfigError, match="model.arguments.bins"):
        run.check(Experiment.from_text(CONFIG, overrides=["model.arguments.bins=[1]"]))


def test_a_run_folder_notes_the_version_and_one_of_version_0_1_is_refused(tmp_path):
    run, config = RunFolder(tmp_path), Experiment.from_text(CONFIG)
    run.claim(config)
    assert json.loads(run.data_file.read_text()) == {"version": __version__} and run.data_set() is None
    run.data_file.write_text('{"name": "walkers", "num_walks": 8, "num_subjects": 2, "fingerprint": "0123456789"}')
    message = f"tf3dlocal {__version__} cannot read the run folder {tmp_path}, which tf3dlocal 0.1 wrote. Use it with"
    for read in (lambda: run.check(config), lambda: config_of_run(tmp_path)):
        with pytest.raises(ConfigError, match=re.escape(message)):
            read()
    run.data_file.unlink()
    with pytest.raises(ConfigError, match=re.escape(message)):
        run.check(config)


def test_a_model_file_of_version_0_1_is_refused(tmp_path):
    file = tmp_path / "model.keras"
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("note.json", '{"kept": "last", "step": 10}')
    with pytest.raises(ConfigError, match=f"cannot read the model file {file}, which tf3dlocal 0.1 wrote"):
        note_of(file)


def test_the_config_of_a_run_is_found_from_its_folder_and_from_the_files_in_it(tmp_path):
    RunFolder(tmp_path).claim(Experiment.from_text(CONFIG))
    for path in (tmp_path, tmp_path / "model.keras", tmp_path / "checkpoints" / "step-000004.keras"):
        assert config_of_run(path)["training"]["steps"] == 10
    assert config_of_run(tmp_path / "a" / "b" / "c" / "model.keras") is None


def test_the_folder_is_held_by_one_call_and_the_error_of_another_names_it(tmp_path):
    run = RunFolder(tmp_path / "run")
    with run.hold() as first, run.hold() as second:
        assert (first, second) == (True, False)
        assert f"Another training (process {os.getpid()} on " in str(run.in_use())
    with run.hold() as again:
        assert again


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


def test_a_wrong_bit_is_damage_and_not_an_error_of_the_disk(checkpoint):
    content = checkpoint.read_bytes()
    assert damage_of(checkpoint) is None
    damage = []
    list_of_members = range(content.index(b"PK\x01\x02"), len(content))
    for place, bit in itertools.product(list_of_members, (0, 7)):
        wrong = bytearray(content)
        wrong[place] ^= 1 << bit
        checkpoint.write_bytes(wrong)
        damage.append(damage_of(checkpoint))
    assert any("damaged, or cut short" in str(reason) for reason in damage), (
        "the system was asked for a place before the file"
    )
    assert any("encrypted" in str(reason) for reason in damage)


@pytest.mark.parametrize("number", [errno.EIO, errno.ESTALE, errno.EACCES, errno.EMFILE])
def test_a_checkpoint_that_cannot_be_reached_is_not_damaged(checkpoint, monkeypatch, number):
    def read(self, *arguments):
        raise OSError(number, "it failed")

    monkeypatch.setattr(zipfile.ZipFile, "testzip", read)
    with pytest.raises(OSError, match=rf"it failed. The file may be intact: start again .*{checkpoint}") as raised:
        RunFolder(checkpoint.parents[1]).restore(None)
    assert raised.value.errno == number


def several_workers(monkeypatch, rows):
    """The second of three workers, without the others, who give `rows`."""
    workers = Workers(tf.distribute.get_strategy())
    workers.addresses, workers.index, workers.is_chief = ("a:1", "b:1", "c:1"), 1, False
    monkeypatch.setattr(workers, "together", lambda *numbers: np.array(rows))
    return workers


def test_workers_resume_from_the_same_step_or_not_at_all(tmp_path, monkeypatch):
    run = RunFolder(tmp_path)
    several_workers(monkeypatch, [[500], [500], [500]]).agree_on(500, run=run)
    with pytest.raises(
        ConfigError, match=r"worker 1 \(b:1\) has another newest intact checkpoint .* found steps 400 and 500"
    ):
        several_workers(monkeypatch, [[500], [400], [500]]).agree_on(400, run=run)


def test_a_worker_names_the_batch_of_the_chief_and_not_its_own(tmp_path, monkeypatch):
    shared, config = RunFolder(tmp_path), Experiment.from_text(CONFIG)
    worker = several_workers(monkeypatch, [])
    own = worker.claim(shared, config=config, data_set={}, restored=Restored(), is_held=True)
    assert own.path != shared.path and own.shared is shared and own.config_file.exists()
    assert not list(tmp_path.iterdir())
