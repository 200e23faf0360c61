"""A question answered in a process of its own, without measuring anything."""

from tf3dlocal.benchmark.worker_process import WorkerProcess


def facts_of(alternative, folder=None):
    """The facts of the callable that an alternative makes.

    Args:
        alternative: see `Alternative`.
        folder: working directory of its process.

    Returns:
        dict.

    Raises:
        AlternativeFailed: what went wrong there, in one line.

    Example:
        >>> from tf3dlocal.benchmark.alternative import Alternative
        >>> facts_of(Alternative("product", "tf3dlocal.benchmark.matmul:numpy_matmul", {"size": 10}))["gflop"]
        2e-06
    """
    with WorkerProcess(alternative, folder) as worker:
        return worker.start()["facts"]
