"""Arrays in pickles: read exactly, and no code that a pickle names is ever run."""

import copyreg
import io
import pickle
import random
import struct

import numpy as np
import pytest
from raw_trees import Call, silhouettes

from tf3dlocal.data import RawDataError
from tf3dlocal.data.raw.array_pickle import read_array_pickle
from tf3dlocal.io import UnreadableError


class Raw:
    """A pickle written step by step, with content that numpy does not write."""

    def __init__(self, protocol=4):
        self.content = b"\x80" + bytes([protocol])

    def name(self, module, name):
        self.content += f"c{module}\n{name}\n".encode()
        return self

    def value(self, value):
        self.content += pickle.dumps(value, 2)[2:-1]
        return self

    def steps(self, content):
        self.content += content
        return self


@pytest.mark.parametrize("protocol", [0, 1, 2, 3, 4, 5])
def test_the_array_of_every_protocol_is_the_one_that_was_pickled(protocol):
    frames = silhouettes()
    read = read_array_pickle(pickle.dumps(frames, protocol))
    assert read.dtype == np.uint8 and np.array_equal(read, frames)


@pytest.mark.parametrize("protocol", [2, 4, 5])
@pytest.mark.parametrize(("written", "read"), [(b"numpy._core", b"numpy.core"), (b"numpy.core", b"numpy._core")])
def test_numpy_1_and_numpy_2_call_their_inner_package_differently_and_both_are_read(protocol, written, read):
    frames = silhouettes()
    # Without frames, a name may be replaced by one of another length. Names are lines in protocol 2, counted later.
    buffer = io.BytesIO()
    pickler = pickle._Pickler(buffer, protocol)
    pickler.framer.start_framing = lambda: None
    pickler.dump(frames)
    content = buffer.getvalue()
    if written in content:
        for module in (b".multiarray", b".numeric"):
            old, new = written + module, read + module
            content = content.replace(bytes([len(old)]) + old, bytes([len(new)]) + new).replace(
                old + b"\n", new + b"\n"
            )
        assert written not in content
    assert (read in content) != (written in content)
    assert np.array_equal(read_array_pickle(content), frames)


@pytest.mark.parametrize("protocol", [2, 4, 5])
@pytest.mark.parametrize(
    "array",
    [
        np.asfortranarray(silhouettes()),
        silhouettes().transpose(1, 0, 2),
        silhouettes()[::2, :, ::-1],
        np.zeros((0, 64, 64), np.uint8),
        np.arange(6, dtype=">f8").reshape(2, 3),
        np.arange(6, dtype=np.int16),
        np.array([True, False]),
    ],
    ids=["fortran", "axes swapped", "strided", "empty", "big-endian", "int16", "bool"],
)
def test_every_order_and_type_of_plain_numbers_is_read(protocol, array):
    read = read_array_pickle(pickle.dumps(array, protocol))
    assert read.shape == array.shape and np.array_equal(read, array) and read.dtype == array.dtype


def test_an_array_whose_bytes_python_2_wrote_is_read():
    frames = np.full((2, 3, 4), 200, np.uint8)
    pickled = Raw(2).name("numpy.core.multiarray", "_reconstruct").name("numpy", "ndarray")
    pickled.steps(b"K\x00\x85U\x01b\x87R(K\x01K\x02K\x03K\x04\x87")  # U: a text of Python 2, which is bytes
    pickled.name("numpy", "dtype").steps(
        b"U\x02u1K\x00K\x01\x87R(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
    )
    pickled.steps(b"\x89U" + bytes([frames.size]) + frames.tobytes() + b"tb.")
    assert np.array_equal(pickle.loads(pickled.content, encoding="latin1"), frames)
    assert np.array_equal(read_array_pickle(pickled.content), frames)


@pytest.mark.bad_input
@pytest.mark.parametrize("protocol", [0, 2, 4])
def test_a_hostile_pickle_is_refused_by_the_name_that_it_calls_and_is_not_run(tmp_path, protocol):
    sign = tmp_path / "it ran"
    hostile = pickle.dumps(Call(exec, f"open({str(sign)!r}, 'w').close()"), protocol)
    with pytest.raises(RawDataError, match=r"^001.pkl calls (builtins|__builtin__)\.exec.*Do not trust this file"):
        read_array_pickle(hostile, source="001.pkl")
    assert not sign.exists()
    pickle.loads(hostile)
    assert sign.exists()  # it would have


@pytest.mark.bad_input
@pytest.mark.parametrize(
    "content",
    [
        Raw().name("os", "system").value(("touch ran",)).steps(b"R.").content,
        Raw().steps(b"(S'touch ran'\nios\nsystem\n.").content,
        Raw().steps(b"(").name("os", "system").steps(b"S'touch ran'\no.").content,
        Raw().name("numpy", "load").value(("x.npy",)).steps(b"R.").content,
        Raw().name("numpy.core.multiarray", "scalar").steps(b".").content,
        Raw().name("numpy", "dtype.__class__").steps(b".").content,
        Raw().name("numpy._core.numeric", "_frombuffer.__globals__").steps(b".").content,
        pickle.dumps(np.float64(1)),
        pickle.dumps(np.ma.masked_array([1])),
    ],
)
def test_no_other_name_is_accepted_however_it_is_written(tmp_path, monkeypatch, content):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(RawDataError, match="calls .*refused, and no code of it was run"):
        read_array_pickle(content)
    assert not list(tmp_path.iterdir())


