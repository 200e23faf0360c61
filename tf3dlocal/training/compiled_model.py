"""The model of a config, with what `model.fit` needs to train it."""

import difflib
import inspect

import keras

from tf3dlocal.config import ConfigError, Experiment
from tf3dlocal.losses import (
    BatchAllTripletLoss,
    NonzeroTriplets,
    ScaledCrossEntropy,
    TripletHardLoss,
    TripletSemiHardLoss,
)
from tf3dlocal.models import MODELS
from tf3dlocal.training.optimizers import make_optimizer

TRIPLETS = {"batch_all": BatchAllTripletLoss, "hard": TripletHardLoss, "semihard": TripletSemiHardLoss}


def build_model(config: Experiment, num_classes: int, size: int, num_replicas: int = 1) -> keras.Model:
    """The config's model for silhouettes of this size; what the config leaves open is taken from data and training."""
    name, given = config.model.name, config.model.arguments
    if name not in MODELS:
        raise ConfigError(f"model.name is {name!r}; there are {', '.join(MODELS)}")
    parameters = inspect.signature(MODELS[name]).parameters
    for argument in given:
        if argument not in parameters:
            near = difflib.get_close_matches(argument, parameters, n=1)
            way_out = f"did you mean {near[0]}?" if near else "it has " + ", ".join(parameters)
            raise ConfigError(f"model.arguments: {name} has no argument {argument}; {way_out}")
    width = size - 2 * (10 * size // 64)
    offered = {
        "num_classes": num_classes if config.losses.cross_entropy.weight else None,
        "input_shape": (None, size, width, 1),
        "clip_length": config.data.clip_length,
        "synchronized": num_replicas > 1,
        "dtype": config.training.precision,
        "seed": config.training.seed,
    }
    offered = {argument: value for argument, value in offered.items() if argument in parameters}
    return MODELS[name](**(offered | given))


def compile_model(model: keras.Model, config: Experiment, schedule, jit_compile: bool = False) -> None:
    """Losses, weights and metrics by output, and the optimizer with its variables made."""
    triplet, cross_entropy = config.losses.triplet, config.losses.cross_entropy
    losses, weights, metrics = {}, {}, {}
    if triplet.weight:
        losses["part_features"] = TRIPLETS[triplet.mining](margin=triplet.margin)
        weights["part_features"] = triplet.weight
        metrics["part_features"] = [NonzeroTriplets(margin=triplet.margin)]
    if cross_entropy.weight:
        losses["logits"] = ScaledCrossEntropy(cross_entropy.scale, cross_entropy.label_smoothing)
        weights["logits"] = cross_entropy.weight
        metrics["logits"] = [keras.metrics.SparseCategoricalAccuracy(name="accuracy")]
    missing = sorted(set(losses) - set(model.output))
    if missing:
        raise ConfigError(f"the model {model.name} has no output {', '.join(missing)}, on which a loss has a weight")
    check_all_learn(model, losses)

    loss_scaling = config.training.precision == "mixed_float16"
    optimizer = make_optimizer(schedule=schedule, loss_scaling=loss_scaling, **config.optimizer.model_dump())
    optimizer.build(model.trainable_variables)
    model.compile(optimizer, loss=losses, loss_weights=weights, metrics=metrics, jit_compile=jit_compile)


def check_all_learn(model: keras.Model, losses) -> None:
    """Weights that no loss depends on would keep their random start, and with them perhaps the test feature."""
    learning = keras.Model(model.input, [model.output[name] for name in losses])
    reached = {id(variable) for variable in learning.trainable_variables}
    idle = [layer.name for layer in model.layers if {id(v) for v in layer.trainable_variables} - reached]
    if idle:
        raise ConfigError(
            f"no loss reaches the layers {', '.join(idle)} of {model.name}: give losses.cross_entropy.weight (the "
            "classifier trains them), or leave them out (model.arguments.compact_channels: null)"
        )
