"""One experiment as a strict model that is read from YAML: an unknown or mistyped key is an error that names it.

Configs are complete and not inherited: what a file does not set has the default written here, and the run folder keeps
all of it. Config objects stop at `tf3dlocal.training` and the command line; below them only plain arguments travel.
"""

from tf3dlocal.config.errors import ConfigError
from tf3dlocal.config.experiment import Experiment

__all__ = ["ConfigError", "Experiment"]
