"""The model while it is trained: what `model.fit` has to do here beyond what Keras does."""

import keras
import tensorflow as tf
from keras import ops

from tf3dlocal.training.accumulated_gradients import accumulated_gradients


class TrainedModel(keras.Model):
    """A functional model whose steps are those of gait training; made of the input and the outputs of a built model.

    The outputs have names, and under each name the labels are the classes of the clips, int [batch]. It shares its layers
    with that model and lives during a training only: what is kept is a plain functional model.

    Example:
        >>> silhouettes = keras.Input((6,))
        >>> TrainedModel(silhouettes, {"embedding": keras.layers.Dense(2)(silhouettes)}).count_params()
        14
    """

    num_slices = None  # slices that a step's batch is computed in, see `accumulated_gradients`; None for the plain step

    def train_step(self, data):
        return super().train_step(data) if self.num_slices is None else self.train_step_in_slices(data)

    def train_step_in_slices(self, data):
        x, y, sample_weight = keras.utils.unpack_x_y_sample_weight(data)

        def loss_of(y_pred):
            loss = self.compute_loss(x, y, y_pred, sample_weight, training=True)
            tracker = next(metric for metric in self.metrics if metric.name == "loss")
            # Keras divides each replica's loss by the number of replicas; the log shows that of the whole batch.
            whole = loss * tf.cast(tf.distribute.get_strategy().num_replicas_in_sync, loss.dtype)
            tracker.update_state(whole, sample_weight=tf.shape(keras.tree.flatten(x)[0])[0])
            return self.optimizer.scale_loss(loss)

        y_pred, gradients = accumulated_gradients(self, x, loss_of, self.num_slices)
        self.optimizer.apply_gradients(zip(gradients, self.trainable_variables, strict=True))
        return self.compute_metrics(x, y, y_pred, sample_weight=sample_weight)

    # Two methods of Keras 3.15 are replaced: over several processes both fail, and on one device the first comes too late.

    def _maybe_symbolic_build(self, iterator=None, data_batch=None):
        """Make the variables of losses and metrics before the first step.

        With several losses Keras makes a mean for each of them, on one device within the first step, and TensorFlow traces
        a step that makes variables twice: a third of the time of the paper preset's first step. On several devices it takes
        the mean of a batch over all replicas to make them, and each worker holds only its own of these.
        """
        if self._distribute_strategy is None:
            make_metric_variables(self)
            return
        if iterator is not None and over_several_workers(self.distribute_strategy):
            _, _, batches = next(iter(iterator))
            local = self.distribute_strategy.experimental_local_results
            data_batch = keras.tree.map_structure(lambda values: local(values)[0], next(batches))
            iterator = None
        super()._maybe_symbolic_build(iterator, data_batch)

    def make_train_function(self, force=False):
        """Keras takes the mean of the logs along their first axis, and they are scalars."""
        strategy = self.distribute_strategy
        if not over_several_workers(strategy):
            return super().make_train_function(force)
        if self.train_function is None or force:

            @tf.function(reduce_retracing=True)
            @tf.autograph.experimental.do_not_convert
            def step(iterator):
                logs = strategy.run(self.train_step, args=(next(iterator),))
                return keras.tree.map_structure(lambda value: strategy.reduce("MEAN", value, axis=None), logs)

            self.train_function = step
        return self.train_function


def make_metric_variables(model) -> None:
    """Make the variables of a compiled `TrainedModel`'s losses and metrics, by two clips of zeros."""
    predicted = {name: ops.zeros((2, *tensor.shape[1:]), tensor.dtype) for name, tensor in model.output.items()}
    labels = {name: ops.zeros((2,), "int32") for name in predicted}
    model.compute_loss(y=labels, y_pred=predicted, training=False)
    model.compute_metrics(None, labels, predicted)
    model.reset_metrics()


def over_several_workers(strategy) -> bool:
    """Whether the replicas are in more than one process."""
    return isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy) and (
        strategy.num_replicas_in_sync > len(strategy.extended.worker_devices)
    )
