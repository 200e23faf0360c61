"""One experiment: all sections, read from YAML and written back."""

import os
import pathlib
from collections.abc import Sequence
from typing import Any

import pydantic
import yaml

from tf3dlocal.config.config_error import ConfigError
from tf3dlocal.config.explain import explain
from tf3dlocal.config.sections import (
    Data,
    Losses,
    Model,
    Optimizer,
    Schedule,
    Section,
    Training,
)
from tf3dlocal.config.yaml_text import apply_override, read_yaml


class Experiment(Section):
    """A whole experiment.

    Example:
        >>> Experiment.from_text("training: {steps: 10}", overrides=["data.clip_length=16"]).data.clip_length
        16
    """

    data: Data = Data()
    model: Model = Model()
    losses: Losses = Losses()
    optimizer: Optimizer = Optimizer()
    schedule: Schedule = Schedule()
    training: Training

    @pydantic.model_validator(mode="after")
    def _check(self):
        if self.schedule.warmup_steps > self.training.steps:
            raise ValueError(
                f"schedule.warmup_steps ({self.schedule.warmup_steps}) is above training.steps ({self.training.steps})"
            )
        return self

    @classmethod
    def from_yaml(cls, path: str | os.PathLike, overrides: Sequence[str] = ()) -> "Experiment":
        """Read a config file and change single keys.

        Args:
            path: a YAML file.
            overrides: such as "training.steps=100"; values are YAML ("data.window=[16, 20]").

        Raises:
            FileNotFoundError: no such file.
            ConfigError: not YAML, an unknown key, a wrong value; each is named with its file or override.
        """
        path = pathlib.Path(path)
        if not path.is_file():
            raise FileNotFoundError(f"there is no config {path}; see the folder configs for those that come with us")
        return cls.from_text(path.read_text(encoding="utf-8"), overrides, source=str(path))

    @classmethod
    def from_text(cls, text: str, overrides: Sequence[str] = (), source: str = "config") -> "Experiment":
        """As `from_yaml`, from the text of a config; `source` is the name that messages give it."""
        values = read_yaml(text, source)
        if not isinstance(values, dict):
            raise ConfigError(f"{source} holds no keys; a config needs at least training: {{steps: ...}}")
        changed = {key: f"--set {override}" for override in overrides for key in [apply_override(values, override)]}
        try:
            return cls(**{str(key): value for key, value in values.items()})
        except pydantic.ValidationError as error:
            raise ConfigError("\n".join(explain(cls, problem, source, changed) for problem in error.errors())) from None

    def to_text(self) -> str:
        """The whole config as YAML, defaults written out; `from_text` reads it back."""
        return yaml.safe_dump(self.model_dump(mode="json"), sort_keys=False)

    def differences(self, other: "Experiment") -> dict[str, tuple[Any, Any]]:
        """Where two configs differ: {"training.steps": (ours, theirs)}.

        Example:
            >>> a, b = (Experiment.from_text(f"training: {{steps: {n}}}") for n in (1, 2))
            >>> a.differences(b)
            {'training.steps': (1, 2)}
        """
        ours, theirs = (flatten(config.model_dump(mode="json")) for config in (self, other))
        keys = dict.fromkeys([*ours, *theirs])
        return {key: (ours.get(key), theirs.get(key)) for key in keys if ours.get(key) != theirs.get(key)}


def flatten(values, prefix=""):
    flat = {}
    for key, value in values.items():
        flat.update(flatten(value, f"{prefix}{key}.") if isinstance(value, dict) else {prefix + key: value})
    return flat
