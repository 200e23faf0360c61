"""What every loss of this package checks: labels that are class numbers, and features that are finite numbers."""

import numbers
from typing import Any

import keras
import numpy as np
from keras import ops

from tf3dlocal.io.types import Tensor

HOW_TO_MAP = "Map them once: names, classes = numpy.unique(labels, return_inverse=True)."
LARGEST_LABEL = 2**24  # Keras converts labels to float32, which holds whole numbers up to here


class ClassLoss(keras.losses.Loss):
    """Base class of losses whose labels are class numbers, int or float [batch] or [batch, 1].

    Raises:
        ValueError: In a call, the labels are texts or no whole numbers from 0. Inside `model.fit` wrong values are an
            InvalidArgumentError with the same sentence. A step that XLA compiles cannot raise: its loss is NaN.
    """

    def __call__(self, y_true: Tensor, y_pred: Tensor, sample_weight: Tensor | None = None) -> Tensor:
        """Check the labels before Keras converts them to float32, and compute the loss."""
        return super().__call__(checked_labels(y_true, who=self.name), y_pred, sample_weight)


def checked_labels(labels: Tensor, *, who: str, num_classes: int | None = None) -> Tensor:
    """Refuse labels that are no class numbers.

    Args:
        labels: Class of each walk.
        who: Name of the loss, for the message.
        num_classes: Labels must be below it, if it is given.

    Returns:
        The labels, [batch] or as given, with the check attached in a graph.

    Raises:
        ValueError: They are texts; in eager execution also, they are no whole numbers in 0 .. num_classes - 1.

    Example:
        >>> checked_labels(np.array(["001", "002"]), who="loss")
        Traceback (most recent call last):
        ValueError: loss: the labels are texts, and class numbers 0 .. n - 1 are needed. Map them once: names, classes \
= numpy.unique(labels, return_inverse=True).
    """
    if isinstance(labels, keras.KerasTensor):
        return labels
    if _are_texts(labels):
        raise ValueError(f"{who}: the labels are texts, and class numbers 0 .. n - 1 are needed. {HOW_TO_MAP}")
    labels = ops.convert_to_tensor(labels)
    end = LARGEST_LABEL if num_classes is None else num_classes
    wanted = "whole numbers from 0" if num_classes is None else f"in 0 .. {end - 1}: the model has {end} classes"
    return require(
        ops.all(are_classes(labels, end=end)),
        message=f"{who}: the labels of this batch are not {wanted}. {HOW_TO_MAP}",
        tensor=labels,
    )


def are_classes(labels: Tensor, *, end: int) -> Tensor:
    """Return whether each label is a whole number in 0 .. end - 1, bool of the labels' shape.

    Example:
        >>> are_classes(ops.array([-1.0, 0.0, 0.5, 3.0, float("nan")]), end=3).numpy().tolist()
        [False, True, False, False, False]
    """
    is_inside = ops.logical_and(labels >= 0, labels < end)
    if keras.backend.is_float_dtype(keras.backend.standardize_dtype(labels.dtype)):
        is_inside = ops.logical_and(is_inside, ops.equal(labels, ops.floor(labels)))
    return is_inside


def require(condition: Tensor, *, message: str, tensor: Tensor) -> Tensor:
    """Return `tensor`, which is not computed if the condition is false: an error with the message is raised.

    Args:
        condition: bool, scalar.
        message: A sentence.
        tensor: What the check is attached to.

    Raises:
        ValueError: The condition is false, in eager execution. A graph raises tf.errors.InvalidArgumentError when it is
            computed; XLA leaves the check out.
    """
    import tensorflow as tf

    if tf.executing_eagerly():
        if not bool(condition):
            raise ValueError(message)
        return tensor
    with tf.control_dependencies([tf.debugging.Assert(condition, [message])]):
        return tf.identity(tensor)


def nan_if_not_finite(value: Tensor, *, features: Tensor) -> Tensor:
    """Return NaN for each part that has a feature that is not finite, and the value itself for the others.

    Mining compares and sorts distances, and a comparison with NaN is false: without this a loss of NaN features would
    be an ordinary number, its gradient NaN, and `keras.callbacks.TerminateOnNaN` would never see it.

    Args:
        value: float32 [parts].
        features: float [batch, parts, channels].

    Example:
        >>> features = np.zeros([2, 2, 1], "float32")
        >>> features[1, 0] = np.inf
        >>> nan_if_not_finite(ops.zeros(2), features=features).numpy().tolist()
        [nan, 0.0]
    """
    is_finite = ops.all(ops.isfinite(features), axis=(0, 2))  # [parts]
    return value + ops.cast(ops.where(is_finite, np.float32(0), np.float32(np.nan)), value.dtype)


def checked_number(value: Any, *, message: str, low: float = 0.0, open_low: bool = False, end: float = 1e30) -> float:
    """Return a number within low .. end, without its end, as float.

    Raises:
        ValueError: It is none; `message` says what it must be, and the value follows.
    """
    is_number = isinstance(value, numbers.Real) and not isinstance(value, bool)
    if not is_number or not (low < value if open_low else low <= value) or not value < end:
        raise ValueError(f"{message}, not {str(value)[:40] if isinstance(value, int) else repr(value)}.")
    return float(value)


def check_lengths(labels: Tensor, *, features: Tensor, who: str) -> None:
    """Refuse features that are not those of the labelled walks, where both numbers are known.

    Raises:
        ValueError: There are more labels than walks, or fewer.
    """
    num_labels, num_walks = labels.shape[0], features.shape[0]
    if None not in (num_labels, num_walks) and num_labels != num_walks:
        raise ValueError(f"{who}: there are {num_labels} labels for {num_walks} walks. Give one label per walk.")


def refuse_weights(sample_weight: Any, *, who: str) -> None:
    """Refuse weights of walks, for a value per strip or of the whole batch.

    Raises:
        ValueError: There are some.
    """
    if sample_weight is not None:
        raise ValueError(
            f"{who} takes no sample_weight and no class_weight: triplets have three walks, and Keras would multiply "
            "the value of a body strip by the weight of a walk. Leave them out; to weight a class, draw it more often."
        )


def _are_texts(labels) -> bool:
    """Whether labels are texts, as numpy, TensorFlow or Python hold them."""
    dtype = getattr(labels, "dtype", None)
    if getattr(dtype, "name", "") == "string":  # of TensorFlow
        return True
    if dtype is None or dtype == np.dtype(object):
        return np.asarray(labels).dtype.kind in "OUS"
    return getattr(dtype, "kind", "") in ("U", "S", "T")
