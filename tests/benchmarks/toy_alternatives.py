"""Alternatives without a library: they note their calls, hold memory, or fail in the ways that processes fail."""

import os
import pathlib
import signal
import subprocess
import sys
import time


def noting(file, name, *, seconds=0.0):
    """Append "name begin end" to a file with every call, and print where the answers would be."""

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
    """Fill an array of that many megabytes with every call and release it."""

    def call():
        held = bytearray(megabytes * 2**20)
        held[::4096] = b"1" * len(held[::4096])

    return call


def counting(seconds):
    """Use that many processor seconds with every call."""

    def call():
        end = time.process_time() + seconds
        while time.process_time() < end:
            pass

    return call


def starting_another(seconds):
    """Start a process with every call that uses that many processor seconds."""
    work = f"import time\nwhile time.process_time() < {seconds}: pass"

    def call():
        subprocess.run([sys.executable, "-S", "-c", work], check=True)

    return call


def ending(how, *, at_call=1):
    """Fail at a call: "raise" an error, "exit", "kill" itself or "sleep" for an hour."""
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
    import a_library_that_does_not_exist  # noqa: F401  (the test is about its absence)


def step(walks, frames, **_):
    """Take a millisecond per frame: a rival as `--against` names it, and a step whose growth is known."""

    def call():
        time.sleep(0.001 * walks * frames)

    call.facts = {"walks": walks, "frames": frames}
    return call
