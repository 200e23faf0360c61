"""Alternatives that are called in turn, round by round, on a machine that may be busy."""

import contextlib
import time

from measuring.machine import THREAD_SETTINGS, busy_seconds, load_average, machine_facts
from measuring.measurements import Measurements, Row
from measuring.processes import AlternativeError, WorkerProcess
from tf3dlocal.io import progress_bar

FEWEST_ROUNDS = 3
PAUSE = 0.25


def order_of(names, round_number):
    """Return the order of a round: each name comes first equally often, and every other cycle runs backwards.

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
    *,
    title="",
    rounds=7,
    warm_ups=1,
    least_seconds=0.0,
    limit_seconds=None,
    pause=PAUSE,
    threads=None,
    timeout=1800,
    conditions=None,
    progress=True,
):
    """Call alternatives in turn, each in its own process, and return times, ratios and memory.

    Every process is fresh, so its peak memory, thread pools and OpenMP libraries are its own. First each alternative is
    started, called for the first time (which compiles) and warmed up. Then all take turns, round by round, in varied
    order, one at a time, so that a disturbance slows all of them. An alternative that fails is listed as absent, and
    the others continue. Ratios are to the first one.

    Args:
        alternatives: list of `Alternative` with different names.
        title: what is measured.
        rounds: number of rounds.
        warm_ups: calls after the first one that do not count.
        least_seconds: a shorter call is repeated within a round until it takes as long.
        limit_seconds: no round begins after that long; three rounds are made in any case.
        pause: seconds between two turns, in which waiting threads of the other process stop spinning.
        threads: threads of every alternative, for OpenMP and TensorFlow; None for each library's default.
        timeout: seconds after which an alternative that does not answer counts as failed.
        conditions: further facts for the result, such as the batch.
        progress: show a progress bar on standard error.

    Returns:
        Measurements.

    Raises:
        ValueError: there are no alternatives, two have the same name, or `rounds` is below one.

    Example:
        >>> from measuring import Alternative
        >>> product = "measuring.matmul:numpy_matmul"
        >>> small, large = (Alternative(f"{n} cells", function=product, arguments={"size": n}) for n in (16, 512))
        >>> found = side_by_side([small, large], rounds=3, progress=False)
        >>> [row.name for row in found.rows], found.ratio(found.rows[1])[1] > 1
        (['16 cells', '512 cells'], True)
    """
    alternatives = list(alternatives)
    names = [alternative.name for alternative in alternatives]
    if not names or len(set(names)) < len(names):
        raise ValueError(f"The alternatives are {names!r}. Give at least one, each with a different name.")
    if rounds < 1:
        raise ValueError(f"The number of rounds is {rounds!r}. Give at least 1.")
    environment = {name: str(threads) for name in THREAD_SETTINGS[:5]} if threads else {}
    load = {"before": load_average()}
    workers, rows, absent = {}, {}, []

    def drop(name, failure):
        workers.pop(name).close()
        rows.pop(name, None)
        absent.append({"name": name, "reason": str(failure), "details": failure.details})

    with (
        contextlib.ExitStack() as stack,
        progress_bar(title or "measuring", total=len(names) * (rounds + 1), shown=progress) as advance,
    ):
        for alternative in alternatives:
            name = alternative.name
            advance(0, note=f"first call of {name}")
            worker = WorkerProcess(alternative, environment=environment, timeout=timeout)
            workers[name] = stack.enter_context(worker)
            try:
                rows[name] = _warmed_up(name, worker=worker, warm_ups=warm_ups, least_seconds=least_seconds)
            except AlternativeError as failure:
                drop(name, failure)
            advance(1)
            time.sleep(pause)
        busy, begin = busy_seconds(), time.perf_counter()
        done = _take_rounds(
            workers, rows=rows, rounds=rounds, limit_seconds=limit_seconds, pause=pause, drop=drop, advance=advance
        )
        if busy is not None and done:
            own = sum(row.calls_per_round * sum(row.processor_seconds) for row in rows.values())
            load["others"] = round(max(0.0, busy_seconds() - busy - own) / (time.perf_counter() - begin), 2)
        for worker in workers.values():
            worker.close()
    load["after"] = load_average()
    return Measurements(
        title,
        rows=[rows[name] for name in names if name in rows],
        absent=absent,
        base=names[0] if names[0] in rows else None,
        machine=machine_facts() | {"threads": threads},
        load=load,
        conditions={"rounds": done, **(conditions or {})},
    )


def _warmed_up(name, *, worker, warm_ups, least_seconds):
    """Start a worker, call it a few times, and return its row, which has no rounds yet."""
    row = Row(name, **worker.start())
    row.first_seconds = worker.run()["seconds"]
    seconds = [worker.run()["seconds"] for _ in range(warm_ups)]
    if seconds and least_seconds:
        row.calls_per_round = max(1, round(least_seconds / max(min(seconds), 1e-6)))
    return row


def _take_rounds(workers, *, rows, rounds, limit_seconds, pause, drop, advance):
    """Let the workers take turns, which adds to their rows; returns the number of rounds."""
    begin = time.perf_counter()
    for number in range(rounds):
        over = limit_seconds is not None and time.perf_counter() - begin > limit_seconds
        if not workers or (over and number >= FEWEST_ROUNDS):
            return number
        for name in order_of(workers, number):
            try:
                _take_turn(rows[name], workers[name])
            except AlternativeError as failure:
                drop(name, failure)
            advance(1, note=f"round {number + 1} of {rounds}")
            time.sleep(pause)
    return rounds


def _take_turn(row, worker):
    answer = worker.run(row.calls_per_round)
    row.seconds.append(answer["seconds"] / row.calls_per_round)
    row.processor_seconds.append(answer["processor_seconds"] / row.calls_per_round)
    row.peak_mb = answer["peak_mb"]
