"""Softmax cross-entropy over the training subjects, with scale and label smoothing."""

import keras
import numpy as np
from keras import ops

from tf3dlocal.losses.class_labels import ClassLoss, are_classes, check_lengths, checked_labels, checked_number


@keras.saving.register_keras_serializable(package="tf3dlocal")
class ScaledCrossEntropy(ClassLoss):
    """Cross-entropy between softmax(scale * logits) and the class of each walk, in nats.

        loss = - sum over classes c of q_c log softmax(scale * logits)_c,   q = (1 - s) one-hot + s / num_classes

    `call` takes `y_true`, int or float [batch] or [batch, 1], and `y_pred`, float [batch, num_classes]. It returns
    float32 [batch]. Logits that are not finite give NaN.

    Args:
        scale: 1 for the plain softmax; OpenGait's GLN uses 16.
        label_smoothing: s, from 0 to less than 1.
        reduction: As in `keras.losses.Loss`.
        name: Name of the loss.

    Raises:
        ValueError: `scale` is not above 0, or `label_smoothing` is not from 0 to less than 1; in a call, a label is no
            class of the model (see `ClassLoss`), or the logits are no [batch, classes].

    Example:
        >>> import numpy as np
        >>> print(ScaledCrossEntropy()(np.array([1]), np.zeros([1, 4], "float32")).numpy().round(4))
        1.3863
    """

    def __init__(
        self,
        scale: float = 1.0,
        *,
        label_smoothing: float = 0.0,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = None,
        **kwargs,
    ):
        super().__init__(name=name, reduction=reduction, **kwargs)
        self.scale = checked_number(scale, message="The scale must be a number above 0", open_low=True)
        message = "label_smoothing must be from 0 to less than 1"
        self.label_smoothing = checked_number(label_smoothing, message=message, end=1.0)

    def call(self, y_true, y_pred):
        """Compute the loss of each walk, float32 [batch]."""
        if len(y_pred.shape) != 2:
            raise ValueError(f"{self.name} expects logits of shape [batch, classes], not {tuple(y_pred.shape)}.")
        num_classes = y_pred.shape[-1]
        y_true = checked_labels(ops.reshape(y_true, (-1, 1)), who=self.name, num_classes=num_classes)  # [batch, 1]
        check_lengths(y_true, features=y_pred, who=self.name)
        y_pred = ops.cast(y_pred, "float32")
        log_softmax = ops.log_softmax(self.scale * y_pred, axis=-1)  # [batch, classes]
        is_class = are_classes(y_true, end=num_classes)  # XLA leaves the check above out
        labels = ops.cast(ops.where(is_class, y_true, ops.zeros_like(y_true)), "int32")
        of_label = ops.take_along_axis(log_softmax, labels, axis=-1)[:, 0]  # [batch]
        loss = -(1 - self.label_smoothing) * of_label - self.label_smoothing * ops.mean(log_softmax, axis=-1)
        is_sound = ops.logical_and(is_class[:, 0], ops.all(ops.isfinite(y_pred), axis=-1))
        return loss + ops.cast(ops.where(is_sound, np.float32(0), np.float32(np.nan)), loss.dtype)

    def get_config(self):
        """Return the constructor's arguments."""
        return {**super().get_config(), "scale": self.scale, "label_smoothing": self.label_smoothing}