@pytest.mark.bad_input
def test_a_name_from_the_registry_of_extensions_is_refused_too():
    copyreg.add_extension("os", "system", 250)
    try:
        with pytest.raises(RawDataError, match="calls os.system"):
            read_array_pickle(Raw().steps(b"\x82\xfa.").content)
    finally:
        copyreg.remove_extension("os", "system", 250)


@pytest.mark.bad_input
@pytest.mark.parametrize("state", [{"_take": 1}, (None, {"_take": 1}), (None, {"__class__": 1})])
def test_a_pickle_cannot_change_the_stand_ins_for_the_pickles_after_it(state):
    for module, name in (("_codecs", "encode"), ("numpy", "ndarray"), ("numpy._core.multiarray", "_reconstruct")):
        with pytest.raises(UnreadableError, match="cannot be read"):
            read_array_pickle(Raw().name(module, name).value(state).steps(b"b.").content)
    assert np.array_equal(read_array_pickle(pickle.dumps(np.arange(3), 2)), np.arange(3))


@pytest.mark.bad_input
@pytest.mark.parametrize(
    ("array", "words"),
    [
        (np.array([1, "a"], object), "array of type object"),
        (np.array([(1, 2)], "i4,i4"), "array of type V8"),
        (np.array(["a"]), "array of type U1"),
        (np.array(["2020"], "M8[D]"), "array of type M8"),
        (np.array([1j]), "array of type complex"),
    ],
)
@pytest.mark.parametrize("protocol", [2, 4, 5])
def test_arrays_of_objects_and_of_anything_but_numbers_are_refused(array, words, protocol):
    with pytest.raises(RawDataError, match=f"holds an {words}, not of plain numbers"):
        read_array_pickle(pickle.dumps(array, protocol))


@pytest.mark.bad_input
@pytest.mark.parametrize(
    ("value", "words"),
    [
        (list(silhouettes()), "holds a list of 4, not one numpy array"),
        ({"sils": silhouettes()}, "holds a dict of 1"),
        ("hello", "holds a str"),
        (None, "holds a NoneType"),
        ([silhouettes(n, 1) for n in range(100)], "more than one numpy array"),
    ],
)
def test_a_pickle_of_something_else_is_named_and_how_to_save_the_array(value, words):
    with pytest.raises(RawDataError, match=f"{words}.*pickle.dump"):
        read_array_pickle(pickle.dumps(value))


def _huge():
    big, code = 10**12, Raw(2).value(b"b").content[2:]
    array, kind = ("numpy.core.multiarray", "_reconstruct"), ("numpy", "dtype")
    state = b"(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
    yield "made empty", Raw(2).name(*array).name("numpy", "ndarray").value((big,)).steps(code + b"\x87R.").content
    yield "ndarray called", Raw(2).name("numpy", "ndarray").value(((big,),)).steps(b"R.").content
    filled = Raw(2).name(*array).name("numpy", "ndarray").value((0,)).steps(code + b"\x87R(K\x01").value((big,))
    filled.name(*kind).value(("u1", False, True)).steps(b"R" + state + b"\x89").value(b"few").steps(b"tb.")
    yield "shape", filled.content
    yield "memo", Raw().steps(b"Nr" + struct.pack("<I", 2**31 - 1) + b".").content
    yield "memo as text", Raw().steps(b"Np2147483647\n.").content
    yield "bytes", Raw().steps(b"\x8e" + struct.pack("<Q", 2**40) + b"few.").content
    yield "bytearray", Raw(5).steps(b"\x96" + struct.pack("<Q", 2**40) + b"few.").content
    yield "frame", Raw().steps(b"\x95" + struct.pack("<Q", 2**40) + b"N.").content


@pytest.mark.bad_input
@pytest.mark.parametrize(("kind", "content"), _huge(), ids=[kind for kind, _ in _huge()])
def test_sizes_that_the_file_cannot_hold_are_refused_before_memory_is_allocated(kind, content):
    resource = pytest.importorskip("resource")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(UnreadableError):
        read_array_pickle(content)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100 * 1024  # KiB


@pytest.mark.bad_input
@pytest.mark.parametrize("protocol", [0, 2, 4, 5])
def test_a_pickle_that_was_cut_short_is_an_error_wherever_it_ends(protocol):
    content = pickle.dumps(np.full((2, 5, 5), 255, np.uint8), protocol)
    for length in range(len(content)):
        with pytest.raises(UnreadableError, match="^000.pkl (cannot be read: |.*it is damaged)"):
            read_array_pickle(content[:length], source="000.pkl")
    with pytest.raises(RawDataError, match="3 bytes after the end"):
        read_array_pickle(content + b"abc", source="000.pkl")


@pytest.mark.bad_input
@pytest.mark.parametrize("protocol", [0, 2, 4, 5])
def test_a_damaged_pickle_gives_an_array_or_this_error_and_nothing_else(protocol):
    good = pickle.dumps(np.full((1, 3, 4), 255, np.uint8), protocol)
    chance = random.Random(protocol)
    for _ in range(2000):
        content = bytearray(good)
        for _ in range(chance.randint(1, 4)):
            content[chance.randrange(len(content))] = chance.choice([chance.randrange(256), *b"(RbctN.\x85\x93\x94"])
        try:
            assert isinstance(read_array_pickle(bytes(content)), np.ndarray)
        except UnreadableError:
            pass
