"""A model without its optimizer in a file, with a note on the step and the version that it comes from."""

import json
import pathlib
import re
import zipfile

import keras

from tf3dlocal import __version__
from tf3dlocal.config import ConfigError, Experiment
from tf3dlocal.io import UnreadableError, read_json, readable, write_bytes, write_file, write_json
from tf3dlocal.io.types import PathLike
from tf3dlocal.models import GaitModel

NOTE = "note.json"  # a member of the .keras file next to Keras' own, so model and note cannot be of two different steps
VERSION = "version"  # key of the version of tf3dlocal, in the note and in a run folder's data.json
OLDEST = (0, 2)  # version whose run folders and notes can be read


def write_model(file: PathLike, *, model: keras.Model, note: dict) -> None:
    """Write a model without its optimizer.

    Args:
        file: Path that ends in .keras.
        model: Compiled or not; its layers are written as a model that was never compiled.
        note: For JSON, such as {"step": 300, "rank_1": 85.0}; the version of tf3dlocal is added.
    """
    plain_model(model).save(file)
    with zipfile.ZipFile(file, "a") as archive:
        archive.writestr(NOTE, json.dumps({**note, VERSION: __version__}))


def note_of(file: PathLike) -> dict | None:
    """Return the note in a model file; None if there is no such file, or no note in it.

    Raises:
        ConfigError: The note is of version 0.1.

    Example:
        >>> note_of("nowhere.keras") is None
        True
    """
    try:
        with readable(file), zipfile.ZipFile(file) as archive:
            if NOTE not in archive.namelist():
                return None
            note = json.loads(archive.read(NOTE))
            version = _version_in(note)
    except (FileNotFoundError, UnreadableError):
        return None
    _check_version(version, what=f"the model file {file}")
    return note


def step_of(file: PathLike) -> int | None:
    """Return the step of the training from which a model file is, or None if it is not known.

    Args:
        file: A run's model, best model or snapshot, which have a note, or a checkpoint, which has its step in its name.

    Example:
        >>> step_of("run/checkpoints/step-000080.keras"), step_of("gaitset.keras")
        (80, None)
    """
    name = re.fullmatch(r"step-(\d+)\.keras", pathlib.Path(file).name)
    return (note_of(file) or {}).get("step", int(name[1]) if name else None)


def check_folder_version(folder: PathLike) -> None:
    """Refuse a run folder of version 0.1; a folder without a config.yaml is none and passes.

    Raises:
        ConfigError: Version 0.1 has written the folder.
        UnreadableError: Its data.json is damaged.
    """
    folder = pathlib.Path(folder)
    if (folder / "config.yaml").is_file():
        data_file = folder / "data.json"
        solution = "Train again in another run folder."
        noted = read_json(data_file, solution=solution) if data_file.is_file() else {}
        with readable(data_file, solution=solution):
            version = _version_in(noted)
        _check_version(version, what=f"the run folder {folder}")


def config_of_run(path: PathLike) -> dict | None:
    """Return the config of the run that a model comes from, or None if it is not known.

    Args:
        path: A run folder, or a file in it or in its checkpoints.

    Raises:
        ConfigError: The run folder is of version 0.1.
    """
    path = pathlib.Path(path)
    for folder in (path, path.parent, path.parent.parent):
        is_run = (folder / "checkpoints").is_dir() or (folder / "data.json").is_file()  # the former may be removed
        if is_run and (folder / "config.yaml").is_file():
            check_folder_version(folder)
            return Experiment.from_yaml(folder / "config.yaml").model_dump(mode="json")
    return None


def plain_model(model: keras.Model) -> keras.Model:
    """Return the same layers as a model that was never compiled, of the class that the builders give."""
    return GaitModel(model.input, model.output, name=model.name)


class BestModel:
    """The model with the highest rank-1 on the held-out training subjects.

    It is run/best.keras, with a note that people read in run/best.json. The note is in the model file too, and that one
    is read here. A checkpoint holds a copy of the file: a training that resumes from it has the best model of the steps
    before it, and nothing of the steps that it repeats.

    Args:
        folder: The run folder.

    Example:
        >>> import tempfile
        >>> BestModel(tempfile.mkdtemp()).note() is None
        True
    """

    def __init__(self, folder: PathLike):
        self.file, self.text = pathlib.Path(folder, "best.keras"), pathlib.Path(folder, "best.json")

    def note(self) -> dict | None:
        """Return step and rank-1 of the best model, or None if there is none yet."""
        return note_of(self.file)

    def offer(self, model: keras.Model, *, step: int, rank_1: float, groups: dict[str, float]) -> bool:
        """Keep the model if it is better than the best so far; of two equally good models the earlier stays.

        Args:
            model: The model after `step` steps.
            step: Step of the whole training.
            rank_1: Rank-1 in per cent, by which models are compared.
            groups: Rank-1 of each group of probes, for the note.

        Returns:
            Whether it is kept.
        """
        best = self.note()
        if best is not None and best["rank_1"] >= rank_1:
            return False
        note = {"step": step, "rank_1": rank_1, **groups}
        self.text.unlink(
            missing_ok=True
        )  # first: a kill may leave the model without its text, never with another one's
        write_file(self.file, lambda file: write_model(file, model=model, note=note))
        write_json(self.text, self.note())
        return True

    def go_back(self, content: bytes | None) -> None:
        """Make a checkpoint's copy the best model again.

        Args:
            content: The model file as the checkpoint holds it; None if nothing was best by then.
        """
        if content is None:
            self.text.unlink(missing_ok=True)
            self.file.unlink(missing_ok=True)
        elif not self.file.exists() or self.file.read_bytes() != content or not self.text.exists():
            self.text.unlink(missing_ok=True)
            write_bytes(self.file, content)
            write_json(self.text, self.note())


def _version_in(noted):
    """Return the version of a note, None for one of version 0.1; what is no note raises ValueError."""
    if not isinstance(noted, dict):
        raise ValueError("it holds no keys")
    version = noted.get(VERSION)
    if version is not None and not (isinstance(version, str) and re.match(r"\d+\.\d+", version)):
        raise ValueError(f"its version is {version!r}")
    return version


def _check_version(version, what):
    if version is None or tuple(map(int, re.findall(r"\d+", version)[:2])) < OLDEST:
        raise ConfigError(
            f"tf3dlocal {__version__} cannot read {what}, which tf3dlocal {version or '0.1'} wrote. Use it with that "
            "version, or train again in another run folder."
        )
