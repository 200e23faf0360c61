"""The weights of one training as the start of another."""

import os
import pathlib

import keras

from tf3dlocal.config import ConfigError


def start_from(model: keras.Model, path: str | os.PathLike) -> list[str]:
    """Take over the weights of a trained model, layer by layer and by name.

    For methods that train in phases: GLN's second phase starts from its first and adds the compact block.

    Args:
        model: the model to train; every layer with weights of the trained one must be there, with the same shapes.
        path: run folder of a finished training, or a `.keras` file.

    Returns:
        Names of the layers of `model` that are new and keep their own start.

    Raises:
        ConfigError: nothing there, an unfinished training, or a layer that `model` does not have or has in other shapes;
            then no weight is changed.
    """
    path = pathlib.Path(path)
    file = path / "model.keras" if path.is_dir() else path
    if not file.is_file():
        raise ConfigError(
            f"training.start_from: there is no {file}" + (
                ": finish the training in that folder first" if (path / "checkpoints").is_dir() else "; give the folder of "
                "a finished training or a .keras file"))
    trained = keras.saving.load_model(file, compile=False)
    layers = {layer.name: layer for layer in model.layers if layer.weights}
    taken, wrong = {}, []
    for source in trained.layers:
        if not source.weights:
            continue
        target = layers.get(source.name)
        theirs = [tuple(weight.shape) for weight in source.weights]
        ours = None if target is None else [tuple(weight.shape) for weight in target.weights]
        if ours is None:
            wrong.append(f"  {source.name}: the model to train has no such layer")
        elif ours != theirs:
            wrong.append(f"  {source.name}: {theirs} there, {ours} in the model to train")
        else:
            taken[source.name] = source
    if wrong:
        raise ConfigError(
            f"training.start_from: {file} does not fit this model:\n" + "\n".join(wrong) + "\n"
            "use the same model.name and widths as its training, or leave start_from out")
    for name, source in taken.items():
        layers[name].set_weights(source.get_weights())
    return [name for name in layers if name not in taken]
