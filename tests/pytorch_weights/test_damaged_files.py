"""Damaged PyTorch files and vectors: one sentence each, nothing written, and the preset that can go back is named."""

import os
import pathlib
import zipfile

import numpy as np
import pytest
import synthetic_states
import torch

from tf3dlocal.models import GaitPart, GaitSet
from tf3dlocal.pytorch_weights import parity, read_pytorch_file, write_torch

SMALL = (4, 6, 8)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A small PyTorch file."""
    state = {"a.weight": np.ones((4, 3), "float32"), "b.weight": np.arange(8, dtype="float32")}
    return synthetic_states.save(tmp_path_factory.mktemp("whole") / "whole.pt", state)


def refusal(path):
    with pytest.raises(ValueError) as refused:
        read_pytorch_file(path)
    message = str(refused.value)
    assert str(path) in message and "\n" not in message
    return message


@pytest.mark.bad_input
@pytest.mark.parametrize("share", [0, 0.001, 0.05, 0.2, 0.4, 0.6, 0.8, 0.95, 0.999])
def test_a_file_that_was_cut_short_is_one_sentence(share, whole, tmp_path):
    content = pathlib.Path(whole).read_bytes()
    (tmp_path / "cut.pt").write_bytes(content[: int(share * len(content))])
    assert "truncated, damaged or of another kind" in refusal(tmp_path / "cut.pt")


@pytest.mark.bad_input
def test_no_flipped_byte_of_a_weight_is_read_as_another_weight(whole, tmp_path):
    """torch.load itself does not compare the checksums."""
    content, path = pathlib.Path(whole).read_bytes(), tmp_path / "flipped.pt"
    ones = content.index(np.ones(12, "float32").tobytes())
    for position in range(ones, ones + 48, 7):
        flipped = bytearray(content)
        flipped[position] ^= 0x21
        path.write_bytes(flipped)
        assert "truncated, damaged or of another kind" in refusal(path)


@pytest.mark.bad_input
def test_a_compressed_archive_is_refused_before_it_fills_the_memory(whole, tmp_path):
    with zipfile.ZipFile(whole) as old, zipfile.ZipFile(tmp_path / "bomb.pt", "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            new.writestr(name, bytes(2**24) if name.endswith("/data/0") else old.read(name))
    assert "is compressed, which torch.save does not do" in refusal(tmp_path / "bomb.pt")


UNUSUAL = {
    "sparse": lambda: torch.ones(2, 2).to_sparse(),
    "without values": lambda: torch.empty(2, 2, device="meta"),
    "of a million million numbers": lambda: torch.zeros(1).expand(10**6, 10**6),
}


@pytest.mark.bad_input
@pytest.mark.parametrize("make", UNUSUAL.values(), ids=UNUSUAL)
def test_a_tensor_that_is_no_plain_one_is_described_without_the_words_of_torch(make, tmp_path):
    torch.save({"a.weight": make()}, tmp_path / "a.pt")
    message = refusal(tmp_path / "a.pt")
    assert "a.weight is not a plain tensor of numbers (torch.float32, " in message and "aten" not in message


@pytest.mark.bad_input
def test_a_flipped_byte_ends_in_a_sentence_or_does_no_harm(whole, tmp_path):
    content, path = pathlib.Path(whole).read_bytes(), tmp_path / "flipped.pt"
    for position in range(0, len(content), 41):
        flipped = bytearray(content)
        flipped[position] ^= 0x21
        path.write_bytes(flipped)
        try:
            read_pytorch_file(path)
        except ValueError as error:
            assert str(path) in str(error) and "\n" not in str(error)


CONTENTS = {
    "numbers as keys": lambda: {1: torch.ones(2), 2: torch.ones(2)},
    "mixed keys": lambda: {"a": torch.ones(2), 2: torch.ones(2)},
    "a list": lambda: [torch.ones(2)],
    "a tensor": lambda: torch.ones(2),
    "nothing": lambda: None,
    "an empty dict": lambda: {},
    "an empty model": lambda: {"model": {}},
    "a model of numbers": lambda: {"model": {"a": 3}},
    "a model that is a list": lambda: {"model": [torch.ones(2)]},
    "a sparse tensor": lambda: {"a": torch.ones(2, 2).to_sparse()},
    "complex numbers": lambda: {"a": torch.ones(2, dtype=torch.complex64)},
    "a tensor without memory": lambda: {"a": torch.empty(2, device="meta")},
}


@pytest.mark.bad_input
@pytest.mark.parametrize("content", CONTENTS.values(), ids=CONTENTS)
def test_a_content_of_another_kind_is_one_sentence_or_plain_arrays(content, tmp_path):
    torch.save(content(), tmp_path / "other.pt")
    try:
        read = read_pytorch_file(tmp_path / "other.pt")
    except ValueError as error:
        assert "other.pt" in str(error) and "\n" not in str(error)
    else:
        assert all(isinstance(array, np.ndarray) for array in read.weights.values())


@pytest.mark.bad_input
@pytest.mark.parametrize("kind", ["pipe", "device", "folder"])
def test_what_is_no_file_is_not_opened(kind, tmp_path):
    path = tmp_path / "a.pt"
    {"pipe": os.mkfifo, "folder": os.mkdir, "device": lambda path: os.symlink("/dev/zero", path)}[kind](path)
    assert "is not a file" in refusal(path)


@pytest.mark.bad_input
def test_a_failing_disk_is_not_called_a_damaged_file(whole, monkeypatch):
    def fail(*args, **kwargs):
        raise PermissionError(13, "Permission denied", str(whole))

    monkeypatch.setattr(torch, "load", fail)
    with pytest.raises(PermissionError):
        read_pytorch_file(whole)


WALKS = np.zeros((2, 3, 64, 44), np.uint8)
VECTORS = {
    "no embedding": {"silhouettes": WALKS},
    "no silhouettes": {"embedding": np.zeros((2, 4, 4))},
    "texts as silhouettes": {"silhouettes": np.full((2, 3, 64, 44), "x"), "embedding": np.zeros((2, 4, 4))},
    "texts as embedding": {"silhouettes": WALKS, "embedding": np.full((2, 4, 4), "x")},
    "a NaN": {"silhouettes": WALKS, "embedding": np.full((2, 4, 4), np.nan)},
    "silhouettes of NaN": {"silhouettes": np.full(WALKS.shape, np.nan), "embedding": np.zeros((2, 4, 4))},
    "silhouettes of integers": {"silhouettes": WALKS.astype(int), "embedding": np.zeros((2, 4, 4))},
    "no axes": {"silhouettes": np.uint8(0), "embedding": np.float32(0)},
    "no walks": {"silhouettes": WALKS[:0], "embedding": np.zeros((0, 4, 4))},
    "another number of walks": {"silhouettes": WALKS, "embedding": np.zeros((3, 4, 4))},
    "objects": {"silhouettes": np.array([{}], object), "embedding": np.zeros((1, 4, 4))},
}


@pytest.mark.bad_input
@pytest.mark.parametrize("arrays", VECTORS.values(), ids=VECTORS)
def test_vectors_of_another_kind_are_one_sentence(arrays, tmp_path):
    np.savez(tmp_path / "vectors.npz", **arrays)
    with pytest.raises(ValueError, match=r"vectors\.npz") as refused:
        parity.read_vectors(tmp_path / "vectors.npz")
    assert "\n" not in str(refused.value)


@pytest.mark.bad_input
@pytest.mark.parametrize("build", [GaitSet, GaitPart])
def test_a_model_that_cannot_go_back_names_the_preset_that_can(build, tmp_path):
    settings = {"channels": SMALL} if build is GaitSet else {"channels": (*SMALL, 12), "preset": "release"}
    name = build.__name__.lower()
    with pytest.raises(ValueError, match=r"trained with the preset 'opengait' .*model.arguments.preset: opengait"):
        write_torch(build(**settings), out=tmp_path / "a.pt", source="opengait", model=name)
    assert list(tmp_path.iterdir()) == []
