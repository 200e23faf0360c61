"""An animation shows every frame, in order, at its time, pixel by pixel."""

import numpy as np
import pytest
from PIL import Image, ImageSequence

from tf3dlocal.visualization import write_animation

# A bar that moves by one column per frame.
WALK = np.zeros((5, 8, 6), np.uint8)
WALK[np.arange(5), :, np.arange(5)] = 255


def frames_of(path):
    with Image.open(path) as image:
        return [(np.asarray(frame.convert("L")), frame.info["duration"]) for frame in ImageSequence.Iterator(image)]


def test_the_frames_are_the_silhouettes_enlarged_without_blur(tmp_path):
    path = write_animation(WALK, path=tmp_path / "walk.gif", scale=3)
    assert path == tmp_path / "walk.gif"
    shown = frames_of(path)
    assert len(shown) == 5
    for silhouette, (frame, _) in zip(WALK, shown, strict=True):
        np.testing.assert_array_equal(frame, np.kron(silhouette, np.ones((3, 3), np.uint8)))


@pytest.mark.parametrize(("rate", "milliseconds"), [(25, 40), (10, 100), (50, 20), (30, 30), (1, 1000)])
def test_a_frame_lasts_as_long_as_the_rate_gives_to_a_hundredth_of_a_second(tmp_path, rate, milliseconds):
    shown = frames_of(write_animation(WALK, path=tmp_path / "walk.gif", frames_per_second=rate))
    assert [duration for _, duration in shown] == [milliseconds] * 5


def test_it_repeats_forever(tmp_path):
    with Image.open(write_animation(WALK, path=tmp_path / "walk.gif")) as image:
        assert image.info["loop"] == 0


def test_grey_edges_stay_grey(tmp_path):
    walk = np.full((2, 4, 4), 128, np.uint8)
    walk[1] = 64
    (first, _), (second, _) = frames_of(write_animation(walk, path=tmp_path / "walk.gif"))
    assert (first == 128).all() and (second == 64).all()


def test_a_failed_write_leaves_the_old_file(tmp_path, monkeypatch):
    from matplotlib.animation import PillowWriter

    path = tmp_path / "walk.gif"
    path.write_bytes(b"old")

    def fail(self):
        raise OSError("No space left on device")

    monkeypatch.setattr(PillowWriter, "finish", fail)
    with pytest.raises(OSError, match="No space"):
        write_animation(WALK, path=path)
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"silhouettes": WALK[0]}, r"not uint8 \[8, 6\]"),
        ({"path": "walk.mp4"}, "walk.mp4: '.mp4' is not a format of animations"),
        ({"frames_per_second": 60}, "between 1 and 50, .* not 60"),
        ({"frames_per_second": 0}, "between 1 and 50, .* not 0"),
        ({"scale": 0}, "at least 1, not 0"),
        ({"scale": 1.5}, "whole number .* not 1.5"),
    ],
)
def test_what_a_gif_cannot_hold_raises_an_error(tmp_path, monkeypatch, arguments, message):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match=message):
        write_animation(**{"silhouettes": WALK, "path": "walk.gif", **arguments})
    assert list(tmp_path.iterdir()) == []
