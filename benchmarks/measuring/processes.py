"""An alternative, and the process that it runs in, seen from the side that measures."""

import dataclasses
import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import threading
from typing import Any

HERE = pathlib.Path(__file__).resolve().parent
BENCHMARKS, ROOT = HERE.parent, HERE.parents[1]


@dataclasses.dataclass(frozen=True)
class Alternative:
    """One of the things that are measured: a function that makes a callable, whose calls are measured.

    The function is called once, in its own process, with the keyword arguments. It does everything that comes before
    the first call, such as building a model or drawing a batch. The callable that it returns takes no arguments and
    must not
    return before its work is done. If the callable has an attribute `facts`, a dict that JSON can hold, the result
    includes it.

    Args:
        name: the name in the table.
        function: "package.module:function" or "folder/file.py:function". A file sees its own folder on the import path.
        arguments: keyword arguments that JSON can hold.
        environment: environment variables of the process.

    Raises:
        ValueError: the name is empty, or the function has no place or no name.

    Example:
        >>> Alternative("nap", function="time:sleep").arguments
        {}
    """

    name: str
    _: dataclasses.KW_ONLY
    function: str
    arguments: dict[str, Any] = dataclasses.field(default_factory=dict)
    environment: dict[str, str] = dataclasses.field(default_factory=dict)

    def __post_init__(self):
        place, colon, attribute = self.function.rpartition(":")
        if not self.name or not (colon and place and attribute):
            raise ValueError(
                f"The alternative {self.name!r} has the function {self.function!r}. Give it a name and a function as "
                "module:function or FILE.py:function."
            )


class AlternativeError(Exception):
    """The reason why an alternative gives no numbers, in one line; `details` holds its last output."""

    def __init__(self, reason, details=""):
        super().__init__(reason)
        self.details = details


class WorkerProcess:
    """A running worker: `start` makes the alternative's callable, `run` calls it. Close it, or use it with `with`.

    Args:
        alternative: see `Alternative`.
        folder: working directory of the process; None for the current one.
        environment: environment variables for every alternative; those of the alternative override them.
        timeout: seconds after which the process is ended if an answer is missing.
    """

    def __init__(self, alternative, *, folder=None, environment=None, timeout=1800):
        self.alternative = alternative
        self.timeout = timeout
        defaults = {"TF_CPP_MIN_LOG_LEVEL": "2", "KERAS_BACKEND": "tensorflow"}
        # All workers live at the same time; without this, the first one would take the whole GPU.
        defaults["TF_FORCE_GPU_ALLOW_GROWTH"] = "true"
        self.printed = tempfile.TemporaryFile()  # noqa: SIM115  (it lives as long as the process)
        self.process = subprocess.Popen(
            [sys.executable, "-P", str(HERE / "worker.py")],
            cwd=folder,
            text=True,
            encoding="utf-8",
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.printed,
            env={**defaults, **os.environ, **search_path(), **(environment or {}), **alternative.environment},
            start_new_session=True,  # an interrupt at the terminal reaches the measuring side, which ends its workers
        )

    def start(self):
        """Make the callable; returns the worker's first answer."""
        return self._ask({"function": self.alternative.function, "arguments": self.alternative.arguments})

    def run(self, num_calls=1):
        """Call the callable `num_calls` times; returns the seconds of all calls and the peak memory so far."""
        return self._ask({"calls": num_calls})

    def close(self):
        """End the process."""
        for pipe in (self.process.stdin, self.process.stdout):
            try:
                pipe.close()
            except BrokenPipeError:
                pass
        try:
            self.process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.printed.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.close()

    def _ask(self, question):
        overdue = threading.Timer(self.timeout, self.process.kill)
        overdue.start()
        try:
            try:
                self.process.stdin.write(json.dumps(question) + "\n")
                self.process.stdin.flush()
            except (BrokenPipeError, OSError):
                pass  # it has ended; its last answer or its exit code says why
            line = self.process.stdout.readline()
        finally:
            in_time = overdue.is_alive()
            overdue.cancel()
        if not line:
            raise AlternativeError(self._why_it_ended(in_time), self._last_output())
        answer = json.loads(line)
        if "error" in answer:
            raise AlternativeError(answer["error"].splitlines()[0], answer["traceback"])
        return answer

    def _why_it_ended(self, in_time):
        code = self.process.wait()
        if not in_time:
            return f"no answer within {self.timeout:g} s"
        if code < 0:
            memory = ": probably out of memory" if -code == getattr(signal, "SIGKILL", None) else ""
            return f"its process was ended by {signal.Signals(-code).name}{memory}"
        return f"its process ended with exit code {code}"

    def _last_output(self):
        self.printed.seek(0)
        return "\n".join(self.printed.read().decode("utf-8", "replace").splitlines()[-20:])


def search_path():
    """The environment variable with which a fresh process finds the package of this checkout and `measuring`."""
    folders = [str(ROOT), str(BENCHMARKS), os.environ.get("PYTHONPATH")]
    return {"PYTHONPATH": os.pathsep.join(filter(None, folders))}


def facts_of(alternative):
    """Return the facts of the callable that an alternative makes, without calling it.

    Args:
        alternative: see `Alternative`.

    Returns:
        dict.

    Raises:
        AlternativeError: the callable cannot be made; the message gives the reason in one line.

    Example:
        >>> product = Alternative("product", function="measuring.matmul:numpy_matmul", arguments={"size": 10})
        >>> facts_of(product)["gflop"]
        2e-06
    """
    with WorkerProcess(alternative) as worker:
        return worker.start()["facts"]
