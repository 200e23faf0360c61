"""What all pictures have in common: written whole or not at all, without a screen, without anybody else's state."""

import concurrent.futures
import subprocess
import sys

import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from tf3dlocal.visualization import contact_sheet, plot_training
from tf3dlocal.visualization.picture import Picture
from tf3dlocal.visualization.whole_file import write_whole_file

WALK = np.zeros((6, 64, 44), np.uint8)


def test_a_figure_comes_back_and_the_file_is_the_same_picture(tmp_path):
    figure = contact_sheet([WALK], tmp_path / "sheet.png")
    assert isinstance(figure, Figure)
    png = figure._repr_png_()  # what a notebook shows
    assert Image.open(tmp_path / "sheet.png").size == Image.open(write(tmp_path / "shown.png", png)).size


def write(path, content):
    path.write_bytes(content)
    return path


def test_without_a_path_nothing_is_written(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    contact_sheet([WALK])
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("suffix", [".png", ".svg", ".pdf", ".PNG"])
def test_the_suffix_names_the_format_and_the_folder_is_made(tmp_path, suffix):
    path = tmp_path / "new" / f"sheet{suffix}"
    contact_sheet([WALK], path)
    start = {".png": b"\x89PNG", ".svg": b"<?xml", ".pdf": b"%PDF"}[suffix.lower()]
    assert path.read_bytes().startswith(start)
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("name", ["sheet", "sheet.picture"])
def test_a_suffix_that_is_no_format_is_refused_with_those_there_are(tmp_path, name):
    with pytest.raises(ValueError, match=rf"{name}: the suffix names .*png"):
        contact_sheet([WALK], tmp_path / name)
    assert list(tmp_path.iterdir()) == []


def test_a_failure_in_the_middle_leaves_the_old_picture_and_nothing_else(tmp_path, monkeypatch):
    path = tmp_path / "sheet.png"
    path.write_bytes(b"old")

    def half(self, file, **arguments):
        file.write_bytes(b"ha")
        raise OSError("No space left on device")

    monkeypatch.setattr(Picture, "savefig", half)
    with pytest.raises(OSError, match="No space"):
        contact_sheet([WALK], path)
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_the_old_file_stands_until_the_new_one_is_whole(tmp_path):
    path = tmp_path / "note.txt"
    path.write_text("old")
    seen = []

    def slowly(unfinished):
        unfinished.write_text("new")
        seen.append(path.read_text())

    assert write_whole_file(path, slowly) == path
    assert (seen, path.read_text()) == (["old"], "new")


def test_neither_tensorflow_nor_pyplot_is_needed():
    program = (
        "import sys, tf3dlocal.visualization as v; v.plot_training([{'step': 1, 'loss': 1.0}])._repr_png_();"
        "sys.exit(str({'tensorflow', 'keras', 'cv2', 'sklearn', 'matplotlib.pyplot'} & set(sys.modules) or '') or 0)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stderr


def test_pictures_can_be_made_in_threads():
    def png(number):
        return plot_training([{"step": step, "loss": number / step} for step in (1, 2, 3)])._repr_png_()

    with concurrent.futures.ThreadPoolExecutor(4) as threads:
        together = list(threads.map(png, range(4)))
    assert together == [png(number) for number in range(4)]
