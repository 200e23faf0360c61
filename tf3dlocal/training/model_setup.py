"""The model of a config, ready to be trained."""

import inspect

import keras
import tensorflow as tf

from tf3dlocal.config import ConfigError, Experiment
from tf3dlocal.data import silhouette_width
from tf3dlocal.io import fast_precision
from tf3dlocal.losses import (
    BatchAllTripletLoss,
    NonzeroTriplets,
    PriorPenalty,
    ScaledCrossEntropy,
    TripletHardLoss,
    TripletSemiHardLoss,
)
from tf3dlocal.models import MODELS, check_model_arguments
from tf3dlocal.training.accumulation.trained_model import TrainedModel
from tf3dlocal.training.distributed.strategy import choose_jit_compile
from tf3dlocal.training.optimizers import make_optimizer
from tf3dlocal.training.schedules import make_schedule

# The key of a config by which a training sets an argument of the model itself.
SET_BY = {
    "num_classes": "losses.cross_entropy.weight",
    "prior_distances": "losses.prior.weight",
    "input_shape": "data.size",
    "clip_length": "data.clip_length",
    "synchronized": "training.strategy",
    "dtype": "training.precision",
    "seed": "training.seed",
}
WEIGHT_OF = {  # the key of a config by which a loss on an output has a weight
    "part_features": "losses.triplet.weight",
    "logits": "losses.cross_entropy.weight",
    "prior_distances": "losses.prior.weight",
}
TRIPLETS = {"batch_all": BatchAllTripletLoss, "hard": TripletHardLoss, "semihard": TripletSemiHardLoss}


def prepare_model(
    config: Experiment, *, num_classes: int, size: int, strategy: tf.distribute.Strategy | None = None
) -> TrainedModel:
    """Make the model of a config, compiled and ready for `model.fit`.

    It is built in the scope of the strategy; its optimizer is built, its slices are set, and training.jit_compile is
    resolved. Keras' global random seed is set to training.seed.

    Args:
        config: Of the training.
        num_classes: Number of training subjects.
        size: Height of the silhouettes.
        strategy: From `make_strategy`; None for one device.

    Raises:
        ConfigError: No such model, an argument that it does not have, or a layer that no loss trains.
    """
    settings, strategy = config.training, strategy or tf.distribute.get_strategy()
    keras.utils.set_random_seed(settings.seed)
    with strategy.scope():
        num_replicas = strategy.num_replicas_in_sync
        built = build_model(config, num_classes=num_classes, size=size, num_replicas=num_replicas)
        model = TrainedModel(built.input, built.output, name=built.name)
        if settings.recompute or settings.accumulation_steps > 1:
            model.num_slices = settings.accumulation_steps
        compile_model(model, config=config, jit_compile=choose_jit_compile(settings.jit_compile, strategy=strategy))
    return model


def check_model(config: Experiment) -> None:
    """Make sure that there is such a model with such arguments, before any data is opened.

    Raises:
        ConfigError: No such model, an argument that it does not have, a value out of its range, or one that contradicts
            another key of the config.
    """
    try:
        check_model_arguments(config.model.name, config.model.arguments)
    except ValueError as error:
        raise ConfigError(str(error)) from None
    data, settings = config.data, config.training
    offered = {"clip_length": data.clip_length, "dtype": settings.precision, "seed": settings.seed}
    if settings.start_from:
        del offered["clip_length"]  # the other training may have had other clips, and its weights fit that length only
    _check_offered(config, {name: (value, f"{SET_BY[name]} is {value!r}") for name, value in offered.items()})


def build_model(config: Experiment, *, num_classes: int, size: int, num_replicas: int = 1) -> keras.Model:
    """Build the model of a config; arguments that the config leaves open follow from the data and the training.

    Args:
        config: Of the training.
        num_classes: Number of training subjects.
        size: Height of the silhouettes.
        num_replicas: Number of devices, above which batch normalizations are synchronized.

    Raises:
        ConfigError: No such model, an argument that it does not have, or arguments that contradict the data, the
            training or each other.
    """
    check_model(config)
    name = config.model.name
    given = {argument: value for argument, value in config.model.arguments.items() if value is not None}
    parameters = inspect.signature(MODELS[name]).parameters
    shape, classified = (None, size, silhouette_width(size), 1), config.losses.cross_entropy.weight > 0
    subjects = f"{num_classes} subjects train" if classified else "losses.cross_entropy.weight is 0: no classifier"
    data = {
        "num_classes": (num_classes if classified else None, subjects),
        "input_shape": (shape, f"the silhouettes of this training have the shape {list(shape)}"),
    }
    _check_offered(config, data)
    offered = {
        **{argument: value for argument, (value, _) in data.items()},
        "clip_length": config.data.clip_length,
        "synchronized": num_replicas > 1,
        "dtype": fast_precision()[0] if config.training.precision == "auto" else config.training.precision,
        "seed": config.training.seed,
        **({"prior_distances": True} if config.losses.prior.weight else {}),
    }
    offered = {argument: value for argument, value in offered.items() if argument in parameters}
    set_by = {argument: SET_BY[argument] for argument in offered if argument not in given}
    try:
        check_model_arguments(name, offered | given, set_by=set_by)
    except ValueError as error:
        raise ConfigError(str(error)) from None
    return MODELS[name](**(offered | given))


