"""One experiment as a strict model read from YAML: an unknown or mistyped key is an error that names it.

Configs are complete rather than inherited: what a file does not say is the default written here, and the run folder
keeps the whole of it. Below the command line and `training.experiment` (with the files that it makes model and data in:
`compiled_model`, `training_data`, `held_out`) only plain arguments travel.
"""

from tf3dlocal.config.config_error import ConfigError
from tf3dlocal.config.experiment import Experiment

__all__ = ["ConfigError", "Experiment"]
