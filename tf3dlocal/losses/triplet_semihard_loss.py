"""Semi-hard triplet loss: each pair with the nearest negative that is farther away than the positive."""

import keras
from keras import ops

from tf3dlocal.io.types import Tensor
from tf3dlocal.losses.class_labels import nan_if_not_finite
from tf3dlocal.losses.distances import check_metric, count_below, pairwise_distances, sorted_negatives
from tf3dlocal.losses.triplet_loss import TripletLoss, labels_and_parts


def triplet_semihard_loss(
    y_true: Tensor, y_pred: Tensor, *, margin: float = 1.0, distance_metric: str = "L2"
) -> Tensor:
    """Compute the mean, over all pairs of one class, of the semi-hard triplet of each pair.

        mean over (a, p), p other than a, of max(0, margin + d(a, p) - d(a, n)),
        n = the nearest negative with d(a, n) > d(a, p), or the farthest negative if there is none

    The loss is 0 if the batch has no such pair. For an anchor without negatives, d(a, n) is 0. Features are not
    normalised.

    Args:
        y_true: Class of each walk, int or float [batch] or [batch, 1].
        y_pred: float [batch, parts, channels] or [batch, channels].
        margin: In units of the distance.
        distance_metric: "L2", "squared-L2" or "angular".

    Returns:
        float32 [parts], [1] for features without parts; NaN for a part with a feature that is not finite.

    Raises:
        ValueError: The metric is unknown, or the features have neither two nor three axes.

    Example:
        Walks at 0, 1 and 3 on a line, the first two of one class: the terms are 2.5 + 1 - 3 and 2.5 + 1 - 2.

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
    loss = ops.sum(terms, axis=(1, 2)) / ops.maximum(ops.sum(is_pair), 1.0)  # [parts]
    return nan_if_not_finite(loss, features=features)


@keras.saving.register_keras_serializable(package="tf3dlocal")
class TripletSemiHardLoss(TripletLoss):
    """Semi-hard triplet loss, with the name and arguments of tensorflow-addons.

    See `triplet_semihard_loss` for the formula and `TripletLoss` for shapes and distribution.

    Args:
        margin: In units of the distance.
        distance_metric: "L2", "squared-L2" or "angular".
        name: Name of the loss.

    Example:
        >>> import numpy as np
        >>> points = np.array([[0.0], [1.0], [3.0]], "float32")
        >>> print(TripletSemiHardLoss(margin=2.5)(np.array([0, 0, 1]), points).numpy())
        1.0
    """

    def __init__(self, margin: float = 1.0, *, distance_metric: str = "L2", name: str | None = None, **kwargs):
        super().__init__(margin, name=name, **kwargs)
        check_metric(distance_metric)
        self.distance_metric = distance_metric

    def mine(self, labels: Tensor, features: Tensor) -> Tensor:
        """Compute the semi-hard loss of each part, float32 [parts]."""
        return triplet_semihard_loss(labels, features, margin=self.margin, distance_metric=self.distance_metric)

    def get_config(self):
        """Return the constructor's arguments."""
        return {**super().get_config(), "distance_metric": self.distance_metric}
