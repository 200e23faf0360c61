"""Batch-hard triplet loss: each anchor with its farthest positive and its nearest negative."""

import keras
import numpy as np
from keras import ops

from tf3dlocal.losses.pairwise_distances import pairwise_distances
from tf3dlocal.losses.triplet_loss import TripletLoss, labels_and_parts


def triplet_hard_loss(y_true, y_pred, margin: float = 1.0, soft: bool = False, distance_metric: str = "L2"):
    """Mean over the anchors of the hardest triplet each of them has in the batch.

        mean over a of max(0, margin + max over p of d(a, p) - min over n of d(a, n)),  or, if soft,
        mean over a of log(1 + exp(max over p of d(a, p) - min over n of d(a, n)))

    over all anchors a, easy ones included. An anchor that is alone in its class has itself as positive (distance 0);
    one without any negative has the farthest walk of the batch in its place. Features are not normalised here. Where
    several walks are equally far, the gradient is shared among them.

    Args:
        y_true: class of each walk, int or float [batch] or [batch, 1].
        y_pred: float [batch, parts, channels] or [batch, channels].
        margin: not used if `soft`.
        soft: the smooth form, without a margin.
        distance_metric: "L2", "squared-L2" or "angular".

    Returns:
        float32 [parts] ([1] for features without parts).

    Raises:
        ValueError: an unknown metric, or features with neither two nor three axes.

    Example (walks at 0, 1 and 3 on a line, the first two of one class; terms 2 + 1 - 3, 2 + 1 - 2 and 2 + 0 - 2):
        >>> points = np.array([[0.0], [1.0], [3.0]], "float32")
        >>> print(triplet_hard_loss(np.array([0, 0, 1]), points, margin=2.0).numpy().round(4))
        [0.3333]

    Source: Hermans et al., 2017 (arXiv 1703.07737), equation 5; arguments as in tensorflow-addons.
    """
    labels, features = labels_and_parts(y_true, y_pred)
    distances = pairwise_distances(features, distance_metric)  # [parts, batch, batch]
    same = ops.equal(labels[:, None], labels[None, :])[None]  # [1, batch, batch]
    farthest_positive = ops.max(ops.where(same, distances, ops.zeros_like(distances)), axis=-1)  # [parts, batch]
    nearest_negative = ops.min(ops.where(same, np.float32(np.inf), distances), axis=-1)  # [parts, batch]
    nearest_negative = ops.where(ops.isfinite(nearest_negative), nearest_negative, ops.max(distances, axis=-1))
    violation = farthest_positive - nearest_negative
    terms = ops.softplus(violation) if soft else ops.relu(margin + violation)
    return ops.mean(terms, axis=-1)  # [parts]


@keras.saving.register_keras_serializable(package="tf3dlocal")
class TripletHardLoss(TripletLoss):
    """`triplet_hard_loss` as a Keras loss, under the name and arguments it has in tensorflow-addons.

    Under a `tf.distribute` strategy the triplets are mined in the whole batch.

    Args:
        margin: not used if `soft`.
        soft: the smooth form, without a margin.
        distance_metric: "L2", "squared-L2" or "angular".

    Example:
        >>> points = np.array([[0.0], [1.0], [3.0]], "float32")
        >>> print(TripletHardLoss(margin=5.0)(np.array([0, 0, 1]), points).numpy().round(4))
        3.3333
    """

    def __init__(self, margin=1.0, soft=False, distance_metric="L2", name=None, **kwargs):
        super().__init__(margin, name=name, **kwargs)
        self.soft = soft
        self.distance_metric = distance_metric

    def mine(self, labels, features):
        return triplet_hard_loss(labels, features, self.margin, self.soft, self.distance_metric)

    def get_config(self):
        return {**super().get_config(), "soft": self.soft, "distance_metric": self.distance_metric}
