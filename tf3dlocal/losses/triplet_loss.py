"""What the triplet losses share: parts, labels and the whole batch of a distributed step."""

import keras
from keras import ops

from tf3dlocal.losses.gather_batch import gather_batch, share_of_replica


class TripletLoss(keras.losses.Loss):
    """A loss over triplets (anchor, positive, negative) of one batch; subclasses say which triplets in `mine`.

    Args of `call`:
        y_true: class of each walk, int or float [batch] or [batch, 1].
        y_pred: float [batch, parts, channels] or [batch, channels] (one part).

    `call` returns float32 [parts], one value per part, never a scalar: Keras divides a loss by the number of replicas
    only where it takes a mean itself. Where it takes none (`reduction` "sum" or None), each of R replicas gives the R-th part
    of the whole batch's loss, so that their gradients add up to that of one device.

    Raises:
        ValueError: y_pred has neither two nor three axes.
    """

    def __init__(self, margin: float, reduction="sum_over_batch_size", name=None, **kwargs):
        super().__init__(name=name, reduction=reduction, **kwargs)
        if margin < 0:
            raise ValueError(f"margin must not be negative; it is {margin}")
        self.margin = float(margin)

    def mine(self, labels, features):
        """Loss of each part, float32 [parts], from labels [batch] and features [batch, parts, channels]."""
        raise NotImplementedError

    def call(self, y_true, y_pred):
        labels, features = labels_and_parts(y_true, y_pred)
        of_whole_batch = self.mine(*gather_batch(labels, features))
        return share_of_replica(of_whole_batch) if self.reduction in ("sum", "none", None) else of_whole_batch

    def get_config(self):
        return {**super().get_config(), "margin": self.margin}


def labels_and_parts(y_true, y_pred):
    """Labels as int32 [batch] and features as [batch, parts, channels], from the forms in which Keras hands them over.

    Raises:
        ValueError: y_pred has neither two nor three axes.

    Example:
        >>> import numpy as np
        >>> [t.shape.as_list() for t in labels_and_parts(np.zeros([6, 1]), np.zeros([6, 4], "float32"))]
        [[6], [6, 1, 4]]
    """
    features = ops.convert_to_tensor(y_pred)
    if len(features.shape) == 2:
        features = ops.expand_dims(features, axis=1)
    if len(features.shape) != 3:
        raise ValueError(
            f"a triplet loss takes features [batch, parts, channels] or [batch, channels]; got shape {features.shape}"
        )
    return ops.cast(ops.reshape(y_true, (-1,)), "int32"), features
