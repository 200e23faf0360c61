"""What a training reported: as JSON, as text and for TensorBoard; a resumed training removes what it repeats."""

import json
import pathlib
import re

import tensorflow as tf

from tf3dlocal.io import write_file, write_text


def append_record(file: pathlib.Path, record: dict) -> None:
    """Add one line to a log.

    Args:
        file: The log, JSON by line.
        record: Must have "step", and no number that is not finite.
    """
    with open(file, "a", encoding="utf-8") as log:
        log.write(json.dumps(record, allow_nan=False) + "\n")


def read_records(file: pathlib.Path) -> list[dict]:
    """Return the lines of a log, none if there is no log; a last line that a kill cut short is left out.

    Raises:
        ValueError: A line is not JSON; its number is named.
    """
    if not file.exists():
        return []
    records = []
    lines = file.read_text(encoding="utf-8").split("\n")
    for number, line in enumerate(lines[:-1], start=1):  # the text after the last line break is unfinished
        try:
            records += [json.loads(line)] if line else []
        except json.JSONDecodeError as error:
            raise ValueError(f"{file}, line {number}: this is not JSON ({error}). Remove the line.") from error
    return records


def cut_log(file: pathlib.Path, *, step: int) -> None:
    """Remove what was logged after `step`: a resumed training repeats these steps."""
    kept = "".join(json.dumps(record) + "\n" for record in read_records(file) if record["step"] <= step)
    if file.exists() and file.read_text(encoding="utf-8") != kept:
        write_text(file, kept)


def append_line(file: pathlib.Path, line: str) -> None:
    """Add one line to a text log, in one write."""
    with open(file, "a", encoding="utf-8", errors="backslashreplace") as log:
        log.write(" ".join(line.splitlines()) + "\n")


def cut_lines(file: pathlib.Path, *, step: int) -> None:
    """Remove the reports after `step` from a text log, which begin with "step 123 of"; other lines stay.

    Args:
        file: The log; may be absent.
        step: The last one that is kept.
    """
    if not file.exists():
        return
    text = file.read_text(encoding="utf-8", errors="replace")
    lines = text.split("\n")[:-1]  # the text after the last line break is unfinished: a kill cut it
    reports = (re.match(r"step (\d+) of ", line) for line in lines)
    kept = [line for line, report in zip(lines, reports, strict=True) if report is None or int(report[1]) <= step]
    if (new := "".join(f"{line}\n" for line in kept)) != text:
        write_text(file, new)


def cut_event_files(folder: pathlib.Path, *, step: int) -> None:
    """Remove the events after `step`: a resumed training repeats these steps, and TensorBoard would draw them twice.

    Args:
        folder: Of TensorBoard's event files; may be absent.
        step: The last one that is kept.
    """
    for path in sorted(folder.glob("events.out.tfevents.*")):
        events, is_whole = _read_events(path)
        kept = [text for text, event_step in events if event_step <= step]
        if not kept:
            path.unlink()
        elif len(kept) < len(events) or not is_whole:
            write_file(path, lambda file, kept=kept: _write_events(file, kept))


def _read_events(path):
    """Pairs (event, its step), and whether the file ends after a whole event: a kill may have cut it."""
    events = []
    try:
        for record in tf.data.TFRecordDataset(str(path)):
            events.append((record.numpy(), tf.compat.v1.Event.FromString(record.numpy()).step))
    except tf.errors.DataLossError:
        return events, False
    return events, True


def _write_events(path, events):
    with tf.io.TFRecordWriter(str(path)) as writer:
        for event in events:
            writer.write(event)
