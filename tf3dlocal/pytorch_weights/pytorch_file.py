"""A PyTorch file as plain arrays. Nothing in the file is ever executed."""

import dataclasses
import errno
import hashlib
import pathlib
import pickle
import re
import types
import warnings
import zipfile
from typing import Any

import numpy as np

from tf3dlocal.io import UnreadableError, printable, user_path
from tf3dlocal.io.types import PathLike

LAYOUTS = (
    "{iteration, model, optimizer} of the release, {model, optimizer, scheduler, iteration} of OpenGait, "
    "or a bare state dict"
)


class TorchMissingError(ImportError):
    """PyTorch is not installed."""


def import_torch() -> types.ModuleType:
    """Import torch, which only the conversion of weights needs.

    Raises:
        ImportError: It is not installed; the message says how to install it.
    """
    try:
        import torch
    except ModuleNotFoundError as error:
        if error.name != "torch":
            raise
        raise TorchMissingError(
            "Reading and writing PyTorch files needs torch, which is not installed: pip install 'tf3dlocal[convert]' "
            "(for a CPU alone: pip install torch --index-url https://download.pytorch.org/whl/cpu)."
        ) from None
    return torch


@dataclasses.dataclass(frozen=True, kw_only=True)
class PyTorchFile:
    """The content of a PyTorch file.

    Attributes:
        weights: {key: array}; float32, or integers for counters.
        iteration: Of the training, or None.
        ignored: Names of everything else in the file.
        sha256: Of the file.
        notes: Sentences about what was changed while reading.
    """

    weights: dict[str, np.ndarray]
    iteration: int | None
    ignored: list[str]
    sha256: str
    notes: list[str]


def read_pytorch_file(path: PathLike) -> PyTorchFile:
    """Read the weights of a .pt, .pth or .pth.tar file.

    The file has the layout of the 3DLocal authors' release or of OpenGait, or is a bare state dict. If all keys start
    with "module." (from `torch.nn.DataParallel`), the prefix is removed.

    Args:
        path: The file. torch's restricted unpickler reads it, which runs none of its code.

    Returns:
        `PyTorchFile`.

    Raises:
        FileNotFoundError: There is no such file.
        ImportError: torch is not installed.
        ValueError: The file is truncated or of another kind, holds objects that would run code, or has no state dict.

    Example:
        >>> read_pytorch_file("missing.pt")
        Traceback (most recent call last):
        FileNotFoundError: There is no file missing.pt.
    """
    path = user_path(path)
    if not path.exists():
        raise FileNotFoundError(f"There is no file {path}.")
    if not path.is_file():
        raise ValueError(f"{path} is not a file. Give the PyTorch file itself.")
    content = _unpickle(path)
    with path.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    tensors, others = _find_state_dict(content, path)
    notes, weights = [], {}
    for key, tensor in _without_module_prefix(tensors, path, notes).items():
        weights[key] = _to_array(tensor, f"{path}: {key}", notes)
    not_finite = [key for key, array in weights.items() if not np.isfinite(array).all()]
    if not_finite:
        notes.append(f"numbers that are not finite in {', '.join(not_finite)}: the training that wrote them diverged")
    iteration = others.pop("iteration", None)
    iteration = iteration if isinstance(iteration, int) else None
    return PyTorchFile(weights=weights, iteration=iteration, ignored=list(others), sha256=sha256, notes=notes)


def _unpickle(path: pathlib.Path) -> Any:
    torch = import_torch()
    if path.suffix == ".keras":
        raise ValueError(
            f"{path} is a Keras file, not a PyTorch file. To write a PyTorch file from it, use --to torch."
        )
    try:
        _check_members(path)
        with warnings.catch_warnings(action="ignore"):  # about file formats; what matters raises an error below
            return torch.load(path, weights_only=True, map_location="cpu")
    except UnreadableError:
        raise
    except OSError as error:  # no permission, a failing disk: the content may be intact
        if error.errno not in (None, errno.EINVAL):
            raise
        raise _damaged(path, error) from None
    except Exception as error:  # a damaged file raises any of a dozen types
        blocked = re.search(r"GLOBAL ([\w.]+)", str(error))
        if isinstance(error, pickle.UnpicklingError) and blocked:
            raise ValueError(
                f"{path} holds an object {blocked[1]}, and reading it would run code. None of it was run. If you trust "
                "its author, load the file in PyTorch and save only model.state_dict()."
            ) from None
        if "TorchScript" in str(error):
            raise ValueError(
                f"{path} is a TorchScript archive, which holds code. Save model.state_dict() instead."
            ) from None
        raise _damaged(path, error) from None


