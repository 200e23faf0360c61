"""What all readers of raw files share: the error, the size limit, the order of names and the fingerprint of a file."""

from __future__ import annotations

import os
import re
import unicodedata

from tf3dlocal.io import UnreadableError, check_regular_file, printable
from tf3dlocal.io.types import PathLike

LARGEST_FILE = 64 * 2**20  # bytes; a larger file is neither a frame nor a walk and is not read into memory


class RawDataError(UnreadableError):
    """The raw data cannot be used as they are. The message names the file and the solution."""

    def __init__(self, message: str):
        super().__init__(printable(message, keep="\n"))


def read_file(path: PathLike) -> bytes:
    """Read a whole regular file, unless it is too large for a frame or a walk.

    Raises:
        OSError: The file cannot be read, is larger than `LARGEST_FILE`, or is a pipe or a device, on which a reader
            would wait for ever.
    """
    try:
        check_regular_file(path)
    except UnreadableError as error:
        raise OSError("it is not a regular file") from error
    with open(path, "rb") as file:
        check_file_size(os.fstat(file.fileno()).st_size)
        return file.read(LARGEST_FILE + 1)


def check_file_size(num_bytes: int) -> None:
    """Raise OSError for a file larger than `LARGEST_FILE`."""
    if num_bytes > LARGEST_FILE:
        raise OSError(f"{num_bytes} bytes: too large for a frame or a walk")


def file_fingerprint(path: PathLike) -> str:
    """Return a text that changes with the name, the size or the modification time of a file."""
    status = os.stat(path)
    return f"{os.path.basename(path)} {status.st_size} {status.st_mtime_ns}"


def is_folder(entry: os.DirEntry) -> bool:
    """Return whether an entry is a folder, or a link to one. A link to itself is none."""
    try:
        return entry.is_dir()
    except OSError:
        return False


def is_text(name: str) -> bool:
    """Return whether a name from a disk or an archive is UTF-8: subjects and conditions are stored as such."""
    return not any("\ud800" <= character <= "\udfff" for character in name)


def odd_name(path: str) -> str:
    r"""Return what is odd in the name of a file or folder that is left out, in brackets for a report; "" if nothing is.

    Example:
        >>> odd_name("003\n"), odd_name("caf\udce9"), odd_name("a b")
        (' (a line break or another control character in its name)', ' (its name is not UTF-8)', '')
    """
    if not is_text(path):
        return " (its name is not UTF-8)"
    has_control = any(unicodedata.category(character) == "Cc" for character in path)
    return " (a line break or another control character in its name)" if has_control else ""


def natural_key(text: str) -> list[tuple[int, int, str]]:
    """Return a sorting key under which frame 2 comes before frame 10.

    Example:
        >>> sorted(["10.png", "9.png", "1.png"], key=natural_key)
        ['1.png', '9.png', '10.png']
    """
    pieces = re.split(r"(\d+)", text)
    # int() refuses a number of more than 4300 digits; no file system has such a name, but an archive may.
    return [
        (1, int(piece), piece) if piece.isdecimal() and len(piece) < 1000 else (0, 0, piece)
        for piece in pieces
        if piece
    ]
