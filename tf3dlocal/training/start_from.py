"""The weights of one training as the initial weights of another."""

import json
import pathlib
from collections.abc import Iterator

import keras
import numpy as np

from tf3dlocal import load_model
from tf3dlocal.config import ConfigError, Experiment
from tf3dlocal.io import user_path
from tf3dlocal.io.types import PathLike
from tf3dlocal.training.run.model_file import check_folder_version, note_of

# Keys that say who trained: weights that have seen other people than the new training may see would spoil its test.
SAME_PEOPLE = ("data.protocol", "data.exclude_subjects", "training.held_out_subjects")
# What two layers of one name may differ in: it changes how they are computed or initialized, not what they mean.
MAY_DIFFER = {"name", "trainable", "dtype", "seed", "synchronized"}
MOST_NAMED = 3  # weights in a message


def check_start(config: Experiment) -> None:
    """Make sure that the training to start from is there and has seen only people that this one may see.

    Raises:
        ConfigError: It is not there, it is of version 0.1, or a key of `SAME_PEOPLE` differs in its config. A .keras
            file outside a run folder has no config to compare.
    """
    file = model_file(config.training.start_from)
    check_folder_version(file.parent)
    if not (file.parent / "config.yaml").is_file():
        return
    different = Experiment.from_yaml(file.parent / "config.yaml").differences(config)
    for key in SAME_PEOPLE:
        if key in different:
            there, here = different[key]
            raise ConfigError(
                f"training.start_from: {key} is {there!r} in {file.parent} and {here!r} here, so the weights would "
                "come from people that are held out or tested here. Train the first phase by the same protocol."
            )


def start_from(model: keras.Model, path: PathLike) -> list[str]:
    """Copy the weights of a trained model, layer by layer and by name.

    For methods that train in phases: GLN's second phase starts from its first and adds the compact block, 3DLocal's
    second phase starts from the global path and adds the local paths.

    Args:
        model: The model to train. It must have every layer of the trained one that has weights, with the same shapes
            and the same meaning (bins, strips, order of the parts, size of the silhouettes).
        path: Run folder of a finished training, or a `.keras` file.

    Returns:
        Names of the layers of `model` that the trained model does not have; they keep their initial weights.

    Raises:
        ConfigError: There is no such file, it cannot be read, a weight in it is not finite, or a layer does not fit;
            then no weight is changed.
    """
    file = model_file(path)
    note_of(file)  # refuses a file of version 0.1
    try:
        trained = load_model(file)
    except ValueError as error:
        raise ConfigError(f"training.start_from: {error}") from error
    layers = {layer.name: layer for layer in model.layers}
    there, here = (_names_by_tensor(one) for one in (trained, model))
    wrong = [
        f"  {source.name}: {line}"
        for source in trained.layers
        for line in _differences(source, layers.get(source.name), names=there | here)
    ]
    if wrong:
        raise ConfigError(
            f"training.start_from: {file} does not fit this model:\n" + "\n".join(wrong) + "\n"
            "Use the model.name, preset and widths of its training, or leave start_from out."
        )
    taken = [source for source in trained.layers if source.weights]
    _check_finite(taken, file=file)
    for source in taken:
        layers[source.name].set_weights(source.get_weights())
    known = {source.name for source in taken}
    return [name for name, layer in layers.items() if layer.weights and name not in known]


def model_file(path: PathLike) -> pathlib.Path:
    """Return the .keras file of a finished training.

    Raises:
        ConfigError: There is none, or the training is not finished.
    """
    path = user_path(path)
    file = path / "model.keras" if path.is_dir() else path
    if file.is_file():
        if file.suffix != ".keras":
            example = f", such as runs/{file.stem}" if file.suffix in (".yaml", ".yml") else ""
            raise ConfigError(
                f"training.start_from: {path} is not a trained model. Give the run folder of a finished "
                f"training{example}, or a .keras file."
            )
        return file
    solution = "Give a run folder or a .keras file"
    if (path / "checkpoints").is_dir():
        solution = "Finish the training in that folder first"
    elif any(path.glob("saved_model.pb")) or any(path.glob("*/saved_model.pb")):
        solution = "An exported model cannot be trained on: give the run folder that it was exported from"
    raise ConfigError(f"training.start_from: there is no {file}. {solution}.")


def _check_finite(layers, *, file):
    """Refuse weights of a training that diverged: the first step would only find that its loss is not a number."""
    wrong = [w.path for layer in layers for w in layer.weights if not np.isfinite(keras.ops.convert_to_numpy(w)).all()]
    if wrong:
        more = f" and {len(wrong) - MOST_NAMED} more" if len(wrong) > MOST_NAMED else ""
        raise ConfigError(
            f"training.start_from: {file} has weights that are not finite numbers: {', '.join(wrong[:MOST_NAMED])}"
            f"{more}. Start from another training."
        )


def _differences(source, target, *, names) -> Iterator[str]:
    """Sentences on how a layer of the model to train differs from the trained one."""
    if target is None:
        if source.weights:
            yield "the model to train has no such layer"
        return
    there, here = ([tuple(weight.shape) for weight in layer.weights] for layer in (source, target))
    if there != here:
        yield f"{there} there, {here} in the model to train"
        return
    there, here = (_meaning(layer, names) for layer in (source, target))
    for key in sorted(there.keys() | here.keys()):
        if there.get(key) != here.get(key):
            yield f"{key} is {there.get(key)!r} there, {here.get(key)!r} in the model to train"


def _meaning(layer, names):
    """What a layer computes, apart from its weights: its arguments, and the order in which it reads other layers."""
    config = {
        key: value
        for key, value in layer.get_config().items()
        if key not in MAY_DIFFER and not key.endswith("_initializer")
    }
    if isinstance(layer.input, list):
        config["inputs"] = [names.get(id(tensor)) for tensor in layer.input]
    return json.loads(json.dumps(config, default=str))  # a file has lists where a builder has tuples


def _names_by_tensor(model):
    """Name of the operation that makes each symbolic tensor of a functional model."""
    return {id(tensor): one.name for one in model.operations for tensor in keras.tree.flatten(one.output)}
