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

from tf3dlocal.io import user_path
from tf3dlocal.io.types import PathLike

if TYPE_CHECKING:
    import keras

    from tf3dlocal.serving import ExportedModel

MOST_EXPANSION, SMALL = 10, 2**27  # how much larger than the file its members may be, and bytes that are always read
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

    from tf3dlocal.io import check_regular_file, readable

    if file.suffix != ".keras":
        raise ValueError(f"{file} is not a .keras file. Weights of PyTorch are converted by `tf3dlocal convert`.")
    check_regular_file(file)
    _import_registered()
    with readable(file, solution=AGAIN), zipfile.ZipFile(file) as archive:
        _refuse_bomb(archive)
        config = json.loads(archive.read("config.json"))
        unknown = next(_unknown(config), None)
    if unknown:
        import tf3dlocal

        raise ValueError(
            f"{file} was written by another version of tf3dlocal: {unknown}, which version {tf3dlocal.__version__} "
            "does not have. Train the model again, or convert its PyTorch weights again, with this version."
        )
    with readable(file, solution=AGAIN), warnings.catch_warnings():
        warnings.filterwarnings("error", "Skipping")  # Keras warns of weights that are missing, and keeps random ones
        model = keras.saving.load_model(file, compile=False)
        if not isinstance(model, keras.Model):
            raise ValueError(f"it holds a {type(model).__name__}, not a model")
    if any(layer.dtype_policy.name == "mixed_float16" for layer in model.layers):
        model.dtype_policy = "mixed_float16"  # which the file does not hold; by it `compile` scales the loss
    return model


def _refuse_bomb(archive: zipfile.ZipFile) -> None:
    """Refuse a small file whose members fill the memory: Keras does not compress what it saves."""
    size, packed = (sum(getattr(item, key) for item in archive.infolist()) for key in ("file_size", "compress_size"))
    if size > max(SMALL, MOST_EXPANSION * packed):
        raise ValueError(f"it claims {size:,} bytes in {packed:,}, which Keras does not write")


def _unknown(config: Any) -> Iterator[str]:
    """Yield the classes and arguments of this package that a saved config names and this version does not have."""
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
            yield f"it has a layer of the class {class_name!r}"
            return
        inits = [vars(each)["__init__"] for each in found.__mro__ if "__init__" in vars(each)]
        known = {argument for init in inits for argument in inspect.signature(init).parameters}
        is_model = issubclass(found, keras.Model)  # its config is its layers, which follow
        given = config.get("config")
        for argument in given if isinstance(given, dict) else ():
            if argument not in known and not is_model:
                yield f"its layer {given.get('name', class_name)!r} has the argument {argument!r}"
    for item in config.values():
        yield from _unknown(item)