def _check_offered(config, offered):
    """Refuse arguments of the model that contradict what the training itself gives: {argument: (value, why)}."""
    for argument, (value, reason) in offered.items():
        own = config.model.arguments.get(argument)
        if own is not None and _plain(own) != _plain(value):
            data = " and the data" if argument in ("num_classes", "input_shape") else ""
            raise ConfigError(
                f"model.arguments.{argument} is {own!r}, and {reason}. A training sets this argument itself, by "
                f"{SET_BY[argument]}{data}: leave model.arguments.{argument} out."
            )


def _plain(value):
    return list(value) if isinstance(value, list | tuple) else getattr(value, "name", value)


def compile_model(model: keras.Model, *, config: Experiment, jit_compile: bool = False) -> None:
    """Compile a model with losses, weights and metrics by output, and with a built optimizer.

    Raises:
        ConfigError: A loss has no output, or a layer no loss that trains it.
    """
    triplet, cross_entropy = config.losses.triplet, config.losses.cross_entropy
    losses, weights, metrics = {}, {}, {}
    if triplet.weight:
        losses["part_features"] = TRIPLETS[triplet.mining](margin=triplet.margin)
        weights["part_features"] = triplet.weight
        metrics["part_features"] = [NonzeroTriplets(margin=triplet.margin)]
    if cross_entropy.weight:
        scaled = {"scale": cross_entropy.scale, "label_smoothing": cross_entropy.label_smoothing}
        losses["logits"] = ScaledCrossEntropy(**scaled)
        weights["logits"] = cross_entropy.weight
        metrics["logits"] = [keras.metrics.SparseCategoricalAccuracy(name="accuracy")]
    if config.losses.prior.weight:
        losses["prior_distances"] = PriorPenalty()
        weights["prior_distances"] = config.losses.prior.weight
    if missing := sorted(set(losses) - set(model.output)):
        keys = " and ".join(WEIGHT_OF[output] for output in missing)
        raise ConfigError(
            f"The model {model.name} has no output {', '.join(missing)}, for which a loss has a weight. Set {keys} to "
            "0."
        )
    _check_all_learn(model, losses)

    loss_scaling = config.training.precision == "mixed_float16"
    optimizer = make_optimizer(schedule=schedule_of(config), loss_scaling=loss_scaling, **config.optimizer.model_dump())
    optimizer.build(model.trainable_variables)
    model.compile(optimizer, loss=losses, loss_weights=weights, metrics=metrics, jit_compile=jit_compile)


def schedule_of(config: Experiment) -> keras.optimizers.schedules.LearningRateSchedule:
    """Return the learning rate of a training by step."""
    return make_schedule(steps=config.training.steps, **config.schedule.model_dump())


def keep_sums_repeatable() -> None:
    """Turn TensorFlow's arithmetic optimizer off in this process, so that a CPU gives the same numbers each time.

    With it, and with several operations at work at once, two runs of one step differ in the last digit of some
    gradients: seen in TensorFlow 2.21 where six local paths read one map, in one run of five. `enable_op_determinism`
    does not help. Two trainings would end with different weights, and so would one that was killed and resumed. Without
    it steps take up to 5 % longer (3DLocal of the walkers; for GaitPart and the release preset the difference is below
    the noise).

    Example:
        >>> keep_sums_repeatable()
        >>> tf.config.optimizer.get_experimental_options()["arithmetic_optimization"]
        False
    """
    tf.config.optimizer.set_experimental_options({"arithmetic_optimization": False})


def make_deterministic() -> None:
    """Let TensorFlow use operations that give the same numbers each time, in this process; for accelerators."""
    tf.config.experimental.enable_op_determinism()


def _check_all_learn(model, losses):
    """Weights that no loss trains would keep their initial values, and with them perhaps the embedding."""
    learning = keras.Model(model.input, [model.output[name] for name in losses])
    reached = {id(variable) for variable in learning.trainable_variables}
    idle = [layer.name for layer in model.layers if {id(v) for v in layer.trainable_variables} - reached]
    if idle:
        raise ConfigError(
            f"No loss trains the layers {', '.join(idle)} of {model.name}. Give losses.cross_entropy.weight, for the "
            "classifier trains them, or leave them out (model.arguments.compact_channels: 0)."
        )
