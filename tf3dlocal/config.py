"""One experiment as a strict model read from YAML: an unknown or mistyped key is an error that names it.

Configs are complete rather than inherited: what a file does not say is the default written here, and the run folder
keeps the whole of it. Below `training.experiment` and the command line only plain arguments travel.
"""

import difflib
import os
import pathlib
import re
from collections.abc import Sequence
from typing import Annotated, Any, Literal

import pydantic
import yaml
from pydantic import Field, NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt

Share = Annotated[float, Field(ge=0, le=1)]


class ConfigError(ValueError):
    """A config cannot be read; the message names the file, the key and the way out."""


class _Section(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(extra="forbid", frozen=True, strict=True)


class Data(_Section):
    """Which walks train and how they become batches; see `tf3dlocal.data.training_batches`."""

    folder: str | None = None  # prepared data set; the command line's --data stands in for it
    protocol: str = "casia-b-st"  # says who trains; its test subjects are never read
    exclude_subjects: list[str] = []  # GaitSet and the authors' release leave out 005 of CASIA-B
    min_frames: PositiveInt = 1  # the authors' release leaves out walks of 15 frames or fewer
    subjects_per_batch: Annotated[int, Field(ge=2)] = 8
    walks_per_subject: PositiveInt = 16
    clip_length: PositiveInt = 30  # frames
    window: Annotated[tuple[int, int], Field(strict=False)] = (30, 40)  # frames from which an ordered clip is drawn
    order: Literal["ordered", "unordered", "resampled"] = "ordered"
    flip_probability: Share = 0.5
    replacement: Literal["if_short", "always"] = "if_short"  # a subject's walks may repeat within a batch

    @pydantic.field_validator("exclude_subjects", mode="before")
    @classmethod
    def _numbers_are_names(cls, value):
        return [str(item) if type(item) is int else item for item in value] if isinstance(value, list) else value

    @pydantic.model_validator(mode="after")
    def _check(self):
        shortest, longest = self.window
        if not 1 <= shortest <= longest:
            raise ValueError(
                f"window is [shortest, longest] in frames, 1 <= shortest <= longest; it is {list(self.window)}"
            )
        if self.order == "ordered" and shortest < self.clip_length:
            raise ValueError(f"window begins at {shortest} frames, fewer than the clip_length {self.clip_length}")
        return self


class Model(_Section):
    """A name in `tf3dlocal.models.MODELS` and arguments of that builder."""

    name: str = "three_d_local"
    arguments: dict[str, Any] = {}


class Triplet(_Section):
    """The loss on "part_features"; weight 0 leaves it out."""

    mining: Literal["batch_all", "hard", "semihard"] = "batch_all"
    margin: NonNegativeFloat = 0.2
    weight: NonNegativeFloat = 1.0


class CrossEntropy(_Section):
    """The loss on "logits"; weight 0 leaves it and the classifier out."""

    weight: NonNegativeFloat = 0.0
    label_smoothing: Share = 0.0
    scale: PositiveFloat = 1.0


class Losses(_Section):
    triplet: Triplet = Triplet()
    cross_entropy: CrossEntropy = CrossEntropy()

    @pydantic.model_validator(mode="after")
    def _check(self):
        if self.triplet.weight == 0 and self.cross_entropy.weight == 0:
            raise ValueError("both losses have weight 0: nothing would be learned")
        return self


class Optimizer(_Section):
    """Adam or SGD with Keras' own remaining defaults."""

    name: Literal["adam", "sgd"] = "adam"
    epsilon: PositiveFloat = 1e-7  # of Adam; PyTorch's default is 1e-8
    momentum: Share = 0.9  # of SGD
    weight_decay: NonNegativeFloat = 0.0  # added to the gradient, as PyTorch does
    localization_rate: PositiveFloat = 1.0  # share of the learning rate for localization networks; see training.optimizers


class Schedule(_Section):
    """Learning rate by step; see `tf3dlocal.training.schedules`."""

    name: Literal["constant", "piecewise", "warmup_cosine"] = "constant"
    learning_rate: PositiveFloat = 1e-4
    milestones: list[PositiveInt] = []  # piecewise: steps at which the rate is multiplied by `factor`
    factor: PositiveFloat = 0.1
    warmup_steps: NonNegativeInt = 0  # warmup_cosine: steps of linear rise from 0
    final_share: Share = 0.0  # warmup_cosine: share of the rate at the last step

    @pydantic.model_validator(mode="after")
    def _check(self):
        if (self.name == "piecewise") != bool(self.milestones):
            raise ValueError("milestones belong to the piecewise schedule, and it needs at least one")
        if sorted(set(self.milestones)) != self.milestones:
            raise ValueError(f"milestones must rise; they are {self.milestones}")
        return self


class Training(_Section):
    """How long, how precisely, on what, and what is kept. All intervals are in steps; 0 is never."""

    steps: PositiveInt
    start_from: str | None = None  # run folder or .keras file whose weights are taken over before the first step
    seed: NonNegativeInt = 0
    precision: Literal["float32", "mixed_float16", "mixed_bfloat16"] = "float32"
    strategy: Literal["auto", "none", "mirrored"] = "auto"
    jit_compile: bool = False
    report_every: PositiveInt = 100
    checkpoint_every: PositiveInt = 1000
    keep_checkpoints: PositiveInt = 2
    evaluate_every: NonNegativeInt = 0
    held_out_subjects: NonNegativeInt = 0  # the last of the training subjects; they give the rank-1 seen in training
    held_out_views: list[int] | None = None  # degrees; None is all

    @pydantic.field_validator("strategy", mode="before")
    @classmethod
    def _later(cls, value):
        if value in ("multi_worker", "tpu"):
            raise ValueError(f"'{value}' is not supported yet: use auto, none or mirrored (all GPUs of one machine)")
        return value

    @pydantic.model_validator(mode="after")
    def _check(self):
        if self.evaluate_every and not self.held_out_subjects:
            raise ValueError(
                "evaluate_every needs held_out_subjects, at least 2: the test subjects are never looked at"
            )
        if self.held_out_subjects == 1:
            raise ValueError("held_out_subjects must be 0 or at least 2: one subject is always found")
        return self


class Experiment(_Section):
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
        values = _read(text, source)
        if not isinstance(values, dict):
            raise ConfigError(f"{source} holds no keys; a config needs at least training: {{steps: ...}}")
        changed = {key: f"--set {override}" for override in overrides for key in [_override(values, override)]}
        try:
            return cls(**{str(key): value for key, value in values.items()})
        except pydantic.ValidationError as error:
            raise ConfigError(
                "\n".join(_explain(cls, problem, source, changed) for problem in error.errors())
            ) from None

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
        ours, theirs = (_flatten(config.model_dump(mode="json")) for config in (self, other))
        keys = dict.fromkeys([*ours, *theirs])
        return {key: (ours.get(key), theirs.get(key)) for key in keys if ours.get(key) != theirs.get(key)}


class _Loader(yaml.SafeLoader):
    """YAML as people write numbers: 1e-4 is a number, and a subject 005 stays the text "005" (YAML 1.1 reads five)."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if not tag.endswith((":int", ":float", ":timestamp"))]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
for _tag, _pattern in (
    ("int", r"[-+]?(?:0|[1-9][0-9]*)"),
    ("float", r"[-+]?(?:(?:0|[1-9][0-9]*)\.[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?|[-+]?[1-9][0-9]*[eE][-+]?[0-9]+"),
):
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(f"^(?:{_pattern})$"), list("-+.0123456789"))


def _read(text, source):
    try:
        return _Loader(text).get_single_data()
    except yaml.YAMLError as error:
        raise ConfigError(f"{source} is not YAML: {error}") from None


def _override(values, override):
    """Set one "key.sub=value" in the nested dict `values`; returns the dotted key."""
    key, equals, text = override.partition("=")
    key = key.strip()
    if not equals or not key:
        raise ConfigError(f"--set {override}: write KEY=VALUE, for instance training.steps=100")
    *sections, name = key.split(".")
    for section in sections:
        values = values.setdefault(section, {})
        if not isinstance(values, dict):
            raise ConfigError(f"--set {override}: {section} is a value and holds no keys")
    values[name] = _read(text, f"--set {override}")
    return key


def _explain(experiment, problem, source, changed):
    """One line about one of pydantic's findings: where it stands, what is wrong, and the nearest key if one is unknown."""
    key = ".".join(str(step) for step in problem["loc"])
    where = next((override for name, override in changed.items() if key and (key + ".").startswith(name + ".")), source)
    if problem["type"] == "extra_forbidden":
        known = _known_keys(experiment)
        *section, name = key.split(".")
        siblings = [k for k in known if k.split(".")[:-1] == section]
        near = difflib.get_close_matches(name, [k.split(".")[-1] for k in siblings], n=1)
        near = [".".join([*section, near[0]])] if near else [k for k in known if k.split(".")[-1] == name]
        near = near or difflib.get_close_matches(key, known, n=1, cutoff=0.5)
        way_out = f"did you mean {near[0]}?" if near else "it has " + ", ".join(siblings or known)
        return f"{where}: there is no key {key}; {way_out}"
    if problem["type"] == "missing":
        return f"{where}: the key {key} is missing, and it has no default"
    message = problem["msg"].removeprefix("Value error, ")
    if problem["type"] == "value_error" and problem["loc"] != ("training", "strategy"):
        return f"{where}: {key + ': ' if key else ''}{message}"
    return f"{where}: {key} is {problem['input']!r}: {message}"


def _known_keys(section, prefix=""):
    keys = []
    for name, field in section.model_fields.items():
        keys.append(prefix + name)
        if isinstance(field.annotation, type) and issubclass(field.annotation, _Section):
            keys += _known_keys(field.annotation, f"{prefix}{name}.")
    return keys


def _flatten(values, prefix=""):
    flat = {}
    for key, value in values.items():
        flat.update(_flatten(value, f"{prefix}{key}.") if isinstance(value, dict) else {prefix + key: value})
    return flat
