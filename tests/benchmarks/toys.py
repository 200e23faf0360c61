"""Alternatives that take no library: they note their calls, hold memory or fail in the ways that processes fail."""

import os
import pathlib
import signal
import subprocess
import sys
import time


def noting(file, name, seconds=0.0):
    """Appends "name begin end" to a file with every call, and prints where others would read an answer."""

    def call():
        begin = time.monotonic()
        time.sleep(seconds)
        with pathlib.Path(file).open("a") as lines:
            lines.write(f"{name} {begin} {time.monotonic()}\n")
        print("a library's chatter")

    threads, growth = map(os.environ.get, ("OMP_NUM_THREADS", "TF_FORCE_GPU_ALLOW_GROWTH"))
    call.facts = {"walks": 2, "seen": threads, "growth": growth}
    return call


def holding(megabytes):
    """Every call fills an array of so many megabytes and lets it go."""

    def call():
        held = bytearray(megabytes * 2**20)
        held[::4096] = b"1" * len(held[::4096])

    return call


def counting(seconds):
    """Every call takes so much of a processor's time."""

    def call():
        end = time.process_time() + seconds
        while time.process_time() < end:
            pass

    return call


def asking_another(seconds):
    """Every call starts a process that takes so much of a processor's time."""
    work = f"import time\nwhile time.process_time() < {seconds}: pass"

    def call():
        subprocess.run([sys.executable, "-S", "-c", work], check=True)

    return call


def ending(how, at_call=1):
    """Fails at a call: "raise" an error, "exit", "kill" itself or "sleep" for an hour."""
    calls = []

    def call():
        calls.append(None)
        if len(calls) < at_call:
            return
        if how == "raise":
            raise RuntimeError("no such kernel\nand a second line")
        if how == "exit":
            os._exit(3)
        if how == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        time.sleep(3600)

    return call


def needing_a_library():
    import a_library_that_nobody_has  # noqa: F401


def step(walks, frames):
    """A rival as `--against` names it."""

    def call():
        time.sleep(0.001 * walks * frames)

    return call
