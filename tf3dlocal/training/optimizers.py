"""Adam and SGD with weight decay as in PyTorch, and a separate learning rate for each group of weights."""

import math
import re
from collections.abc import Mapping, Sequence
from numbers import Real

import keras
import tensorflow as tf

from tf3dlocal.io import check_names
from tf3dlocal.io.types import Tensor
from tf3dlocal.training.keras_internals import variable_index

# The groups of weights that have a rate; `weight_group` says which weight belongs to which.
WEIGHT_GROUPS = ("global_path", "local_paths", "localization", "head")
HEAD_LAYERS = {"micro_motion_pooling", "part_features", "compact_block", "logits"}
PART_HEAD_LAYER = re.compile(r"block_\d_(micro_motion_pooling|part_features)")  # of the parts of a block


def weight_group(path: str) -> str:
    """Return the group of `WEIGHT_GROUPS` that a weight belongs to, by the names of the layers in its path.

    | group        | layers                                                                              |
    |--------------|-------------------------------------------------------------------------------------|
    | localization | `localization`, the `LocalizationNetwork` of a `LocalPath`                          |
    | head         | all after the blocks: `HEAD_LAYERS`, `PART_HEAD_LAYER`                              |
    | local_paths  | `convolution_1` and so on within a `LocalPath`; `.._fusion` of a `local_block`      |
    | global_path  | every other layer: the convolutions of the blocks, and of the systems without parts |

    Args:
        path: `path` of a Keras variable.

    Example:
        >>> weight_group("block_3_head/localization/fc6/kernel"), weight_group("block_3_head/convolution_1/kernel")
        ('localization', 'local_paths')
        >>> weight_group("block_3_convolution_1/kernel"), weight_group("part_features/kernel")
        ('global_path', 'head')
    """
    *layers, _ = path.split("/")
    if "localization" in layers:
        return "localization"
    if HEAD_LAYERS.intersection(layers) or any(map(PART_HEAD_LAYER.fullmatch, layers)):
        return "head"
    is_inner_convolution = any(re.fullmatch(r"convolution_\d+", layer) for layer in layers[1:])
    if is_inner_convolution or any(layer.endswith("_fusion") for layer in layers):
        return "local_paths"
    return "global_path"


class _AsThePapersTrain:
    """Mixin of an optimizer: each group of weights moves at its own share of the learning rate.

    A localization network's last layer sums about a hundred features of order one, so one step of Adam at rate r moves
    each of the eight raw numbers by up to about a hundred r. At the paper's 1e-4 that is slow; at the ten times higher
    rates of a short training the parts leave the body within 200 steps (strides and offsets saturate, and the sampled
    volumes hold nothing that could pull them back).

    A share of 0 freezes the group: no step, no weight decay, no momentum reaches its weights. The moving statistics of
    its batch normalizations are no weights of an optimizer; they follow the data as in any training.

    Weight decay is added to the gradient, as in PyTorch's optimizers, for which the public recipes are written. Keras'
    own weight decay is subtracted from the weight separately: with a momentum of 0.9 the same number has a tenth of the
    effect.

    A compiled model that was saved with one of these optimizers loads after `import tf3dlocal.training.optimizers`, or
    with `compile=False`.

    Args:
        *args: Arguments of the Keras optimizer.
        rates: Shares of the learning rate by group of weights, see `weight_group`; groups that are left out have 1, as
            all have in the paper. 0 freezes a group.
        weight_decay: Share of a weight that is added to its gradient; None for none.
        **kwargs: Arguments of the Keras optimizer.

    Raises:
        ValueError: A rate of an unknown group, one that is negative or not finite, or no weight that may move.
        TypeError: `localization_rate`, which `rates` has replaced.
    """

    def __init__(self, *args, rates: Mapping[str, float] | None = None, weight_decay: float | None = None, **kwargs):
        if "localization_rate" in kwargs:
            given = {"localization": kwargs["localization_rate"]}
            raise TypeError(f"localization_rate is now one of the rates by group of weights: give rates={given!r}.")
        super().__init__(*args, **kwargs)
        self.rates = _checked_rates({} if rates is None else rates)
        self.decay_in_gradient = weight_decay

    def build(self, variables):
        """Make the optimizer's variables."""
        super().build(variables)
        groups = [weight_group(variable.path) for variable in variables]
        self.rate_shares = [self.rates[group] for group in groups]
        if groups and not any(self.rate_shares):
            frozen = ", ".join(sorted(set(groups)))
            raise ValueError(
                f"optimizer.rates: the rate of {frozen} is 0, and the model has no other weights to train. Give one of "
                "these groups a rate above 0."
            )

    def update_step(self, gradient, variable, learning_rate):
        """Update one variable."""
        share = self.rate_shares[variable_index(self, variable)]
        if not share:
            return
        if self.decay_in_gradient:
            gradient = gradient + self.decay_in_gradient * keras.ops.cast(variable, gradient.dtype)
        super().update_step(gradient, variable, learning_rate * share)

    def get_config(self):
        """Return the arguments."""
        return {**super().get_config(), "rates": dict(self.rates), "weight_decay": self.decay_in_gradient}


