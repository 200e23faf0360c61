"""TensorBoard's files after a training went back to a checkpoint."""

import tensorflow as tf


def cut_event_files(folder, step: int, write) -> None:
    """Forget the events after `step`: a resumed training makes these steps again, and TensorBoard would draw them twice.

    Args:
        folder: pathlib.Path of the event files; may be absent.
        step: the last one that is kept.
        write: function (path, function of a temporary path) that puts a file in place, as `RunFolder.write`.
    """
    for path in sorted(folder.glob("events.out.tfevents.*")):
        events, is_whole = _read(path)
        kept = [text for text, event_step in events if event_step <= step]
        if len(kept) < len(events) or not is_whole:
            write(path, lambda file, kept=kept: _write(file, kept))


def _read(path):
    """Pairs (event, its step), and whether the file ends behind one: a kill may have cut it."""
    events = []
    try:
        for record in tf.data.TFRecordDataset(str(path)):
            events.append((record.numpy(), tf.compat.v1.Event.FromString(record.numpy()).step))
    except tf.errors.DataLossError:
        return events, False
    return events, True


def _write(path, events):
    with tf.io.TFRecordWriter(str(path)) as writer:
        for event in events:
            writer.write(event)
