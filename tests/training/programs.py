"""Programs of these tests, each in a separate process: the devices of TensorFlow are fixed at its start.

Run as a program, this file imports TensorFlow once and forks a process for every call that it reads from its input: a
fork of a process in which TensorFlow has not begun to compute costs nothing, an import takes five seconds.
"""

import functools
import gc
import json
import os
import pathlib
import runpy
import signal
import subprocess
import sys
import tempfile
import time

FOLDER = pathlib.Path(__file__).parent


def environment():
    """The environment of such a process: this checkout and the helpers of the tests are found, on one thread."""
    paths = (FOLDER, FOLDER.parent, FOLDER.parents[1])
    found = {**os.environ, "TF_NUM_INTRAOP_THREADS": "1", "TF_CPP_MIN_LOG_LEVEL": "3", "KERAS_BACKEND": "tensorflow"}
    return found | {"PYTHONPATH": os.pathsep.join(map(str, paths))}


def run_program(name, *arguments):
    """Run a program of this folder to its end; an error of it is one of the test."""
    with tempfile.TemporaryDirectory() as folder:
        log = pathlib.Path(folder, "log")
        (code,) = run_together([(name, arguments, {}, log)])
        assert code == 0, f"{name} ended with {code}:\n{log.read_text()[-5000:]}"


def run_together(calls, seconds=900):
    """Run programs of this folder at the same time and return their exit codes, or the negative signal of a killed one.

    Args:
        calls: (name, arguments, variables of the environment besides `environment()`, file for what it prints).
        seconds: After these, those that still run are killed.
    """
    calls = [
        {"path": str(FOLDER / name), "arguments": [*map(str, arguments)], "environment": own, "log": str(log)}
        for name, arguments, own, log in calls
    ]
    server = _server()
    server.stdin.write(json.dumps({"calls": calls, "seconds": seconds}) + "\n")
    server.stdin.flush()
    return json.loads(server.stdout.readline())


@functools.cache
def _server():
    command, pipe = [sys.executable, __file__], subprocess.PIPE
    return subprocess.Popen(command, env=environment(), stdin=pipe, stdout=pipe, text=True)


def serve():
    """Fork for every call and answer with the exit codes; returns only in a process that was forked, with its call."""
    for line in sys.stdin:
        request, started = json.loads(line), []
        for call in request["calls"]:
            if (child := os.fork()) == 0:
                return call
            started.append(child)
        left, codes, end = list(started), {}, time.monotonic() + request["seconds"]
        while left:
            if time.monotonic() > end:
                for child in left:
                    os.kill(child, signal.SIGKILL)
            for child in list(left):
                ended, status = os.waitpid(child, os.WNOHANG)
                if ended:
                    left.remove(child)
                    codes[child] = os.waitstatus_to_exitcode(status)
            time.sleep(0.02)
        print(json.dumps([codes[child] for child in started]), flush=True)
    return None


if __name__ == "__main__":
    # What the programs import, so that TensorFlow and this package are there before the first fork.
    import accumulated_replicas  # noqa: F401
    import killed  # noqa: F401
    import replicas  # noqa: F401
    import worker  # noqa: F401

    gc.freeze()  # a collection would write into the memory that the processes share
    if call := serve():
        with open(call["log"], "w") as log, open(os.devnull) as nothing:
            for file, number in ((nothing, 0), (log, 1), (log, 2)):
                os.dup2(file.fileno(), number)
        os.environ.update(call["environment"])
        tempfile.tempdir = None
        sys.argv = [call["path"], *call["arguments"]]
        runpy.run_path(call["path"], run_name="__main__")
