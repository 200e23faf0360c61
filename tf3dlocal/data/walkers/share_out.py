"""Several processes that draw walkers for one call of `write_walkers`."""

from __future__ import annotations

import json
import os
import pathlib
import selectors
import subprocess
import sys
from collections.abc import Callable, Sequence

DISK_TROUBLE = 74  # exit status of a worker whose pictures the disk did not take


def share_out(
    out: pathlib.Path, numbers: Sequence[int], settings: dict, workers: int, advance: Callable[[], None]
) -> None:
    """Has the subjects drawn by several processes at once.

    The processes are plain commands (see `worker`): nothing is forked, which would be unsafe beside TensorFlow's
    threads, and a script that calls this needs no guard round its main part.

    Args:
        out: The folder.
        numbers: Subjects to draw.
        settings: As `write_subject` takes them.
        workers: Number of processes.
        advance: Called once for each sequence drawn.

    Raises:
        OSError: If the disk does not take a worker's pictures.
        RuntimeError: If a worker ends otherwise before its work is done.
    """
    root = str(pathlib.Path(__file__).resolve().parents[3])
    paths = [root, *filter(None, [os.environ.get("PYTHONPATH")])]
    command = [sys.executable, "-m", "tf3dlocal.data.walkers.worker"]
    pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(paths)}
    processes = []
    try:
        with selectors.DefaultSelector() as selector:
            for first in range(workers):
                process = subprocess.Popen(command, env=environment, **pipes)
                processes.append(process)
                job = {"out": str(out.resolve()), "numbers": numbers[first::workers], "settings": settings}
                process.stdin.write(json.dumps(job).encode())
                process.stdin.close()
                selector.register(process.stdout, selectors.EVENT_READ, process)
            while selector.get_map():
                for key, _ in selector.select():
                    said = os.read(key.fd, 4096)
                    for _ in range(said.count(b"\n")):
                        advance()
                    if not said:
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
    if process.wait() == DISK_TROUBLE:
        raise OSError(reason)
    if process.returncode:
        raise RuntimeError(
            f"a process that draws walkers into {out} ended with status {process.returncode}; complete "
            f"subjects are kept and the same call goes on from there. It said:\n{reason}"
        )
