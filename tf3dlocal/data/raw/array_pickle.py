"""A numpy array read from a pickle, without running any code that the pickle names.

A pickle is a small program. The pickle of an array calls four functions of numpy and nothing else. Even these are not
called here: stand-ins with the same names record the arguments, the records are checked, and the array is built from
them. So a hostile pickle reaches neither Python's functions nor numpy's, and no memory is allocated before the sizes
are known to agree.
"""

from __future__ import annotations

import io
import math
import pickle
import pickletools
import re
from collections.abc import Callable

import numpy as np

from tf3dlocal.data.raw.files import RawDataError
from tf3dlocal.io import readable

MOST_STEPS = 500  # an array has 40 to 60, whatever its size
MOST_AXES = 8
KINDS = {"b": "bool", "u": "uint", "i": "int", "f": "float", "c": "complex", "O": "object"}
PLAIN = ("b1", "u1", "u2", "u4", "u8", "i1", "i2", "i4", "i8", "f2", "f4", "f8")


HOW_TO_SAVE = "Save the array alone: pickle.dump(numpy.asarray(frames, 'uint8'), file)."


def read_array_pickle(content: bytes, *, source: str = "the pickle") -> np.ndarray:
    """Read the one numeric array in a pickle of any protocol (0 to 5), written by numpy 1 or numpy 2.

    Args:
        content: The bytes of the pickle.
        source: Name of the file, for messages.

    Returns:
        The array, read-only.

    Raises:
        RawDataError: The pickle names a function that an array of numbers does not need (nothing is run), or holds
            something other than one array.
        UnreadableError: The pickle is truncated or damaged.

    Example:
        >>> read_array_pickle(pickle.dumps(np.eye(2))).tolist()
        [[1.0, 0.0], [0.0, 1.0]]

    Source: Python's documentation of `pickle`, section "Restricting Globals".
    """
    with readable(source, solution="Copy it again, or move it out of the tree."):
        try:
            _check_steps(content)
            record = _ArrayUnpickler(io.BytesIO(content), encoding="latin1").load()  # latin1: arrays of Python 2
            if not isinstance(record, _Array):
                raise _WrongContent(f"holds {_describe(record)}, not one numpy array. {HOW_TO_SAVE}")
            return record.array()
        except _WrongContent as fault:
            raise RawDataError(f"{source} {fault}") from None


class _WrongContent(Exception):  # noqa: N818 (the message continues after the name of the file)
    """A whole pickle with the wrong content."""


def _check_steps(content: bytes) -> None:
    """Check the steps of a pickle before any is taken: pickle itself trusts the sizes and numbers that it reads."""
    last = 0
    for count, (step, argument, position) in enumerate(pickletools.genops(content)):
        # A single PUT with a large number makes pickle allocate gigabytes.
        if count >= MOST_STEPS or (step.name in ("PUT", "BINPUT", "LONG_BINPUT") and argument >= MOST_STEPS):
            raise _WrongContent(f"holds more than one numpy array: it has too many steps. {HOW_TO_SAVE}")
        last = position
    if last + 1 != len(content):
        raise _WrongContent(f"has {len(content) - last - 1} bytes after the end of its pickle. Copy it again.")


class _ArrayUnpickler(pickle.Unpickler):
    """Unpickler that has stand-ins for the names in a pickled array and refuses every other name."""

    def find_class(self, module: str, name: str) -> _StandIn:
        stand_in = _STAND_INS.get((module, name))
        if stand_in is None:
            named = re.sub(r"[^\w.]", "?", f"{module}.{name}")[:100]
            raise _WrongContent(
                f"calls {named}, which no array of numbers needs: refused, and no code of it was run. Do not trust "
                f"this file, or write it again if it is your own. {HOW_TO_SAVE}"
            )
        return stand_in


class _StandIn:
    """Stand-in for one of numpy's functions. A pickle cannot set an attribute of it."""

    __slots__ = ("_record",)

    def __init__(self, record: Callable):
        self._record = record

    def __call__(self, *arguments):
        return self._record(*arguments)

    def __setstate__(self, state):
        raise pickle.UnpicklingError("it sets the state of a function")


class _Type:
    """Record of the type of an array's numbers."""

    __slots__ = ("order", "text")

    def __init__(self, text, align=False, copy=False):
        self.text, self.order = text, "="

    def __setstate__(self, state):
        self.order = state[1]

    def numpy_type(self) -> np.dtype:
        """Return the type, if it is one of plain numbers."""
        text = self.text if isinstance(self.text, str) else "?"
        if text not in PLAIN or self.order not in ("|", "<", ">", "="):
            name = KINDS[text[0]] if text[:1] in KINDS else re.sub(r"\W", "?", text)[:20]
            raise _WrongContent(f"holds an array of type {name}, not of plain numbers. {HOW_TO_SAVE}")
        return np.dtype(text).newbyteorder(self.order)


class _Array:
    """Record of an array."""

    __slots__ = ("axes", "content", "kind", "order", "shape")

    def __init__(self):
        self.kind = None

    def __setstate__(self, state):
        _, self.shape, self.kind, fortran, self.content = state
        self.order, self.axes = ("F" if fortran else "C"), None

    def array(self) -> np.ndarray:
        """Return the array, after checking that shape, type and number of bytes agree."""
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
            raise _WrongContent(
                f"says that it holds {kind} {list(shape)} and has {len(content)} bytes: it is damaged. Copy it again."
            )
        array = np.frombuffer(content, kind)
        if self.axes is not None:  # numpy 2.3 and later, for arrays whose axes were swapped
            if sorted(self.axes) != list(range(len(shape))):
                raise pickle.UnpicklingError("an array with wrong axes")
            array = array.reshape(shape).transpose(self.axes)
        else:
            array = array.reshape(shape, order="F" if self.order == "F" else "C")
        array.flags.writeable = False
        return array


def _from_buffer(content, kind, shape, order, axes=None) -> _Array:
    record = _Array()
    record.shape, record.kind, record.content = shape, kind, content
    record.order, record.axes = order, (axes if order == "K" else None)
    return record


def _encoded(text: str, encoding: str) -> bytes:
    if encoding != "latin1":
        raise pickle.UnpicklingError(f"bytes in {str(encoding)[:20]!r}")
    return text.encode("latin1")


def _describe(value: object) -> str:
    if isinstance(value, list | tuple | set | dict):
        return f"a {type(value).__name__} of {len(value)}"
    return "a type or function" if isinstance(value, _Type | _StandIn) else f"a {type(value).__name__}"


# numpy 1 calls its inner package numpy.core, numpy 2 numpy._core. Protocols 0 to 2 write bytes as encoded text, and
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
