"""What happens between steps: reports, checkpoints, rank-1, and the end of a training that diverges."""

import contextlib
import functools
import math
import time
from collections.abc import Callable, Iterator

import keras
import tensorflow as tf

from tf3dlocal.config import Experiment
from tf3dlocal.io import progress_bar
from tf3dlocal.models import embedding_model
from tf3dlocal.training.data import TrainingWalks, batch_settings
from tf3dlocal.training.health.bad_batch import write_bad_batch
from tf3dlocal.training.health.stop_when_diverged import StopWhenDiverged
from tf3dlocal.training.held_out import held_out_rank_1
from tf3dlocal.training.model_setup import schedule_of
from tf3dlocal.training.run.checkpoint import Restored
from tf3dlocal.training.run.model_file import BestModel
from tf3dlocal.training.run.run_folder import RunFolder
from tf3dlocal.training.schedules import last_learning_rate


@contextlib.contextmanager
def training_callbacks(
    model: keras.Model,
    *,
    config: Experiment,
    walks: TrainingWalks,
    run: RunFolder,
    restored: Restored,
    progress: bool = True,
) -> Iterator[list[keras.callbacks.Callback]]:
    """Make the callbacks of a training, in the order in which they act, and close them after the block.

    What has diverged is neither reported nor kept, and a checkpoint holds what the callbacks before it have done.

    Args:
        model: compiled.
        config: of the training.
        walks: of the training.
        run: the folder that this worker writes into.
        restored: where the training resumes.
        progress: whether a progress bar is shown.
    """
    settings, schedule = config.training, schedule_of(config)
    span = {"first_step": restored.step, "last_step": settings.steps}
    report = Report(run, schedule=schedule, every=settings.report_every, progress=progress, **span)

    def save_batch(step, facts):
        drawn = {"walks": walks.train, "seed": settings.seed, **batch_settings(config)}
        file = write_bad_batch(run.bad_batches, step=step, facts=facts, **drawn)
        return run.shared.bad_batches / file.name  # the temporary folder of a worker vanishes with it

    stop = StopWhenDiverged(
        run=run.shared,
        save_batch=save_batch,
        schedule=schedule,
        report_every=settings.report_every,
        checkpoint_every=settings.checkpoint_every,
        last_step=settings.steps,
        restored=restored,
        stop_above=settings.stop_above,
    )
    callbacks = [MetricsSinceReport(restored.metrics), stop, report]
    if settings.evaluate_every:
        evaluate = functools.partial(held_out_rank_1, embedding_model(model), walks.held_out, config)
        callbacks.append(HeldOutRank1(evaluate, report=report, best=run.best, every=settings.evaluate_every, **span))
    kept = {"keep": settings.keep_checkpoints, "report_every": settings.report_every}
    callbacks.append(Checkpoint(run, every=settings.checkpoint_every, **kept, **span))
    try:
        yield callbacks
    finally:
        report.close()


class MetricsSinceReport(keras.callbacks.Callback):
    """Restores the sums of the metrics when a training resumes between two reports; must be the first callback.

    Args:
        values: what `metric_values` gave, or None to begin with zeros.
    """

    def __init__(self, values: list | None):
        super().__init__()
        self.values = values

    def on_epoch_begin(self, epoch, logs=None):
        """Restore the sums; Keras has just set them to zero."""
        if self.values is not None:
            for variable, value in zip(self.model.metrics_variables, self.values, strict=True):
                variable.assign(value)


def metric_values(model: keras.Model) -> list:
    """Return the sums of the metrics, for JSON. Over several workers this adds up theirs: all of them must call it."""
    return [variable.numpy().tolist() for variable in model.metrics_variables]


class StepCallback(keras.callbacks.Callback):
    """Calls `act(step, logs)` after each step whose number is a multiple of `every`, and after the last one.

    Args:
        every: steps between two calls.
        first_step: number of steps before this call of `fit`; `step` counts those of the whole training, from 1.
        last_step: of the whole training.
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
    """Writes the losses since the last report to the log, TensorBoard and the progress bar.

    A record has step, loss, the loss of each output ("part_features_loss", "logits_loss") if there are two,
    "part_features_nonzero_triplets" (share, 0 to 1), "logits_accuracy", learning_rate (see `last_learning_rate`), and
    seconds_per_step (mean, without the first step of a call, which compiles, and without evaluation and checkpoints).

    Args:
        run: the folder of log and TensorBoard files.
        schedule: learning rate by the number of steps before.
        every: steps between two reports.
        first_step: number of steps before this call of `fit`.
        last_step: of the whole training.
        progress: whether a progress bar is shown.
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
        """Open TensorBoard's file and the bar."""
        self.writer = tf.summary.create_file_writer(str(self.run.tensorboard))
        self.opened.callback(self.writer.close)
        bar = progress_bar("training", total=self.last_step, done=self.first_step, shown=self.progress)
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
        self.advance(0, note=f"loss {record['loss']:.4f}")
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


class HeldOutRank1(StepCallback):
    """Identifies the held-out training subjects, and records their rank-1 in per cent.

    A record has "rank_1", the mean of the groups of probes, and "rank_1_NM" and so on for each group.

    Args:
        evaluate: function without arguments that gives {"NM": rank-1 in per cent, ...}, NaN for a group without probes;
            at least one group has some, see `check_measurable`.
        report: writes the numbers.
        best: the model is offered to it.
        every: steps between two evaluations.
        first_step: number of steps before this call of `fit`.
        last_step: of the whole training.
    """

    def __init__(
        self,
        evaluate: Callable[[], dict[str, float]],
        *,
        report: Report,
        best: BestModel,
        every: int,
        first_step: int,
        last_step: int,
    ):
        super().__init__(every=every, first_step=first_step, last_step=last_step)
        self.evaluate, self.report, self.best = evaluate, report, best

    def act(self, step: int, logs: dict) -> None:
        """Measure rank-1, and offer the model as the best one."""
        groups = self.evaluate()
        record = {f"rank_1_{name}": value for name, value in groups.items() if not math.isnan(value)}
        rank_1 = sum(record.values()) / len(record)
        self.report.record(step, {"rank_1": rank_1, **record})
        self.best.offer(self.model, step=step, rank_1=rank_1, groups=record)


class Checkpoint(StepCallback):
    """Keeps all of the training.

    Args:
        run: the folder of the checkpoints.
        every: steps between two checkpoints.
        keep: number of checkpoints that stay.
        report_every: steps between two reports, after which the metrics are reset.
        first_step: number of steps before this call of `fit`.
        last_step: of the whole training.
    """

    def __init__(self, run: RunFolder, *, every: int, keep: int, report_every: int, first_step: int, last_step: int):
        super().__init__(every=every, first_step=first_step, last_step=last_step)
        self.run, self.keep, self.report_every = run, keep, report_every

    def act(self, step: int, logs: dict) -> None:
        """Write a checkpoint."""
        metrics = metric_values(self.model) if step % self.report_every else None
        self.run.save_checkpoint(self.model, step=step, keep=self.keep, metrics=metrics)
