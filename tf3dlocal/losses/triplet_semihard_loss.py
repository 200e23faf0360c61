"""Semi-hard triplet loss: each pair with the nearest negative that is farther away than the positive."""

import keras
from keras import ops

from tf3dlocal.losses.pairwise_distances import pairwise_distances
from tf3dlocal.losses.sorted_negatives import count_below, sorted_negatives
from tf3dlocal.losses.triplet_loss import TripletLoss, labels_and_parts


def triplet_semihard_loss(y_true, y_pred, margin: float = 1.0, distance_metric: str = "L2"):
    """Mean over all pairs of one class of the semi-hard triplet of each.

        mean over (a, p), p other than a, of max(0, margin + d(a, p) - d(a, n)),
        n = the nearest negative with d(a, n) > d(a, p), or the farthest negative if none is that far

    0 where the batch has no such pair. An anchor without any negative counts with d(a, n) = 0. Features are not
    normalised here.

    Args:
        y_true: class of each walk, int or float [batch] or [batch, 1].
        y_pred: float [batch, parts, channels] or [batch, channels].
        margin: in units of the distance.
        distance_metric: "L2", "squared-L2" or "angular".

    Returns:
        float32 [parts] ([1] for features without parts).

    Raises:
        ValueError: an unknown metric, or features with neither two nor three axes.

    Example (walks at 0, 1 and 3 on a line, the first two of one class; pairs 0-1 and 1-0: 2.5 + 1 - 3 and 2.5 + 1 - 2):
        >>> import numpy as np
        >>> points = np.array([[0.0], [1.0], [3.0]], "float32")
        >>> triplet_semihard_loss(np.array([0, 0, 1]), points, margin=2.5).numpy().tolist()
        [1.0]

    Source: Schroff et al., CVPR 2015 (FaceNet), section 3.2; arguments as in tensorflow-addons.
    """
    labels, features = labels_and_parts(y_true, y_pred)
    distances = pairwise_distances(features, distance_metric)  # [parts, batch, batch]
    same = ops.equal(labels[:, None], labels[None, :])  # [batch, batch]
    negatives = sorted_negatives(distances, labels)  # [parts, batch, batch]
    num_negatives = ops.sum(ops.cast(ops.logical_not(same), "int32"), axis=-1)[None, :, None]  # [1, batch, 1]
    first_beyond = count_below(negatives, distances, or_equal=True)  # [parts, batch, batch]
    chosen = ops.maximum(ops.minimum(first_beyond, num_negatives - 1), 0)
    semi_hard = ops.take_along_axis(negatives, chosen, axis=-1)  # [parts, batch, batch]
    semi_hard = ops.where(ops.isfinite(semi_hard), semi_hard, ops.zeros_like(semi_hard))

    is_pair = ops.cast(same, "float32") * (1.0 - ops.eye(ops.shape(labels)[0]))  # [batch, batch]
    terms = ops.relu(margin + distances - semi_hard) * is_pair
    return ops.sum(terms, axis=(1, 2)) / ops.maximum(ops.sum(is_pair), 1.0)  # [parts]


@keras.saving.register_keras_serializable(package="tf3dlocal")
class TripletSemiHardLoss(TripletLoss):
    """`triplet_semihard_loss` as a Keras loss, under the name and arguments it has in tensorflow-addons.

    Under a `tf.distribute` strategy the triplets are mined in the whole batch.

    Args:
        margin: in units of the distance.
        distance_metric: "L2", "squared-L2" or "angular".

    Example:
        >>> import numpy as np
        >>> points = np.array([[0.0], [1.0], [3.0]], "float32")
        >>> print(TripletSemiHardLoss(margin=2.5)(np.array([0, 0, 1]), points).numpy())
        1.0
    """

    def __init__(self, margin=1.0, distance_metric="L2", name=None, **kwargs):
        super().__init__(margin, name=name, **kwargs)
        self.distance_metric = distance_metric

    def mine(self, labels, features):
        return triplet_semihard_loss(labels, features, self.margin, self.distance_metric)

    def get_config(self):
        return {**super().get_config(), "distance_metric": self.distance_metric}
