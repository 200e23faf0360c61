"""Programs of these tests, each in a separate process: the devices of TensorFlow are fixed at its start."""

import os
import pathlib
import subprocess
import sys

FOLDER = pathlib.Path(__file__).parent


def environment():
    """The environment of such a process: this checkout and the helpers of the tests are found, on one thread."""
    paths = (FOLDER, FOLDER.parent, FOLDER.parents[1])
    found = {**os.environ, "TF_NUM_INTRAOP_THREADS": "1", "TF_CPP_MIN_LOG_LEVEL": "3", "KERAS_BACKEND": "tensorflow"}
    return found | {"PYTHONPATH": os.pathsep.join(map(str, paths))}


def run_program(name, *arguments):
    """Run a program of this folder to its end; an error of it is one of the test."""
    command = [sys.executable, str(FOLDER / name), *map(str, arguments)]
    subprocess.run(command, check=True, env=environment())
