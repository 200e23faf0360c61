"""Stops a training at the very step that breaks it."""

import math
from collections.abc import Callable

import keras
import numpy as np
import tensorflow as tf

from tf3dlocal.training.diverged_error import DivergedError
from tf3dlocal.training.last_learning_rate import last_learning_rate
from tf3dlocal.training.metrics_since_report import counted_clips

# With float16, steps whose gradient is not finite are left out and the loss is scaled by half as much: usual once in a while,
# from 2^15 downwards. Here 25 of them came in a row, and a gradient that small is not finite: it never will be.
SMALLEST_LOSS_SCALE = 2.0**-10


class StopWhenDiverged(keras.callbacks.Callback):
    """Looks at loss and weights after every step, before anything is logged or kept of it.

    Keras waits for each step and hands over its numbers; all that is added is one sum per trainable weight, which is finite
    if the weight is. The weights are looked at because a finite loss may have a gradient that is not: so the step is
    the one at fault, not the one after it. Moments and moving statistics are looked at where they would be kept. (One step
    is named too late where a finite gradient's square overflows, above 1.8e19: Adam's weights break in the step behind.)

    Args:
        run: RunFolder, for the message.
        save_batch: function (step, facts) that writes the batch of a step down and gives its file.
        schedule: learning rate by the steps that were made before, from 0.
        report_every: steps between two reports, behind which Keras' means begin anew.
        keep_every: steps between two checkpoints.
        last_step: behind which there is a checkpoint, too.
        restored: `Restored`, where the training goes on.
        stop_above: a loss of a single step that is too high, or None.

    Raises:
        DivergedError: from `fit`.
    """

    def __init__(
        self,
        run,
        save_batch: Callable,
        schedule,
        report_every: int,
        keep_every: int,
        last_step: int,
        restored,
        stop_above: float | None = None,
    ):
        super().__init__()
        self.run, self.save_batch, self.schedule, self.stop_above = run, save_batch, schedule, stop_above
        self.report_every, self.keep_every = report_every, keep_every
        self.first_step, self.last_step = restored.step, last_step
        self.means_begin, self.sum_before = restored.step, 0.0  # the sum is that of the losses since the means began

    def on_epoch_begin(self, epoch, logs=None):
        self.weights_are_finite = finite_check(self.model.trainable_variables)
        loss_scale = getattr(self.model.optimizer, "dynamic_scale", None)
        self.loss_scale = None if loss_scale is None else loss_scale.value
        self.clips_before = counted_clips(self.model)
        self.mean_before = float(self.model.get_metrics_result()["loss"]) if self.clips_before else 0.0

    def on_train_batch_end(self, batch, logs=None):
        step = self.first_step + batch + 1
        if batch == 0 and self.clips_before:
            self.take_over_the_steps_before()
        loss = self.loss_of_step(step, logs["loss"])
        if problem := self.problem(step, loss):
            rate = last_learning_rate(self.model.optimizer, self.schedule)
            file = self.save_batch(step=step, facts={"loss": loss, "learning_rate": rate})
            raise DivergedError(self.message(problem, step, rate, file), file)

    def message(self, problem, step, rate, file):
        kept = self.run.last_checkpoint()
        state = f"the checkpoint of step {kept[0]} is kept" if kept else "there is no checkpoint yet"
        other = "" if self.loss_scale is None else " or with training.precision: float32"
        return (
            f"{problem} (learning rate {rate:g}); {state}. The batch of this step is in {file}: look for walks that are not "
            f'people, as with tf3dlocal.visualization.contact_sheet(numpy.load("{file}")["silhouettes"], "look.png"). If they '
            f"are sound, train in another run folder with a lower schedule.learning_rate{other}. The same call with "
            f"--set training.checkpoint_every=1 gives the weights just before step {step}"
        )

    def take_over_the_steps_before(self):
        """How many steps the restored means hold, by the clips in them: `report_every` may have been another then."""
        num_before = round(self.clips_before / (counted_clips(self.model) - self.clips_before))
        self.means_begin = self.first_step - num_before
        self.sum_before = num_before * self.mean_before

    def loss_of_step(self, step, mean):
        """The loss of one step from the means since the last report."""
        total = (step - self.means_begin) * mean
        loss, self.sum_before = total - self.sum_before, total
        if step % self.report_every == 0:
            self.means_begin, self.sum_before = step, 0.0
        return loss

    def problem(self, step, loss):
        if not math.isfinite(loss):
            return f"the loss is {loss} at step {step}"
        if self.stop_above is not None and loss > self.stop_above:
            return f"the loss is {loss:.6g} at step {step}, above training.stop_above = {self.stop_above:g}"
        if not self.weights_are_finite():
            return f"the loss is {loss:.6g} at step {step}, and its gradient made weights that are not finite numbers"
        if (step % self.keep_every == 0 or step == self.last_step) and (name := not_finite(self.model)):
            return f"{name} is no longer a finite number at step {step}"
        if self.loss_scale is not None and self.loss_scale < SMALLEST_LOSS_SCALE:
            return f"no gradient is finite any more at step {step}, however little the loss is scaled"
        return None


def finite_check(variables):
    """A function that says whether all of these variables are finite numbers."""

    @tf.function
    def are_finite():
        sums = [tf.cast(tf.reduce_sum(variable.value), tf.float32) for variable in variables]
        return tf.reduce_all(tf.math.is_finite(tf.stack(sums)))

    return are_finite


def not_finite(model):
    """The name of a variable of a compiled model, its optimizer's included, that is not finite, or None."""
    for variable in [*model.variables, *model.optimizer.variables]:
        if keras.backend.is_float_dtype(variable.dtype) and not np.isfinite(variable.numpy()).all():
            return variable.path
    return None
