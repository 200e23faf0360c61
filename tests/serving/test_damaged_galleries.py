"""Galleries that were cut, changed or made by hand: one sentence each, and no neighbour that is not a number."""

import dataclasses

import numpy as np
import pytest

from tf3dlocal.serving import WalkEmbeddings

pytestmark = pytest.mark.bad_input
KEPT = {
    "names": np.array(["a", "b"]),
    "embeddings": np.ones((2, 4), np.float32),
    "num_frames": np.array([3, 4]),
    "model": np.array("0" * 64),
    "distance": np.array("part_mean"),
}


def refusal(path):
    with pytest.raises(ValueError) as refused:
        WalkEmbeddings.read(path)
    message = str(refused.value)
    assert message.startswith(f"{path} cannot be read: ") and message.endswith("writes such a file."), message
    assert "\n" not in message
    return message


CHANGES = {
    "fewer names": ({"names": np.array(["a"])}, "equally many"),
    "no names": ({"names": np.array([], str)}, "equally many"),
    "fewer embeddings": ({"embeddings": np.ones((1, 4), np.float32)}, "equally many"),
    "fewer frames": ({"num_frames": np.array([3])}, "equally many"),
    "nothing": (
        {"names": KEPT["names"][:0], "embeddings": KEPT["embeddings"][:0], "num_frames": KEPT["num_frames"][:0]},
        "no walk",
    ),
    "numbers as names": ({"names": np.arange(2)}, "names"),
    "names in rows": ({"names": np.array([["a", "b"]])}, "names"),
    "bytes as names": ({"names": np.array([b"a", b"b"])}, "names"),
    "one number": ({"embeddings": np.float32(1)}, "float32 .walks, channels.*got a number"),
    "one axis": ({"embeddings": np.ones(2, np.float32)}, "float32 .walks"),
    "four axes": ({"embeddings": np.ones((2, 1, 1, 1), np.float32)}, "float32 .walks"),
    "no channels": ({"embeddings": np.ones((2, 0), np.float32)}, "float32 .walks"),
    "double precision": ({"embeddings": np.ones((2, 4))}, "float32"),
    "texts as embeddings": ({"embeddings": np.array([["x"], ["y"]])}, "embeddings"),
    "complex embeddings": ({"embeddings": np.ones((2, 4), np.complex64)}, "embeddings"),
    "one NaN": ({"embeddings": np.array([[1, 2], [np.nan, 1]], np.float32)}, "'b' has numbers that are not finite"),
    "one infinity": (
        {"embeddings": np.array([[-np.inf, 2], [0, 1]], np.float32)},
        "'a' has numbers that are not finite",
    ),
    "negative frames": ({"num_frames": np.array([3, -1])}, "below 1"),
    "fractions of frames": ({"num_frames": np.array([3.5, 1.0])}, "num_frames"),
    "a number as model": ({"model": np.array(5)}, "model"),
    "two models": ({"model": np.array(["a", "b"])}, "model"),
    "another distance": ({"distance": np.array("cosine")}, "distance is 'cosine'"),
    "objects": ({"names": np.array([{}, []], object)}, "."),
}


@pytest.mark.parametrize(("change", "told"), CHANGES.values(), ids=CHANGES)
def test_a_gallery_made_by_hand_is_checked_when_it_is_read(change, told, tmp_path):
    np.savez(tmp_path / "gallery.npz", **(KEPT | change))
    with pytest.raises(ValueError, match=told):
        WalkEmbeddings.read(tmp_path / "gallery.npz")
    refusal(tmp_path / "gallery.npz")


@pytest.mark.parametrize("key", KEPT)
def test_an_array_that_is_missing_is_named(key, tmp_path):
    np.savez(tmp_path / "gallery.npz", **{name: array for name, array in KEPT.items() if name != key})
    assert key in refusal(tmp_path / "gallery.npz")


@pytest.mark.parametrize("share", [0, 0.05, 0.2, 0.4, 0.6, 0.8, 0.99])
def test_a_gallery_that_was_cut_short_is_refused(share, tmp_path):
    np.savez(tmp_path / "gallery.npz", **KEPT)
    content = (tmp_path / "gallery.npz").read_bytes()
    (tmp_path / "gallery.npz").write_bytes(content[: int(share * len(content))])
    refusal(tmp_path / "gallery.npz")


def test_no_flipped_byte_ends_in_anything_but_a_sentence_or_the_same_gallery(tmp_path):
    np.savez(tmp_path / "gallery.npz", **KEPT)
    content, path = (tmp_path / "gallery.npz").read_bytes(), tmp_path / "flipped.npz"
    for position in range(0, len(content), 7):
        flipped = bytearray(content)
        flipped[position] ^= 0x55
        path.write_bytes(flipped)
        try:
            read = WalkEmbeddings.read(path)
        except ValueError as error:
            assert "cannot be read: " in str(error)
        else:
            assert read.names == ("a", "b") and (read.embeddings == 1).all()


def test_a_file_that_is_not_there_is_named_with_what_makes_one(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"There is no file .*none\.npz.*writes such a file"):
        WalkEmbeddings.read(tmp_path / "none.npz")


def of(**changes):
    kept = {"names": ("a",), "embeddings": np.ones((1, 4), np.float32), "num_frames": (3,)}
    return WalkEmbeddings(**(kept | {"model": "id", "distance": "part_mean"} | changes))


def test_embeddings_that_are_not_finite_cannot_be_kept():
    with pytest.raises(ValueError, match="'a' has numbers that are not finite"):
        dataclasses.replace(of(), embeddings=np.full((1, 4), np.nan, np.float32))
    with pytest.raises(ValueError, match="There is no walk"):
        WalkEmbeddings.of_folders(
            [], embedder=type("", (), {"height": 1, "width": 1, "fingerprint": "", "distance": ""})
        )
