"""Adam and SGD as PyTorch decays their weights, with a learning rate of its own for the localization networks."""

import keras
import tensorflow as tf

from tf3dlocal.losses.gather_batch import one_of_several_replicas


class _AsThePapersTrain:
    """Mixed into an optimizer: variables of localization networks move at `localization_rate` times the learning rate.

    A localization network's last layer sums about a hundred features of order one, so one step of Adam at rate r moves each
    of the eight raw numbers by up to about a hundred r. At the paper's 1e-4 that is slow; at the ten times higher rates of a
    short training the parts leave the body within 200 steps (strides and offsets saturate, and the sampled volumes
    hold nothing that could pull them back).

    Weight decay is added to the gradient, as PyTorch's optimizers do and so the public recipes mean it. Keras' own takes
    it off the weight beside the step: behind a momentum of 0.9 the same number would act only a tenth as much.

    The networks are told by the name of their layer within a `LocalPath`, "localization". A compiled model that was saved
    with one of these loads where this module is imported, or with `compile=False`.

    Args:
        localization_rate: share of the learning rate; 1 treats all alike, as the paper does.
        weight_decay: what of a weight is added to its gradient; None for none.
    """

    def __init__(self, *args, localization_rate=1.0, weight_decay=None, **kwargs):
        super().__init__(*args, **kwargs)
        self.localization_rate = localization_rate
        self.decay_in_gradient = weight_decay

    def build(self, variables):
        super().build(variables)
        self.rate_shares = [
            self.localization_rate if "localization" in variable.path.split("/") else 1.0 for variable in variables
        ]

    def update_step(self, gradient, variable, learning_rate):
        if self.decay_in_gradient:
            gradient = gradient + self.decay_in_gradient * keras.ops.cast(variable, gradient.dtype)
        # Within a strategy `variable` is a replica's own; Keras' index knows it all the same.
        super().update_step(gradient, variable, learning_rate * self.rate_shares[self._get_variable_index(variable)])

    def get_config(self):
        return {
            **super().get_config(),
            "localization_rate": self.localization_rate,
            "weight_decay": self.decay_in_gradient,
        }


@keras.saving.register_keras_serializable("tf3dlocal")
class Adam(_AsThePapersTrain, keras.optimizers.Adam):
    """Keras' Adam; see `make_optimizer`."""


@keras.saving.register_keras_serializable("tf3dlocal")
class SGD(_AsThePapersTrain, keras.optimizers.SGD):
    """Keras' SGD; see `make_optimizer`."""


@keras.saving.register_keras_serializable("tf3dlocal")
class LossScaleOptimizer(keras.optimizers.LossScaleOptimizer):
    """Keras' loss scaling, with one decision of all replicas whether a step is taken.

    Keras 3.15 asks the first replica alone (in another process, each its own) as if the gradients had been summed over the
    replicas by then; they are summed later, in the inner optimizer. A gradient that overflows on the second replica only
    would go into all weights, and workers that decide differently would wait for each other without end.
    """

    def check_finite(self, grads):
        finite = super().check_finite(grads)
        replica = one_of_several_replicas()
        if replica is None:
            return finite
        # As float: a sum of integers over GPUs would go through the host.
        num_overflowing = replica.all_reduce(tf.distribute.ReduceOp.SUM, 1.0 - tf.cast(finite, "float32"))
        return tf.equal(num_overflowing, 0.0)


def make_optimizer(
    name: str,
    schedule,
    epsilon: float = 1e-7,
    momentum: float = 0.9,
    weight_decay: float = 0.0,
    localization_rate: float = 1.0,
    loss_scaling: bool = False,
) -> keras.optimizers.Optimizer:
    """The optimizer of a training.

    Args:
        name: "adam" or "sgd".
        schedule: learning rate, or a Keras schedule of it.
        epsilon: of Adam.
        momentum: of SGD.
        weight_decay: what of a weight is added to its gradient, as in PyTorch; 0 for none.
        localization_rate: share of the learning rate at which the localization networks move.
        loss_scaling: scale the loss, which float16 needs.

    Raises:
        ValueError: another name.

    Example:
        >>> make_optimizer("adam", 1e-3, localization_rate=0.1).localization_rate
        0.1
    """
    shared = {"weight_decay": weight_decay or None, "localization_rate": localization_rate}
    if name == "adam":
        optimizer = Adam(schedule, epsilon=epsilon, **shared)
    elif name == "sgd":
        optimizer = SGD(schedule, momentum=momentum, **shared)
    else:
        raise ValueError(f"there is no optimizer {name!r}; use adam or sgd")
    return LossScaleOptimizer(optimizer) if loss_scaling else optimizer
