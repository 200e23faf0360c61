"""One guard per file format: whatever is wrong inside a file, the error is one sentence that names it."""

import contextlib
import errno
import json
import os
import pathlib
import stat
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from tf3dlocal.io.types import PathLike

# Without a number, or with these, an OSError tells of wrong bits (of a decompressor, of a position before the start).
ERRNO_OF_DAMAGE = {None, errno.EINVAL, errno.EOVERFLOW}
NPY = b"\x93NUMPY"  # how a file of one array begins
MOST_CHARACTERS = 300  # of a reason: a library may print the whole damaged content


class UnreadableError(ValueError):
    """A file cannot be read; the message names the file, the reason and what to do."""


@contextlib.contextmanager
def readable(path: PathLike, *, solution: str = "", reason: str = "") -> Iterator[None]:
    """Turn every exception that a damaged file causes into one sentence.

        FILE cannot be read: reason. Solution.

    Put it around the calls that parse the file, and nothing else. A damaged zip alone raises BadZipFile, zlib.error,
    KeyError, EOFError, NotImplementedError, RuntimeError, struct.error, UnicodeDecodeError or MemoryError, so no list
    is kept here. What tells of the machine and not of the content passes: no such file, no permission, no space, an
    interrupt.

    Args:
        path: The file, for the message.
        solution: A sentence on what to do.
        reason: What to say instead of the words of the library, where they mean nothing to a user. Too little memory
            and too deep nesting keep their own.

    Raises:
        UnreadableError: Any exception of the block; it is chained.
        OSError: The file cannot be reached; its content may be intact.

    Example:
        >>> with readable("set.npz", solution="Prepare the set again."):
        ...     raise zipfile.BadZipFile("File is not a zip file")
        Traceback (most recent call last):
        tf3dlocal.io.guard.UnreadableError: set.npz cannot be read: File is not a zip file. Prepare the set again.
    """
    try:
        yield
    except UnreadableError:
        raise
    except OSError as error:
        if error.errno not in ERRNO_OF_DAMAGE:
            if error.filename is None:
                raise OSError(error.errno, error.strerror, os.fspath(path)) from error
            raise
        raise UnreadableError(_sentence(path, error, solution=solution, reason=reason)) from error
    except Exception as error:
        raise UnreadableError(_sentence(path, error, solution=solution, reason=reason)) from error


def check_regular_file(path: PathLike, *, max_bytes: int | None = None) -> None:
    """Refuse what must not be opened for reading: devices and pipes, on which a reader waits for ever, and huge files.

    Args:
        path: The file; links are followed.
        max_bytes: The largest size that is accepted.

    Raises:
        FileNotFoundError: There is no such file.
        UnreadableError: It is a folder, a device, a pipe or a socket, or it is larger than `max_bytes`.
    """
    found = os.stat(path)
    if not stat.S_ISREG(found.st_mode):
        raise UnreadableError(f"{path} cannot be read: it is not a regular file.")
    if max_bytes is not None and found.st_size > max_bytes:
        raise UnreadableError(
            f"{path} cannot be read: it has {found.st_size:,} bytes, and {max_bytes:,} are the limit."
        )


def read_json(path: PathLike, *, solution: str = "") -> Any:
    """Read a JSON file.

    Args:
        path: A UTF-8 file.
        solution: A sentence for the error message on what to do.

    Raises:
        UnreadableError: It is not JSON.
        FileNotFoundError: There is no such file.
    """
    check_regular_file(path)
    with readable(path, solution=solution):
        return json.loads(pathlib.Path(path).read_text(encoding="utf-8"))


def read_npz(path: PathLike, *, keys: Sequence[str], solution: str = "") -> dict[str, np.ndarray]:
    """Read arrays of an .npz file; nothing in it is unpickled.

    Args:
        path: The file.
        keys: Names of the arrays to read.
        solution: A sentence for the error message on what to do.

    Returns:
        The arrays by name.

    Raises:
        UnreadableError: It is not such a file, an array is missing, or an array holds Python objects.
        FileNotFoundError: There is no such file.
    """
    check_regular_file(path)
    with readable(path, solution=solution):
        with pathlib.Path(path).open("rb") as file:
            begin = file.read(len(NPY))
        if not begin:
            raise ValueError("it is empty")
        if begin == NPY:
            raise ValueError("it is one array (.npy), and an .npz file with several is expected")
        if not begin.startswith(b"PK"):
            raise ValueError(
                f"it is of another kind, or damaged: an .npz file is a zip archive, and it begins {begin!r}"
            )
        with np.load(path, allow_pickle=False) as content:
            missing = [key for key in keys if key not in content.files]
            if missing:
                held = ", ".join(content.files) or "none"
                raise ValueError(f"the arrays {', '.join(missing)} are missing; it holds {held}")
            return {key: content[key] for key in keys}


def _sentence(path: PathLike, error: BaseException, *, solution: str, reason: str) -> str:
    if isinstance(error, RecursionError):
        reason = "it is nested too deeply"
    elif isinstance(error, MemoryError):
        reason = "it claims more memory than there is"
    elif not reason:
        reason = _in_words(error)
    lines = reason.strip().splitlines() or [type(error).__name__]
    reason = lines[0] if len(lines[0]) <= MOST_CHARACTERS else f"{lines[0][:MOST_CHARACTERS]}..."
    reason = reason.rstrip(". ")
    return f"{path} cannot be read: {reason}. {solution}".strip()


def _in_words(error: BaseException) -> str:
    """Return what an error tells of a file, in words that mean something to a user who did not write the reader."""
    if isinstance(error, json.JSONDecodeError):
        return f"it is no JSON ({error.msg}, line {error.lineno}, column {error.colno})"
    if isinstance(error, UnicodeDecodeError):
        return f"it is no {error.encoding.upper()} text (byte {error.start})"
    if isinstance(error, OSError) and error.errno in ERRNO_OF_DAMAGE - {None}:
        return "it is damaged, or cut short"
    if isinstance(error, KeyError) and error.args:
        key = str(error.args[0])
        return key if " " in key else f"it lacks {key!r}"
    if isinstance(error, (TypeError, AttributeError, IndexError)):
        return "its content is of another kind, or damaged"
    return str(error) or type(error).__name__
