"""What happens between steps: reports, checkpoints, rank-1, a progress bar."""

import math
import time

import keras
import rich.console
import rich.progress
import tensorflow as tf

from tf3dlocal.training.last_learning_rate import last_learning_rate
from tf3dlocal.training.metrics_since_report import metric_values


class StepCallback(keras.callbacks.Callback):
    """Calls `act(step, logs)` after each step whose number is a multiple of `every`, and after the last one.

    `step` counts the steps of the whole training, resumed or not: 1 after the first.
    """

    def __init__(self, every: int, first_step: int, last_step: int):
        super().__init__()
        self.every, self.first_step, self.last_step = every, first_step, last_step

    def act(self, step: int, logs: dict) -> None:
        raise NotImplementedError

    def on_train_batch_end(self, batch, logs=None):
        step = self.first_step + batch + 1
        if step % self.every == 0 or step == self.last_step:
            self.act(step, logs)


class Report(StepCallback):
    """Writes the losses since the last report to the log, TensorBoard and the progress bar.

    A record: step, loss, the loss of each output ("part_features_loss", "logits_loss") where there are two,
    "part_features_nonzero_triplets" (share, 0 to 1), "logits_accuracy", learning_rate (see `last_learning_rate`),
    seconds_per_step (mean, without the first step of a call, which compiles, and without evaluation and checkpoints).
    """

    def __init__(self, run, schedule, every, first_step, last_step, progress=True):
        super().__init__(every, first_step, last_step)
        self.run, self.schedule = run, schedule
        self.bar = rich.progress.Progress(
            rich.progress.TextColumn("training"),
            rich.progress.BarColumn(),
            rich.progress.MofNCompleteColumn(),
            rich.progress.TimeRemainingColumn(),
            rich.progress.TextColumn("{task.description}"),
            console=rich.console.Console(stderr=True),
            disable=not progress,
        )
        self.seconds, self.timed_steps, self.begun = 0.0, 0, None
        self.writer = None  # until the training begins; under a strategy Keras reads a batch before that, and may fail

    def on_train_begin(self, logs=None):
        self.writer = tf.summary.create_file_writer(str(self.run.tensorboard))
        self.bar.start()
        self.task = self.bar.add_task("", total=self.last_step, completed=self.first_step)

    def close(self):
        """Stop the bar and close TensorBoard's file; also after an error, when Keras calls no callback."""
        if self.writer is not None:
            self.bar.stop()
            self.writer.close()

    def on_train_batch_begin(self, batch, logs=None):
        self.begun = time.perf_counter()

    def on_train_batch_end(self, batch, logs=None):
        if batch > 0:
            self.seconds += time.perf_counter() - self.begun
            self.timed_steps += 1
        self.bar.advance(self.task)
        super().on_train_batch_end(batch, logs)

    def act(self, step, logs):
        record = {name: float(value) for name, value in logs.items()}
        record["learning_rate"] = last_learning_rate(self.model.optimizer, self.schedule)
        if self.timed_steps:
            record["seconds_per_step"] = self.seconds / self.timed_steps
        self.record(step, record)
        self.bar.update(self.task, description=f"loss {record['loss']:.4f}")
        self.seconds, self.timed_steps = 0.0, 0
        if step != self.last_step:
            self.model.reset_metrics()

    def record(self, step, record):
        """Write one record to the log and to TensorBoard."""
        self.run.append_log({"step": step, **record})
        with self.writer.as_default(step=step):
            for name, value in record.items():
                tf.summary.scalar(name, value)
        self.writer.flush()


class Checkpoint(StepCallback):
    """Keeps all of the training; `report_every` says behind which steps the metrics begin anew."""

    def __init__(self, run, every, first_step, last_step, keep, report_every):
        super().__init__(every, first_step, last_step)
        self.run, self.keep, self.report_every = run, keep, report_every

    def act(self, step, logs):
        metrics = metric_values(self.model) if step % self.report_every else None
        self.run.save_checkpoint(self.model, step, self.keep, metrics)


class HeldOutRank1(StepCallback):
    """Identifies the held-out training subjects and records "rank_1" (per cent, mean of the groups) and each group's.

    Args:
        evaluate: function without arguments that gives {"NM": rank-1 in per cent, ...}, NaN for a group without probes; at
            least one group has some, see `check_measurable`.
        report: the `Report` that keeps the numbers.
        best: the `BestModel` to which the model is offered.
    """

    def __init__(self, evaluate, report, best, every, first_step, last_step):
        super().__init__(every, first_step, last_step)
        self.evaluate, self.report, self.best = evaluate, report, best

    def act(self, step, logs):
        groups = self.evaluate()
        record = {f"rank_1_{name}": value for name, value in groups.items() if not math.isnan(value)}
        rank_1 = sum(record.values()) / len(record)
        self.report.record(step, {"rank_1": rank_1, **record})
        self.best.offer(self.model, step, rank_1, record)
