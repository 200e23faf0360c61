"""Base class of the triplet losses: labels, parts and the whole batch of a distributed step."""

from typing import Any

from keras import ops

from tf3dlocal.io.types import Tensor
from tf3dlocal.losses.class_labels import ClassLoss, check_lengths, checked_number, refuse_weights, require


class TripletLoss(ClassLoss):
    """Base class of losses over the triplets (anchor, positive, negative) of one batch.

    A subclass defines in `mine` which triplets count. Under a `tf.distribute` strategy the triplets are mined in the
    whole batch.

    `call` takes `y_true`, the class of each walk, int or float [batch] or [batch, 1], and `y_pred`, float
    [batch, parts, channels] or [batch, channels] (one part). It returns float32 [parts], one value per part and never
    a scalar: Keras divides a loss by the number of replicas only when it takes the mean itself. When it takes no mean
    (`reduction` "sum" or None), each of R replicas returns 1/R of the loss of the whole batch, so that the gradients of
    the replicas sum to the gradient of one device. Features that are not finite give NaN.

    Args:
        margin: In units of the distance, not negative.
        reduction: As in `keras.losses.Loss`.
        name: Name of the loss.

    Raises:
        ValueError: `margin` is negative; in a call, `y_pred` has neither two nor three axes, a label is no class (see
            `ClassLoss`), the batch has no triplet (one walk, one class, or one walk of each class), or there is a
            `sample_weight`.
    """

    def __init__(
        self, margin: float, *, reduction: str | None = "sum_over_batch_size", name: str | None = None, **kwargs
    ):
        super().__init__(name=name, reduction=reduction, **kwargs)
        self.margin = checked_number(margin, message="The margin must be a number from 0")

    def __call__(self, y_true: Tensor, y_pred: Tensor, sample_weight: None = None) -> Tensor:
        """Compute the loss; weights are refused."""
        refuse_weights(sample_weight, who=self.name)
        return super().__call__(y_true, y_pred)

    def mine(self, labels: Tensor, features: Tensor) -> Tensor:
        """Compute the loss of each part.

        Args:
            labels: int32 [batch].
            features: float [batch, parts, channels].

        Returns:
            float32 [parts].
        """
        raise NotImplementedError

    def call(self, y_true, y_pred):
        """Compute the loss of each part, float32 [parts]."""
        labels, features = labels_and_parts(y_true, y_pred)
        labels, features = gather_batch(labels, features)  # of the whole batch
        loss = self.mine(require_triplets(labels, who=self.name), features)
        return share_of_replica(loss) if self.reduction in ("sum", "none", None) else loss

    def get_config(self):
        """Return the constructor's arguments."""
        return {**super().get_config(), "margin": self.margin}


def labels_and_parts(y_true: Tensor, y_pred: Tensor) -> tuple[Tensor, Tensor]:
    """Convert labels and features from the shapes in which Keras passes them.

    Args:
        y_true: int or float [batch] or [batch, 1].
        y_pred: float [batch, parts, channels] or [batch, channels].

    Returns:
        Labels int32 [batch], and features float [batch, parts, channels].

    Raises:
        ValueError: `y_pred` has neither two nor three axes.

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
            "A triplet loss expects features of shape [batch, parts, channels] or [batch, channels], not "
            f"{tuple(features.shape)}. Reduce the other axes, such as frames, first."
        )
    labels = ops.cast(ops.reshape(y_true, (-1,)), "int32")
    check_lengths(labels, features=features, who="A triplet loss")
    return labels, features


def require_triplets(labels: Tensor, *, who: str) -> Tensor:
    """Return the labels of a whole batch; without a triplet among them the loss would be 0 or mean nothing.

    Args:
        labels: int32 [batch].
        who: Name of the loss, for the message.

    Raises:
        ValueError: No two walks are of one class, or no two of different classes; see `require`.

    Example:
        >>> require_triplets(ops.array([0, 0, 1]), who="loss").numpy().tolist()
        [0, 0, 1]
    """
    same = ops.equal(labels[:, None], labels[None, :])  # [batch, batch]
    num_same, batch = ops.sum(ops.cast(same, "int32")), ops.shape(labels)[0]
    return require(
        ops.logical_and(num_same > batch, num_same < batch * batch),
        message=f"{who}: this batch has no triplets, because all its walks are of one class, or no two are. Give at "
        "least two walks of each of two classes, as tf3dlocal.data.training_batches does; with batches of your own, "
        "leave out a smaller last one (drop_remainder=True).",
        tensor=labels,
    )


def gather_batch(*tensors: Tensor) -> list[Tensor]:
    """Concatenate each tensor over all replicas of a `tf.distribute` strategy, along the batch axis.

    Triplets must be mined in the whole batch: with B walks on R replicas, one replica alone sees B/R walks and about
    1/R^2 of the triplets. The gradient of the gathering sums, over the replicas, their gradients with respect to one
    replica's rows. Each replica computes the same loss L, and Keras takes L/R of it when it reduces a mean. So a
    replica's features receive R * (dL/R) = dL, and the sum of the replicas' weight gradients equals the gradient of
    one device. (Keras does not divide a scalar loss by R, so `Loss.call` must return one value per part. It does not
    divide without a mean either: see `share_of_replica`.)

    Args:
        *tensors: Each [local batch, ...]; the local batches of all replicas have the same size.

    Returns:
        List of tensors [batch, ...], in the order of the replicas; the given tensors where there is only one replica.

    Example:
        >>> [t.numpy().tolist() for t in gather_batch(ops.array([1, 2]))]
        [[1, 2]]
    """
    replica = _one_of_several_replicas()
    return [replica.all_gather(tensor, axis=0) if replica else tensor for tensor in tensors]


def share_of_replica(whole: Tensor) -> Tensor:
    """Divide a value of the whole batch, known to all R replicas, by R, so that the replicas' values sum to it.

    Example:
        >>> share_of_replica(2.0)
        2.0
    """
    replica = _one_of_several_replicas()
    return whole / replica.num_replicas_in_sync if replica else whole


def _one_of_several_replicas() -> Any:
    """Return the `tf.distribute.ReplicaContext` of the current step, or None with one replica or outside a step."""
    import tensorflow as tf

    replica = tf.distribute.get_replica_context()
    return replica if replica is not None and replica.num_replicas_in_sync > 1 else None
