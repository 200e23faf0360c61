"""Softmax cross-entropy over the training subjects, with the scale and smoothing that gait systems use."""

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="tf3dlocal")
class ScaledCrossEntropy(keras.losses.Loss):
    """Cross-entropy of softmax(scale * logits) with the class of each walk, in nats.

        loss = - sum over classes c of q_c log softmax(scale * logits)_c,   q = (1 - s) one-hot + s / num_classes

    Args:
        scale: 1 for the plain softmax; OpenGait's GLN uses 16.
        label_smoothing: s, 0 to 1.

    `call` takes y_true int or float [batch] or [batch, 1] and y_pred float [batch, num_classes]; it returns
    float32 [batch].

    Raises:
        ValueError: scale not above 0, or label_smoothing outside 0..1.

    Example:
        >>> import numpy as np
        >>> print(ScaledCrossEntropy()(np.array([1]), np.zeros([1, 4], "float32")).numpy().round(4))
        1.3863
    """

    def __init__(self, scale=1.0, label_smoothing=0.0, reduction="sum_over_batch_size", name=None, **kwargs):
        super().__init__(name=name, reduction=reduction, **kwargs)
        if scale <= 0 or not 0 <= label_smoothing <= 1:
            raise ValueError(f"scale must be above 0 and label_smoothing in 0..1; got {scale} and {label_smoothing}")
        self.scale = float(scale)
        self.label_smoothing = float(label_smoothing)

    def call(self, y_true, y_pred):
        log_shares = ops.log_softmax(self.scale * ops.cast(y_pred, "float32"), axis=-1)  # [batch, classes]
        labels = ops.cast(ops.reshape(y_true, (-1, 1)), "int32")  # [batch, 1]
        of_its_class = ops.take_along_axis(log_shares, labels, axis=-1)[:, 0]  # [batch]
        return -(1 - self.label_smoothing) * of_its_class - self.label_smoothing * ops.mean(log_shares, axis=-1)

    def get_config(self):
        return {**super().get_config(), "scale": self.scale, "label_smoothing": self.label_smoothing}
