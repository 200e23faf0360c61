"""The config that is measured, with a form and a compiler put in."""

import os
import pathlib

from tf3dlocal.config import Experiment


def experiment_to_measure(config, settings=(), form=None, compiled=None):
    """Read a config and set the form of its layers and whether it is compiled.

    Args:
        config: a config file, or the text of one (it has a colon behind a word, as YAML has).
        settings: changes of single keys.
        form: one of `layers.forms.FORMS`; None leaves the config's.
        compiled: True or False for training.jit_compile; None leaves the config's.

    Returns:
        Experiment.

    Raises:
        FileNotFoundError, ConfigError: as `Experiment.from_yaml`.

    Example:
        >>> experiment_to_measure("training: {steps: 1}", form="stacked").model.arguments
        {'form': 'stacked'}
    """
    settings = list(settings)
    if form is not None:
        settings.append(f"model.arguments.form={form}")
    if compiled is not None:
        settings.append(f"training.jit_compile={str(bool(compiled)).lower()}")
    is_text = not isinstance(config, os.PathLike) and ":" in str(config) and not pathlib.Path(config).is_file()
    return Experiment.from_text(config, settings) if is_text else Experiment.from_yaml(config, settings)
