"""All pictures are written whole or not at all, need no screen and share no state."""

import concurrent.futures
import io
import subprocess
import sys

import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from tf3dlocal.visualization import Picture, contact_sheet, plot_training

WALK = np.zeros((6, 64, 44), np.uint8)


def test_the_figure_is_returned_and_the_file_has_its_size(tmp_path):
    figure = contact_sheet([WALK], path=tmp_path / "sheet.png")
    assert isinstance(figure, Figure)
    shown_in_notebook = Image.open(io.BytesIO(figure._repr_png_()))
    assert Image.open(tmp_path / "sheet.png").size == shown_in_notebook.size


def test_without_a_path_nothing_is_written(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    contact_sheet([WALK])
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("suffix", [".png", ".svg", ".pdf", ".PNG"])
def test_the_suffix_sets_the_format_and_the_folder_is_created(tmp_path, suffix):
    path = tmp_path / "new" / f"sheet{suffix}"
    contact_sheet([WALK], path=path)
    start = {".png": b"\x89PNG", ".svg": b"<?xml", ".pdf": b"%PDF"}[suffix.lower()]
    assert path.read_bytes().startswith(start)
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("name", ["sheet", "sheet.picture"])
def test_an_unknown_suffix_raises_an_error_that_lists_the_formats(tmp_path, name):
    with pytest.raises(ValueError, match=rf"{name}: .* is not a format of pictures.*png"):
        contact_sheet([WALK], path=tmp_path / name)
    assert list(tmp_path.iterdir()) == []


def test_a_failed_write_leaves_the_old_picture_and_nothing_else(tmp_path, monkeypatch):
    path = tmp_path / "sheet.png"
    path.write_bytes(b"old")

    def half(self, file, **arguments):
        file.write_bytes(b"ha")
        raise OSError("No space left on device")

    monkeypatch.setattr(Picture, "savefig", half)
    with pytest.raises(OSError, match="No space"):
        contact_sheet([WALK], path=path)
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.slow
def test_neither_tensorflow_nor_pyplot_is_imported():
    program = (
        "import sys, tf3dlocal.visualization as v; v.plot_training([{'step': 1, 'loss': 1.0}])._repr_png_();"
        "sys.exit(str({'tensorflow', 'keras', 'cv2', 'sklearn', 'matplotlib.pyplot'} & set(sys.modules) or '') or 0)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
def test_pictures_can_be_drawn_in_threads():
    def png(number):
        return plot_training([{"step": step, "loss": number / step} for step in (1, 2, 3)])._repr_png_()

    with concurrent.futures.ThreadPoolExecutor(4) as threads:
        together = list(threads.map(png, range(4)))
    assert together == [png(number) for number in range(4)]
