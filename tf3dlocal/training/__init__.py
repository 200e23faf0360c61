"""From a config to a fitted model."""

from tf3dlocal.training.experiment import run_experiment

__all__ = ["run_experiment"]