def _check_members(path: pathlib.Path) -> None:
    """Compare the checksums of a zip archive, which torch does not: a flipped bit would be another weight.

    The format before PyTorch 1.6 is no zip archive and has no checksums.

    Raises:
        ValueError: A member is damaged, or compressed, which torch.save does not write.
    """
    if not zipfile.is_zipfile(path):
        return
    with zipfile.ZipFile(path) as archive:
        if any("/code/" in name for name in archive.namelist()):
            return  # TorchScript, which torch itself refuses
        for item in archive.infolist():
            if item.compress_type != zipfile.ZIP_STORED:
                raise UnreadableError(
                    f"{path} cannot be read: its member {printable(item.filename)} is compressed, which torch.save "
                    "does not do. Save the state dict again with torch.save."
                )
            with archive.open(item) as member:
                while member.read(2**24):  # at its end the checksum is compared
                    pass


def _damaged(path: pathlib.Path, error: Exception) -> UnreadableError:
    return UnreadableError(
        f"{path} cannot be read as a PyTorch file: it is truncated, damaged or of another kind "
        f"({path.stat().st_size} bytes; {type(error).__name__}). Nothing in it was run. Download it again and compare "
        "its size and checksum."
    )


def _find_state_dict(content: Any, path: pathlib.Path) -> tuple[dict, dict]:
    """Return the state dict of a file's content, and everything else by name."""
    torch = import_torch()

    def is_state_dict(value):
        return (
            isinstance(value, dict)
            and bool(value)
            and all(isinstance(key, str) and isinstance(item, torch.Tensor) for key, item in value.items())
        )

    if is_state_dict(content):
        return content, {}
    if isinstance(content, dict) and is_state_dict(content.get("model")):
        return content["model"], {name: value for name, value in content.items() if name != "model"}
    if isinstance(content, dict) and isinstance(content.get("model"), dict):
        entries = content["model"].items()
        others = [f"{key} ({type(item).__name__})" for key, item in entries if not isinstance(item, torch.Tensor)]
        found = f'its entry "model" {"holds more than tensors: " + ", ".join(others) if others else "is empty"}'
    elif isinstance(content, dict):
        found = f"it has {', '.join(map(str, content)) or 'nothing'}"
    else:
        found = f"it holds a {type(content).__name__}"
    raise ValueError(f"{path} has no state dict: {found}. Known layouts: {LAYOUTS}.")


def _without_module_prefix(tensors: dict, path: pathlib.Path, notes: list[str]) -> dict:
    prefixed = [key for key in tensors if key.startswith("module.")]
    if not prefixed:
        return dict(tensors)
    if len(prefixed) < len(tensors):
        others = [key for key in tensors if not key.startswith("module.")]
        raise ValueError(
            f'{path}: {len(prefixed)} of {len(tensors)} keys start with "module.", as torch.nn.DataParallel '
            f"writes them, but not {', '.join(others)}. The file seems to mix two state dicts."
        )
    notes.append('all keys started with "module.", from torch.nn.DataParallel; the prefix was removed')
    return {key.removeprefix("module."): tensor for key, tensor in tensors.items()}


def _to_array(tensor: Any, name: str, notes: list[str]) -> np.ndarray:
    """Return float32 with the same values, or integers as they are."""
    torch = import_torch()
    try:
        values = tensor.detach()
        if not values.is_floating_point():
            return values.numpy()
        single = values.to(torch.float32)
        same = torch.equal(single.to(values.dtype).nan_to_num(), values.nan_to_num())
        array = single.numpy()
    except (RuntimeError, TypeError, ValueError, AttributeError) as error:  # torch's words name its own functions
        kind = f"{tensor.dtype}, {tensor.layout}, {list(tensor.shape)}, on {tensor.device}"
        raise ValueError(
            f"{name} is not a plain tensor of numbers ({kind}). Save a state dict of plain CPU tensors."
        ) from error
    if not same:
        raise ValueError(
            f"{name} is {values.dtype} with numbers that float32 cannot hold, and Keras weights are float32 here. "
            "Save the state dict in float32 first."
        )
    if values.dtype != torch.float32:
        notes.append(f"{name.rpartition(' ')[2]} was {values.dtype} and is now float32, with the same values")
    return array
