"""The weights of one training as the start of another."""

import json
import os
import pathlib

import keras

from tf3dlocal.config import ConfigError, Experiment

# Who trained: weights that have seen other people than the new training may see would spoil its test.
SAME_PEOPLE = ("data.protocol", "data.exclude_subjects", "training.held_out_subjects")
# What two layers of one name may differ in: it changes how they are computed or how they start, not what they mean.
MAY_DIFFER = {"name", "trainable", "dtype", "form", "seed", "synchronized"}


def model_file(path: str | os.PathLike) -> pathlib.Path:
    """The .keras file of a finished training.

    Raises:
        ConfigError: nothing there, or a training that is not finished.
    """
    path = pathlib.Path(path)
    file = path / "model.keras" if path.is_dir() else path
    if file.is_file():
        return file
    unfinished = (path / "checkpoints").is_dir()
    way_out = (
        "finish the training in that folder first"
        if unfinished
        else "give the folder of a finished training or a .keras file"
    )
    raise ConfigError(f"training.start_from: there is no {file}; {way_out}")


def check_start(config: Experiment) -> None:
    """Make sure that the training to start from is there and has seen the people that this one may see.

    Raises:
        ConfigError: it is not there, or a key of `SAME_PEOPLE` differs in its config (a lone .keras file tells nothing).
    """
    file = model_file(config.training.start_from)
    if not (file.parent / "config.yaml").is_file():
        return
    different = Experiment.from_yaml(file.parent / "config.yaml").differences(config)
    for key in SAME_PEOPLE:
        if key in different:
            theirs, ours = different[key]
            raise ConfigError(
                f"training.start_from: {key} is {theirs!r} in {file.parent} and {ours!r} here: the weights would come from "
                "people that are held out or tested here. Train the first phase by the same protocol"
            )


def start_from(model: keras.Model, path: str | os.PathLike) -> list[str]:
    """Take over the weights of a trained model, layer by layer and by name.

    For methods that train in phases: GLN's second phase starts from its first and adds the compact block.

    Args:
        model: the model to train; every layer with weights of the trained one must be there, with the same shapes, and
            layers of one name must mean the same (bins, strips, order of the parts, size of the silhouettes).
        path: run folder of a finished training, or a `.keras` file.

    Returns:
        Names of the layers of `model` that are new and keep their own start.

    Raises:
        ConfigError: nothing there, a file that cannot be read, or a layer that `model` does not have or has otherwise;
            then no weight is changed.
    """
    file = model_file(path)
    try:
        trained = keras.saving.load_model(file, compile=False)
    except Exception as error:
        raise ConfigError(f"training.start_from: {file} cannot be read ({error}); give another file") from error
    layers = {layer.name: layer for layer in model.layers}
    wrong = [line for source in trained.layers for line in differences(source, layers.get(source.name))]
    if wrong:
        raise ConfigError(
            f"training.start_from: {file} does not fit this model:\n" + "\n".join(wrong) + "\n"
            "use the same model.name, preset and widths as its training, or leave start_from out"
        )
    taken = [source for source in trained.layers if source.weights]
    for source in taken:
        layers[source.name].set_weights(source.get_weights())
    known = {source.name for source in taken}
    return [name for name, layer in layers.items() if layer.weights and name not in known]


def differences(source, target):
    """Lines on how a layer of the model to train is not the trained one's."""
    if target is None:
        if source.weights:
            yield f"  {source.name}: the model to train has no such layer"
        return
    theirs, ours = ([tuple(weight.shape) for weight in layer.weights] for layer in (source, target))
    if theirs != ours:
        yield f"  {source.name}: {theirs} there, {ours} in the model to train"
        return
    there, here = (meaning(layer) for layer in (source, target))
    for key in sorted(there.keys() | here.keys()):
        if there.get(key) != here.get(key):
            yield f"  {source.name}: {key} is {there.get(key)} there, {here.get(key)} in the model to train"


def meaning(layer):
    """What a layer computes beside its weights: its arguments, and the order in which it reads other layers."""
    config = {
        key: value
        for key, value in layer.get_config().items()
        if key not in MAY_DIFFER and not key.endswith("_initializer")
    }
    if isinstance(layer.input, list):
        config["inputs"] = [tensor._keras_history.operation.name for tensor in layer.input]
    return json.loads(json.dumps(config, default=str))  # a file has lists where a builder has tuples