def _checked_rates(rates):
    """Return a rate for every group."""
    if not isinstance(rates, Mapping):
        raise ValueError(f"rates is {rates!r}. Give a rate by group of weights, such as {{'localization': 0.1}}.")
    check_names(rates, known=WEIGHT_GROUPS, what="group of weights", where="rates")
    for group, rate in rates.items():
        if not isinstance(rate, Real) or isinstance(rate, bool) or not 0 <= rate < math.inf:
            raise ValueError(f"rates: the rate of {group} is {rate!r}. Give a number of at least 0.")
    return {group: float(rates.get(group, 1)) for group in WEIGHT_GROUPS}


@keras.saving.register_keras_serializable("tf3dlocal")
class Adam(_AsThePapersTrain, keras.optimizers.Adam):
    """Keras' Adam, with PyTorch's weight decay and a rate for each group of weights; see `make_optimizer`."""


@keras.saving.register_keras_serializable("tf3dlocal")
class SGD(_AsThePapersTrain, keras.optimizers.SGD):
    """Keras' SGD, with PyTorch's weight decay and a rate for each group of weights; see `make_optimizer`."""


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


def rates_without_weights(rates: Mapping[str, float], *, paths: Sequence[str]) -> list[str]:
    """Return a sentence for each rate other than 1 of a group that a model has no weights of.

    Args:
        rates: Shares of the learning rate by group of weights.
        paths: `path` of each trainable weight of the model.

    Example:
        >>> rates_without_weights({"localization": 0.1, "head": 1}, paths=["part_features/kernel"])
        ['optimizer.rates.localization is 0.1, and the model has no such weights: it changes nothing.']
    """
    groups = set(map(weight_group, paths))
    return [
        f"optimizer.rates.{group} is {rate:g}, and the model has no such weights: it changes nothing."
        for group, rate in rates.items()
        if rate != 1 and group not in groups
    ]


def make_optimizer(
    name: str,
    *,
    schedule: float | keras.optimizers.schedules.LearningRateSchedule,
    epsilon: float = 1e-7,
    momentum: float = 0.9,
    weight_decay: float = 0.0,
    rates: Mapping[str, float] | None = None,
    loss_scaling: bool = False,
) -> keras.optimizers.Optimizer:
    """Make the optimizer of a training.

    Args:
        name: "adam" or "sgd".
        schedule: Learning rate, or a Keras schedule of it.
        epsilon: Of Adam.
        momentum: Of SGD.
        weight_decay: Share of a weight that is added to its gradient, as in PyTorch; 0 for none.
        rates: Shares of the learning rate by group of weights, see `weight_group`; a group that is left out has 1, and
            0 freezes a group.
        loss_scaling: Whether the loss is scaled, which float16 needs.

    Raises:
        ValueError: Another name, or a rate of an unknown group or below 0.

    Example:
        >>> make_optimizer("adam", schedule=1e-3, rates={"localization": 0.1}).rates["localization"]
        0.1
    """
    shared = {"weight_decay": weight_decay or None, "rates": rates}
    if name == "adam":
        optimizer = Adam(schedule, epsilon=epsilon, **shared)
    elif name == "sgd":
        optimizer = SGD(schedule, momentum=momentum, **shared)
    else:
        raise ValueError(f"There is no optimizer {name!r}. Use adam or sgd.")
    return LossScaleOptimizer(optimizer) if loss_scaling else optimizer
