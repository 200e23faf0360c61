"""Files and folders that are there as a whole or not at all.

Content is written to a temporary folder `.XXXXXXXX.unfinished` next to the target, forced to the disk, and only then
renamed. The temporary folder is locked while its process lives, so that what a killed process left can be recognised
and removed: the first write of a process into a folder does it.
"""

import contextlib
import errno
import json
import os
import pathlib
import secrets
import shutil
import stat
import time
from collections.abc import Callable, Iterator
from typing import Any

from tf3dlocal.io.locks import file_lock, try_lock
from tf3dlocal.io.paths import check_no_loop
from tf3dlocal.io.types import PathLike

UNFINISHED = ".unfinished"
LOCK, REPLACED = "lock", "replaced"
MANY_FILES = 100  # above, os.sync() comes before the calls per file: up to 4 s instead of 12 s for 3,300 small files
SECONDS_TO_LOCK = (
    60  # a temporary folder without a lock file is left alone for so long: its process may be about to lock it
)

OF_THE_SYSTEM = ("/dev/", "/proc/", "/sys/")

TIDIED: set[pathlib.Path] = set()  # folders from which this process has removed what killed processes left


def write_file(path: PathLike, write: Callable[[pathlib.Path], Any], *, mode: int | None = None) -> None:
    """Write a file: whatever happens, `path` is the old file or the whole new one.

    A file that is replaced keeps its owner, its group and its permissions.

    Args:
        path: The file; its folder is made if absent.
        write: Function that writes the content to the temporary path it is given; the name is that of `path`.
        mode: Permissions of a new file, such as 0o600. Default: those that the system gives to new files.

    Raises:
        OSError: The content cannot be written; the old file is kept. Or `path` is a device or a pipe.

    Example:
        >>> import tempfile
        >>> path = pathlib.Path(tempfile.mkdtemp(), "a.txt")
        >>> write_file(path, lambda temporary: temporary.write_text("whole"))
        >>> path.read_text()
        'whole'
    """
    path = pathlib.Path(path)
    _refuse_device(path)
    with _temporary_folder(path.parent) as folder:
        temporary = folder / path.name
        write(temporary)
        sync(temporary)
        _keep_access(temporary, old=path, mode=mode)
        os.replace(temporary, path)
    sync(path.parent)


def write_bytes(path: PathLike, content: bytes | memoryview) -> None:
    """Write a file from bytes, whole or not at all."""
    write_file(path, lambda temporary: temporary.write_bytes(content))


def write_text(path: PathLike, text: str) -> None:
    """Write a UTF-8 file from text, whole or not at all; characters that UTF-8 cannot hold are escaped."""
    write_bytes(path, text.encode("utf-8", errors="backslashreplace"))


def write_json(path: PathLike, values: Any) -> None:
    """Write values as indented JSON, whole or not at all.

    Args:
        path: The file.
        values: What JSON holds, and numpy arrays, numpy numbers and paths.

    Raises:
        ValueError: A number that is not finite; JSON has none.
        TypeError: A value that JSON cannot hold.
    """
    text = json.dumps(values, indent=2, ensure_ascii=False, allow_nan=False, default=_as_json)
    write_text(path, text + "\n")


@contextlib.contextmanager
def new_folder(path: PathLike, *, replace: bool = False) -> Iterator[pathlib.Path]:
    """Write a folder: it gets its name when the block has ended without an error.

    Args:
        path: The folder.
        replace: Whether an old folder of this name is replaced; it stays until the new one is complete. The new one
            has its owner, its group and its permissions.

    Yields:
        The temporary folder to write into.

    Raises:
        FileExistsError: There is such a folder, and `replace` is False.
        OSError: The content cannot be written; the old folder is kept.

    Example:
        >>> import tempfile
        >>> path = pathlib.Path(tempfile.mkdtemp(), "set")
        >>> with new_folder(path) as folder:
        ...     _ = (folder / "a.txt").write_text("whole")
        >>> [file.name for file in path.iterdir()]
        ['a.txt']
    """
    path = pathlib.Path(path)
    _refuse_existing(path, replace)
    with _temporary_folder(path.parent) as outer:
        folder = outer / path.name
        folder.mkdir()
        yield folder
        _sync_content(folder)
        _refuse_existing(path, replace)
        kept = outer / REPLACED / path.name
        if path.exists():
            _keep_access(folder, old=path)
            kept.parent.mkdir()
            os.rename(path, kept)
        try:
            os.rename(folder, path)
        except OSError:
            if kept.exists():
                os.rename(kept, path)
            raise
        sync(path.parent)


def check_writable(path: PathLike, *, kind: str = "folder") -> None:
    """Make sure that a file or folder can be made, or an old one be written into, before the work for it begins.

    Args:
        path: The file or folder; what is missing above it is no fault.
        kind: "folder" or "file".

    Raises:
        OSError: Something of the other kind has its name, a device or a pipe has it, something above it is no folder,
            the folder cannot be written, or a link leads to itself.

    Example:
        >>> check_writable("/dev/null/set")
        Traceback (most recent call last):
        NotADirectoryError: /dev/null/set cannot be written: /dev/null is not a folder. Choose another path.
    """
    path = pathlib.Path(path)
    check_no_loop(path)
    if kind == "file" and path.is_dir():
        raise IsADirectoryError(f"{path} is a folder, and a file of this name cannot be written. Choose another name.")
    first = path if kind == "folder" else path.parent
    above = next(each for each in (first, *first.absolute().parents) if os.path.lexists(each))
    if not above.is_dir():
        what = "a link to nothing" if not above.exists() else "not a folder"
        subject = "it" if above == path else str(above)
        raise NotADirectoryError(f"{path} cannot be written: {subject} is {what}. Choose another path.")
    if kind == "file":
        _refuse_device(path)
    if not os.access(above, os.W_OK | os.X_OK):
        raise PermissionError(
            f"{path} cannot be written: you may not write into the folder {above}. Choose another path, or change the "
            "folder's permissions."
        )


