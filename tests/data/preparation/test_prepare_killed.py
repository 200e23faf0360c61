"""`prepare` when processes die: finished parts are kept, no process stays, and the result is the same."""

import os
import pathlib
import signal
import subprocess
import sys
import time
from dataclasses import dataclass

import pytest
from raw_trees import casia_files, write_tree

from tf3dlocal.data import PreparationError, prepare
from tf3dlocal.data.preparation.alignment import Alignment
from tf3dlocal.data.preparation.parallel_alignment import align_parts

SUBJECTS = tuple(f"{number:03d}" for number in range(1, 7))

KILLED_WHILE_WRITING = """
import os, signal, sys
from tf3dlocal.data import prepare
replace, done = os.replace, []
def die_at_the_fourth(source, target):
    if len(done) == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    done.append(target)
    replace(source, target)
os.replace = die_at_the_fourth
prepare(sys.argv[1], out=sys.argv[2], workers=1, progress=False)
"""

TWO_WORKERS = """
import sys
from tf3dlocal.data import prepare
if __name__ == "__main__":
    prepare(sys.argv[1], out=sys.argv[2], workers=2, progress=False)
"""


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_a_kill_loses_only_the_part_being_written_and_the_next_call_resumes(tmp_path, capsys):
    raw = write_tree(tmp_path / "raw", casia_files(SUBJECTS))
    command = [sys.executable, "-c", KILLED_WHILE_WRITING, str(raw), str(tmp_path / "out")]
    assert subprocess.run(command, check=False).returncode == -signal.SIGKILL
    left = sorted((tmp_path / "out" / ".parts").rglob("*.npz"))
    assert [path.name.split("-")[0] for path in left] == ["004", "001", "002", "003"]
    assert left[0].parent.name.endswith(".unfinished")  # the fourth is only in a temporary folder
    prepare(raw, out=tmp_path / "out", workers=1)
    assert "Resuming: 3 of 6 parts are aligned already." in capsys.readouterr().err
    prepare(raw, out=tmp_path / "undisturbed", workers=1, progress=False)
    assert contents(tmp_path / "out") == contents(tmp_path / "undisturbed")


@pytest.mark.slow
@pytest.mark.skipif(not pathlib.Path("/proc/self/task").exists(), reason="needs /proc to find the workers")
def test_workers_end_when_the_process_that_started_them_is_killed(tmp_path):
    raw = write_tree(tmp_path / "raw", casia_files([f"{n:03d}" for n in range(1, 100)], num_frames=30))
    (tmp_path / "run.py").write_text(TWO_WORKERS)
    command = [sys.executable, str(tmp_path / "run.py"), str(raw), str(tmp_path / "out")]
    with subprocess.Popen(command) as process:
        parts = tmp_path / "out" / ".parts"
        _wait(lambda: parts.exists() and any(parts.glob("*.npz")))
        children = pathlib.Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        process.kill()
    assert len(children) >= 2
    _wait(lambda: not any(_runs(child) for child in children))
    before = {path: path.stat().st_mtime_ns for path in parts.glob("*.npz")}
    assert 0 < len(before) < 99
    assert prepare(raw, out=tmp_path / "out", workers=1, progress=False).num_walks == 99 * 4


def _wait(condition, seconds=60):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"waited {seconds} s without success"
        time.sleep(0.02)


def _runs(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


@dataclass(frozen=True)
class DeadlyPart:
    """A part whose reading kills the process, as the system does when memory runs out."""

    name: str = "007"

    def fingerprint(self):
        return ""

    def sequences(self, strays):
        os.kill(os.getpid(), signal.SIGKILL)
        yield


def test_a_worker_that_dies_is_an_error_that_says_how_to_resume(tmp_path):
    todo = [(DeadlyPart(), tmp_path / "a.npz"), (DeadlyPart("008"), tmp_path / "b.npz")]
    with pytest.raises(
        PreparationError, match="(?s)A process died while part.*Call again to resume, with fewer workers"
    ):
        align_parts(todo, alignment=Alignment(size=64, minimum_pixel_sum=10_000), workers=2)


def test_the_processes_that_align_never_load_tensorflow_or_keras():
    code = (
        "import sys, tf3dlocal.data.preparation.prepare; print({'tensorflow', 'keras', 'pydantic'} & set(sys.modules))"
    )
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert loaded.strip() == "set()"
