"""Embeddings are kept with the names of their walks, and any other file is refused."""

import cv2
import keras
import numpy as np
import pytest

from tf3dlocal.serving import ExportedModel, WalkEmbeddings, export


@pytest.fixture(scope="module")
def embedder(tmp_path_factory):
    """An embedder that returns the mean silhouette of a walk."""
    silhouettes = keras.Input((None, 16, 12, 1))
    pooled = keras.layers.Lambda(lambda x: keras.ops.mean(x, axis=1))(silhouettes)
    model = keras.Model(silhouettes, {"embedding": keras.layers.Flatten()(pooled)})
    return ExportedModel(export(model, folder=tmp_path_factory.mktemp("mean"), distance="flattened"))


def walk_folder(folder, column):
    folder.mkdir()
    for frame in range(3):
        picture = np.zeros((16, 12), np.uint8)
        picture[:, column : column + 2] = 255
        cv2.imwrite(str(folder / f"{frame}.png"), picture)
    return folder


@pytest.mark.slow
def test_what_was_written_is_read_again(embedder, tmp_path):
    kept = WalkEmbeddings.of_folders([("Zoë", walk_folder(tmp_path / "z", 1))], embedder=embedder)
    kept.write(tmp_path / "new" / "gallery.npz")
    read = WalkEmbeddings.read(tmp_path / "new" / "gallery.npz")
    np.testing.assert_array_equal(read.embeddings, kept.embeddings)
    assert (read.names, read.num_frames, read.model, read.distance) == (
        ("Zoë",),
        (3,),
        embedder.fingerprint,
        "flattened",
    )
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["gallery.npz"]


def test_any_other_file_is_refused_with_the_solution(tmp_path):
    np.savez(tmp_path / "other.npz", a=np.zeros(3))
    (tmp_path / "text.npz").write_text("hello")
    (tmp_path / "empty.npz").write_bytes(b"")
    np.save(tmp_path / "array.npy", np.zeros(3))
    for name in ("other.npz", "text.npz", "empty.npz", "array.npy"):
        with pytest.raises(ValueError, match="cannot be read: .* writes such a file"):
            WalkEmbeddings.read(tmp_path / name)
    with pytest.raises(FileNotFoundError):
        WalkEmbeddings.read(tmp_path / "nowhere.npz")
