"""The Keras class of the models: labels for the outputs that are trained, sentences for wrong labels, the policy."""

from collections.abc import Callable, Mapping
from typing import Any

import keras
import numpy as np

from tf3dlocal.io import near_names
from tf3dlocal.io.types import Tensor


@keras.saving.register_keras_serializable("tf3dlocal")
class GaitModel(keras.Model):
    """Functional model that needs labels for the outputs that are trained or measured, and for no others.

    Keras' own class looks for a label of every output as soon as one of them has a metric, and ends with a KeyError.
    Labels of outputs without loss and metric are accepted and not read.

    The model has the dtype policy of its layers, also when it is loaded or cloned. By the model's own policy Keras
    decides in `compile` whether it scales the loss, without which the small gradients of float16 become zero; a
    functional model of Keras' own class has the global policy, whatever its layers have.

    Example:
        >>> x = keras.Input((2,))
        >>> model = GaitModel(x, {"embedding": x, "logits": keras.layers.Dense(3)(x)})
        >>> loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        >>> model.compile("sgd", loss={"logits": loss}, metrics={"logits": ["accuracy"]})
        >>> history = model.fit(np.ones([4, 2]), {"logits": np.array([0, 1, 2, 0])}, verbose=0)
        >>> "accuracy" in " ".join(history.history)
        True
    """

    # Names of the outputs with a loss or a metric; None if they were not given by name, or not yet.
    labelled = None

    def __init__(self, inputs: Any, outputs: Any, name: str | None = None, **kwargs: Any):  # Keras' own arguments
        super().__init__(inputs, outputs, name=name, **kwargs)
        policies = [layer.dtype_policy for layer in self.layers if not isinstance(layer, keras.layers.InputLayer)]
        mixed = [policy for policy in policies if policy.name != "float32"]  # the heads have float32 in any case
        if policies:
            self.dtype_policy = (mixed or policies)[0]

    def compile(
        self,
        optimizer: Any = "rmsprop",
        loss: Any = None,
        loss_weights: Any = None,
        metrics: Any = None,
        weighted_metrics: Any = None,
        **arguments: Any,
    ) -> None:
        """Prepare the training, as `keras.Model.compile` does; it takes the same arguments."""
        given = [each for each in (loss, metrics, weighted_metrics) if each]
        is_by_name = given and all(isinstance(each, Mapping) for each in given)
        names = [name for each in given for name in each if each[name] is not None] if is_by_name else []
        self.labelled = tuple(dict.fromkeys(names)) or None
        super().compile(optimizer, loss, loss_weights, metrics=metrics, weighted_metrics=weighted_metrics, **arguments)

    def compile_from_config(self, config: dict) -> None:
        """Compile a model that was saved compiled; Keras leaves this to a class that defines `compile`."""
        self.compile(**keras.saving.deserialize_keras_object(config))
        if self.optimizer is not None and self.built:
            self.optimizer.build(self.trainable_variables)

    def fit(self, x: Any = None, y: Any = None, **arguments: Any) -> keras.callbacks.History:
        """Train the model, as `keras.Model.fit` does; it takes the same arguments.

        Raises:
            ValueError: Labels are texts, an output with a loss or a metric has no label, or a label no output.
        """
        for labels in keras.tree.flatten(y):
            if isinstance(labels, np.ndarray) and labels.dtype.kind in "US":
                raise ValueError(
                    f"The labels are texts, such as {str(labels.flat[0])!r}, and class numbers 0 .. n - 1 are needed. "
                    "Map them once: names, classes = numpy.unique(labels, return_inverse=True)."
                )
        return super().fit(x, y, **arguments)

    def make_train_function(self, force: bool = False) -> Callable:
        """Make the function of a step, after the optimizer's variables: a step that makes them is traced twice."""
        if self.optimizer is not None and not self.optimizer.built:
            with self.distribute_strategy.scope():
                self.optimizer.build(self.trainable_variables)
        return super().make_train_function(force)

    def compute_loss(
        self, x: Any = None, y: Any = None, y_pred: Any = None, sample_weight: Any = None, training: bool = True
    ) -> Tensor:
        """Compute the loss; an output without a loss needs no label."""
        y = self._labels(y, y_pred)
        return super().compute_loss(x=x, y=y, y_pred=y_pred, sample_weight=sample_weight, training=training)

    def compute_metrics(self, x: Any, y: Any, y_pred: Any, sample_weight: Any = None) -> dict:
        """Update the metrics and return them; an output without a label has none."""
        return super().compute_metrics(x, y=self._labels(y, y_pred), y_pred=y_pred, sample_weight=sample_weight)

    def _labels(self, y, y_pred):
        """Give every output a label: Keras looks for all of them, and reads those of losses and metrics."""
        if not (isinstance(y_pred, Mapping) and self.labelled):
            return y
        y = y if isinstance(y, Mapping) else {}  # without names it is not known whose labels they are
        if unknown := [name for name in y if name not in y_pred]:
            raise ValueError(
                f"There are labels for {', '.join(map(repr, unknown))}, and the model has no such output. "
                f"{near_names(unknown[0], y_pred)}"
            )
        if missing := [name for name in self.labelled if name in y_pred and name not in y]:
            raise ValueError(
                f"There are no labels for {', '.join(map(repr, missing))}, and compile gave it a loss or a metric. The "
                f"labels are a dict of the class of each walk by output: {{{missing[0]!r}: classes, ...}}."
            )
        any_label = next(iter(y.values()))
        return {name: y.get(name, any_label) for name in y_pred}
