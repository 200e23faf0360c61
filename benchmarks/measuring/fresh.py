"""Measurements in which every call is a fresh process: programs, and calls that cannot be repeated in one process."""

import os
import resource
import subprocess
import sys
import time

from measuring.machine import load_average, machine_facts
from measuring.measurements import Measurements, Row
from measuring.processes import AlternativeError, WorkerProcess, search_path
from measuring.side_by_side import order_of


def fresh_processes(title, *, programs, rounds, conditions=None):
    """Run each program once without counting it, then all in turn: the cost of a start, with files in the cache.

    Args:
        title: what is measured.
        programs: {name: Python source, or a list with a command}; ratios are to the first.
        rounds: rounds that count.
        conditions: further facts for the result.

    Returns:
        Measurements; processor seconds include those of the processes that a program starts.

    Raises:
        SystemExit: a program fails; its output is shown.
    """
    for program in programs.values():
        _run(program)

    def run(name, row):
        seconds, processor_seconds = _run(programs[name])
        row.seconds.append(seconds)
        row.processor_seconds.append(processor_seconds)

    return _in_turns(title, names=programs, run=run, rounds=rounds, conditions=conditions)


def fresh_calls(title, *, alternatives, rounds, conditions=None):
    """Call every alternative once a round, each time in a new process; imports and preparation do not count.

    Args:
        title: what is measured.
        alternatives: list of `Alternative`; ratios are to the first.
        rounds: rounds that count.
        conditions: further facts for the result.

    Returns:
        Measurements; the peak memory is that of the alternative's own process, without the processes that it starts.

    Raises:
        SystemExit: an alternative fails; its output is shown.
    """
    by_name = {alternative.name: alternative for alternative in alternatives}

    def run(name, row):
        try:
            with WorkerProcess(by_name[name]) as worker:
                made, answer = worker.start(), worker.run()
        except AlternativeError as failure:
            sys.exit(f"The alternative {name!r} failed: {failure}\n{failure.details}")
        for field, value in made.items():
            setattr(row, field, value)
        row.seconds.append(answer["seconds"])
        row.processor_seconds.append(answer["processor_seconds"])
        row.peak_mb = answer["peak_mb"]

    return _in_turns(title, names=by_name, run=run, rounds=rounds, conditions=conditions)


def _in_turns(title, *, names, run, rounds, conditions):
    """Call `run(name, row)` for every name in every round, which adds to the row; returns Measurements."""
    rows, load = {name: Row(name) for name in names}, {"before": load_average()}
    for number in range(rounds):
        for name in order_of(names, number):
            run(name, rows[name])
    load["after"] = load_average()
    return Measurements(
        title,
        rows=list(rows.values()),
        base=next(iter(names)),
        machine=machine_facts(),
        load=load,
        conditions={"rounds": rounds, "processes": "a fresh one for every call", **(conditions or {})},
    )


def _run(program):
    command = [sys.executable, "-c", program] if isinstance(program, str) else program
    before, begin = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, **search_path()})
    seconds, after = time.perf_counter() - begin, resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        sys.exit(f"The program {command!r} failed:\n{done.stderr}")
    return seconds, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
