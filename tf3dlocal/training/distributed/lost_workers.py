"""The end of a process whose training has lost another worker."""

import atexit
import contextlib
import os
import signal
import sys
import tempfile
import threading
from collections.abc import Iterator

import tensorflow as tf

from tf3dlocal.training.distributed.cluster import Cluster

# How long the end of a worker may take: in it TensorFlow may wait for another worker that is gone.
ENDING_SECONDS = 60

# What TensorFlow raises from a step when it finds that another worker is gone; it polls them every few seconds.
LOST = (
    tf.errors.UnavailableError,
    tf.errors.AbortedError,
    tf.errors.DeadlineExceededError,
    tf.errors.CancelledError,
    tf.errors.FailedPreconditionError,
)

TEMPORARY: list[tempfile.TemporaryDirectory] = []  # folders of this process; Python removes them where it ends as usual


class LostWorkerError(RuntimeError):
    """Another worker of the training is gone, and no step can be made without it: start all of them again."""


@contextlib.contextmanager
def names_lost_workers() -> Iterator[None]:
    """Turn what TensorFlow raises when another worker is gone into a LostWorkerError; also a decorator.

    The process can use TensorFlow no more, and it ends: with exit code 1 when its program does, and by the system if
    that takes longer than a minute. TensorFlow's clean-up can wait for the lost worker without end.
    """
    try:
        yield
    except LOST as error:
        cluster = Cluster.from_environment()
        if cluster is None or len(cluster.addresses) == 1:
            raise
        atexit.register(_end_now)
        _end_soon()
        reason = next((line for line in str(error).splitlines() if "task:" in line or "peer" in line), error.message)
        raise LostWorkerError(
            f"Worker {cluster.index} of {len(cluster.addresses)} ({cluster.addresses[cluster.index]}) lost another "
            f"worker and ends: {reason.strip()}\nThe log of the other worker says why it ended. Start all workers "
            "again with the same call, and the training resumes from the last checkpoint."
        ) from error


def end_soon_at_exit() -> None:
    """When the program ends, let the system end the process if it is still there after ENDING_SECONDS."""
    atexit.register(_end_soon)


def _end_soon():
    if hasattr(signal, "SIGALRM") and threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.alarm(ENDING_SECONDS)


def _end_now():
    """The end of the process without TensorFlow's clean-up."""
    for folder in TEMPORARY:
        folder.cleanup()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(1)
