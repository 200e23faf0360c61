"""The sections of an experiment, each with its keys, their defaults and what may stand there."""

from typing import Annotated, Any, Literal

import pydantic
from pydantic import Field, NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt

Share = Annotated[float, Field(ge=0, le=1)]


class Section(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(extra="forbid", frozen=True, strict=True)


class Data(Section):
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


class Model(Section):
    """A name in `tf3dlocal.models.MODELS` and arguments of that builder."""

    name: str = "three_d_local"
    arguments: dict[str, Any] = {}


class Triplet(Section):
    """The loss on "part_features"; weight 0 leaves it out."""

    mining: Literal["batch_all", "hard", "semihard"] = "batch_all"
    margin: NonNegativeFloat = 0.2
    weight: NonNegativeFloat = 1.0


class CrossEntropy(Section):
    """The loss on "logits"; weight 0 leaves it and the classifier out."""

    weight: NonNegativeFloat = 0.0
    label_smoothing: Share = 0.0
    scale: PositiveFloat = 1.0


class Losses(Section):
    triplet: Triplet = Triplet()
    cross_entropy: CrossEntropy = CrossEntropy()

    @pydantic.model_validator(mode="after")
    def _check(self):
        if self.triplet.weight == 0 and self.cross_entropy.weight == 0:
            raise ValueError("both losses have weight 0: nothing would be learned")
        return self


class Optimizer(Section):
    """Adam or SGD with Keras' own remaining defaults."""

    name: Literal["adam", "sgd"] = "adam"
    epsilon: PositiveFloat = 1e-7  # of Adam; PyTorch's default is 1e-8
    momentum: Share = 0.9  # of SGD
    weight_decay: NonNegativeFloat = 0.0  # added to the gradient, as PyTorch does
    localization_rate: PositiveFloat = (
        1.0  # share of the learning rate for localization networks; see training.optimizers
    )


class Schedule(Section):
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


class Training(Section):
    """How long, how precisely, on what, and what is kept. All intervals are in steps; 0 is never."""

    steps: PositiveInt
    start_from: str | None = None  # run folder or .keras file whose weights are taken over before the first step
    seed: NonNegativeInt = 0
    precision: Literal["float32", "mixed_float16", "mixed_bfloat16"] = "float32"
    strategy: Literal["auto", "none", "mirrored", "multi_worker", "tpu"] = "auto"  # see training.strategy
    jit_compile: bool | Literal["auto"] = "auto"  # XLA; auto: on one CPU without oneDNN, if long enough to repay it
    accumulation_steps: PositiveInt = 1  # slices that a batch is computed in, one after the other, to save memory
    recompute: bool = False  # compute maps again for the gradient, to save memory; more accumulation_steps do so anyway
    report_every: PositiveInt = 100
    checkpoint_every: PositiveInt = 1000
    keep_checkpoints: PositiveInt = 2
    evaluate_every: NonNegativeInt = 0
    held_out_subjects: NonNegativeInt = 0  # the last of the training subjects; they give the rank-1 seen in training
    held_out_views: list[int] | None = None  # degrees; None is all
    keep_model: Literal["last", "best"] = "last"  # what becomes model.keras; best by the rank-1 of evaluate_every
    stop_above: PositiveFloat | None = None  # stop at a loss above this; at one that is no finite number in any case

    @pydantic.model_validator(mode="after")
    def _check(self):
        if self.evaluate_every and not self.held_out_subjects:
            raise ValueError(
                "evaluate_every needs held_out_subjects, at least 2: the test subjects are never looked at"
            )
        if self.keep_model == "best" and not self.evaluate_every:
            raise ValueError(
                "keep_model: best needs evaluate_every: without it no model is known to be better than another"
            )
        if self.held_out_subjects == 1:
            raise ValueError("held_out_subjects must be 0 or at least 2: one subject is always found")
        return self
