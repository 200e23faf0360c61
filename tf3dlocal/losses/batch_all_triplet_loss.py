"""Batch-all triplet loss, part by part: the mean over all triplets that still violate the margin."""

import keras
from keras import ops

from tf3dlocal.losses.gather_batch import gather_batch
from tf3dlocal.losses.pairwise_distances import pairwise_distances
from tf3dlocal.losses.sorted_negatives import count_below, sorted_negatives
from tf3dlocal.losses.triplet_loss import TripletLoss, labels_and_parts


def batch_all_triplets(labels, features, margin: float = 0.2):
    """Loss and share of violating triplets of each part.

        loss_part = sum over (a, p, n) of max(0, margin + d(a, p) - d(a, n)) / number of terms above 0

    over all anchors a, positives p of a's class (a itself among them) and negatives n of other classes, d the
    Euclidean distance, not squared; 0 where no term is above 0. For an anchor and a positive the violating negatives
    are the first k of the anchor's sorted negatives, so their terms add up to k (margin + d(a, p)) minus the sum of
    those k distances: no tensor with an axis for each of a, p and n is needed.

    Args:
        labels: int32 [batch].
        features: float [batch, parts, channels].
        margin: in units of the features' distance.

    Returns:
        loss float32 [parts], share of terms above 0 among all triplets float32 [parts] (without gradient).

    Example (walks at 0, 1 and 3 on a line; six triplets, with the terms 1, 2, 2, 3, 1 and 2, their mean 11/6):
        >>> import numpy as np
        >>> points = np.array([0.0, 1.0, 3.0], "float32").reshape([3, 1, 1])
        >>> loss, share = batch_all_triplets(np.array([0, 0, 1]), points, margin=4.0)
        >>> round(float(loss[0]), 4), float(share[0])
        (1.8333, 1.0)

    Source: Huang et al., ICCV 2021, name the triplet loss; mining and mean as the authors' release does, margin 0.2.
    """
    distances = pairwise_distances(features)  # [parts, batch, batch]
    same = ops.equal(labels[:, None], labels[None, :])[None]  # [1, batch, batch]
    negatives = sorted_negatives(distances, labels)  # [parts, batch, batch]
    reach = margin + distances
    violating = ops.where(same, count_below(negatives, reach), 0)  # int32 [parts, batch, batch]
    finite = ops.where(ops.isfinite(negatives), negatives, ops.zeros_like(negatives))
    nearest_sums = ops.pad(ops.cumsum(finite, axis=-1), ((0, 0), (0, 0), (1, 0)))  # [parts, batch, batch + 1]
    terms = ops.cast(violating, "float32") * reach - ops.take_along_axis(nearest_sums, violating, axis=-1)
    num_violating = ops.cast(ops.sum(violating, axis=(1, 2)), "float32")  # [parts]
    loss = ops.sum(terms, axis=(1, 2)) / ops.maximum(num_violating, 1.0)  # [parts]

    num_positives = ops.sum(ops.cast(same[0], "float32"), axis=-1)  # [batch]
    num_triplets = ops.sum(num_positives * (ops.cast(ops.shape(labels)[0], "float32") - num_positives))
    return loss, num_violating / ops.maximum(num_triplets, 1.0)


@keras.saving.register_keras_serializable(package="tf3dlocal")
class BatchAllTripletLoss(TripletLoss):
    """Mean of max(0, margin + d(anchor, positive) - d(anchor, negative)) over the triplets where it is above 0.

    See `batch_all_triplets` for the formula. Under a `tf.distribute` strategy the triplets are mined in the whole batch.

    Args:
        margin: 0.2 in the authors' release and in OpenGait; the paper does not print it.

    Example:
        >>> import numpy as np
        >>> loss = BatchAllTripletLoss(margin=0.2)
        >>> print(loss(np.array([0, 0, 1, 1]), np.zeros([4, 16, 8], "float32")).numpy())
        0.2
    """

    def __init__(self, margin: float = 0.2, reduction="sum_over_batch_size", name="batch_all_triplet_loss", **kwargs):
        super().__init__(margin, reduction=reduction, name=name, **kwargs)

    def mine(self, labels, features):
        return batch_all_triplets(labels, features, self.margin)[0]


@keras.saving.register_keras_serializable(package="tf3dlocal")
class NonzeroTriplets(keras.metrics.Mean):
    """Share, 0 to 1, of a batch's triplets that still violate the margin, mean over parts and batches.

    The number to watch in training: it starts near 1, falls with the loss's work done, and a loss that stays at the
    margin while it is 1 says that all embeddings have collapsed into one point.

    Args:
        margin: that of the loss.
    """

    def __init__(self, margin: float = 0.2, name="nonzero_triplets", **kwargs):
        super().__init__(name=name, **kwargs)
        self.margin = float(margin)

    def update_state(self, y_true, y_pred, sample_weight=None):
        labels, features = gather_batch(*labels_and_parts(y_true, y_pred))
        return super().update_state(batch_all_triplets(labels, ops.stop_gradient(features), self.margin)[1])

    def get_config(self):
        return {**super().get_config(), "margin": self.margin}
