"""What happens between steps: reports, checkpoints, rank-1, and the end of a training that diverges."""

import contextlib
import functools
import math
from collections.abc import Callable, Iterator, Sequence

import keras

from tf3dlocal.config import Experiment
from tf3dlocal.io import has_accelerator
from tf3dlocal.models import embedding_model
from tf3dlocal.training.data import TrainingWalks, batch_settings
from tf3dlocal.training.health.bad_batch import write_bad_batch
from tf3dlocal.training.health.stop_when_diverged import StopWhenDiverged
from tf3dlocal.training.held_out import held_out_rank_1
from tf3dlocal.training.model_setup import schedule_of
from tf3dlocal.training.reports import Report, StepCallback, rank_1_line
from tf3dlocal.training.run.checkpoint import Restored
from tf3dlocal.training.run.model_file import BestModel
from tf3dlocal.training.run.part_pictures import PartPictures
from tf3dlocal.training.run.run_folder import RunFolder
from tf3dlocal.training.run.snapshots import snapshot_steps

# On an accelerator the host waits for what it reads; weights are read every so many steps there, on a CPU after each.
WEIGHTS_EVERY = 50


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
        config: Of the training.
        walks: Of the training.
        run: The folder that this worker writes into.
        restored: Where the training resumes.
        progress: Whether reports and a progress bar are shown.
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
        check_weights_every=WEIGHTS_EVERY if has_accelerator() else 1,
    )
    callbacks = [MetricsSinceReport(restored.metrics), stop, report]
    if settings.evaluate_every:
        evaluate = functools.partial(held_out_rank_1, embedding_model(model), walks.held_out, config)
        callbacks.append(HeldOutRank1(evaluate, report=report, best=run.best, every=settings.evaluate_every, **span))
    pictures = PartPictures(model, walks=walks.train if walks.held_out is None else walks.held_out)
    if pictures.has_parts:
        kept = snapshot_steps(settings.steps, count=settings.snapshots)
        every = settings.evaluate_every
        callbacks.append(PartsOverTraining(run, pictures=pictures, report=report, kept=kept, every=every, **span))
    kept = {"keep": settings.keep_checkpoints, "report_every": settings.report_every}
    callbacks.append(Checkpoint(run, every=settings.checkpoint_every, **kept, **span))
    try:
        yield callbacks
    finally:
        report.close()


class MetricsSinceReport(keras.callbacks.Callback):
    """Restores the sums of the metrics when a training resumes between two reports; must be the first callback.

    Args:
        values: What `metric_values` gave, or None to begin with zeros.
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


class HeldOutRank1(StepCallback):
    """Identifies the held-out training subjects before the first step and then regularly, and records their rank-1.

    A record has "rank_1" in per cent, the mean of the groups of probes, and "rank_1_NM" and so on for each group.

    Args:
        evaluate: Function without arguments that gives {"NM": rank-1 in per cent, ...}, NaN for a group without probes;
            at least one group has some, see `check_measurable`.
        report: Writes the numbers.
        best: The model is offered to it.
        every: Steps between two evaluations.
        first_step: Number of steps before this call of `fit`.
        last_step: Of the whole training.
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

    def on_train_begin(self, logs=None):
        """Measure what the training begins with, so that its curve shows what was learned and what was there."""
        if self.first_step == 0:
            self.measure(0)

    def act(self, step: int, logs: dict) -> None:
        """Measure rank-1, and offer the model as the best one."""
        self.best.offer(self.model, step=step, **self.measure(step))

    def measure(self, step: int) -> dict:
        """Measure and record rank-1: "rank_1", the mean, and "groups", that of each group of probes."""
        groups = self.evaluate()
        record = {f"rank_1_{name}": value for name, value in groups.items() if not math.isnan(value)}
        rank_1 = sum(record.values()) / len(record)
        self.report.record(step, {"rank_1": rank_1, **record})
        self.report.say(rank_1_line(step, rank_1=rank_1, groups=record, last_step=self.last_step))
        return {"rank_1": rank_1, "groups": record}


class PartsOverTraining(keras.callbacks.Callback):
    """Keeps a model with local paths at a few moments, and draws its located parts for TensorBoard.

    It draws before the first step, where the parts are on their priors, at each snapshot, and with each rank-1 of the
    held-out subjects.

    Args:
        run: The folder of the snapshots.
        pictures: Draws the parts.
        report: Writes the pictures.
        kept: Steps of the snapshots.
        every: Steps between two measurements of rank-1; 0: none.
        first_step: Number of steps before this call of `fit`.
        last_step: Of the whole training.
    """

    def __init__(
        self,
        run: RunFolder,
        *,
        pictures: PartPictures,
        report: Report,
        kept: Sequence[int],
        every: int,
        first_step: int,
        last_step: int,
    ):
        super().__init__()
        self.run, self.pictures, self.report = run, pictures, report
        self.kept, self.first_step = set(kept), first_step
        measured = range(every, last_step + 1, every) if every else ()
        self.drawn = {0, last_step, *kept, *measured} if kept or every else set()

    def on_train_begin(self, logs=None):
        """Draw what the training begins with."""
        if self.first_step == 0:
            self._show(0)

    def on_train_batch_end(self, batch, logs=None):
        """Keep and draw the model if this step is due."""
        step = self.first_step + batch + 1
        if step in self.kept:
            self.run.snapshots.keep(self.model, step=step)
        self._show(step)

    def _show(self, step):
        if step in self.drawn:
            self.report.show(step, self.pictures.draw())


class Checkpoint(StepCallback):
    """Keeps all of the training.

    Args:
        run: The folder of the checkpoints.
        every: Steps between two checkpoints.
        keep: Number of checkpoints that stay.
        report_every: Steps between two reports, after which the metrics are reset.
        first_step: Number of steps before this call of `fit`.
        last_step: Of the whole training.
    """

    def __init__(self, run: RunFolder, *, every: int, keep: int, report_every: int, first_step: int, last_step: int):
        super().__init__(every=every, first_step=first_step, last_step=last_step)
        self.run, self.keep, self.report_every = run, keep, report_every

    def act(self, step: int, logs: dict) -> None:
        """Write a checkpoint."""
        metrics = metric_values(self.model) if step % self.report_every else None
        self.run.save_checkpoint(self.model, step=step, keep=self.keep, metrics=metrics)