def remove_unfinished(parent: PathLike) -> list[str]:
    """Remove what killed processes left half-written in a folder; what a living process writes stays.

    A folder that was being replaced when its process was killed gets its old content back.

    Args:
        parent: The folder in which files and folders were being written.

    Returns:
        Names of the temporary folders that were removed.
    """
    removed = []
    for folder in pathlib.Path(parent).glob(f".*{UNFINISHED}"):
        if folder.is_dir() and not folder.is_symlink() and _is_abandoned(folder):
            for kept in (folder / REPLACED).glob("*"):
                if not (folder.parent / kept.name).exists():
                    os.rename(kept, folder.parent / kept.name)
            shutil.rmtree(folder, ignore_errors=True)
            removed.append(folder.name)
    return removed


def sync(path: pathlib.Path) -> None:
    """Force a file, or the names in a folder, to the disk."""
    if path.is_dir() and os.name == "nt":
        return  # Windows cannot and need not
    handle = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _sync_content(folder: pathlib.Path) -> None:
    content = [folder, *folder.rglob("*")]
    if len(content) > MANY_FILES and hasattr(os, "sync"):
        os.sync()
    for path in content:
        sync(path)  # after os.sync() it has little to write, and reports errors


@contextlib.contextmanager
def _temporary_folder(parent: pathlib.Path) -> Iterator[pathlib.Path]:
    check_writable(parent)
    with _named(parent):
        parent.mkdir(parents=True, exist_ok=True)
    if (resolved := parent.resolve()) not in TIDIED:  # once per process: a folder may hold thousands of files
        TIDIED.add(resolved)
        remove_unfinished(parent)
    folder = parent / f".{secrets.token_hex(4)}{UNFINISHED}"
    with _named(parent):
        folder.mkdir(mode=0o700)  # the content may be readable by its owner only
    try:
        with file_lock(folder / LOCK):
            yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _keep_access(new: pathlib.Path, *, old: pathlib.Path, mode: int | None = None) -> None:
    """Give a new file or folder the owner, the group and the permissions of the one that it replaces.

    Where the system does not allow another owner or group, the permissions of the group are left out if it is another.
    """
    try:
        wanted = os.stat(old)
    except OSError:  # there is none
        wanted = None
    with contextlib.suppress(OSError):  # a file system without permissions
        if wanted is None:
            if mode is not None:
                os.chmod(new, mode)
            return
        kept = stat.S_IMODE(wanted.st_mode)
        if hasattr(os, "chown"):
            for owner in ((-1, wanted.st_gid), (wanted.st_uid, -1)):
                with contextlib.suppress(OSError):
                    os.chown(new, *owner)
            if os.stat(new).st_gid != wanted.st_gid:
                kept &= ~stat.S_IRWXG
        os.chmod(new, kept)


@contextlib.contextmanager
def _named(parent: pathlib.Path) -> Iterator[None]:
    """Name the folder that cannot be written instead of a temporary one in it."""
    try:
        yield
    except OSError as error:
        if error.errno == errno.ENOENT:  # in /proc, where all that is missing is the temporary folder
            raise PermissionError(errno.EACCES, "Nothing can be written there", str(parent)) from error
        raise OSError(error.errno, error.strerror, str(parent)) from error


def _is_abandoned(folder: pathlib.Path) -> bool:
    try:
        handle = os.open(folder / LOCK, os.O_RDWR)
    except FileNotFoundError:
        return time.time() - folder.stat().st_mtime > SECONDS_TO_LOCK
    except PermissionError:  # of another user
        return False
    try:
        return try_lock(handle) is True
    finally:
        os.close(handle)


def _refuse_device(path: pathlib.Path) -> None:
    """Refuse a device, a pipe and a link to one, such as /dev/null: root would replace it by a file for everybody."""
    is_special = path.exists() and not path.is_file() and not path.is_dir()
    place = os.path.abspath(path)
    if is_special or (place.startswith(OF_THE_SYSTEM) and not place.startswith("/dev/shm/")):
        raise OSError(f"{path} is a device or a pipe, and a file would replace it. Give the name of a file.")


def _refuse_existing(path: pathlib.Path, replace: bool) -> None:
    if os.path.lexists(path) and not (replace and path.is_dir()):
        raise FileExistsError(f"{path} exists and is not overwritten. Choose another name, or remove it.")


def _as_json(value: Any) -> Any:
    if hasattr(value, "tolist"):
        return value.tolist()
    if isinstance(value, pathlib.PurePath):
        return str(value)
    raise TypeError(f"A JSON file cannot hold a {type(value).__name__}.")
