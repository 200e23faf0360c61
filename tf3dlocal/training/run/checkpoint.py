"""All of a training in one file: what Keras keeps of a model, and what it leaves out."""

import dataclasses
import json
import pathlib
import re
import zipfile

import keras
import numpy as np

from tf3dlocal.config import Experiment
from tf3dlocal.io import UnreadableError, readable
from tf3dlocal.io.types import PathLike
from tf3dlocal.training.run.model_file import plain_model

# Members next to Keras' own.
RANDOM_STATES = "random_states.json"  # seeds and counters of the random layers
METRICS = "metrics.json"  # sums of the metrics since the last report
BEST = "best.keras"  # a copy of the best model by then


@dataclasses.dataclass(frozen=True)
class Restored:
    """Where a training resumes; all of its defaults: it begins.

    Attributes:
        step: Number of steps that are done.
        checkpoint: The file that was loaded.
        metrics: Sums of the metrics since the last report.
        damaged: Newer checkpoints that cannot be read, each with a sentence on what is wrong.
        new_layers: With training.start_from, layers that the other training does not have.
    """

    step: int = 0
    checkpoint: pathlib.Path | None = None
    metrics: list | None = None
    damaged: tuple[tuple[pathlib.Path, str], ...] = ()
    new_layers: tuple[str, ...] | None = None

    def sentences(self, folder: PathLike, *, config: Experiment, devices: str) -> list[str]:
        """Return sentences for the user: from which step a training resumes, on which devices, and what was damaged.

        Example:
            >>> config = Experiment.from_text("training: {steps: 1000}")
            >>> Restored(step=300).sentences("runs/gait", config=config, devices="8 GPUs")
            ['runs/gait resumes from step 300 of 1000, on 8 GPUs.']
        """
        steps = config.training.steps
        told = [f"{reason} It is set aside as {path.stem}.damaged." for path, reason in self.damaged]
        if self.step >= steps:
            return [*told, f"{folder} has all {steps} steps: there is nothing to train."]
        if self.step:
            return [*told, f"{folder} resumes from step {self.step} of {steps}, on {devices}."]
        told.append(f"{folder} begins with step 1 of {steps}, on {devices}.")
        if self.new_layers is not None:
            new = ", ".join(self.new_layers) or "none"
            told.append(f"It starts from the weights of {config.training.start_from}; new layers: {new}.")
        return told


def steps_in(folder: PathLike) -> list[int]:
    """Return the numbers of the files step-000500.keras in a folder, ascending.

    Example:
        >>> steps_in("nowhere")
        []
    """
    names = (re.fullmatch(r"step-(\d+)\.keras", path.name) for path in pathlib.Path(folder).glob("step-*.keras"))
    return sorted(int(name[1]) for name in names if name)


def write_checkpoint(
    file: PathLike, *, model: keras.Model, metrics: list | None = None, best: PathLike | None = None
) -> None:
    """Write a compiled model with its optimizer, random states and metrics.

    Args:
        file: Path that ends in .keras.
        model: Compiled, with a built optimizer.
        metrics: What `metric_values` gave, or None after a report, where they are reset.
        best: File of the best model so far, or None.
    """
    plain = plain_model(model)  # of a registered class, so that keras.saving.load_model opens the file
    plain.compile(model.optimizer)
    plain.save(file)
    with zipfile.ZipFile(file, "a") as archive:
        archive.writestr(RANDOM_STATES, json.dumps([v.numpy().tolist() for v in random_states(model)]))
        if metrics is not None:
            archive.writestr(METRICS, json.dumps(metrics))
        if best is not None:
            archive.write(best, BEST)


def damage_of(file: PathLike) -> str | None:
    """Return a sentence on what is wrong with the content of a checkpoint, or None; every checksum is compared.

    Raises:
        OSError: The file cannot be reached (a disk, a network, a permission), which says nothing about its content.

    Example:
        >>> import tempfile
        >>> with tempfile.NamedTemporaryFile(suffix=".keras") as file:
        ...     damage_of(file.name).partition(" cannot ")[2]
        'be read: File is not a zip file.'
    """
    try:
        with readable(file), zipfile.ZipFile(file) as archive:
            archive.getinfo(RANDOM_STATES)
            if wrong := archive.testzip():
                raise ValueError(f"{wrong} in it is damaged")
    except UnreadableError as error:
        return str(error)
    except OSError as error:
        reason = f"{error.strerror}. The file may be intact: start again when it can be read"
        raise OSError(error.errno, reason, str(file)) from error
    return None


def load_checkpoint(file: PathLike, *, model: keras.Model) -> list | None:
    """Load weights, optimizer and random states into a compiled model of the same config.

    Returns:
        The values for `MetricsSinceReport`, or None.

    Raises:
        ValueError: The checkpoint is of another model, or its numbers are not finite; the file is named.
    """
    try:
        model.load_weights(file)
        with zipfile.ZipFile(file) as archive:
            states = json.loads(archive.read(RANDOM_STATES))
            metrics = json.loads(archive.read(METRICS)) if METRICS in archive.namelist() else None
        for variable, state in zip(random_states(model), states, strict=True):
            variable.assign(state)
    except ValueError as error:
        raise ValueError(
            f"{file} does not fit the model of this config: {error}. Resume with the version of tf3dlocal that wrote "
            "it, or use another run folder."
        ) from error
    if name := not_finite(model):
        raise ValueError(
            f"{file} holds numbers that are not finite, in {name}, and a training cannot resume from them. Remove the "
            "file, and it resumes from the checkpoint before it, or use another run folder."
        )
    return metrics


def best_in(file: PathLike) -> bytes | None:
    """Return the file of the best model by then, or None."""
    with zipfile.ZipFile(file) as archive:
        return archive.read(BEST) if BEST in archive.namelist() else None


def random_states(model: keras.Model) -> list[keras.Variable]:
    """Return the variables that are not weights: seeds and counters of the random layers."""
    weights = {id(variable) for variable in model.weights}
    return [variable for variable in model.variables if id(variable) not in weights]


def not_finite(model: keras.Model) -> str | None:
    """Return the name of a variable of a compiled model, or of its optimizer, that is not finite."""
    for variable in [*model.variables, *model.optimizer.variables]:
        if keras.backend.is_float_dtype(variable.dtype) and not np.isfinite(variable.numpy()).all():
            return variable.path
    return None
