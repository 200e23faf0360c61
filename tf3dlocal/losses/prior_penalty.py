"""A penalty on body parts that leave their prior places."""

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="tf3dlocal")
class PriorPenalty(keras.losses.Loss):
    """Mean over the parts of their squared distances from the priors.

    The distances are the output "prior_distances" of `ThreeDLocal(prior_distances=True)`: of each part the mean square
    of the moves of its centre, as shares of the map, and of the logarithms of its strides' ratios to the prior strides.
    A small weight keeps the parts on the body while their localization networks still learn. The authors' code has a
    penalty on strides as an option, off; the paper has none.

    `call` takes `y_true`, which has no effect, and `y_pred`, float [batch, parts]. It returns float32 [batch].

    Args:
        reduction: As in `keras.losses.Loss`.
        name: Name of the loss.

    Example:
        >>> import numpy as np
        >>> print(PriorPenalty()(np.array([0]), np.array([[0.25, 0.75]], "float32")).numpy())
        0.5
    """

    def __init__(self, *, reduction: str | None = "sum_over_batch_size", name: str | None = None, **kwargs):
        super().__init__(name=name, reduction=reduction, **kwargs)

    def call(self, y_true, y_pred):
        """Compute the penalty of each walk, float32 [batch]."""
        return ops.mean(ops.cast(y_pred, "float32"), axis=-1)
