"""Batch-all triplet loss, per part: the mean over all triplets that violate the margin."""

import keras
from keras import ops

from tf3dlocal.io.types import Tensor
from tf3dlocal.losses.class_labels import checked_number, nan_if_not_finite, refuse_weights
from tf3dlocal.losses.distances import count_below, pairwise_distances, sorted_negatives
from tf3dlocal.losses.triplet_loss import TripletLoss, gather_batch, labels_and_parts


def batch_all_triplets(labels: Tensor, features: Tensor, *, margin: float = 0.2) -> tuple[Tensor, Tensor]:
    """Compute the loss of each part and its share of violating triplets.

        loss = sum over (a, p, n) of max(0, margin + d(a, p) - d(a, n)) / number of terms above 0

    The sum is over all anchors a, positives p of the class of a (including a itself) and negatives n of other classes;
    d is the Euclidean distance, not squared. The loss is 0 if no term is above 0. For an anchor and a positive, the
    violating negatives are the first k of the anchor's sorted negatives. Their terms sum to k (margin + d(a, p)) minus
    the sum of those k distances, so no tensor with one axis for each of a, p and n is needed.

    Args:
        labels: int32 [batch].
        features: float [batch, parts, channels].
        margin: In units of the distance of the features.

    Returns:
        The loss, float32 [parts], and the number of terms above 0 divided by the number of all triplets,
        float32 [parts] (without gradient). Both are NaN for a part with a feature that is not finite.

    Example:
        Walks at 0, 1 and 3 on a line give six triplets with the terms 1, 2, 2, 3, 1 and 2; their mean is 11/6.

        >>> import numpy as np
        >>> points = np.array([0.0, 1.0, 3.0], "float32").reshape([3, 1, 1])
        >>> loss, share = batch_all_triplets(np.array([0, 0, 1]), points, margin=4.0)
        >>> round(float(loss[0]), 4), float(share[0])
        (1.8333, 1.0)

    Source: Huang et al., ICCV 2021, name the triplet loss; mining, mean and the margin 0.2 follow the authors' release.
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
    share = num_violating / ops.maximum(num_triplets, 1.0)
    return nan_if_not_finite(loss, features=features), nan_if_not_finite(share, features=features)


@keras.saving.register_keras_serializable(package="tf3dlocal")
class BatchAllTripletLoss(TripletLoss):
    """Batch-all triplet loss: the mean over the triplets that violate the margin.

        mean of max(0, margin + d(anchor, positive) - d(anchor, negative)) over the triplets where it is above 0

    See `batch_all_triplets` for the formula and `TripletLoss` for shapes and distribution.

    Args:
        margin: In units of the distance. 0.2 in the authors' release and in OpenGait; the paper does not print it.
        reduction: As in `keras.losses.Loss`.
        name: Name of the loss.

    Example:
        >>> import numpy as np
        >>> loss = BatchAllTripletLoss(margin=0.2)
        >>> print(loss(np.array([0, 0, 1, 1]), np.zeros([4, 16, 8], "float32")).numpy())
        0.2
    """

    def __init__(
        self,
        margin: float = 0.2,
        *,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "batch_all_triplet_loss",
        **kwargs,
    ):
        super().__init__(margin, reduction=reduction, name=name, **kwargs)

    def mine(self, labels: Tensor, features: Tensor) -> Tensor:
        """Compute the batch-all loss of each part, float32 [parts]."""
        return batch_all_triplets(labels, features, margin=self.margin)[0]


@keras.saving.register_keras_serializable(package="tf3dlocal")
class NonzeroTriplets(keras.metrics.Mean):
    """Share of a batch's triplets that violate the margin, from 0 to 1, averaged over parts and batches.

    It starts near 1 and falls during training. If it stays at 1 while the loss equals the margin, all embeddings have
    collapsed into one point.

    Args:
        margin: The margin of the loss.
        name: Name of the metric.
    """

    def __init__(self, margin: float = 0.2, *, name: str = "nonzero_triplets", **kwargs):
        super().__init__(name=name, **kwargs)
        self.margin = checked_number(margin, message="The margin must be a number from 0")

    def update_state(self, y_true: Tensor, y_pred: Tensor, sample_weight: None = None) -> None:
        """Add the share of one batch; the arguments are those of `TripletLoss.call`."""
        refuse_weights(sample_weight, who=self.name)
        labels, features = gather_batch(*labels_and_parts(y_true, y_pred))
        _, share = batch_all_triplets(labels, ops.stop_gradient(features), margin=self.margin)
        super().update_state(share)

    def get_config(self):
        """Return the constructor's arguments."""
        return {**super().get_config(), "margin": self.margin}
