"""One training at a time in a run folder: who holds it, and who lets go of it."""

import contextlib
import errno
import os
import signal

import pytest

from tf3dlocal.training import run_lock as module
from tf3dlocal.training.run_folder import RunFolder
from tf3dlocal.training.run_lock import run_lock

pytestmark = pytest.mark.skipif(module.fcntl is None, reason="this system has no such locks")


@contextlib.contextmanager
def forked(act):
    """A process that has called `act` and then waits; it is killed behind the block."""
    read, write = os.pipe()
    if (child := os.fork()) == 0:
        try:
            act()
            os.write(write, b".")
            signal.pause()
        finally:
            os._exit(1)
    os.close(write)
    assert os.read(read, 1) == b"."
    try:
        yield
    finally:
        os.close(read)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


def is_free(run):
    with run_lock(run) as ours:
        return ours


def test_a_process_holds_the_folder_until_it_is_killed(tmp_path):
    run = RunFolder(tmp_path / "run")
    with contextlib.ExitStack() as stack, forked(lambda: stack.enter_context(run_lock(run))):
        assert not is_free(run)
    assert is_free(run)


def test_a_forked_process_that_outlives_the_training_does_not_hold_it(tmp_path):
    run = RunFolder(tmp_path)
    with run_lock(run):
        child = forked(lambda: None)
        child.__enter__()
        assert not is_free(run)
    try:
        assert is_free(run)
    finally:
        child.__exit__(None, None, None)


def test_where_the_file_system_has_no_locks_a_training_begins_all_the_same(tmp_path, monkeypatch):
    def flock(handle, operation):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(module.fcntl, "flock", flock)
    assert is_free(RunFolder(tmp_path))
    monkeypatch.setattr(module, "fcntl", None)  # as on Windows
    assert is_free(RunFolder(tmp_path))
