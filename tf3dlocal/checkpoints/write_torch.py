"""Our weights as a checkpoint that the PyTorch original loads."""

import numpy as np

from tf3dlocal.checkpoints.checkpoint_file import read_checkpoint
from tf3dlocal.checkpoints.convert import checked_difference, parity_report
from tf3dlocal.checkpoints.fit import COUNTER, their_weights, weights_without_row
from tf3dlocal.checkpoints.pytorch import import_torch
from tf3dlocal.checkpoints.tables import table_of
from tf3dlocal.checkpoints.vectors import read_vectors
from tf3dlocal.checkpoints.whole_file import check_free, write_whole


def write_torch(keras_model, out, source, model, vectors=None, overwrite=False, name="our model"):
    """Write a model of ours as a PyTorch checkpoint {"iteration": 0, "model": state dict}.

    The 3DLocal authors' code loads it as `pretrained` and OpenGait as `restore_hint`; there is no optimizer in it.

    Args:
        keras_model: a model of this package, built as the source has it (the preset that `load` takes).
        out: the .pt, .pth or .pth.tar file, written whole or not at all.
        source, model: as in `load`: whose code is to load it.
        vectors: as in `convert`.
        overwrite: replace an existing file.
        name: of the model, for messages and the report.

    Returns:
        `ParityReport`; its checkpoint is `name`, and the sha256 is that of the written file.

    Raises:
        ValueError: a model that the original does not compute the same way, with what differs.
        FileExistsError: out is there and overwrite is not set.
        ImportError: torch is not installed.

    Example:
        >>> from tf3dlocal.models import GaitSet
        >>> write_torch(GaitSet(channels=(2, 4, 8)), "gaitset.pt", "opengait", "gaitset")
        Traceback (most recent call last):
        ValueError: our model is no gaitset as OpenGait has it ...
    """
    table = table_of(source, model)
    out = check_free(out, overwrite, (".pt", ".pth", ".pth.tar"))
    silhouettes_and_embedding = read_vectors(vectors) if vectors else None
    torch = import_torch()
    weights = state_dict(keras_model, table, name)
    difference = checked_difference(keras_model, table, silhouettes_and_embedding, vectors)
    tensors = {key: torch.from_numpy(np.array(value, order="C")) for key, value in weights.items()}
    written = []

    def save(path):
        torch.save({"iteration": 0, "model": tensors}, path)
        written.append(read_checkpoint(path))

    write_whole(out, save)
    report = parity_report(
        keras_model,
        table,
        written[0].weights,
        checkpoint=str(name),
        sha256=written[0].sha256,
        out=str(out),
        arguments={},
        iteration=None,
        ignored=[key for key in weights if key.endswith(COUNTER)],
        notes=[],
    )
    report.embedding_difference = difference
    return report


def state_dict(keras_model, table, name="our model"):
    """The original's state dict of our weights, counters of the batch normalizations (0) included."""
    try:
        weights = their_weights(keras_model, table)
        differences = list(table.differences(keras_model))
    except (ValueError, AttributeError) as error:
        raise ValueError(f"{name} is no {table.model}: {error}") from error
    if differences:
        raise ValueError(
            f"{name} is no {table.model} as {table.source} has it: {'; '.join(differences)}. Its weights would "
            "load there and mean something else."
        )
    lost = weights_without_row(keras_model, table)
    if lost:
        raise ValueError(f"{table.source}'s {table.model} has no place for these weights of {name}: {', '.join(lost)}")
    for key in [key for key in weights if key.endswith(".running_mean")]:
        weights[key.removesuffix("running_mean") + COUNTER] = np.zeros((), "int64")
    return weights
