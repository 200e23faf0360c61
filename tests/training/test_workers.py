"""Two and three processes train as one does, and a training survives the end of any of them."""

import contextlib
import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import time

import numpy as np
import pytest
from programs import environment

from tf3dlocal.training.run.run_folder import RunFolder

PROGRAM = pathlib.Path(__file__).with_name("worker.py")
SECONDS = 420  # no process may take longer; on a free machine it takes ten
# SGD: Adam would make steps of full size from the rounding noise of a gradient that is zero. A batch of 12 divides by 2
# and 3.
SETTINGS = [
    "data.subjects_per_batch=3",
    "model.arguments.dropout=0",
    "optimizer.name=sgd",
    "schedule.learning_rate=0.1",
]

pytestmark = pytest.mark.slow


def free_addresses(number):
    """Addresses on this machine whose ports nobody uses now."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(number)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [f"127.0.0.1:{one.getsockname()[1]}" for one in sockets]


class Training:
    """Worker processes of one training; `results` are (exit code, output) by worker, within SECONDS.

    Args:
        folder: new, for logs and weights.
        prepared: data set.
        number: of workers.
        runs: run folder of each worker; by default one for all, next to `folder`.
        start: which workers to start; all by default.
        by_worker: {(variable of the environment, worker): value}.
        settings: added to SETTINGS.
    """

    def __init__(self, folder, prepared, number, runs=None, start=None, by_worker=None, settings=()):
        folder.mkdir(parents=True)
        self.weights = [folder / f"{index}.npz" for index in range(number)]
        self.logs = [folder / f"{index}.log" for index in range(number)]
        addresses, self.processes = free_addresses(number), {}
        for index in range(number) if start is None else start:
            own = {**environment(), "TMPDIR": str(folder)}
            own |= {name: value for (name, of), value in (by_worker or {}).items() if of == index}
            if number > 1:
                task = {"type": "worker", "index": index}
                own["TF_CONFIG"] = json.dumps({"cluster": {"worker": addresses}, "task": task})
            run = runs[index] if runs else folder.parent / "run"
            call = [
                sys.executable,
                str(PROGRAM),
                str(prepared),
                str(run),
                str(self.weights[index]),
                *SETTINGS,
                *settings,
            ]
            with open(self.logs[index], "w") as log:
                self.processes[index] = subprocess.Popen(call, env=own, stdout=log, stderr=log)
        end = time.monotonic() + SECONDS
        try:
            for process in self.processes.values():
                process.wait(max(1, end - time.monotonic()))
        finally:
            for process in self.processes.values():  # those that hang
                process.kill()
                process.wait()
        self.results = {
            index: (process.returncode, self.logs[index].read_text()) for index, process in self.processes.items()
        }

    def load(self, index):
        assert self.results[index][0] == 0, self.results[index][1][-3000:]
        return dict(np.load(self.weights[index]))


def train_through(folder, prepared, number, **settings):
    """A training to its end, started again as its error asks if the machine was too busy for TensorFlow's heartbeat.

    TensorFlow counts a worker as lost after ten seconds without one, and has no public setting for it. Where three
    workers and other tests share two cores, that has been seen.
    """
    for attempt in range(3):
        training = Training(folder / f"attempt-{attempt}", prepared, number, **settings)
        if not any(code == 1 and "heartbeat timeout" in said for code, said in training.results.values()):
            break
    return training


def assert_equal(found, expected, tolerance=1e-5):
    assert len(found) == len(expected) >= 9
    for name, weight in expected.items():
        np.testing.assert_allclose(found[name], weight, atol=tolerance, rtol=0, err_msg=name)


@pytest.fixture(scope="module")
def alone(tmp_path_factory, prepared):
    """Folder and weights of the training in one process."""
    folder = tmp_path_factory.mktemp("alone")
    return folder / "run", Training(folder / "one", prepared, 1).load(0)


@pytest.mark.parametrize("number", [2, 3])
def test_several_workers_give_the_weights_and_losses_of_one_and_write_once(alone, prepared, tmp_path, number):
    training = train_through(tmp_path, prepared, number)
    for index in range(number):
        assert_equal(training.load(index), alone[1])
    ours, theirs = (
        [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]
        for run in (tmp_path / "run", alone[0])
    )
    assert [record["step"] for record in ours] == [2, 4, 6]  # each report once
    for record, expected in zip(ours, theirs, strict=True):
        for name in set(expected) - {"seconds_per_step"}:
            assert record[name] == pytest.approx(expected[name], rel=1e-5), name
    attempts = len(list(tmp_path.glob("attempt-*")))
    assert 1 <= len(list((tmp_path / "run" / "tensorboard").iterdir())) <= attempts
    assert not list(tmp_path.glob("attempt-*/tf3dlocal-worker-*"))  # what the others wrote
    names = sorted(path.name for path in (tmp_path / "run" / "checkpoints").iterdir())
    assert names == ["step-000004.keras", "step-000006.keras"]


# With float16 the shares' gradients are rounded otherwise than those of the whole batch, by half a thousandth of a
# number near 1 in every step. At a rate of 0.1 the six steps magnify that to between 0.002 and 0.008, which depends on
# the processor; at 0.03 it is 0.0002.
@pytest.mark.parametrize(
    ("settings", "tolerance"),
    [
        (["model.arguments.dropout=0.5"], 1e-5),
        (["training.precision=mixed_float16", "schedule.learning_rate=0.03"], 5e-3),
    ],
    ids=["dropout", "float16"],
)
def test_two_workers_drop_out_and_scale_the_loss_as_one_does(prepared, tmp_path, settings, tolerance):
    expected = Training(tmp_path / "one", prepared, 1, runs=[tmp_path / "alone"], settings=settings).load(0)
    together = train_through(tmp_path, prepared, 2, settings=settings)
    assert_equal(together.load(0), expected, tolerance)
    assert_equal(together.load(1), together.load(0), 0)


def test_a_killed_worker_ends_the_others_and_the_same_call_resumes_to_the_same_weights(alone, prepared, tmp_path):
    def killed(folder, victim, step):
        training = Training(tmp_path / folder, prepared, 2, by_worker={("TF3DLOCAL_TEST_DIE_AT", victim): str(step)})
        assert training.results[victim][0] == -signal.SIGKILL, training.results[victim][1][-3000:]
        code, said = training.results[1 - victim]
        assert code == 1 and f"LostWorkerError: Worker {1 - victim} of 2 (127.0.0.1:" in said, said[-3000:]
        assert "Start all workers again" in said
        left = list((tmp_path / folder).glob("tf3dlocal-worker-*"))
        assert len(left) == victim, left  # nothing is tidied up after SIGKILL, and the chief has no such folder

    killed("worker dies", victim=1, step=3)
    assert [path.name for path in (tmp_path / "run" / "checkpoints").iterdir()] == ["step-000002.keras"]
    killed("chief dies", victim=0, step=5)
    again = train_through(tmp_path, prepared, 2)
    for index in range(2):
        assert_equal(again.load(index), alone[1])
    steps = [json.loads(line)["step"] for line in (tmp_path / "run" / "log.jsonl").read_text().splitlines()]
    assert steps == [2, 4, 6]


def test_a_worker_that_does_not_see_the_run_folder_is_named_by_all(prepared, tmp_path):
    runs = [tmp_path / "here", tmp_path / "there"]
    short = {("TF3DLOCAL_TEST_PATIENCE", index): value for index, value in enumerate(["300", "3"])}
    training = Training(tmp_path / "all", prepared, 2, runs=runs, by_worker=short)
    for code, said in training.results.values():
        assert code == 1
        assert "ConfigError: Of 2 workers, worker 1 (127.0.0.1:" in said, said[-3000:]
        assert "no sight of what the chief writes into" in said and "file system that all workers share" in said
    assert not list(runs[0].iterdir())  # nothing is left


def test_workers_that_would_resume_from_different_checkpoints_all_say_so(prepared, tmp_path):
    Training(tmp_path / "one", prepared, 1, settings=["training.steps=4"]).load(0)
    damaged = {("TF3DLOCAL_TEST_DAMAGED", 1): "step-000004.keras"}
    training = Training(tmp_path / "all", prepared, 2, by_worker=damaged)
    for code, said in training.results.values():
        assert code == 1 and "ConfigError: Of 2 workers, worker 1 (127.0.0.1:" in said, said[-3000:]
        assert "another newest intact checkpoint" in said and "They found steps 2 and 4" in said
    names = sorted(path.name for path in (tmp_path / "run" / "checkpoints").iterdir())
    assert names == ["step-000002.keras", "step-000004.keras"]


def test_workers_whose_run_folder_is_held_by_another_training_all_say_so(prepared, tmp_path):
    with RunFolder(tmp_path / "run").hold():
        training = Training(tmp_path / "all", prepared, 2)
    for code, said in training.results.values():
        assert code == 1 and f"ConfigError: Another training (process {os.getpid()} on" in said, said[-3000:]


def test_all_workers_name_the_batch_that_stopped_them_in_the_run_folder(prepared, tmp_path):
    training = Training(tmp_path / "all", prepared, 2, settings=["training.stop_above=1e-9"])
    file = tmp_path / "run" / "bad_batch" / "step-000001.npz"
    for code, said in training.results.values():
        assert code == 1 and f"The batch of this step is in {file}." in said, said[-3000:]
    assert file.is_file()


@pytest.mark.parametrize("index", [0, 1])
def test_a_worker_that_waits_in_vain_ends(prepared, tmp_path, index):
    short = {("TF3DLOCAL_TEST_PATIENCE", index): "5"}
    training = Training(tmp_path / "all", prepared, 2, start=[index], by_worker=short)
    code, said = training.results[index]
    assert code == 1 and f"Worker {index} of 2 waits for 127.0.0.1:" in said and "Timeout (0:00:05)" in said
