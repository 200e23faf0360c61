"""Programs of one line, each run anew every time: what a start costs, with all that Python reads from the disk."""

import resource
import subprocess
import sys
import time

from tf3dlocal.benchmark.machine_facts import load_average, machine_facts
from tf3dlocal.benchmark.measurements import Measurements, Row
from tf3dlocal.benchmark.side_by_side import order_of


def fresh_processes(title, programs, rounds, conditions=None):
    """Run each program once without counting, then all in turns.

    Args:
        title: what is measured.
        programs: {name: Python's text, or a list with a command}; the ratios are to the first.
        rounds: rounds that count.
        conditions: what else the result shall hold.

    Returns:
        Measurements; processor seconds are those of the program and of what it starts.

    Raises:
        SystemExit: a program that fails, with what it wrote.
    """
    rows, load = {name: Row(name) for name in programs}, {"before": load_average()}
    for program in programs.values():
        _run(program)
    for number in range(rounds):
        for name in order_of(programs, number):
            seconds, processor_seconds = _run(programs[name])
            rows[name].seconds.append(seconds)
            rows[name].processor_seconds.append(processor_seconds)
    for row in rows.values():
        row.first_seconds = row.median
    load["after"] = load_average()
    conditions = {"rounds": rounds, "processes": "a fresh one for every call", **(conditions or {})}
    return Measurements(title, list(rows.values()), [], next(iter(programs)), machine_facts(), load, conditions)


def _run(program):
    command = [sys.executable, "-c", program] if isinstance(program, str) else program
    before, begin = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    seconds, after = time.perf_counter() - begin, resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        sys.exit(f"{command} failed:\n{done.stderr}")
    return seconds, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
