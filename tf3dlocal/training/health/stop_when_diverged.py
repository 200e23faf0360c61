"""A callback that stops a training at the very step that breaks it."""

import math
import pathlib
from collections.abc import Callable

import keras
import tensorflow as tf

from tf3dlocal.training.run.checkpoint import Restored, not_finite
from tf3dlocal.training.run.run_folder import RunFolder
from tf3dlocal.training.schedules import last_learning_rate

# With float16, steps whose gradient is not finite are skipped and the scale of the loss is halved: usual once in a
# while, from 2^15 downwards. Here 25 of them came in a row, and a gradient that small will not become finite.
SMALLEST_LOSS_SCALE = 2.0**-10


class DivergedError(ValueError):
    """Loss or weights are no longer finite numbers, or the loss is too high; the message names step, batch and fix.

    `batch_file` is the file of the batch at fault.
    """

    def __init__(self, message: str, batch_file: pathlib.Path | None = None):
        super().__init__(message)
        self.batch_file = batch_file


class StopWhenDiverged(keras.callbacks.Callback):
    """Checks loss and weights after every step, before anything of it is logged or kept.

    Keras waits for each step and returns its numbers; the check adds one sum per trainable weight, which is finite if
    the weight is. The weights are checked because a finite loss may have a gradient that is not finite: so the step
    that is named is the one at fault and not the one after it. Moments and moving statistics are checked where they
    would be kept. (Where the square of a finite gradient overflows, above 1.8e19, the step after is named: Adam's
    weights break in it.) With `check_weights_every` above 1 the weights are read more rarely, and always before a
    checkpoint; weights that are not finite between two reads make the loss of the next step NaN, which is found.

    Args:
        run: The run folder, for the message.
        save_batch: Function (step, facts) that writes the batch of a step and gives its file.
        schedule: Learning rate by the number of steps before, from 0.
        report_every: Steps between two reports, after which Keras' means are reset.
        checkpoint_every: Steps between two checkpoints.
        last_step: After which there is a checkpoint too.
        restored: Where the training resumes.
        stop_above: Loss of a single step that is too high, or None.
        check_weights_every: Steps between two looks at the weights.

    Raises:
        DivergedError: From `fit`.
    """

    def __init__(
        self,
        *,
        run: RunFolder,
        save_batch: Callable[..., pathlib.Path],
        schedule: Callable[[int], float],
        report_every: int,
        checkpoint_every: int,
        last_step: int,
        restored: Restored,
        stop_above: float | None = None,
        check_weights_every: int = 1,
    ):
        super().__init__()
        self.run, self.save_batch, self.schedule, self.stop_above = run, save_batch, schedule, stop_above
        self.report_every, self.checkpoint_every = report_every, checkpoint_every
        self.first_step, self.last_step, self.check_weights_every = restored.step, last_step, check_weights_every
        self.means_begin, self.sum_before = restored.step, 0.0  # the sum is that of the losses since the means began

    def on_epoch_begin(self, epoch, logs=None):
        """Note what the metrics hold from before this call."""
        self.weights_are_finite = finite_check(self.model.trainable_variables)
        loss_scale = getattr(self.model.optimizer, "dynamic_scale", None)
        self.loss_scale = None if loss_scale is None else loss_scale.value
        self.clips_before = counted_clips(self.model)
        self.mean_before = float(self.model.get_metrics_result()["loss"]) if self.clips_before else 0.0

    def on_train_batch_end(self, batch, logs=None):
        """Check loss and weights."""
        step = self.first_step + batch + 1
        if batch == 0 and self.clips_before:
            self._count_restored_steps()
        loss = self._loss_of_step(step, logs["loss"])
        if problem := self._problem(step, loss):
            rate = last_learning_rate(self.model.optimizer, schedule=self.schedule)
            file = self.save_batch(step=step, facts={"loss": loss, "learning_rate": rate})
            raise DivergedError(self._message(problem, step=step, rate=rate, file=file), file)

    def _message(self, problem, *, step, rate, file):
        kept = self.run.last_checkpoint()
        state = f"The checkpoint of step {kept[0]} is kept" if kept else "There is no checkpoint yet"
        other = "" if self.loss_scale is None else " or with training.precision: float32"
        rare = f" The weights are read every {self.check_weights_every} steps: an earlier batch may have broken them."
        earlier = "" if self.check_weights_every == 1 else rare
        sheet = f'tf3dlocal.visualization.contact_sheet(numpy.load("{file}")["silhouettes"], path="look.png")'
        return (
            f"{problem} (learning rate {rate:g}). {state}. The batch of this step is in {file}.{earlier} Look for "
            f"walks that are not people, as with {sheet}. If they are sound, train in another run folder with a lower "
            f"schedule.learning_rate{other}. The same call with --set training.checkpoint_every=1 gives the weights "
            f"just before step {step}."
        )

    def _count_restored_steps(self):
        """Count the steps in the restored means by their clips: `report_every` may have been another one then."""
        num_before = round(self.clips_before / (counted_clips(self.model) - self.clips_before))
        self.means_begin = self.first_step - num_before
        self.sum_before = num_before * self.mean_before

    def _loss_of_step(self, step, mean):
        """The loss of one step from the means since the last report."""
        total = (step - self.means_begin) * mean
        loss, self.sum_before = total - self.sum_before, total
        if step % self.report_every == 0:
            self.means_begin, self.sum_before = step, 0.0
        return loss

    def _problem(self, step, loss):
        if not math.isfinite(loss):
            return f"The loss is {loss} at step {step}"
        if self.stop_above is not None and loss > self.stop_above:
            return f"The loss is {loss:.6g} at step {step}, above training.stop_above = {self.stop_above:g}"
        is_kept = step % self.checkpoint_every == 0 or step == self.last_step
        if not (is_kept or step % self.check_weights_every == 0):
            return None
        if not self.weights_are_finite():
            return f"The loss is {loss:.6g} at step {step}, and its gradient made weights that are not finite numbers"
        if is_kept and (name := not_finite(self.model)):
            return f"{name} is no longer a finite number at step {step}"
        if self.loss_scale is not None and self.loss_scale < SMALLEST_LOSS_SCALE:
            return f"No gradient is finite any more at step {step}, however little the loss is scaled"
        return None


def counted_clips(model: keras.Model) -> float:
    """Return how many clips the mean loss is of. Over several workers this adds up theirs: all of them must call it."""
    return float(next(metric for metric in model.metrics if metric.name == "loss").count.numpy())


def finite_check(variables: list[keras.Variable]) -> Callable[[], bool]:
    """Return a function that says whether all of these variables are finite numbers."""

    @tf.function
    def are_finite():
        sums = [tf.cast(tf.reduce_sum(variable.value), tf.float32) for variable in variables]
        return tf.reduce_all(tf.math.is_finite(tf.stack(sums)))

    return are_finite
