"""One process at a time: a lock on a file that the system releases when its holder ends."""

import contextlib
import errno
import os
import pathlib
import socket
from collections.abc import Iterator

from tf3dlocal.io.types import PathLike

try:
    import fcntl
except ImportError:  # Windows: no lock is taken there, and a second process is not noticed
    fcntl = None

NO_LOCKS_HERE = {errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP}  # file systems without locks, such as some of clusters

HELD: set[int] = set()  # file handles of this process


@contextlib.contextmanager
def file_lock(path: PathLike) -> Iterator[bool]:
    """Hold a lock while the block runs.

    The system releases it when the process ends, however it ends: after `kill -9` nothing needs to be tidied up. The
    lock is on a file and not on a folder, because a network file system locks only what is open for writing. Where the
    file system has no locks, the lock counts as taken by this call.

    Args:
        path: The lock file; it is made if absent, with its folder, and stays.

    Yields:
        Whether this call holds the lock; False if another process, or another call in this one, holds it.

    Example:
        >>> import tempfile
        >>> path = tempfile.mkdtemp() + "/lock"
        >>> with file_lock(path) as first, file_lock(path) as second:
        ...     print(first, second)
        True False
    """
    path = pathlib.Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    HELD.add(handle)
    try:
        is_ours = try_lock(handle) is not False
        if is_ours:
            os.ftruncate(handle, 0)
            os.write(handle, f"process {os.getpid()} on {socket.gethostname()}\n".encode())
        yield is_ours
    finally:
        HELD.discard(handle)
        os.close(handle)


def lock_holder(path: PathLike) -> str:
    """Return who holds a lock, such as "process 4711 on gpu-3".

    Args:
        path: The lock file.
    """
    try:
        text = pathlib.Path(path).read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        text = ""
    return text or "a process that has just started"


def try_lock(handle: int) -> bool | None:
    """Try to lock an open file: True if locked now, False if somebody else holds it, None where there are no locks."""
    if fcntl is None:
        return None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in NO_LOCKS_HERE:
            return None
        if error.errno in {errno.EAGAIN, errno.EACCES}:
            return False
        raise
    return True


def _release_in_child() -> None:
    """A forked child shares the lock; if it lived longer than its parent, the lock would stay held."""
    while HELD:
        os.close(HELD.pop())


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_release_in_child)
