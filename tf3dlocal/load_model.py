"""A trained model by its path, and the registration of this package's layers with Keras.

A .keras file names its layers ("tf3dlocal>LocalPath"), and Keras 3 finds a name only if its class was imported before;
it imports no package but its own. Importing layers imports TensorFlow, so `import tf3dlocal` does it when Keras is
imported: at once if Keras is there already, otherwise right after `import keras`.
"""

from __future__ import annotations

import importlib.abc
import inspect
import json
import pathlib
import sys
import warnings
import zipfile
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from tf3dlocal.io import UnreadableError, printable, readable, user_path
from tf3dlocal.io.types import PathLike

if TYPE_CHECKING:
    import keras

    from tf3dlocal.serving import ExportedModel

MOST_EXPANSION, SMALL = 10, 2**27  # how much larger than the file its members may be, and bytes that are always read
MOST_SHOWN = 12  # bytes of a file of another kind
DAMAGED = "the file is damaged or incomplete"
AGAIN = "Copy the file again, or repeat the `tf3dlocal train` or `convert` call that wrote it."
REGISTERED = "tf3dlocal>"  # how the registered name of a class of this package begins


def load_model(path: PathLike, *, keras_only: bool = False, trust: bool = False) -> keras.Model | ExportedModel:
    """Load a run folder, a .keras file or an exported SavedModel; the content decides which it is.

    Args:
        path: A run folder of `tf3dlocal train` (its model.keras is loaded), a .keras file, or a folder of
            `tf3dlocal export` (one version, or the folder above the versions).
        keras_only: Refuse an exported SavedModel, which has no Keras layers.
        trust: Load a SavedModel also if its model card is not one of this package, or the checksums in it do not match.
            A SavedModel is a program: its graph can read and write your files. A .keras file runs no code of its own.

    Returns:
        keras.Model without optimizer, or `tf3dlocal.serving.ExportedModel` for a SavedModel.
        `tf3dlocal.evaluation.evaluate` takes both.

    Raises:
        FileNotFoundError: There is no model; the message says so if the training is not finished.
        ValueError: The file is damaged or was written by another version of tf3dlocal, the card of a SavedModel does
            not fit it, or `keras_only` is set and the folder holds a SavedModel.

    Example:
        >>> load_model("runs/missing")
        Traceback (most recent call last):
        FileNotFoundError: There is no runs/missing.
    """
    path = user_path(path)
    if not path.exists():
        raise FileNotFoundError(f"There is no {path}.")
    if path.is_dir() and (path / "checkpoints").is_dir() and not (path / "model.keras").exists():
        raise FileNotFoundError(
            f"The training in {path} is not finished: it has no model.keras. Repeat the same `tf3dlocal train` call "
            "to resume it, or give one of its checkpoints/*.keras."
        )
    file = path / "model.keras" if path.is_dir() else path
    if file.is_file():
        return _load_keras_file(file)
    if keras_only:
        raise ValueError(
            f"{path} is not a run folder or .keras file. An exported model has no Keras layers; give the run folder or "
            "the .keras file that it was exported from."
        )
    from tf3dlocal.serving import ExportedModel

    return ExportedModel(path, trust=trust)


def register_with_keras() -> None:
    """Import the layers and losses of this package as soon as Keras is imported, so that Keras knows their names."""
    if "keras" in sys.modules:
        _import_registered()
    else:
        sys.meta_path.insert(0, _AfterKeras())


class _AfterKeras(importlib.abc.MetaPathFinder):
    """Finder that adds `_import_registered` to the end of the import of Keras, and finds nothing else.

    Where the layers of this package are what imports Keras, the models, which need all of them, wait for their end.
    """

    def __init__(self):
        self.num_open = 0

    def find_spec(self, name, path=None, target=None):
        if name not in ("keras", "tf3dlocal.layers"):
            return None
        others = (finder for finder in sys.meta_path if finder is not self)
        spec = next(filter(None, (finder.find_spec(name, path, target) for finder in others)), None)
        if spec is None or spec.loader is None:
            return spec
        exec_module = spec.loader.exec_module

        def exec_and_register(module):
            self.num_open += 1
            try:
                exec_module(module)
            finally:
                self.num_open -= 1
            if self in sys.meta_path and not self.num_open:
                sys.meta_path.remove(self)
                _import_registered()

        spec.loader.exec_module = exec_and_register
        return spec


def _import_registered() -> None:
    import tf3dlocal.layers
    import tf3dlocal.losses
    import tf3dlocal.models  # noqa: F401  (the imports register classes)

    _warn_of_backend()


def _warn_of_backend() -> None:
    """Say once what works if Keras computes with another library than TensorFlow."""
    import keras

    if (backend := keras.config.backend()) != "tensorflow":
        warnings.warn(
            f"Keras uses the backend {backend!r}, and tf3dlocal's layers, losses, models and training need TensorFlow: "
            "set KERAS_BACKEND=tensorflow before Keras is imported. Preparing data, protocols, distances, rank tables "
            "and the `tf3dlocal` command work as they are.",
            stacklevel=2,
        )


