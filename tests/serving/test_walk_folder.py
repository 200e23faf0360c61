"""A folder of pictures is read as it is: what cannot be used is named, and nothing is guessed."""

import os

import cv2
import numpy as np
import pytest

from tf3dlocal.data import ImplausibleSilhouettesError, align_silhouette
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
    picture = np.zeros((64, stored_width), np.uint8)
    picture[:, stored_width // 2 - 8 : stored_width // 2 + 6] = 255
    picture[20:30, stored_width // 2 + 6] = 128  # a soft edge
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


def photograph(seed=0, colour=True):
    rng = np.random.default_rng(seed)
    frame = rng.integers(60, 200, (120, 160, 3) if colour else (120, 160), dtype=np.uint8)
    frame[30:110, 60:85] //= 2
    return frame


@pytest.mark.bad_input
@pytest.mark.parametrize(
    ("pictures", "told"),
    [
        ({"a": photograph(), "b": photograph(1)}, "colour image. Make silhouettes first: .*segmentation"),
        ({"a": photograph(colour=False), "b": photograph(1, colour=False)}, "not two-valued. Make silhouettes first"),
        ({"a": 255 - raw_frame(), "b": 255 - raw_frame(60)}, "inverted .*--invert"),
        ({"a": np.full((120, 160), 255, np.uint8)}, "filled by the body"),
        ({"a": photograph(), "b": photograph(1), "c": raw_frame()}, "2 of 3 frames are no silhouettes: colour image"),
        ({"a": (np.arange(120 * 160) % 7).reshape(120, 160).astype(np.uint8)}, "too dark .*labels"),
    ],
    ids=["colour", "grey", "inverted", "filled", "mostly colour", "labels"],
)
def test_pictures_that_are_no_silhouettes_are_refused_with_what_to_do(pictures, told, tmp_path):
    write(tmp_path, **pictures)
    with pytest.raises(ImplausibleSilhouettesError, match=told):
        read_walk_folder(tmp_path, height=64, width=44)


@pytest.mark.parametrize("white", [1, 5])
def test_masks_of_two_values_are_scaled_and_counted(white, tmp_path):
    write(tmp_path, a=raw_frame() // 255 * white, b=raw_frame(60) // 255 * white)
    walk = read_walk_folder(tmp_path, height=64, width=44)
    expected = [align_silhouette(raw_frame(left))[:, 10:54] for left in (100, 60)]
    np.testing.assert_array_equal(walk.silhouettes, expected)
    assert walk.changes == {f"masks of 0 and {white}, scaled to 0 and 255": 2}


def test_inverted_pictures_are_read_where_that_is_said(tmp_path):
    write(tmp_path, a=255 - raw_frame())
    walk = read_walk_folder(tmp_path, height=64, width=44, invert=True)
    np.testing.assert_array_equal(walk.silhouettes[0], align_silhouette(raw_frame())[:, 10:54])


@pytest.mark.bad_input
@pytest.mark.parametrize("kind", ["pipe", "device", "folder", "broken link", "huge"])
def test_what_is_no_picture_file_is_left_out_and_named_and_never_waited_for(kind, tmp_path):
    write(tmp_path, a=raw_frame())
    path = tmp_path / "b.png"
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    elif kind == "huge":
        with path.open("wb") as file:
            file.truncate(2**30)
    else:
        path.symlink_to("/dev/zero" if kind == "device" else "nowhere.png")
    walk = read_walk_folder(tmp_path, height=64, width=44)
    ((name, reason),) = walk.left_out
    assert name == "b.png" and len(walk.silhouettes) == 1
    told = {"huge": "67,108,864 are the limit", "broken link": "a link to no file"}
    assert told.get(kind, "not a regular file") in reason


def test_hidden_files_are_no_frames(tmp_path):
    write(tmp_path, a=raw_frame())
    (tmp_path / "._a.png").write_bytes(b"Mac OS X")
    assert read_walk_folder(tmp_path, height=64, width=44).left_out == []


@pytest.mark.bad_input
@pytest.mark.parametrize("share", [0.02, 0.3, 0.6, 0.95])
def test_a_frame_that_was_cut_short_is_left_out_and_named(share, tmp_path):
    write(tmp_path, a=raw_frame(), b=raw_frame())
    content = (tmp_path / "b.png").read_bytes()
    (tmp_path / "b.png").write_bytes(content[: int(share * len(content))])
    assert [name for name, _ in read_walk_folder(tmp_path, height=64, width=44).left_out] == ["b.png"]


@pytest.mark.bad_input
def test_a_link_to_itself_is_left_out_and_named(tmp_path):
    picture = np.zeros((64, 44), np.uint8)
    picture[:, 15:30] = 255
    cv2.imwrite(str(tmp_path / "1.png"), picture)
    (tmp_path / "2.png").symlink_to("2.png")
    walk = read_walk_folder(tmp_path, height=64, width=44)
    assert len(walk.silhouettes) == 1 and [name for name, _ in walk.left_out] == ["2.png"]
