"""The model while it is trained: steps in slices, and steps of several workers."""

from collections.abc import Callable

import keras
import tensorflow as tf
from keras import ops

from tf3dlocal.models import GaitModel
from tf3dlocal.training.accumulation.gradients import accumulated_gradients
from tf3dlocal.training.keras_internals import LocalSymbolicBuild, over_several_workers


class TrainedModel(LocalSymbolicBuild, GaitModel):
    """Functional model whose steps are those of gait training; made of the input and the outputs of a built model.

    The outputs have names, and under each name the labels are the classes of the clips, int [batch]. It shares its
    layers with the built model and lives during a training only: what is written is a plain `GaitModel`.

    Example:
        >>> silhouettes = keras.Input((6,))
        >>> TrainedModel(silhouettes, {"embedding": keras.layers.Dense(2)(silhouettes)}).count_params()
        14
    """

    # Slices that the batch of a step is computed in, see `accumulated_gradients`; None: the plain step.
    num_slices = None

    def train_step(self, data):
        """Make one step and return the metrics."""
        return super().train_step(data) if self.num_slices is None else self._train_step_in_slices(data)

    def _train_step_in_slices(self, data):
        x, y, sample_weight = keras.utils.unpack_x_y_sample_weight(data)

        def loss_of(y_pred):
            loss = self.compute_loss(x=x, y=y, y_pred=y_pred, sample_weight=sample_weight, training=True)
            tracker = next(metric for metric in self.metrics if metric.name == "loss")
            # Keras divides each replica's loss by the number of replicas; the log shows that of the whole batch.
            whole = loss * tf.cast(tf.distribute.get_strategy().num_replicas_in_sync, loss.dtype)
            tracker.update_state(whole, sample_weight=tf.shape(keras.tree.flatten(x)[0])[0])
            return self.optimizer.scale_loss(loss)

        y_pred, gradients = accumulated_gradients(self, inputs=x, loss_of=loss_of, num_slices=self.num_slices)
        self.optimizer.apply_gradients(zip(gradients, self.trainable_variables, strict=True))
        return self.compute_metrics(x, y, y_pred, sample_weight=sample_weight)

    def make_train_function(self, force: bool = False) -> Callable:
        """Make the function of a step.

        Over several workers Keras takes the mean of the logs along their first axis, and they are scalars. On one
        device it makes the means of several losses within the first step, and TensorFlow traces a step that makes
        variables twice, which is a third of the time of the paper preset's first step; here they are made before.
        """
        strategy = self.distribute_strategy
        if not over_several_workers(strategy):
            made_without_strategy = strategy is tf.distribute.get_strategy()
            if self.train_function is None and made_without_strategy:
                make_metric_variables(self)
            return super().make_train_function(force)
        if self.train_function is None or force:

            @tf.function(reduce_retracing=True)
            @tf.autograph.experimental.do_not_convert
            def step(iterator):
                logs = strategy.run(self.train_step, args=(next(iterator),))
                return keras.tree.map_structure(lambda value: strategy.reduce("MEAN", value, axis=None), logs)

            self.train_function = step
        return self.train_function


def make_metric_variables(model: TrainedModel) -> None:
    """Make the variables of a compiled model's losses and metrics, by three clips of zeros: a triplet."""
    predicted = {name: ops.zeros((3, *tensor.shape[1:]), tensor.dtype) for name, tensor in model.output.items()}
    labels = {name: ops.array([0, 0, 1], "int32") for name in predicted}
    model.compute_loss(y=labels, y_pred=predicted, training=False)
    model.compute_metrics(None, labels, predicted)
    model.reset_metrics()