def _load_keras_file(file: pathlib.Path) -> keras.Model:
    import keras

    from tf3dlocal.io import check_regular_file

    if file.suffix != ".keras":
        raise ValueError(
            f"{file} is not a .keras file. Give a run folder or a .keras file; weights of PyTorch are converted by "
            "`tf3dlocal convert`."
        )
    check_regular_file(file)
    _import_registered()
    with readable(file, solution=AGAIN):
        described, written_by = _read_config(file)
    with readable(file, solution=AGAIN, reason=f"its config.json describes no model; {DAMAGED}"):
        _refuse_function(described, file)
        unknown = next(_unknown(described), None)
    if unknown:
        raise ValueError(f"{file} {unknown}")
    other = f" (written by Keras {written_by}, and this is {keras.__version__})" * (written_by != keras.__version__)
    reason = f"its layers and weights make no model{other}; {DAMAGED}"
    with readable(file, solution=AGAIN, reason=reason), warnings.catch_warnings():
        warnings.filterwarnings("error", "Skipping")  # Keras warns of weights that are missing, and keeps random ones
        model = keras.saving.load_model(file, compile=False)
    if not isinstance(model, keras.Model):
        raise UnreadableError(f"{file} cannot be read: it holds a {type(model).__name__}, not a model. {AGAIN}")
    if any(layer.dtype_policy.name == "mixed_float16" for layer in model.layers):
        model.dtype_policy = "mixed_float16"  # which the file does not hold; by it `compile` scales the loss
    return model


def _read_config(file: pathlib.Path) -> tuple[Any, Any]:
    """Return what describes the model and the version of Keras that wrote it, after a check of every member."""
    with file.open("rb") as opened:
        begin = opened.read(MOST_SHOWN)
    if not begin:
        raise ValueError("it is empty")
    if not zipfile.is_zipfile(file):
        if begin.startswith(b"PK"):
            raise ValueError(f"its end is missing; {DAMAGED}")
        raise ValueError(f"it is of another kind, or damaged: a .keras file is a zip archive, and it begins {begin!r}")
    with readable(file, solution=AGAIN, reason=f"its list of members is wrong; {DAMAGED}"):
        archive = zipfile.ZipFile(file)
    with archive:
        _refuse_bomb(archive)
        members = set(archive.namelist())
        for names in ({"config.json"}, {"model.weights.h5", "model.weights.npz"}):
            if not names & members:
                raise ValueError(f"it holds no {min(names)}; {DAMAGED}, or no .keras file")
        for name in archive.namelist():
            with readable(file, solution=AGAIN, reason=f"its {printable(name)} is damaged; {DAMAGED}"):
                with archive.open(name) as member:
                    while member.read(2**24):  # at its end the checksum is compared
                        pass
        with readable(file, solution=AGAIN, reason=f"its config.json is no JSON; {DAMAGED}"):
            described = json.loads(archive.read("config.json"))
            metadata = json.loads(archive.read("metadata.json")) if "metadata.json" in members else {}
    return described, metadata.get("keras_version") if isinstance(metadata, dict) else None


def _refuse_bomb(archive: zipfile.ZipFile) -> None:
    """Refuse a small file whose members fill the memory: Keras does not compress what it saves."""
    size, packed = (sum(getattr(item, key) for item in archive.infolist()) for key in ("file_size", "compress_size"))
    if size > max(SMALL, MOST_EXPANSION * packed):
        raise ValueError(f"it claims {size:,} bytes in {packed:,}, which Keras does not write")


def _refuse_function(config: Any, file: pathlib.Path) -> None:
    """Refuse a Python function, which Keras would run."""
    if isinstance(config, dict) and config.get("class_name") == "__lambda__":
        raise UnreadableError(
            f"{file} cannot be read: it holds a Python function (of a Lambda layer), and no code of a file is run. "
            "Train or build the model with a layer class instead of Lambda."
        )
    for item in config.values() if isinstance(config, dict) else config if isinstance(config, list) else ():
        _refuse_function(item, file)


def _unknown(config: Any) -> Iterator[str]:
    """Yield what a saved config names and this process does not have: classes, and arguments of this package's ones."""
    if isinstance(config, list):
        for item in config:
            yield from _unknown(item)
    if not isinstance(config, dict):
        return
    name = config.get("registered_name")
    if isinstance(name, str) and name.startswith(REGISTERED):
        import keras

        class_name = name.removeprefix(REGISTERED)
        found = keras.saving.get_registered_object(name)
        if found is None:
            yield _of_another_version(f"it has a layer of the class {class_name!r}")
            return
        inits = [vars(each)["__init__"] for each in found.__mro__ if "__init__" in vars(each)]
        known = {argument for init in inits for argument in inspect.signature(init).parameters}
        is_model = issubclass(found, keras.Model)  # its config is its layers, which follow
        given = config.get("config")
        for argument in given if isinstance(given, dict) else ():
            if argument not in known and not is_model:
                layer = given.get("name", class_name)
                yield _of_another_version(f"its layer {layer!r} has the argument {argument!r}")
    elif isinstance(name, str) and _is_missing(name, module=config.get("module")):
        yield (
            f"has a layer of the class {name!r}, which is neither of Keras nor of tf3dlocal. In Python, import the "
            "module that registers it with Keras before the model is loaded."
        )
    for item in config.values():
        yield from _unknown(item)


def _is_missing(name: str, *, module: Any) -> bool:
    """Return whether a class of another package is not registered with Keras."""
    import keras

    is_builtin = isinstance(module, str) and module.split(".")[0] in ("keras", "builtins")
    return not is_builtin and keras.saving.get_registered_object(name) is None


def _of_another_version(difference: str) -> str:
    import tf3dlocal

    return (
        f"was written by another version of tf3dlocal: {difference}, which version {tf3dlocal.__version__} does not "
        "have. Train the model again, or convert its PyTorch weights again, with this version."
    )
