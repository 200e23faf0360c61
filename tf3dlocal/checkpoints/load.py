"""PyTorch weights in a Keras model."""

import pathlib

from tf3dlocal.checkpoints.arguments import build
from tf3dlocal.checkpoints.checkpoint_file import read_checkpoint
from tf3dlocal.checkpoints.fit import put_in
from tf3dlocal.checkpoints.tables import recognise, table_of


def load(path, source, model, **arguments):
    """Build a model and give it the weights of a PyTorch checkpoint.

    Args:
        path: .pt, .pth or .pth.tar file, see `read_checkpoint`.
        source: "release" (the 3DLocal authors' code: three_d_local, gaitset, gaitpart) or "opengait" (gaitset, gaitpart,
            gln).
        model: a name in `tf3dlocal.models.MODELS`.
        **arguments: of the model's builder, such as channels=(64, 128, 256) for OU-MVLP, sampler="trilinear" for a 3DLocal
            trained with it, compact_channels=256 and num_classes=74 for phase 2 of GLN. The preset is the source's.

    Returns:
        keras.Model that computes what the original does, for any number of frames.

    Raises:
        FileNotFoundError: no such file.
        ImportError: torch is not installed.
        ValueError: an unknown source, model or argument; a damaged or unsafe file; tensors that do not fit, all named.

    Example:
        >>> load("GaitSet-40000.pt", "opengait", "gaitset")
        Traceback (most recent call last):
        FileNotFoundError: there is no GaitSet-40000.pt
    """
    table = table_of(source, model)
    checkpoint = read_checkpoint(path)
    check_kind(checkpoint.weights, table, path)
    keras_model = build(table, arguments)
    put_in(keras_model, table, checkpoint.weights, pathlib.Path(path).name)
    return keras_model


def check_kind(keys, table, path):
    """Raise ValueError for the checkpoint of another model, before anything is built."""
    looks_like = recognise(keys)
    if looks_like and looks_like is not table:
        raise ValueError(
            f"{path} is no {table.model} of {table.source}: its keys are those of --source {looks_like.source} "
            f"--model {looks_like.model}"
        )
    if not looks_like:
        some = ", ".join(list(keys)[:5])
        raise ValueError(
            f"{path} is no {table.model} of {table.source}: it lacks {table.mark}, and its {len(keys)} keys are "
            f"those of no model that there is a table for ({some}{', ..' if len(keys) > 5 else ''})"
        )
