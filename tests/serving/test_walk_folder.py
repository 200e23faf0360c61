"""A folder of pictures is read as it is: what cannot be used is named, and nothing is guessed."""

import cv2
import numpy as np
import pytest

from tf3dlocal.data import align_silhouette
from tf3dlocal.serving import read_walk_folder


def raw_frame(left=100):
    frame = np.zeros((120, 160), np.uint8)
    frame[30:110, left : left + 25] = 255
    frame[30:50, left + 5 : left + 15] = 0
    return frame


def write(folder, **pictures):
    for name, picture in pictures.items():
        cv2.imwrite(str(folder / f"{name}.png"), picture)


def test_raw_frames_are_aligned_and_cut_to_the_width_of_the_model(tmp_path):
    write(tmp_path, **{"10": raw_frame(40), "9": raw_frame(100)})
    walk = read_walk_folder(tmp_path, height=64, width=44)
    expected = [align_silhouette(raw_frame(left))[:, 10:54] for left in (100, 40)]
    np.testing.assert_array_equal(walk.silhouettes, expected)
    assert not walk.was_aligned
    assert walk.left_out == []


@pytest.mark.parametrize("stored_width", [64, 44])
def test_aligned_pictures_are_taken_as_they_are(tmp_path, stored_width):
    picture = np.random.default_rng(0).integers(1, 256, (64, stored_width), dtype=np.uint8)
    write(tmp_path, a=picture)
    walk = read_walk_folder(tmp_path, height=64, width=44)
    margin = (stored_width - 44) // 2
    np.testing.assert_array_equal(walk.silhouettes[0], picture[:, margin : margin + 44])
    assert walk.was_aligned


def test_small_raw_frames_are_aligned_if_they_are_called_raw(tmp_path):
    small = cv2.resize(raw_frame(60), (64, 64), interpolation=cv2.INTER_NEAREST)
    write(tmp_path, a=small)
    walk = read_walk_folder(tmp_path, height=64, width=44, frames="raw")
    np.testing.assert_array_equal(walk.silhouettes[0], align_silhouette(small)[:, 10:54])


def test_unusable_frames_are_left_out_and_named_and_the_rest_is_kept(tmp_path):
    colour = np.zeros((120, 160, 3), np.uint8)
    colour[30:110, 60:90] = (0, 0, 255)
    write(tmp_path, a=raw_frame(), black=np.zeros((120, 160), np.uint8), colour=colour)
    (tmp_path / "cut.png").write_bytes((tmp_path / "a.png").read_bytes()[:60])
    (tmp_path / "empty.png").write_bytes(b"")
    (tmp_path / "notes.txt").write_text("not a picture")
    walk = read_walk_folder(tmp_path, height=64, width=44)
    assert len(walk.silhouettes) == 1
    assert dict(walk.left_out) == {
        "black.png": "no body in it",
        "colour.png": "colour image",
        "cut.png": "truncated PNG",
        "empty.png": "empty file",
    }


def test_a_walk_without_one_usable_frame_says_why(tmp_path):
    write(tmp_path, black=np.zeros((120, 160), np.uint8))
    with pytest.raises(ValueError, match="None of the 1 pictures in .* is usable: no body in it"):
        read_walk_folder(tmp_path, height=64, width=44)


def test_pictures_that_are_called_aligned_are_checked(tmp_path):
    write(tmp_path, a=raw_frame())
    with pytest.raises(ValueError, match=r"a.png is 120 x 160 pixels .* Use frames 'raw'"):
        read_walk_folder(tmp_path, height=64, width=44, frames="aligned")


def test_a_folder_that_is_missing_or_without_pictures_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="is not a folder"):
        read_walk_folder(tmp_path / "nowhere", height=64, width=44)
    with pytest.raises(FileNotFoundError, match="contains no pictures"):
        read_walk_folder(tmp_path, height=64, width=44)
