"""Adam and SGD with weight decay as in PyTorch, and a separate learning rate for the localization networks."""

from collections.abc import Sequence

import keras
import tensorflow as tf

from tf3dlocal.io.types import Tensor
from tf3dlocal.training.keras_internals import variable_index


class _AsThePapersTrain:
    """Mixin of an optimizer: localization networks move at `localization_rate` times the learning rate.

    A localization network's last layer sums about a hundred features of order one, so one step of Adam at rate r moves
    each of the eight raw numbers by up to about a hundred r. At the paper's 1e-4 that is slow; at the ten times higher
    rates of a short training the parts leave the body within 200 steps (strides and offsets saturate, and the sampled
    volumes hold nothing that could pull them back).

    Weight decay is added to the gradient, as in PyTorch's optimizers, for which the public recipes are written. Keras'
    own weight decay is subtracted from the weight separately: with a momentum of 0.9 the same number has a tenth of the
    effect.

    The networks are identified by the name of their layer within a `LocalPath`, "localization". A compiled model that
    was saved with one of these optimizers loads after `import tf3dlocal.training.optimizers`, or with `compile=False`.

    Args:
        *args: Arguments of the Keras optimizer.
        localization_rate: Share of the learning rate; 1 treats all variables alike, as the paper does.
        weight_decay: Share of a weight that is added to its gradient; None for none.
        **kwargs: Arguments of the Keras optimizer.
    """

    def __init__(self, *args, localization_rate: float = 1.0, weight_decay: float | None = None, **kwargs):
        super().__init__(*args, **kwargs)
        self.localization_rate = localization_rate
        self.decay_in_gradient = weight_decay

    def build(self, variables):
        """Make the optimizer's variables."""
        super().build(variables)
        self.rate_shares = [
            self.localization_rate if "localization" in variable.path.split("/") else 1.0 for variable in variables
        ]

    def update_step(self, gradient, variable, learning_rate):
        """Update one variable."""
        if self.decay_in_gradient:
            gradient = gradient + self.decay_in_gradient * keras.ops.cast(variable, gradient.dtype)
        super().update_step(gradient, variable, learning_rate * self.rate_shares[variable_index(self, variable)])

    def get_config(self):
        """Return the arguments."""
        return {
            **super().get_config(),
            "localization_rate": self.localization_rate,
            "weight_decay": self.decay_in_gradient,
        }


@keras.saving.register_keras_serializable("tf3dlocal")
class Adam(_AsThePapersTrain, keras.optimizers.Adam):
    """Keras' Adam, with PyTorch's weight decay and a rate for localization networks; see `make_optimizer`."""


@keras.saving.register_keras_serializable("tf3dlocal")
class SGD(_AsThePapersTrain, keras.optimizers.SGD):
    """Keras' SGD, with PyTorch's weight decay and a rate for localization networks; see `make_optimizer`."""


@keras.saving.register_keras_serializable("tf3dlocal")
class LossScaleOptimizer(keras.optimizers.LossScaleOptimizer):
    """Keras' loss scaling, with one decision of all replicas on whether a step is made.

    Keras 3.15 checks the gradients of the first replica only (in each process its own), as if they had been summed over
    the replicas; they are summed later, in the inner optimizer. A gradient that overflows on the second replica only
    would reach all weights, and workers that decide differently would wait for each other without end.
    """

    def check_finite(self, grads: Sequence[Tensor]) -> Tensor:
        """Return whether the gradients of all replicas are finite."""
        finite = super().check_finite(grads)
        replica = tf.distribute.get_replica_context()
        if replica is None or replica.num_replicas_in_sync == 1:
            return finite
        # As float: a sum of integers over GPUs would pass through the host.
        num_overflowing = replica.all_reduce(tf.distribute.ReduceOp.SUM, 1.0 - tf.cast(finite, "float32"))
        return tf.equal(num_overflowing, 0.0)


def make_optimizer(
    name: str,
    *,
    schedule: float | keras.optimizers.schedules.LearningRateSchedule,
    epsilon: float = 1e-7,
    momentum: float = 0.9,
    weight_decay: float = 0.0,
    localization_rate: float = 1.0,
    loss_scaling: bool = False,
) -> keras.optimizers.Optimizer:
    """Make the optimizer of a training.

    Args:
        name: "adam" or "sgd".
        schedule: Learning rate, or a Keras schedule of it.
        epsilon: Of Adam.
        momentum: Of SGD.
        weight_decay: Share of a weight that is added to its gradient, as in PyTorch; 0 for none.
        localization_rate: Share of the learning rate for the localization networks.
        loss_scaling: Whether the loss is scaled, which float16 needs.

    Raises:
        ValueError: Another name.

    Example:
        >>> make_optimizer("adam", schedule=1e-3, localization_rate=0.1).localization_rate
        0.1
    """
    shared = {"weight_decay": weight_decay or None, "localization_rate": localization_rate}
    if name == "adam":
        optimizer = Adam(schedule, epsilon=epsilon, **shared)
    elif name == "sgd":
        optimizer = SGD(schedule, momentum=momentum, **shared)
    else:
        raise ValueError(f"There is no optimizer {name!r}. Use adam or sgd.")
    return LossScaleOptimizer(optimizer) if loss_scaling else optimizer
