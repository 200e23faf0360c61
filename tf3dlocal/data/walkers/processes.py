"""Several processes that draw walkers for one call of `write_walkers`.

Each process reads its job as JSON from standard input, and writes an empty line for each sequence it has drawn.
"""

import json
import os
import pathlib
import selectors
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence

import cv2

DISK_ERROR = 74  # exit status of a process whose pictures could not be written
_COMMAND = [sys.executable, "-c", "from tf3dlocal.data.walkers.processes import work; raise SystemExit(work())"]


def share_out(
    out: pathlib.Path, *, numbers: Sequence[int], settings: dict, workers: int, advance: Callable[[], object]
) -> None:
    """Draw the subjects with several processes.

    The processes are new commands and not forks: a fork is unsafe next to TensorFlow's threads, and a script that calls
    this needs no `if __name__ == "__main__"`.

    Args:
        out: The folder.
        numbers: Numbers of the subjects to draw.
        settings: See `write_subject`.
        workers: Number of processes.
        advance: Called once for each sequence drawn.

    Raises:
        OSError: A process cannot write its pictures.
        RuntimeError: A process ends for another reason before its work is done.
    """
    root = str(pathlib.Path(__file__).resolve().parents[3])
    paths = [root, *filter(None, [os.environ.get("PYTHONPATH")])]
    pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(paths)}
    processes = []
    try:
        with selectors.DefaultSelector() as selector:
            for first in range(workers):
                process = subprocess.Popen(_COMMAND, env=environment, **pipes)
                processes.append(process)
                job = {"out": str(out.resolve()), "numbers": numbers[first::workers], "settings": settings}
                process.stdin.write(json.dumps(job).encode())
                process.stdin.close()
                selector.register(process.stdout, selectors.EVENT_READ, process)
            while selector.get_map():
                for key, _ in selector.select():
                    lines = os.read(key.fd, 4096)
                    for _ in range(lines.count(b"\n")):
                        advance()
                    if not lines:
                        selector.unregister(key.fileobj)
                        _check_end(key.data, out)
    finally:
        for process in processes:
            if process.poll() is None:
                process.terminate()
            process.wait()
            for pipe in (process.stdout, process.stderr):
                pipe.close()


def _check_end(process: subprocess.Popen, out: pathlib.Path) -> None:
    reason = process.stderr.read().decode(errors="replace").strip()
    if process.wait() == DISK_ERROR:
        raise OSError(reason)
    if process.returncode:
        raise RuntimeError(
            f"A process that draws walkers into {out} ended with status {process.returncode}. Complete subjects are "
            f"kept; repeat the call to draw the others. The output of the process was:\n{reason}"
        )


def work() -> int:
    """Draw the subjects of one job, read from standard input, and return the exit status.

    The job is ``{"out": folder, "numbers": numbers of the subjects, "settings": see write_subject}``. If the parent
    process dies, writing the next line fails and this process ends.
    """
    from tf3dlocal.data.walkers.write import write_subject  # that module imports this one

    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that an incomplete subject is removed
    cv2.setNumThreads(0)
    job = json.load(sys.stdin)
    out, settings = pathlib.Path(job["out"]), job["settings"]
    try:
        for number in job["numbers"]:
            write_subject(out, number=number, settings=settings, advance=lambda: print(flush=True))
    except BrokenPipeError:
        raise
    except OSError as error:
        print(error, file=sys.stderr)
        return DISK_ERROR
    return 0
