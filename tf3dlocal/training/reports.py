"""The reports of a training: to the screen, to a text log, as JSON and for TensorBoard."""

import contextlib
import sys
import time
from collections.abc import Callable

import keras
import numpy as np
import tensorflow as tf

from tf3dlocal.io import progress_bar, tell
from tf3dlocal.training.run.run_folder import RunFolder
from tf3dlocal.training.schedules import last_learning_rate

FIRST_STEP = "The first step compiles the training, which takes about a minute; the steps after it are fast."


class StepCallback(keras.callbacks.Callback):
    """Calls `act(step, logs)` after each step whose number is a multiple of `every`, and after the last one.

    Args:
        every: Steps between two calls.
        first_step: Number of steps before this call of `fit`; `step` counts those of the whole training, from 1.
        last_step: Of the whole training.
    """

    def __init__(self, *, every: int, first_step: int, last_step: int):
        super().__init__()
        self.every, self.first_step, self.last_step = every, first_step, last_step

    def act(self, step: int, logs: dict) -> None:
        """Do what is due after this step."""
        raise NotImplementedError

    def on_train_batch_end(self, batch, logs=None):
        """Act if this step is due."""
        step = self.first_step + batch + 1
        if step % self.every == 0 or step == self.last_step:
            self.act(step, logs)


class Report(StepCallback):
    """Writes the losses since the last report to the logs, to TensorBoard and to standard error, one line each.

    A terminal shows a progress bar below the lines; a file or a pipe (nohup, Slurm) gets the lines alone.

    A record has step, loss, the loss of each output ("part_features_loss", "logits_loss") if there are two,
    "part_features_nonzero_triplets" (share, 0 to 1), "logits_accuracy", learning_rate (see `last_learning_rate`), and
    seconds_per_step (mean, without the first step of a call, which compiles, and without evaluation and checkpoints).

    Args:
        run: The folder of log and TensorBoard files.
        schedule: Learning rate by the number of steps before.
        every: Steps between two reports.
        first_step: Number of steps before this call of `fit`.
        last_step: Of the whole training.
        progress: Whether the lines and the bar are shown; the logs are always written.
    """

    def __init__(
        self,
        run: RunFolder,
        *,
        schedule: Callable[[int], float],
        every: int,
        first_step: int,
        last_step: int,
        progress: bool = True,
    ):
        super().__init__(every=every, first_step=first_step, last_step=last_step)
        self.run, self.schedule, self.progress = run, schedule, progress
        self.seconds, self.timed_steps, self.begun = 0.0, 0, None
        self.opened = (
            contextlib.ExitStack()
        )  # nothing before `on_train_begin`: before it Keras may read a batch, and fail

    def on_train_begin(self, logs=None):
        """Announce the slow first step; open TensorBoard's file and the bar."""
        self.say(FIRST_STEP)
        self.writer = tf.summary.create_file_writer(str(self.run.tensorboard))
        self.opened.callback(self.writer.close)
        shown = self.progress and sys.stderr.isatty()
        bar = progress_bar("training", total=self.last_step, done=self.first_step, shown=shown)
        self.advance = self.opened.enter_context(bar)

    def close(self) -> None:
        """Stop the bar and close TensorBoard's file; also after an error, when Keras calls no callback."""
        self.opened.close()

    def on_train_batch_begin(self, batch, logs=None):
        """Start the clock."""
        self.begun = time.perf_counter()

    def on_train_batch_end(self, batch, logs=None):
        """Stop the clock, advance the bar, and report if it is due."""
        if batch > 0:
            self.seconds += time.perf_counter() - self.begun
            self.timed_steps += 1
        self.advance(1)
        super().on_train_batch_end(batch, logs)

    def act(self, step: int, logs: dict) -> None:
        """Report the means since the last report."""
        record = {name: float(value) for name, value in logs.items()}
        record["learning_rate"] = last_learning_rate(self.model.optimizer, schedule=self.schedule)
        if self.timed_steps:
            record["seconds_per_step"] = self.seconds / self.timed_steps
        self.record(step, record)
        self.say(report_line(step, record, last_step=self.last_step))
        self.seconds, self.timed_steps = 0.0, 0
        if step != self.last_step:
            self.model.reset_metrics()

    def record(self, step: int, record: dict[str, float]) -> None:
        """Write one record to the log and to TensorBoard."""
        self.run.append_log({"step": step, **record})
        with self.writer.as_default(step=step):
            for name, value in record.items():
                tf.summary.scalar(name, value)
        self.writer.flush()

    def show(self, step: int, pictures: dict[str, np.ndarray]) -> None:
        """Write pictures, uint8 [height, width, 3] by name, to TensorBoard."""
        with self.writer.as_default(step=step):
            for name, picture in pictures.items():
                tf.summary.image(name, picture[None])
        self.writer.flush()

    def say(self, line: str) -> None:
        """Show one line, and write it to the text log."""
        self.run.append_line(line)
        tell(line, shown=self.progress)


def report_line(step: int, record: dict[str, float], *, last_step: int) -> str:
    """Return a report as one line.

    Args:
        step: Of the report.
        record: As in the log; triplets and speed may be absent.
        last_step: Of the training.

    Example:
        >>> numbers = {"loss": 0.31, "part_features_nonzero_triplets": 0.4, "learning_rate": 1e-4}
        >>> report_line(200, numbers | {"seconds_per_step": 0.5}, last_step=6000)
        'step 200 of 6000: loss 0.3100, active triplets 40.0 %, learning rate 0.0001, 2.00 steps/s'
    """
    parts = [f"loss {record['loss']:.4f}"]
    for name, value in record.items():
        if name.endswith("nonzero_triplets"):
            parts.append(f"active triplets {100 * value:.1f} %")
    parts.append(f"learning rate {record['learning_rate']:.3g}")
    if record.get("seconds_per_step"):
        parts.append(f"{1 / record['seconds_per_step']:.2f} steps/s")
    return f"step {step} of {last_step}: {', '.join(parts)}"


def rank_1_line(step: int, *, rank_1: float, groups: dict[str, float], last_step: int) -> str:
    """Return the rank-1 of the held-out subjects as one line.

    Example:
        >>> rank_1_line(200, rank_1=80.0, groups={"rank_1_NM": 90.0, "rank_1_CL": 70.0}, last_step=6000)
        'step 200 of 6000: rank-1 of the held-out subjects 80.0 % (NM 90.0, CL 70.0)'
    """
    each = ", ".join(f"{name.removeprefix('rank_1_')} {value:.1f}" for name, value in groups.items())
    return f"step {step} of {last_step}: rank-1 of the held-out subjects {rank_1:.1f} % ({each})"
