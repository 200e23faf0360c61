"""write_walkers writes the layout of CASIA-B, each subject whole or not at all, and can be resumed."""

import errno
import os
import signal
import subprocess
import sys
import time

import cv2
import numpy as np
import pytest

from tf3dlocal.data import cut_sides, open_walks, prepare
from tf3dlocal.data.walkers import draw_aligned_walk, draw_walk, write, write_walkers
from tf3dlocal.data.walkers.processes import share_out

SMALL = {"frames": 3, "views": [0, 90], "sequences": ["nm-01", "cl-01"], "image_size": (96, 128), "progress": False}


def _contents(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def _subjects(folder):
    return sorted(name for name in os.listdir(folder) if not name.startswith("."))


def test_the_layout_is_that_of_casia_b_with_the_pictures_of_draw_walk(tmp_path):
    out = write_walkers(tmp_path / "walkers", subjects=2, workers=1, **SMALL)
    names = sorted(_contents(out))
    assert len(names) == 2 * 2 * 2 * 3
    assert names[0] == "001/cl-01/000/001-cl-01-000-001.png"
    picture = cv2.imread(str(out / "002/nm-01/090/002-nm-01-090-003.png"), cv2.IMREAD_UNCHANGED)
    assert picture.dtype == np.uint8 and picture.ndim == 2
    walk = draw_walk(0, subject=2, condition="nm-01", view_degrees=90, frames=3, image_size=(96, 128))
    assert np.array_equal(picture, walk[2])


def test_an_aligned_walk_is_what_the_written_and_prepared_walk_is(tmp_path):
    raw = write_walkers(tmp_path / "raw", subjects=1, frames=3, views=[90], sequences=["cl-01"], progress=False)
    prepare(raw, out=tmp_path / "prepared", workers=1, progress=False)
    walk = draw_aligned_walk(0, subject=1, condition="cl-01", view_degrees=90, frames=3)
    assert np.array_equal(walk, cut_sides(open_walks(tmp_path / "prepared").read(0).silhouettes))


def test_two_workers_write_the_same_as_one(tmp_path):
    one = write_walkers(tmp_path / "one", subjects=3, workers=1, **SMALL)
    two = write_walkers(tmp_path / "two", subjects=3, workers=2, **SMALL)
    assert _contents(one) == _contents(two)


def test_a_second_call_keeps_existing_subjects_and_adds_missing_ones(tmp_path):
    write_walkers(tmp_path, subjects=1, workers=1, **SMALL)
    before = (tmp_path / "001").stat().st_mtime_ns
    write_walkers(tmp_path, subjects=2, workers=1, **SMALL)
    assert (tmp_path / "001").stat().st_mtime_ns == before
    assert sorted(os.listdir(tmp_path)) == ["001", "002"]


@pytest.mark.bad_input
@pytest.mark.parametrize(
    "change",
    [
        {"seed": 1},
        {"frames": 4},
        {"views": [0]},
        {"sequences": ["nm-01"]},
        {"image_size": (100, 128)},
        {"variety": "wide"},
    ],
)
def test_a_folder_drawn_with_other_settings_raises_an_error_and_is_kept(tmp_path, change):
    write_walkers(tmp_path, subjects=1, workers=1, **SMALL)
    before = _contents(tmp_path)
    with pytest.raises(ValueError, match="001 was drawn with other settings"):
        write_walkers(tmp_path, subjects=2, workers=1, **{**SMALL, **change})
    assert _contents(tmp_path) == before


@pytest.mark.bad_input
def test_a_folder_with_other_files_raises_an_error(tmp_path):
    (tmp_path / "thesis.tex").write_text("x")
    with pytest.raises(ValueError, match=r"thesis\.tex"):
        write_walkers(tmp_path, subjects=1, workers=1, **SMALL)


def test_a_full_disk_raises_an_error_and_complete_subjects_are_kept(tmp_path, monkeypatch):
    opened = []

    def full(path, mode):
        opened.append(path)
        if len(opened) > 17:  # in the middle of the second subject
            raise OSError(errno.ENOSPC, "No space left on device", path)
        return open(path, mode)

    monkeypatch.setattr(write, "open", full, raising=False)
    with pytest.raises(OSError, match="No space left on device"):
        write_walkers(tmp_path, subjects=3, workers=1, **SMALL)
    assert os.listdir(tmp_path) == ["001"]
    monkeypatch.undo()
    write_walkers(tmp_path, subjects=3, workers=1, **SMALL)
    assert sorted(os.listdir(tmp_path)) == ["001", "002", "003"]


def test_a_worker_that_cannot_write_reports_why(tmp_path):
    (tmp_path / "blocked").write_text("")
    settings = {"seed": 0, "frames": 1, "views": [90], "sequences": ["nm-01"], "image_size": [96, 128]}
    with pytest.raises(OSError, match="blocked"):
        share_out(tmp_path / "blocked", numbers=[1, 2], settings=settings, workers=2, advance=lambda: None)


def test_a_killed_call_is_resumed_with_the_same_result(tmp_path):
    out = tmp_path / "killed"
    settings = {**SMALL, "frames": 8, "image_size": (240, 320)}
    arguments = f"{str(out)!r}, subjects=4, workers=2, **{settings}"
    code = f"from tf3dlocal.data.walkers import write_walkers; write_walkers({arguments})"
    process = subprocess.Popen([sys.executable, "-c", code], start_new_session=True)
    deadline = time.monotonic() + 60
    while not (out / "001").exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    done = _subjects(out)
    assert done and all(len(_contents(out / name)) == 2 * 2 * 8 for name in done)
    write_walkers(out, subjects=4, workers=1, **settings)
    # An empty temporary folder may remain for a minute, if the process was killed while it created or removed it.
    assert _subjects(out) == [f"{number:03d}" for number in range(1, 5)]
    assert _contents(out) == _contents(write_walkers(tmp_path / "whole", subjects=4, workers=1, **settings))


@pytest.mark.bad_input
@pytest.mark.parametrize(
    "change, named",
    [
        ({"subjects": 0}, "subjects"),
        ({"subjects": 1000}, "subjects"),
        ({"workers": 0}, "workers"),
        ({"views": []}, "views"),
        ({"views": [10]}, "The view 10"),
        ({"views": [0, 0]}, "twice"),
        ({"sequences": ["x"]}, "'x'"),
        ({"frames": 0}, "frames"),
        ({"seed": -1}, "seed"),
        ({"seed": "x"}, "seed must be whole numbers, not 'x'"),
        ({"subjects": "3"}, "subjects must be whole numbers, not '3'"),
        ({"frames": 2.5}, "frames must be whole numbers, not 2.5"),
        ({"views": ["90"]}, "views must be whole numbers, not '90'"),
        ({"workers": "two"}, "workers must be whole numbers, not 'two'"),
        ({"sequences": "nm-01"}, "sequences must be names such as 'nm-01', not 'nm-01'"),
        ({"sequences": [1]}, "sequences must be names"),
        ({"frames": 10**8}, "GB are the limit"),
        ({"image_size": (10**6, 10**6)}, "GB are the limit"),
        ({"variety": "wild"}, "variety must be one of"),
    ],
)
def test_a_wrong_argument_raises_an_error_before_anything_is_written(tmp_path, change, named):
    with pytest.raises(ValueError, match=named):
        write_walkers(tmp_path / "out", **{**SMALL, "subjects": 1, "workers": 1, **change})
    assert not (tmp_path / "out").exists()


def test_drawing_does_not_load_tensorflow():
    code = "import sys, tf3dlocal.data.walkers; sys.exit('tensorflow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
