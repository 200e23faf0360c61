"""A PyTorch checkpoint as plain arrays. Nothing in the file is ever executed."""

import hashlib
import pathlib
import pickle
import re
import warnings
from typing import NamedTuple

import numpy as np

from tf3dlocal.checkpoints.pytorch import import_torch

LAYOUTS = "{iteration, model, optimizer} of the release, {model, optimizer, scheduler, iteration} of OpenGait, or a bare state dict"


class CheckpointFile(NamedTuple):
    """What a checkpoint holds: {key: array} of the model, and the rest by name."""

    weights: dict
    iteration: int | None
    ignored: list
    sha256: str
    notes: list


def read_checkpoint(path):
    """Read the model's weights of a .pt, .pth or .pth.tar file.

    The file may be laid out as the 3DLocal authors' release or OpenGait save it, or be a bare state dict. A prefix
    "module." that all keys have (from `torch.nn.DataParallel`) is taken off.

    Args:
        path: the file. It is read with torch's restricted unpickler, which runs no code of the file's.

    Returns:
        `CheckpointFile`: weights {key: float32 array, or integers for counters}, iteration or None, the names of what else
        is in the file, the file's sha256, and notes on what was changed on the way.

    Raises:
        FileNotFoundError: no such file.
        ImportError: torch is not installed.
        ValueError: truncated, of another kind, with objects that would run code, or without a state dict.

    Example:
        >>> read_checkpoint("nowhere.pt")
        Traceback (most recent call last):
        FileNotFoundError: there is no nowhere.pt
    """
    path = pathlib.Path(path)
    if not path.exists():
        raise FileNotFoundError(f"there is no {path}")
    if not path.is_file():
        raise ValueError(f"{path} is not a file; give the checkpoint itself")
    content = unpickled(path)
    with path.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    tensors, others = state_dict_in(content, path)
    notes, weights = [], {}
    for key, tensor in without_module_prefix(tensors, path, notes).items():
        weights[key] = as_array(tensor, key, path, notes)
    strange = [key for key, array in weights.items() if not np.isfinite(array).all()]
    if strange:
        notes.append(f"numbers that are not finite in {', '.join(strange)}: the training of this checkpoint diverged")
    iteration = others.get("iteration")
    iteration = iteration if isinstance(iteration, int) else None
    return CheckpointFile(weights, iteration, [name for name in others if name != "iteration"], sha256, notes)


def unpickled(path):
    torch = import_torch()
    if path.suffix == ".keras":
        raise ValueError(f"{path} is a Keras file, not a PyTorch checkpoint; --to torch writes a checkpoint of it")
    try:
        with warnings.catch_warnings(action="ignore"):  # on file formats; what matters becomes an error below
            return torch.load(path, weights_only=True, map_location="cpu")
    except MemoryError:
        raise
    except Exception as error:  # noqa: BLE001  (a damaged file breaks in any of a dozen ways)
        blocked = re.search(r"GLOBAL ([\w.]+)", str(error))
        if isinstance(error, pickle.UnpicklingError) and blocked:
            raise ValueError(
                f"{path} holds an object {blocked[1]}, and reading that would run code; nothing of it was run. If you "
                "trust whoever made the file, load it in PyTorch yourself and save model.state_dict() alone."
            ) from None
        if "TorchScript" in str(error):
            raise ValueError(
                f"{path} is a TorchScript archive, which holds code; save model.state_dict() in its place"
            ) from None
        raise ValueError(
            f"{path} cannot be read as a PyTorch checkpoint: it is truncated or damaged, or of another kind "
            f"({path.stat().st_size} bytes; {type(error).__name__}). Nothing in it was run. Fetch it again and compare its "
            "size and checksum."
        ) from None


def state_dict_in(content, path):
    """(the state dict, the rest) of what a checkpoint file held."""
    torch = import_torch()

    def is_state_dict(value):
        return (
            isinstance(value, dict) and bool(value) and all(isinstance(item, torch.Tensor) for item in value.values())
        )

    if is_state_dict(content):
        return content, {}
    if isinstance(content, dict) and is_state_dict(content.get("model")):
        return content["model"], {name: value for name, value in content.items() if name != "model"}
    if isinstance(content, dict) and isinstance(content.get("model"), dict):
        odd = [
            f"{key} ({type(item).__name__})"
            for key, item in content["model"].items()
            if not isinstance(item, torch.Tensor)
        ]
        what = f'its entry "model" holds what is no tensor: {", ".join(odd)}' if odd else 'its entry "model" is empty'
    elif isinstance(content, dict):
        what = f"it has {', '.join(map(str, content)) or 'nothing'}"
    else:
        what = f"it holds a {type(content).__name__}"
    raise ValueError(f"{path} has no state dict where one is expected: {what}. Known layouts: {LAYOUTS}.")


def without_module_prefix(tensors, path, notes):
    prefixed = [key for key in tensors if key.startswith("module.")]
    if not prefixed:
        return dict(tensors)
    if len(prefixed) < len(tensors):
        others = [key for key in tensors if not key.startswith("module.")]
        raise ValueError(
            f'{path}: {len(prefixed)} of {len(tensors)} keys start with "module.", as torch.nn.DataParallel '
            f"leaves them, but not {', '.join(others)}; two state dicts seem to be mixed"
        )
    notes.append('all keys started with "module.", from torch.nn.DataParallel; it was taken off')
    return {key.removeprefix("module."): tensor for key, tensor in tensors.items()}


def as_array(tensor, key, path, notes):
    """float32 with the same values, or integers as they are."""
    torch = import_torch()
    try:
        values = tensor.detach()
        if not values.is_floating_point():
            return values.numpy()
        single = values.to(torch.float32)
        same = torch.equal(single.to(values.dtype).nan_to_num(), values.nan_to_num())
        array = single.numpy()
    except (RuntimeError, TypeError) as error:
        raise ValueError(f"{path}: {key} is no plain tensor of numbers: {str(error).splitlines()[0]}") from None
    if not same:
        raise ValueError(
            f"{path}: {key} is {values.dtype} with numbers that float32 cannot hold; our weights are float32. "
            "Save the state dict in float32 first."
        )
    if values.dtype != torch.float32:
        notes.append(f"{key} was {values.dtype} and is float32 now, with the same values")
    return array
