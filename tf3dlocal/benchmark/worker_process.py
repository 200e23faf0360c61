"""An alternative in its process, seen from the side that measures."""

import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import threading

PACKAGE_FOLDER = str(pathlib.Path(__file__).resolve().parents[2])


class AlternativeFailed(Exception):
    """Why an alternative gives no numbers, in one line; `details` has what it printed last."""

    def __init__(self, reason, details=""):
        super().__init__(reason)
        self.details = details


class WorkerProcess:
    """A running worker: `start` makes the alternative's callable there, `run` calls it. Close it, or use it with `with`.

    Args:
        alternative: see `Alternative`.
        folder: the process's working directory; None for the present one.
        environment: environment variables for every alternative; the alternative's own come on top.
        timeout: seconds after which one answer is given up and the process ended.
    """

    def __init__(self, alternative, folder=None, environment=None, timeout=1800):
        self.alternative = alternative
        self.timeout = timeout
        search = os.pathsep.join(filter(None, [PACKAGE_FOLDER, os.environ.get("PYTHONPATH")]))
        defaults = {"TF_CPP_MIN_LOG_LEVEL": "2", "KERAS_BACKEND": "tensorflow"}
        defaults["TF_FORCE_GPU_ALLOW_GROWTH"] = "true"  # all workers live at once; the first would take the whole GPU
        self.printed = tempfile.TemporaryFile()  # noqa: SIM115  (it lives as long as the process)
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tf3dlocal.benchmark.worker"],
            cwd=folder,
            text=True,
            encoding="utf-8",
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.printed,
            env={**defaults, **os.environ, "PYTHONPATH": search, **(environment or {}), **alternative.environment},
            start_new_session=True,  # an interrupt at the terminal is for the measuring side, which ends its workers
        )

    def start(self):
        """Make the callable; gives the worker's first answer."""
        return self._ask({"function": self.alternative.function, "arguments": self.alternative.arguments})

    def run(self, num_calls=1):
        """Call it so many times; gives the seconds of all calls and the peak memory so far."""
        return self._ask({"calls": num_calls})

    def close(self):
        """End the process, whatever it does."""
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
            raise AlternativeFailed(self._why_it_ended(in_time), self._last_words())
        answer = json.loads(line)
        if "error" in answer:
            raise AlternativeFailed(answer["error"].splitlines()[0], answer["traceback"])
        return answer

    def _why_it_ended(self, in_time):
        code = self.process.wait()
        if not in_time:
            return f"no answer within {self.timeout:g} s"
        if code < 0:
            memory = ": probably out of memory" if -code == getattr(signal, "SIGKILL", None) else ""
            return f"its process was ended by {signal.Signals(-code).name}{memory}"
        return f"its process ended with exit code {code}"

    def _last_words(self):
        self.printed.seek(0)
        return "\n".join(self.printed.read().decode("utf-8", "replace").splitlines()[-20:])
