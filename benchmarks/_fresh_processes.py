"""What must be run anew every time: programs of one line, and calls that leave something behind."""

import resource
import subprocess
import sys
import time

from tf3dlocal.benchmark.machine_facts import load_average, machine_facts
from tf3dlocal.benchmark.measurements import Measurements, Row
from tf3dlocal.benchmark.side_by_side import order_of
from tf3dlocal.benchmark.worker_process import AlternativeFailed, WorkerProcess


def fresh_processes(title, programs, rounds, conditions=None):
    """Run each program once without counting, then all in turns: what a start costs, with what Python reads from the disk.

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
    for program in programs.values():
        _run(program)

    def run(name, row):
        seconds, processor_seconds = _run(programs[name])
        row.seconds.append(seconds)
        row.processor_seconds.append(processor_seconds)

    return _in_turns(title, programs, run, rounds, conditions)


def fresh_calls(title, alternatives, rounds, conditions=None):
    """Call every alternative once a round, each time in a new process; what it imports and makes beforehand does not count.

    Args:
        title, rounds, conditions: as in `fresh_processes`.
        alternatives: list of `Alternative`; the ratios are to the first.

    Returns:
        Measurements; the peak memory is that of an alternative's own process, without what it starts.

    Raises:
        SystemExit: an alternative that fails, with what it wrote.
    """
    by_name = {alternative.name: alternative for alternative in alternatives}

    def run(name, row):
        try:
            with WorkerProcess(by_name[name]) as worker:
                made, answer = worker.start(), worker.run()
        except AlternativeFailed as failure:
            sys.exit(f"{name} failed: {failure}\n{failure.details}")
        for field, value in made.items():
            setattr(row, field, value)
        row.seconds.append(answer["seconds"])
        row.processor_seconds.append(answer["processor_seconds"])
        row.peak_mb = answer["peak_mb"]

    return _in_turns(title, by_name, run, rounds, conditions)


def _in_turns(title, names, run, rounds, conditions):
    """Measurements of what `run`, given a name and its row, adds to the row in every round."""
    rows, load = {name: Row(name) for name in names}, {"before": load_average()}
    for number in range(rounds):
        for name in order_of(names, number):
            run(name, rows[name])
    load["after"] = load_average()
    conditions = {"rounds": rounds, "processes": "a fresh one for every call", **(conditions or {})}
    return Measurements(title, list(rows.values()), [], next(iter(names)), machine_facts(), load, conditions)


def _run(program):
    command = [sys.executable, "-c", program] if isinstance(program, str) else program
    before, begin = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    seconds, after = time.perf_counter() - begin, resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        sys.exit(f"{command} failed:\n{done.stderr}")
    return seconds, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
