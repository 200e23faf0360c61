"""Batch-hard triplet loss: each anchor with its farthest positive and its nearest negative."""

import keras
import numpy as np
from keras import ops

from tf3dlocal.io.types import Tensor
from tf3dlocal.losses.class_labels import nan_if_not_finite
from tf3dlocal.losses.distances import check_metric, pairwise_distances
from tf3dlocal.losses.triplet_loss import TripletLoss, labels_and_parts


def triplet_hard_loss(
    y_true: Tensor, y_pred: Tensor, *, margin: float = 1.0, soft: bool = False, distance_metric: str = "L2"
) -> Tensor:
    """Compute the mean over the anchors of the hardest triplet of each.

        mean over a of max(0, margin + max over p of d(a, p) - min over n of d(a, n)),  or, if soft,
        mean over a of log(1 + exp(max over p of d(a, p) - min over n of d(a, n)))

    The mean is over all anchors a, including those with loss 0. An anchor without another walk of its class is its own
    positive (distance 0). An anchor without negatives uses the farthest walk of the batch instead. Features are not
    normalised. The gradient is shared among walks at equal distance.

    Args:
        y_true: Class of each walk, int or float [batch] or [batch, 1].
        y_pred: float [batch, parts, channels] or [batch, channels].
        margin: In units of the distance. Not used if `soft`.
        soft: Whether to use the smooth form, without a margin.
        distance_metric: "L2", "squared-L2" or "angular".

    Returns:
        float32 [parts], [1] for features without parts; NaN for a part with a feature that is not finite.

    Raises:
        ValueError: The metric is unknown, or the features have neither two nor three axes.

    Example:
        Walks at 0, 1 and 3 on a line, the first two of one class: the terms are 2 + 1 - 3, 2 + 1 - 2 and 2 + 0 - 2.

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
    return nan_if_not_finite(ops.mean(terms, axis=-1), features=features)  # [parts]


@keras.saving.register_keras_serializable(package="tf3dlocal")
class TripletHardLoss(TripletLoss):
    """Batch-hard triplet loss, with the name and arguments of tensorflow-addons.

    See `triplet_hard_loss` for the formula and `TripletLoss` for shapes and distribution.

    Args:
        margin: In units of the distance. Not used if `soft`.
        soft: Whether to use the smooth form, without a margin.
        distance_metric: "L2", "squared-L2" or "angular".
        name: Name of the loss.

    Example:
        >>> points = np.array([[0.0], [1.0], [3.0]], "float32")
        >>> print(TripletHardLoss(margin=5.0)(np.array([0, 0, 1]), points).numpy().round(4))
        3.3333
    """

    def __init__(
        self,
        margin: float = 1.0,
        *,
        soft: bool = False,
        distance_metric: str = "L2",
        name: str | None = None,
        **kwargs,
    ):
        super().__init__(margin, name=name, **kwargs)
        self.soft = soft
        check_metric(distance_metric)
        self.distance_metric = distance_metric

    def mine(self, labels: Tensor, features: Tensor) -> Tensor:
        """Compute the batch-hard loss of each part, float32 [parts]."""
        return triplet_hard_loss(
            labels, features, margin=self.margin, soft=self.soft, distance_metric=self.distance_metric
        )

    def get_config(self):
        """Return the constructor's arguments."""
        return {**super().get_config(), "soft": self.soft, "distance_metric": self.distance_metric}
