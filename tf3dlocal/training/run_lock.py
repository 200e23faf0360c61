"""One training at a time in a run folder."""

import contextlib
import errno
import os
import socket
from collections.abc import Iterator

from tf3dlocal.config import ConfigError

try:
    import fcntl
except ImportError:  # not on Windows: there nobody notices a second training in the same folder
    fcntl = None

NO_LOCKS_HERE = {errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP}  # file systems that know none, such as some of clusters

HELD: set[int] = set()  # handles of this process


@contextlib.contextmanager
def run_lock(run) -> Iterator[bool]:
    """Hold a run folder while the block runs; gives whether it is ours, False if another process, or call, holds it.

    The system lets go of it when the process ends, however it ends: nothing has to be tidied up after `kill -9`. It is a
    lock of a file, not of the folder, because a network file system locks only what is open for writing. Where there are
    no locks the folder counts as ours.

    Args:
        run: RunFolder; it is made if absent.

    Example:
        >>> import tempfile
        >>> from tf3dlocal.training.run_folder import RunFolder
        >>> run = RunFolder(tempfile.mkdtemp())
        >>> with run_lock(run) as first, run_lock(run) as second:
        ...     print(first, second)
        True False
    """
    run.path.mkdir(parents=True, exist_ok=True)
    handle = os.open(run.lock_file, os.O_RDWR | os.O_CREAT, 0o666)
    HELD.add(handle)
    try:
        ours = _lock(handle)
        if ours:
            os.ftruncate(handle, 0)
            os.write(handle, f"process {os.getpid()} on {socket.gethostname()}\n".encode())
        yield ours
    finally:
        HELD.discard(handle)
        os.close(handle)


def in_use(run) -> ConfigError:
    """The error of a call that finds a run folder held; it names the one that holds it."""
    holder = run.lock_file.read_text(encoding="utf-8").strip() or "which has just begun"
    return ConfigError(
        f"another training ({holder}) writes into {run.path} at this moment: wait for its end, or take another run folder"
    )


def _lock(handle):
    if fcntl is None:
        return True
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in NO_LOCKS_HERE:
            return True
        if error.errno in {errno.EAGAIN, errno.EACCES}:
            return False
        raise
    return True


def _let_go_in_child():
    """A fork shares the lock, and if it lived longer than the training, the folder would stay held."""
    while HELD:
        os.close(HELD.pop())


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_let_go_in_child)
