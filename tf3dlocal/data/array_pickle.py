"""A numpy array out of a pickle, without running anything that the pickle asks for.

A pickle is a small program. The one of an array calls four functions of numpy and nothing else. Here even these are
not called: stand-ins of the same names take notes, the notes are checked, and the array is made from them. So a
hostile pickle reaches neither Python's functions nor numpy's, and no memory is taken before the sizes are known to
agree.
"""

from __future__ import annotations

import io
import math
import pickle
import pickletools
import re

import numpy as np

from tf3dlocal.data.raw_sequences import RawDataError

MOST_STEPS = 500  # an array takes 40 to 60, whatever its size
MOST_AXES = 8
KINDS = {"b": "bool", "u": "uint", "i": "int", "f": "float", "c": "complex", "O": "object"}
PLAIN = ("b1", "u1", "u2", "u4", "u8", "i1", "i2", "i4", "i8", "f2", "f4", "f8")


def read_array_pickle(content: bytes, source: str = "the pickle") -> np.ndarray:
    """The one numeric array in a pickle of any protocol (0 to 5), written by numpy 1 or numpy 2.

    Args:
        content: the bytes of the pickle.
        source: the file, for messages.

    Returns:
        the array, read-only.

    Raises:
        RawDataError: the pickle asks for anything but an array of numbers (the message names it, nothing is run), holds
            something else than one array, is cut short or damaged.

    Example:
        >>> read_array_pickle(pickle.dumps(np.eye(2))).tolist()
        [[1.0, 0.0], [0.0, 1.0]]

    Source: Python's documentation of `pickle`, section "Restricting Globals".
    """
    try:
        _check_steps(content)
        notes = _ArrayUnpickler(io.BytesIO(content), encoding="latin1").load()  # latin1: numpy arrays of Python 2
        if not isinstance(notes, _Array):
            raise _Unfit(f"holds {_in_words(notes)}, not one numpy array. {HOW_TO_SAVE}")
        return notes.array()
    except _Unfit as fault:
        raise RawDataError(f"{source} {fault}") from None
    except _DAMAGE as error:
        raise RawDataError(
            f"{source} is damaged or ends too early ({' '.join(str(error).split())[:100]}): copy it again, or move it "
            "out of the tree."
        ) from error


HOW_TO_SAVE = "Save the array alone: pickle.dump(numpy.asarray(frames, 'uint8'), file)."
# All that pickle raises for bytes that are no pickle, apart from running out of memory.
_DAMAGE = (pickle.UnpicklingError, EOFError, ValueError, TypeError, AttributeError, LookupError, OverflowError)


class _Unfit(Exception):
    """A whole pickle that is not what is wanted; the message goes on after the file's name."""


def _check_steps(content):
    """Look through the steps before any is taken: pickle itself trusts the sizes and numbers that it reads."""
    last = 0
    for count, (step, argument, position) in enumerate(pickletools.genops(content)):
        # A single PUT with a large number makes pickle ask for gigabytes.
        if count >= MOST_STEPS or (step.name in ("PUT", "BINPUT", "LONG_BINPUT") and argument >= MOST_STEPS):
            raise _Unfit(f"holds more than one numpy array: it has too many steps. {HOW_TO_SAVE}")
        last = position
    if last + 1 != len(content):
        raise _Unfit(f"has {len(content) - last - 1} bytes after the end of its pickle: copy it again.")


class _ArrayUnpickler(pickle.Unpickler):
    """Knows the names that a pickled array uses, gives stand-ins for them, and refuses every other name."""

    def find_class(self, module, name):
        stand_in = _STAND_INS.get((module, name))
        if stand_in is None:
            asked = re.sub(r"[^\w.]", "?", f"{module}.{name}")[:100]
            raise _Unfit(
                f"asks for {asked}, which no array of numbers needs: refused, and nothing of it was run. Do not trust "
                f"this file, or make it again if it is your own. {HOW_TO_SAVE}"
            )
        return stand_in


