"""A model on its own in a file, with a note that says which step of the training it is."""

import json
import zipfile

import keras

NOTE = "note.json"  # a member of the file beside Keras' own: so model and note can never be of two different steps


def write_kept_model(file, model, note):
    """Write a model without its optimizer.

    Args:
        file: path that ends in .keras.
        model: compiled or not; its layers are written as a model that was never compiled.
        note: dict for JSON, such as {"step": 300, "rank_1": 85.0}.
    """
    without_optimizer(model).save(file)
    with zipfile.ZipFile(file, "a") as archive:
        archive.writestr(NOTE, json.dumps(note))


def note_of(file):
    """The note in a file, or None: there is no such file, or it was written without one.

    Example:
        >>> note_of("nowhere.keras") is None
        True
    """
    try:
        with zipfile.ZipFile(file) as archive:
            return json.loads(archive.read(NOTE))
    except (FileNotFoundError, zipfile.BadZipFile, KeyError):
        return None


def load_kept_weights(file, model):
    """Put the weights of a file into a model of the same layers; its optimizer keeps its state."""
    without_optimizer(model).load_weights(file)


def without_optimizer(model: keras.Model) -> keras.Model:
    """The same layers as a model that was never compiled."""
    return keras.Model(model.input, model.output, name=model.name)
