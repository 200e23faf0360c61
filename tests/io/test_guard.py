"""Whatever is wrong inside a file, the error is one sentence that names it; what tells of the machine passes."""

import errno
import os
import pickle
import re
import zipfile
import zlib

import numpy as np
import pytest

from tf3dlocal.io import UnreadableError, check_regular_file, read_json, read_npz, readable


@pytest.mark.parametrize(
    "damage",
    [
        zipfile.BadZipFile("File is not a zip file"),
        zlib.error("Error -3 while decompressing"),
        KeyError("metadata.json"),
        EOFError(),
        NotImplementedError("compression type 99"),
        RecursionError("maximum recursion depth exceeded"),
        MemoryError(),
        OverflowError("int too large"),
        UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid start byte"),
        OSError("a decompressor without a number"),
        OSError(errno.EINVAL, "Invalid argument"),
        RuntimeError("first line\nsecond line"),
    ],
    ids=lambda damage: type(damage).__name__,
)
def test_any_exception_of_a_damaged_file_becomes_one_sentence(damage):
    with pytest.raises(UnreadableError) as error, readable("walks.npz", solution="Prepare the set again."):
        raise damage
    message = str(error.value)
    assert message.startswith("walks.npz cannot be read: ") and message.endswith(". Prepare the set again.")
    assert "\n" not in message and error.value.__cause__ is damage


@pytest.mark.parametrize("number", [errno.ENOENT, errno.EACCES, errno.ENOSPC, errno.EIO])
def test_what_tells_of_the_machine_passes_with_the_name_of_the_file(number):
    with pytest.raises(OSError) as error, readable("walks.npz"):
        raise OSError(number, os.strerror(number))
    assert error.value.errno == number and error.value.filename == "walks.npz"


def test_an_interrupt_passes():
    with pytest.raises(KeyboardInterrupt), readable("walks.npz"):
        raise KeyboardInterrupt


def test_a_pipe_is_refused_before_a_reader_waits_for_it(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(UnreadableError, match="pipe cannot be read: it is not a regular file"):
        check_regular_file(tmp_path / "pipe")
    with pytest.raises(UnreadableError, match="not a regular file"):
        check_regular_file("/dev/zero")


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b"[" * 100_000, b"1" * 5000])
def test_json_that_is_not_json_is_named(tmp_path, content):
    (tmp_path / "a.json").write_bytes(content)
    with pytest.raises(UnreadableError, match=r"a\.json cannot be read: "):
        read_json(tmp_path / "a.json")


def test_arrays_are_read_and_a_missing_one_is_named(tmp_path):
    np.savez(tmp_path / "a.npz", names=np.array(["x"]), other=np.arange(3))
    assert read_npz(tmp_path / "a.npz", keys=["other"])["other"].tolist() == [0, 1, 2]
    with pytest.raises(UnreadableError, match="the arrays embeddings are missing; it holds names, other"):
        read_npz(tmp_path / "a.npz", keys=["embeddings"])


def test_one_array_with_the_name_of_an_npz_is_told(tmp_path):
    np.save(tmp_path / "a.npy", np.arange(3))
    (tmp_path / "a.npy").rename(tmp_path / "a.npz")
    with pytest.raises(UnreadableError, match=r"a\.npz cannot be read: it is one array \(\.npy\)"):
        read_npz(tmp_path / "a.npz", keys=["names"])


def test_nothing_in_an_npz_is_unpickled(tmp_path):
    class Bomb:
        def __reduce__(self):
            return (os.mkdir, (str(tmp_path / "ran"),))

    np.savez(tmp_path / "a.npz", names=np.array([Bomb()], dtype=object))
    with pytest.raises(UnreadableError, match="a.npz cannot be read"):
        read_npz(tmp_path / "a.npz", keys=["names"])
    (tmp_path / "b.npz").write_bytes(pickle.dumps(Bomb()))
    with pytest.raises(UnreadableError, match="b.npz cannot be read"):
        read_npz(tmp_path / "b.npz", keys=["names"])
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("kept", [0.0, 0.3, 0.6, 0.95])
def test_an_npz_that_was_cut_short_is_named(tmp_path, kept):
    np.savez_compressed(tmp_path / "a.npz", names=np.arange(1000))
    content = (tmp_path / "a.npz").read_bytes()
    (tmp_path / "a.npz").write_bytes(content[: int(kept * len(content))])
    with pytest.raises(UnreadableError, match="a.npz cannot be read"):
        read_npz(tmp_path / "a.npz", keys=["names"])


@pytest.mark.bad_input
@pytest.mark.parametrize("message", ["x" * 10_000, "\n\n \n", "", "\nsecond"])
def test_a_message_of_any_length_becomes_a_short_sentence(message):
    with pytest.raises(UnreadableError) as error, readable("a.npz"):
        raise ValueError(message)
    assert len(str(error.value)) < 400 and "\n" not in str(error.value)


@pytest.mark.bad_input
@pytest.mark.parametrize(
    ("error", "told"),
    [
        (TypeError("list indices must be integers or slices, not str"), "its content is of another kind, or damaged"),
        (AttributeError("'int' object has no attribute 'items'"), "its content is of another kind, or damaged"),
        (KeyError("layers"), "it lacks 'layers'"),
        (UnicodeDecodeError("utf-8", b"ab\xff", 2, 3, "invalid start byte"), "it is no UTF-8 text (byte 2)"),
    ],
)
def test_the_words_of_python_become_words_about_the_file(error, told):
    with pytest.raises(UnreadableError, match=f"^a.json cannot be read: {re.escape(told)}[.]"), readable("a.json"):
        raise error


@pytest.mark.bad_input
def test_a_reader_may_say_what_is_damaged_in_its_own_words():
    with pytest.raises(UnreadableError, match="^a cannot be read: its weights are damaged. Copy it.$"):
        with readable("a", solution="Copy it.", reason="its weights are damaged"):
            raise RuntimeError("0x33 in h5f.pyx")
    with pytest.raises(UnreadableError, match="it claims more memory than there is"), readable("a", reason="x"):
        raise MemoryError


@pytest.mark.bad_input
def test_a_text_that_is_given_as_a_gallery_is_told_by_its_beginning(tmp_path):
    (tmp_path / "a.npz").write_text("model: {}")
    with pytest.raises(UnreadableError, match=r"an .npz file is a zip archive, and it begins b'model:'"):
        read_npz(tmp_path / "a.npz", keys=["names"])
