"""Alternatives measured beside each other on a machine that is not quiet."""

import contextlib
import time

import rich.console
import rich.progress

from tf3dlocal.benchmark.machine_facts import (
    THREAD_SETTINGS,
    busy_seconds,
    load_average,
    machine_facts,
)
from tf3dlocal.benchmark.measurements import Measurements, Row
from tf3dlocal.benchmark.worker_process import AlternativeFailed, WorkerProcess

FEWEST_ROUNDS = 3


def order_of(names, round_number):
    """Who is called when in a round: everybody comes first equally often, and every other cycle runs backwards.

    Example:
        >>> [order_of("ab", number) for number in range(4)]
        [['a', 'b'], ['b', 'a'], ['b', 'a'], ['a', 'b']]
    """
    names = list(names)
    cycle, shift = divmod(round_number, max(1, len(names)))
    turned = names[shift:] + names[:shift]
    return turned[::-1] if cycle % 2 else turned


def side_by_side(
    alternatives,
    rounds=7,
    title="",
    base=None,
    warm_ups=1,
    least_seconds=0.0,
    limit_seconds=None,
    pause=0.25,
    threads=None,
    timeout=1800,
    folder=None,
    conditions=None,
    progress=True,
):
    """Call the alternatives in alternation, each in a process of its own, and give times, ratios and memory.

    Every process is fresh, so peak memory, thread pools and OpenMP libraries are its own. One after the other is started
    and called for the first time (which compiles) and some times more; then all take turns, round by round, in varied
    order, only one running at a time. An alternative that fails is reported as absent, and the rest goes on.

    Args:
        alternatives: list of `Alternative`, each with a name of its own.
        rounds: rounds that count.
        title: what is measured.
        base: name of the alternative that the ratios are to; None for the first.
        warm_ups: calls after the first that do not count.
        least_seconds: where one call is shorter, it is repeated within a round until it takes as long.
        limit_seconds: when the rounds have taken as long, no further one begins; three are made in any case.
        pause: seconds between two turns, in which the other's waiting threads stop spinning.
        threads: threads of every alternative, for OpenMP and TensorFlow alike; None leaves each library its own default.
        timeout: seconds after which an alternative that does not answer is given up.
        folder: working directory of the processes; None for the present one.
        conditions: what else the result shall hold, such as the batch.
        progress: show a progress bar on standard error.

    Returns:
        Measurements.

    Raises:
        ValueError: no alternatives, two of one name, a base that is none of them, or fewer than one round.

    Example:
        >>> from tf3dlocal.benchmark import Alternative
        >>> maker = "tf3dlocal.benchmark.matmul:numpy_matmul"
        >>> small, large = (Alternative(f"{size} cells", maker, {"size": size}) for size in (16, 512))
        >>> found = side_by_side([small, large], rounds=3, progress=False)
        >>> [row.name for row in found.rows], found.ratio(found.rows[1])[1] > 1
        (['16 cells', '512 cells'], True)
    """
    alternatives = list(alternatives)
    names = [alternative.name for alternative in alternatives]
    if not names or len(set(names)) < len(names):
        raise ValueError(f"alternatives, each with a name of its own, are needed; got {names}")
    base = names[0] if base is None else base
    if base not in names:
        raise ValueError(f"the base {base!r} is none of {', '.join(names)}")
    if rounds < 1:
        raise ValueError(f"at least one round is needed; got {rounds}")
    environment = {name: str(threads) for name in THREAD_SETTINGS[:5]} if threads else {}
    load = {"before": load_average()}
    workers, rows, absent = {}, {}, []

    def drop(name, failure):
        workers.pop(name).close()
        rows.pop(name, None)
        absent.append({"name": name, "reason": str(failure), "details": failure.details})

    with contextlib.ExitStack() as stack, _bar(progress) as bar:
        task = bar.add_task(title or "measuring", total=len(names) * (rounds + 1))
        for alternative in alternatives:
            name = alternative.name
            bar.update(task, description=f"{title}: first call of {name}")
            workers[name] = stack.enter_context(WorkerProcess(alternative, folder, environment, timeout))
            try:
                rows[name] = _warmed_up(name, workers[name], warm_ups, least_seconds)
            except AlternativeFailed as failure:
                drop(name, failure)
            bar.advance(task)
            time.sleep(pause)
        busy, begin, done = busy_seconds(), time.perf_counter(), 0
        while done < rounds and workers:
            if limit_seconds is not None and done >= FEWEST_ROUNDS and time.perf_counter() - begin > limit_seconds:
                break
            bar.update(task, description=f"{title}: round {done + 1} of {rounds}")
            for name in order_of(workers, done):
                try:
                    _take_turn(rows[name], workers[name])
                except AlternativeFailed as failure:
                    drop(name, failure)
                bar.advance(task)
                time.sleep(pause)
            done += 1
        if busy is not None and done:
            own = sum(row.calls_per_round * sum(row.processor_seconds) for row in rows.values())
            load["others"] = round(max(0.0, busy_seconds() - busy - own) / (time.perf_counter() - begin), 2)
        for worker in workers.values():
            worker.close()
    load["after"] = load_average()
    machine = machine_facts() | {"threads": threads}
    return Measurements(
        title,
        [rows[name] for name in names if name in rows],
        absent,
        base if base in rows else None,
        machine,
        load,
        {"rounds": done, **(conditions or {})},
    )


def _warmed_up(name, worker, warm_ups, least_seconds):
    """The row of a worker that has been started and called, without rounds yet."""
    row = Row(name, **worker.start())
    row.first_seconds = worker.run()["seconds"]
    seconds = [worker.run()["seconds"] for _ in range(warm_ups)]
    if seconds and least_seconds:
        row.calls_per_round = max(1, round(least_seconds / max(min(seconds), 1e-6)))
    return row


def _take_turn(row, worker):
    answer = worker.run(row.calls_per_round)
    row.seconds.append(answer["seconds"] / row.calls_per_round)
    row.processor_seconds.append(answer["processor_seconds"] / row.calls_per_round)
    row.peak_mb = answer["peak_mb"]


def _bar(shown):
    columns = (
        "[progress.description]{task.description}",
        rich.progress.BarColumn(20),
        rich.progress.MofNCompleteColumn(),
        rich.progress.TimeElapsedColumn(),
    )
    return rich.progress.Progress(
        *columns, console=rich.console.Console(stderr=True), transient=True, disable=not shown
    )
