"""PyTorch weights in Keras models, in .keras files, and back in PyTorch files."""

import os
import pathlib
from typing import Any

import keras
import numpy as np

from tf3dlocal.io import check_writable, user_path, write_file
from tf3dlocal.io.types import PathLike
from tf3dlocal.pytorch_weights.arguments import build_for
from tf3dlocal.pytorch_weights.mapping import Table
from tf3dlocal.pytorch_weights.parity import ParityReport, check_embedding, compare_tensors, read_vectors
from tf3dlocal.pytorch_weights.pytorch_file import PyTorchFile, import_torch, read_pytorch_file
from tf3dlocal.pytorch_weights.tables import find_table, recognize
from tf3dlocal.pytorch_weights.transfer import COUNTER, set_weights, tensors_of, weights_without_row


def load(path: PathLike, *, source: str, model: str, **arguments: Any) -> keras.Model:
    """Build a model with the weights of a PyTorch file.

    Args:
        path: .pt, .pth or .pth.tar file; see `read_pytorch_file`.
        source: "release" (the 3DLocal authors' code: three_d_local, gaitset, gaitpart) or "opengait" (gaitset,
            gaitpart, gln).
        model: Name in `tf3dlocal.models.MODELS`.
        **arguments: Arguments of the model's builder, such as channels=(64, 128, 256) for OU-MVLP, sampler="trilinear"
            for a 3DLocal trained with it, compact_channels=256 and num_classes=74 for phase 2 of GLN. The preset
            follows from the source.

    Returns:
        keras.Model that computes what the original computes, for any number of frames. Compared with embeddings that
        were recorded from the originals (12 frames of 64 x 44), and at other lengths with references of GaitSet and
        GaitPart.

    Raises:
        FileNotFoundError: There is no such file.
        ImportError: torch is not installed.
        ValueError: An unknown source, model or argument; a damaged or unsafe file; tensors that do not fit, all named.

    Example:
        >>> load("GaitSet-40000.pt", source="opengait", model="gaitset")
        Traceback (most recent call last):
        FileNotFoundError: There is no file GaitSet-40000.pt.
    """
    table = find_table(source, model=model)
    return _load(path, table, arguments)[0]


def convert(
    path: PathLike,
    *,
    out: PathLike,
    source: str,
    model: str,
    arguments: dict[str, Any] | None = None,
    vectors: PathLike | None = None,
    overwrite: bool = False,
) -> ParityReport:
    """Convert a PyTorch file to a .keras file.

    Args:
        path: The PyTorch file, as in `load`.
        out: The .keras file; it is written completely or not at all.
        source: As in `load`.
        model: As in `load`.
        arguments: Arguments of the model's builder, as in `load`.
        vectors: .npz file with "silhouettes" (uint8 [walks, frames, height, width], or float in 0..1) and the
            "embedding" that the original computed from them, [walks, parts, channels] or [walks, channels, parts].
        overwrite: Replace an existing file.

    Returns:
        `ParityReport`.

    Raises:
        ValueError: As `load`; also if weights would not come back bit for bit, or the embedding differs by more than
            1e-4. Nothing is written then.
        FileNotFoundError: As `load`.
        ImportError: As `load`.
        FileExistsError: `out` exists and `overwrite` is False.
        OSError: `out` is a folder, or its folder cannot be written.

    Example:
        >>> convert("GaitSet-40000.pt", out="gaitset.keras", source="opengait", model="gaitset")
        Traceback (most recent call last):
        FileNotFoundError: There is no file GaitSet-40000.pt.
    """
    table = find_table(source, model=model)
    out = _check_target(out, overwrite, (".keras",))
    recorded = read_vectors(vectors) if vectors else None
    keras_model, content, counters = _load(path, table, arguments or {})
    report = ParityReport(
        input_file=str(path),
        sha256=content.sha256,
        out=str(out),
        source=table.source,
        model=table.model,
        preset=table.preset,
        arguments=dict(arguments or {}),
        iteration=content.iteration,
        tensors=compare_tensors(keras_model, table, content.weights, name=str(path)),
        num_parameters=_num_parameters(keras_model),
        ignored=[*content.ignored, *counters],
        notes=[*content.notes, *table.notes(keras_model)],
        embedding_difference=check_embedding(keras_model, table, recorded, name=vectors),
    )
    write_file(out, keras_model.save)
    return report


