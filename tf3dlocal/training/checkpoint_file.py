"""Everything that a training needs to go on, in one file: what Keras keeps of a model, and what it leaves out."""

import errno
import json
import os
import zipfile
import zlib

from tf3dlocal.training.kept_model import without_optimizer

# Members beside Keras' own.
RANDOM_STATES = "random_states.json"  # where the draws of dropout stand
METRICS = "metrics.json"  # what the metrics have added up since the last report
BEST = "best.keras"  # the best model by then, as it is kept beside the checkpoints

# What zipfile raises where bits are wrong: of a method of compression or an encryption that nobody used, of a name, too.
DAMAGED = (zipfile.BadZipFile, zlib.error, EOFError, KeyError, RuntimeError, UnicodeDecodeError)


def write_checkpoint(file, model, metrics=None, best=None):
    """Write a compiled model with its optimizer, random draws and metrics.

    Args:
        file: path that ends in .keras.
        model: a compiled model whose optimizer is built.
        metrics: what `metric_values` gave, or None behind a report, where they begin anew.
        best: file of the best model so far, or None.
    """
    plain = without_optimizer(model)  # a model of Keras' own class, so that keras.saving.load_model opens the file
    plain.compile(model.optimizer)
    plain.save(file)
    with zipfile.ZipFile(file, "a") as archive:
        archive.writestr(RANDOM_STATES, json.dumps([v.numpy().tolist() for v in random_states(model)]))
        if metrics is not None:
            archive.writestr(METRICS, json.dumps(metrics))
        if best is not None:
            archive.write(best, BEST)


def damage_of(file):
    """What is wrong with the content of a checkpoint, or None: each member is read and its checksum compared.

    Raises:
        OSError: the file cannot be reached (a disk, a network, a permission), which tells nothing of its content.

    Example:
        >>> import tempfile
        >>> with tempfile.NamedTemporaryFile(suffix=".keras") as file:
        ...     damage_of(file.name)
        'File is not a zip file'
    """
    try:
        with zipfile.ZipFile(file) as archive:
            archive.getinfo(RANDOM_STATES)
            wrong = archive.testzip()
    except DAMAGED as error:
        return str(error)
    except OSError as error:
        if error.errno in (
            None,
            errno.EINVAL,
        ):  # of a decompressor, of a place before the file's start: wrong bits as well
            return str(error)
        reason = f"{error.strerror}, and it may be whole; start again when it can be read"
        raise OSError(error.errno, reason, os.fspath(file)) from error
    return f"{wrong} in it is damaged" if wrong else None


def load_checkpoint(file, model):
    """Put a checkpoint's weights, optimizer and random draws into a compiled model of the same config.

    Returns: the values for `set_metrics`, or None.

    Raises:
        ValueError: the model is another one; the file is named.
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
            f"{file} does not fit the model of this config ({error}): go on with the release of tf3dlocal that wrote it, "
            "or take another run folder"
        ) from error
    return metrics


def best_in(file):
    """The file of the best model by then, as bytes, or None."""
    with zipfile.ZipFile(file) as archive:
        return archive.read(BEST) if BEST in archive.namelist() else None


def random_states(model):
    """The variables of a model that are not weights: the seeds and counters of its random layers."""
    weights = {id(variable) for variable in model.weights}
    return [variable for variable in model.variables if id(variable) not in weights]
