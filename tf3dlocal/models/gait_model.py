"""The Keras class of the models: labels for the outputs that are trained, and a sentence for labels that are texts."""

from collections.abc import Callable, Mapping
from typing import Any

import keras
import numpy as np


@keras.saving.register_keras_serializable("tf3dlocal")
class GaitModel(keras.Model):
    """Functional model that needs labels for the outputs that are trained or measured, and for no others.

    Keras' own class looks for a label of every output as soon as one of them has a metric, and ends with a KeyError.

    Example:
        >>> x = keras.Input((2,))
        >>> model = GaitModel(x, {"embedding": x, "logits": keras.layers.Dense(3)(x)})
        >>> loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        >>> model.compile("sgd", loss={"logits": loss}, metrics={"logits": ["accuracy"]})
        >>> history = model.fit(np.ones([4, 2]), {"logits": np.array([0, 1, 2, 0])}, verbose=0)
        >>> "accuracy" in " ".join(history.history)
        True
    """

    def fit(self, x: Any = None, y: Any = None, **arguments: Any) -> keras.callbacks.History:
        """Train the model, as `keras.Model.fit` does; it takes the same arguments.

        Raises:
            ValueError: Labels are texts.
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

    def compute_metrics(self, x: Any, y: Any, y_pred: Any, sample_weight: Any = None) -> dict:
        """Update the metrics and return them; an output without a label has none."""
        if isinstance(y, Mapping) and isinstance(y_pred, Mapping) and y:
            any_label = next(iter(y.values()))  # where there is no metric Keras looks for a label and does not read it
            y = {name: y.get(name, any_label) for name in y_pred}
        return super().compute_metrics(x, y=y, y_pred=y_pred, sample_weight=sample_weight)
