"""Long recordings: read frame by frame, and refused where a whole walk would need too much memory."""

import cv2
import numpy as np
import pytest

from tf3dlocal.serving import WalkEmbeddings, read_walk_folder, walk_embeddings, walk_folder


def write(folder, number):
    folder.mkdir()
    picture = np.zeros((120, 160), np.uint8)
    picture[20:110, 60:90] = 255
    for frame in range(number):
        cv2.imwrite(str(folder / f"{frame}.png"), np.roll(picture, frame, axis=1))
    return folder


def test_frames_that_are_not_kept_in_memory_are_read_again(tmp_path, monkeypatch):
    folder = write(tmp_path / "walk", 9)
    (folder / "3.png").write_bytes(b"no picture")
    settings = {"height": 64, "width": 44}
    kept = read_walk_folder(folder, **settings)
    monkeypatch.setattr(walk_folder, "MOST_KEPT_BYTES", 120 * 160 * 2)
    read_again = read_walk_folder(folder, **settings)
    np.testing.assert_array_equal(read_again.silhouettes, kept.silhouettes)
    assert read_again.left_out == kept.left_out == [("3.png", "not a readable image")]


@pytest.mark.bad_input
def test_a_whole_walk_of_too_many_frames_is_refused(tmp_path, monkeypatch):
    class Embedder:
        height, width, fingerprint, distance = 64, 44, "0", "flattened"

    monkeypatch.setattr(walk_embeddings, "MOST_FRAMES", 5)
    with pytest.raises(ValueError, match="has 6 frames, and 5 are the limit .*`identify` take walks of any length"):
        WalkEmbeddings.of_folders([("a", write(tmp_path / "walk", 6))], embedder=Embedder())
