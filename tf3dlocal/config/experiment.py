"""One experiment: all sections, read from YAML and written back."""

import pathlib
from collections.abc import Sequence
from typing import Any

import pydantic
import yaml

from tf3dlocal.config.errors import ConfigError, explain
from tf3dlocal.config.sections import Data, Losses, Model, Optimizer, Schedule, Section, Training
from tf3dlocal.io import YamlDocument, YamlError, read_yaml, read_yaml_file
from tf3dlocal.io.types import PathLike


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
        warmup, steps, data = self.schedule.warmup_steps, self.training.steps, self.data
        if warmup >= steps:
            raise ValueError(
                f"schedule.warmup_steps is {warmup}, and training.steps is {steps}; the cosine after the warm-up needs "
                "at least one step"
            )
        if self.losses.triplet.weight and data.walks_per_subject == 1:
            raise ValueError(
                "data.walks_per_subject is 1, and a triplet needs two walks of a subject in the batch; set it to at "
                "least 2, or losses.triplet.weight to 0"
            )
        return self

    @classmethod
    def from_yaml(cls, path: PathLike, *, overrides: Sequence[str] = ()) -> "Experiment":
        """Read a config file and change single keys.

        Args:
            path: A YAML file; see `tf3dlocal.io.read_yaml` for the numbers and texts in it.
            overrides: Such as "training.steps=100"; values are YAML ("data.window=[16, 20]").

        Raises:
            FileNotFoundError: There is no such file.
            ConfigError: The file is not YAML, or a key is unknown or has a wrong value. Each mistake has one line, with
                its file and line, or its override.
        """
        path = pathlib.Path(path)
        if not path.exists():
            raise FileNotFoundError(f"There is no config {path}. The folder configs holds those of this project.")
        try:
            document = read_yaml_file(path)
        except YamlError as error:
            raise ConfigError(str(error)) from None
        return cls._from_document(document, overrides)

    @classmethod
    def from_text(cls, text: str, *, overrides: Sequence[str] = (), source: str = "config") -> "Experiment":
        """Read a config from its text, as `from_yaml` does; `source` is the name that messages give it."""
        try:
            document = read_yaml(text, source=source)
        except YamlError as error:
            raise ConfigError(str(error)) from None
        return cls._from_document(document, overrides)

    @classmethod
    def _from_document(cls, document: YamlDocument, overrides: Sequence[str]) -> "Experiment":
        values = document.values
        if not isinstance(values, dict):
            raise ConfigError(
                f"{document.source} has no keys. A config needs at least the number of steps: training: "
                f"{{steps: 1000}}."
            )
        changed = {_apply_override(values, override): f"--set {override}" for override in overrides}
        try:
            return cls(**values)
        except pydantic.ValidationError as error:
            lines = (explain(cls, problem=one, document=document, overrides=changed) for one in error.errors())
            raise ConfigError("\n".join(dict.fromkeys(lines))) from None

    def to_text(self) -> str:
        """Return the whole config as YAML, defaults written out; `from_text` reads it back."""
        return yaml.dump(self.model_dump(mode="json"), Dumper=_Dumper, sort_keys=False)

    def never_reached(self) -> list[str]:
        """Return a sentence for each step number that lies after the last step: a shorter training is no mistake.

        Example:
            >>> Experiment.from_text("training: {steps: 10, checkpoint_every: 10}").never_reached()
            []
        """
        settings, sentences = self.training, []
        steps = f"training.steps is {settings.steps}"
        if late := [milestone for milestone in self.schedule.milestones if milestone >= settings.steps]:
            sentences.append(f"schedule.milestones has {late}, and {steps}: the rate does not fall there.")
        if settings.checkpoint_every > settings.steps:
            sentences.append(
                f"training.checkpoint_every is {settings.checkpoint_every}, and {steps}: the only checkpoint is "
                "that of the last step."
            )
        if settings.evaluate_every > settings.steps:
            sentences.append(
                f"training.evaluate_every is {settings.evaluate_every}, and {steps}: rank-1 is measured after the last "
                "step alone."
            )
        return sentences

    def differences(self, other: "Experiment") -> dict[str, tuple[Any, Any]]:
        """Return the keys in which two configs differ: {"training.steps": (value here, value in `other`)}.

        Example:
            >>> a, b = (Experiment.from_text(f"training: {{steps: {n}}}") for n in (1, 2))
            >>> a.differences(b)
            {'training.steps': (1, 2)}
        """
        first, second = (_flatten(config.model_dump(mode="json")) for config in (self, other))
        keys = dict.fromkeys([*first, *second])
        return {key: (first.get(key), second.get(key)) for key in keys if first.get(key) != second.get(key)}


class _Dumper(yaml.SafeDumper):
    """Writes a text in quotes where `read_yaml` would read something else, such as the subject "1e5"."""


def _represent_text(dumper, text):
    try:
        style = None if read_yaml(text).values == text else "'"
    except YamlError:
        style = "'"
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _represent_text)


def _apply_override(values: dict, override: str) -> str:
    """Set one "key.sub=value" in the nested dict `values`; return the dotted key."""
    key, equals, text = override.partition("=")
    key = key.strip()
    if not equals or not key:
        raise ConfigError(f"--set {override}: write KEY=VALUE, for instance training.steps=100.")
    *sections, name = key.split(".")
    for section in sections:
        values = values.setdefault(section, {})
        if not isinstance(values, dict):
            raise ConfigError(f"--set {override}: {section!r} is {values!r}, a value that holds no keys.")
    try:
        values[name] = read_yaml(text, source=f"--set {override}").values
    except YamlError as error:
        raise ConfigError(str(error)) from None
    return key


def _flatten(values, prefix=""):
    flat = {}
    for key, value in values.items():
        flat |= _flatten(value, f"{prefix}{key}.") if isinstance(value, dict) else {prefix + key: value}
    return flat