class _StandIn:
    """In the place of one of numpy's functions. Pickles cannot set anything on it."""

    __slots__ = ("_take",)

    def __init__(self, take):
        self._take = take

    def __call__(self, *arguments):
        return self._take(*arguments)

    def __setstate__(self, state):
        raise pickle.UnpicklingError("it sets the state of a function")


class _Type:
    """Notes on the type of an array's numbers."""

    __slots__ = ("order", "text")

    def __init__(self, text, align=False, copy=False):
        self.text, self.order = text, "="

    def __setstate__(self, state):
        self.order = state[1]

    def numpy_type(self) -> np.dtype:
        """The type, if it is one of plain numbers."""
        text = self.text if isinstance(self.text, str) else "?"
        if text not in PLAIN or self.order not in ("|", "<", ">", "="):
            name = KINDS[text[0]] if text[:1] in KINDS else re.sub(r"\W", "?", text)[:20]
            raise _Unfit(f"holds an array of type {name}, not of plain numbers. {HOW_TO_SAVE}")
        return np.dtype(text).newbyteorder(self.order)


class _Array:
    """Notes on an array."""

    __slots__ = ("axes", "content", "kind", "order", "shape")

    def __init__(self):
        self.kind = None

    def __setstate__(self, state):
        _, self.shape, self.kind, fortran, self.content = state
        self.order, self.axes = ("F" if fortran else "C"), None

    def array(self) -> np.ndarray:
        """The array, once shape, type and number of bytes are known to agree."""
        if not isinstance(self.kind, _Type):
            raise pickle.UnpicklingError("an array without a type")
        kind, shape, content = self.kind.numpy_type(), self.shape, self.content
        if not isinstance(shape, tuple) or any(type(n) is not int or n < 0 for n in shape) or len(shape) > MOST_AXES:
            raise pickle.UnpicklingError("an array without a proper shape")
        if isinstance(content, str):  # as Python 2 wrote bytes
            content = content.encode("latin1")
        if not isinstance(content, bytes | bytearray):
            raise pickle.UnpicklingError("an array without content")
        if math.prod(shape) * kind.itemsize != len(content):
            raise _Unfit(f"says that it holds {kind} {list(shape)} and has {len(content)} bytes: it is damaged.")
        array = np.frombuffer(content, kind)
        if self.axes is not None:  # numpy 2.3 and later, for arrays whose axes were swapped
            if sorted(self.axes) != list(range(len(shape))):
                raise pickle.UnpicklingError("an array with wrong axes")
            array = array.reshape(shape).transpose(self.axes)
        else:
            array = array.reshape(shape, order="F" if self.order == "F" else "C")
        array.flags.writeable = False
        return array


def _from_buffer(content, kind, shape, order, axes=None):
    notes = _Array()
    notes.shape, notes.kind, notes.content = shape, kind, content
    notes.order, notes.axes = order, (axes if order == "K" else None)
    return notes


def _encoded(text, encoding):
    if encoding != "latin1":
        raise pickle.UnpicklingError(f"bytes in {str(encoding)[:20]!r}")
    return text.encode("latin1")


def _in_words(value):
    if isinstance(value, list | tuple | set | dict):
        return f"a {type(value).__name__} of {len(value)}"
    return "a type or function" if isinstance(value, _Type | _StandIn) else f"a {type(value).__name__}"


# numpy 1 calls its inner package numpy.core, numpy 2 numpy._core; protocols 0 to 2 write bytes as encoded text, and
# empty bytes as a call of `bytes`.
_STAND_INS = {
    ("numpy", "ndarray"): _StandIn(_Array),
    ("numpy", "dtype"): _StandIn(_Type),
    ("_codecs", "encode"): _StandIn(_encoded),
}
for _core in ("numpy.core", "numpy._core"):
    _STAND_INS[f"{_core}.multiarray", "_reconstruct"] = _StandIn(lambda kind, shape, code: _Array())
    _STAND_INS[f"{_core}.numeric", "_frombuffer"] = _StandIn(_from_buffer)
for _builtins in ("builtins", "__builtin__"):
    _STAND_INS[_builtins, "bytes"] = _StandIn(lambda: b"")
