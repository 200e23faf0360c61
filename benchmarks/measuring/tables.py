"""Measurements as a table on the terminal, and as a Markdown section."""

import statistics

import rich.box
import rich.table
import rich.text


def print_measurements(measurements, *, console):
    """Print the table of one measurement and its notes.

    Args:
        measurements: see `Measurements`.
        console: a rich console.
    """
    header, rows = table_cells(measurements)
    console.print(rich.text.Text(measurements.title, style="bold"))
    if rows:
        table = rich.table.Table(box=rich.box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
        for number, name in enumerate(header):
            title = rich.text.Text(name.replace(" ", "\n", 1))
            table.add_column(
                title, justify="right" if number else "left", no_wrap=True, min_width=None if number else 12
            )
        for cells in rows:
            table.add_row(*map(rich.text.Text, cells))
        console.print(table)
    for note in notes(measurements):
        console.print(note, markup=False, highlight=False)


def markdown(measurements):
    """Return the table of one measurement and its notes as a Markdown section."""
    header, rows = table_cells(measurements)
    lines = [f"## {measurements.title}", ""]
    if rows:
        lines += ["| " + " | ".join(header) + " |", "|---|" + "--:|" * (len(header) - 1)]
        lines += ["| " + " | ".join(cells) + " |" for cells in rows] + [""]
    return "\n".join([*lines, *(f"- {note}" for note in notes(measurements)), ""])


def table_cells(measurements):
    """Return (header, rows) of the table as text, without the columns for which no row has a number."""
    rows, base, values = measurements.rows, measurements.base, measurements.to_dict()["rows"]
    unit, factor = ("s", 1) if any(row.median >= 0.5 for row in rows) else ("ms", 1000)
    peak = _peak(measurements)

    def time(seconds):
        return f"{factor * seconds:.3g}" if factor * seconds < 1000 else f"{factor * seconds:.0f}"

    def ratio(row, entry):
        return None if entry["ratio"] is None else "1" if row.name == base else f"{entry['ratio']:.2f}"

    def per_second(row, fact, scale=1.0):
        return scale * row.facts[fact] / row.median if fact in row.facts else None

    columns = {
        "": lambda row, entry: row.name,
        "XLA": lambda row, entry: {True: "yes", False: "no"}.get(row.facts.get("compiled")),
        f"median {unit}": lambda row, entry: time(row.median),
        "least": lambda row, entry: time(entry["least"]),
        "quartiles": lambda row, entry: "-".join(map(time, entry["quartiles"])),
        f"times {base}": ratio,
        "walks/s": lambda row, entry: _number(per_second(row, "walks")),
        "frames/s": lambda row, entry: _number(per_second(row, "total_frames")),
        "GFLOP/s": lambda row, entry: _number(per_second(row, "gflop")),
        "of peak": lambda row, entry: _percent(peak and per_second(row, "gflop", 1 / peak)),
        f"CPU {unit}": lambda row, entry: (
            time(statistics.median(row.processor_seconds)) if row.processor_seconds else None
        ),
        "compile s": lambda row, entry: f"{row.compile_seconds:.1f}" if row.first_seconds else None,
        "peak MB": lambda row, entry: _whole(row.peak_mb),
        "libraries MB": lambda row, entry: _whole(row.libraries_mb),
    }
    cells = {name: [cell(row, entry) for row, entry in zip(rows, values)] for name, cell in columns.items()}
    cells = {name: column for name, column in cells.items() if any(column)}
    return list(cells), [[text or "" for text in row] for row in zip(*cells.values())]


def notes(measurements):
    """Yield the sentences under the table: which alternatives are absent, how it was measured, and on what machine."""
    for entry in measurements.absent:
        yield f"absent: {entry['name']} ({entry['reason']})"
    conditions, machine = measurements.conditions, measurements.machine
    if measurements.base is None and len(measurements.rows) > 1:
        yield "no ratios: the first alternative, which they would be to, is absent"
    yield "; ".join(f"{name.replace('_', ' ')} {value}" for name, value in conditions.items() if value is not None)
    if machine:
        cores, memory = machine["cores"], machine["memory_gb"]
        gpus = "".join(f", {name}" for name in machine.get("gpus", ()))
        versions = ", ".join(f"{name} {version}" for name, version in machine["libraries"].items() if version)
        yield (
            f"{machine['processor']}, {cores['usable']} of {cores['machine']} cores, {memory} GB{gpus}; "
            f"Python {machine['python']}, {versions}; {machine['date']}"
        )
        if machine.get("threads") or machine["settings"]:
            settings = machine["settings"] | ({"threads": machine["threads"]} if machine.get("threads") else {})
            yield "settings: " + ", ".join(f"{name}={value}" for name, value in settings.items())
        if peak := machine.get("matmul_peak"):
            size = f"{peak['size']} x {peak['size']}"
            yield f"matrix product in float32: {peak['gflop_per_second']:.0f} GFLOP/s ({peak['library']}, {size})"
        if sentence := bound_by(measurements):
            yield sentence
        yield from _load(measurements.load, cores["usable"])


def _load(load, usable_cores):
    if load.get("before"):
        others = load.get("others")
        during = "" if others is None else f"; other processes kept {others:.2g} cores busy during the rounds"
        yield f"load average before {load['before'][0]}, after {load['after'][0]}{during}"
        # The load average of the minute before includes this program's last table; what others did in the rounds
        # says more.
        if others > 0.1 * usable_cores if others is not None else load["before"][0] > 0.3 * usable_cores:
            yield "the machine was busy with other work: the seconds are unreliable, the ratios less so"


def bound_by(measurements):
    """Return one sentence on what bounds the fastest row whose operations are known, or None."""
    rows = [row for row in measurements.rows if "gflop" in row.facts]
    peak = _peak(measurements)
    if not rows or not peak:
        return None
    row = min(rows, key=lambda row: row.median)
    share = row.facts["gflop"] / row.median / peak
    if share > 0.5:
        why = "products bound it; only fewer operations or a faster processor would help much"
    elif share > 0.2:
        why = "memory traffic and elementwise operations take about as much time as products"
    else:
        why = "memory traffic, elementwise operations or the start of operations bound it, not products"
    share = f"{row.facts['gflop']:.0f} GFLOP a step at {100 * share:.0f} % of the machine's matrix product"
    return f"{row.name}: {share}: {why}"


def _peak(measurements):
    return (measurements.machine.get("matmul_peak") or {}).get("gflop_per_second")


def _number(value):
    return None if value is None else f"{value:.3g}" if value < 1000 else f"{value:.0f}"


def _percent(share):
    return None if share is None else f"{100 * share:.0f} %"


def _whole(value):
    return None if value is None else f"{value:.0f}"