def write_torch(
    keras_model: keras.Model,
    *,
    out: PathLike,
    source: str,
    model: str,
    vectors: PathLike | None = None,
    overwrite: bool = False,
    name: str = "the model",
) -> ParityReport:
    """Write a model of this package as a PyTorch file {"iteration": 0, "model": state dict}.

    The 3DLocal authors' code loads it as `pretrained`, OpenGait as `restore_hint`. It holds no optimizer.

    Args:
        keras_model: A model of this package, built with the preset of the source.
        out: The .pt, .pth or .pth.tar file; it is written completely or not at all.
        source: As in `load`: the code that is to load it.
        model: As in `load`.
        vectors: As in `convert`.
        overwrite: Replace an existing file.
        name: Name of the model, for messages and the report.

    Returns:
        `ParityReport`; its `input_file` is `name`, and its sha256 is that of the written file.

    Raises:
        ValueError: The original computes something else than the model; the message names the difference.
        FileExistsError: `out` exists and `overwrite` is False.
        OSError: `out` is a folder, or its folder cannot be written.
        ImportError: torch is not installed.

    Example:
        >>> from tf3dlocal.models import GaitSet
        >>> write_torch(GaitSet(channels=(2, 4, 8)), out="gaitset.pt", source="opengait", model="gaitset")
        Traceback (most recent call last):
        ValueError: the model is no gaitset as OpenGait has it ...
    """
    table = find_table(source, model=model)
    out = _check_target(out, overwrite, (".pt", ".pth", ".pth.tar"))
    recorded = read_vectors(vectors) if vectors else None
    torch = import_torch()
    weights = _state_dict(keras_model, table, name)
    difference = check_embedding(keras_model, table, recorded, name=vectors)
    tensors = {key: torch.from_numpy(np.array(value, order="C")) for key, value in weights.items()}
    written = []

    def save(temporary):
        torch.save({"iteration": 0, "model": tensors}, temporary)
        written.append(read_pytorch_file(temporary))

    write_file(out, save)
    return ParityReport(
        input_file=name,
        sha256=written[0].sha256,
        out=str(out),
        source=table.source,
        model=table.model,
        preset=table.preset,
        arguments={},
        iteration=None,
        tensors=compare_tensors(keras_model, table, written[0].weights, name=name),
        num_parameters=_num_parameters(keras_model),
        ignored=[key for key in weights if key.endswith(COUNTER)],
        notes=list(table.notes(keras_model)),
        embedding_difference=difference,
    )


def _load(path: PathLike, table: Table, arguments: dict[str, Any]) -> tuple[keras.Model, PyTorchFile, list[str]]:
    """Return the model with its weights, the content of the file, and the keys that are not needed."""
    content = read_pytorch_file(path)
    _check_kind(content.weights, table, path)
    keras_model = build_for(table, arguments)
    return keras_model, content, set_weights(keras_model, table, content.weights, name=str(path))


def _check_kind(keys: dict, table: Table, path: PathLike) -> None:
    """Raise ValueError for the weights of another model, before anything is built."""
    match = recognize(keys)
    if match and match is not table:
        raise ValueError(
            f"{path} holds no {table.model} of {table.source}: its keys are those of --source {match.source} "
            f"--model {match.model}."
        )
    if not match:
        some = ", ".join(list(keys)[:5])
        raise ValueError(
            f"{path} holds no {table.model} of {table.source}: it lacks {table.mark}, and its {len(keys)} keys "
            f"belong to no model that has a mapping table ({some}{', ..' if len(keys) > 5 else ''})."
        )


def _check_target(out: PathLike, overwrite: bool, suffixes: tuple[str, ...]) -> pathlib.Path:
    out = user_path(out)
    if not out.name.endswith(suffixes):
        raise ValueError(f"{out}: the name of the written file must end in {' or '.join(suffixes)}.")
    check_writable(out, kind="file")
    if os.path.lexists(out) and not overwrite:
        raise FileExistsError(f"{out} exists. Choose another name, or add --overwrite.")
    return out


def _state_dict(keras_model: keras.Model, table: Table, name: str) -> dict[str, np.ndarray]:
    """Return the original's state dict of the weights, counters of the batch normalizations (0) included."""
    try:
        weights = tensors_of(keras_model, table)
        differences = list(table.differences(keras_model))
    except (ValueError, AttributeError) as error:
        raise ValueError(f"{name} is no {table.model}: {error}") from error
    if differences:
        raise ValueError(
            f"{name} is no {table.model} as {table.source} has it: {'; '.join(differences)}. Its weights would "
            f"load there and mean something else. A {table.model} that can go back is built or trained with the preset "
            f"{table.preset!r} (in a config, model.arguments.preset: {table.preset})."
        )
    unplaced = weights_without_row(keras_model, table)
    if unplaced:
        raise ValueError(
            f"{table.source}'s {table.model} has no place for these weights of {name}: {', '.join(unplaced)}."
        )
    for key in [key for key in weights if key.endswith(".running_mean")]:
        weights[key.removesuffix("running_mean") + COUNTER] = np.zeros((), "int64")
    return weights


def _num_parameters(keras_model: keras.Model) -> int:
    return sum(int(np.prod(weight.shape)) for weight in keras_model.trainable_weights)
