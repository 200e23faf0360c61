"""A trained model by its path, whatever was kept of it."""

import pathlib

from tf3dlocal.console import start_tensorflow


def open_model(path):
    """Opens a run folder, a Keras file or an exported SavedModel, told apart by what is in them.

    Args:
      path: a run folder of `tf3dlocal train` (its fitted model is taken), a `.keras` file, or a folder written by
        `tf3dlocal export` (one version, or the folder above the versions).

    Returns:
      keras.Model, or `tf3dlocal.serving.ExportedModel` for a SavedModel. `tf3dlocal.evaluation.evaluate` takes both.

    Raises:
      FileNotFoundError: nothing of the kind is there; an unfinished training is named as such.

    Example:
      >>> open_model("runs/nowhere")
      Traceback (most recent call last):
      FileNotFoundError: there is no runs/nowhere
    """
    path = pathlib.Path(path)
    if not path.exists():
        raise FileNotFoundError(f"there is no {path}")
    if path.is_dir() and (path / "checkpoints").is_dir() and not (path / "model.keras").exists():
        raise FileNotFoundError(
            f"the training in {path} is not finished: it has no model.keras. Give the same `tf3dlocal train` call again "
            "to go on, or take one of its checkpoints/*.keras"
        )
    file = path / "model.keras" if path.is_dir() else path
    start_tensorflow()
    if file.is_file():
        import keras

        import tf3dlocal.losses
        import tf3dlocal.models  # noqa: F401  (so that Keras knows our layers and losses by name)

        return keras.saving.load_model(file, compile=False)
    from tf3dlocal.serving import ExportedModel

    return ExportedModel(path)


def open_trained_model(path):
    """As `open_model`, for what can be exported again: a SavedModel is refused, since its layers are gone."""
    model = open_model(path)
    if not hasattr(model, "layers"):
        raise ValueError(
            f"{path} is an exported model already; give the run folder or the .keras file it was made from"
        )
    return model


def config_of_run(path):
    """The config of the run that a model comes from as a dict, or None where it is not known."""
    from tf3dlocal.config import Experiment

    path = pathlib.Path(path)
    for folder in (path, path.parent, path.parent.parent):
        if (folder / "config.yaml").is_file() and (folder / "checkpoints").is_dir():
            return Experiment.from_yaml(folder / "config.yaml").model_dump(mode="json")
    return None
