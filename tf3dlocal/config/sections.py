"""The sections of an experiment: their keys, defaults and allowed values."""

from typing import Annotated, Any, Literal

import pydantic
from pydantic import Field

# Every number has a range: what float32, a step counter of TensorFlow or the memory of a machine can hold.
Share = Annotated[float, Field(ge=0, le=1)]
PositiveFloat = Annotated[float, Field(ge=1e-30, le=1e9)]
NonNegativeFloat = Annotated[float, Field(ge=0, le=1e9)]
PositiveInt = Annotated[int, Field(ge=1, le=1_000_000_000)]
NonNegativeInt = Annotated[int, Field(ge=0, le=1_000_000_000)]
Name = Annotated[str, Field(min_length=1)]

MOST_FRAMES = 1_000_000  # of a batch: 11 GB as float32 of 64 x 44 pixels; OU-MVLP's has 15,360


class Section(pydantic.BaseModel):
    """Base of all sections: no unknown keys, no conversions between types, no changes afterwards.

    The text below a key is its description, from which docs/config-reference.md is written.
    """

    model_config = pydantic.ConfigDict(
        extra="forbid", frozen=True, strict=True, allow_inf_nan=False, use_attribute_docstrings=True
    )


class Data(Section):
    """The walks that train and how they become batches; see `tf3dlocal.data.training_batches`."""

    folder: Name | None = None
    """Prepared data set; the command line's `--data` replaces it."""
    size: Annotated[int, Field(ge=16, le=1024)] | None = None
    """Height of the silhouettes in pixels; a data set of another size is refused. `null`: whatever the set has."""
    protocol: Name = "casia-b-st"
    """Name of a protocol or path of its file. It names the training subjects; its test subjects are never read."""
    exclude_subjects: list[Name] = []
    """Subjects to leave out, such as ["005"] of CASIA-B, as GaitSet and the authors' release do. The data set must
    have them.
    """
    min_frames: PositiveInt = 1
    """Walks with fewer frames are left out; 16 in the authors' release."""
    subjects_per_batch: Annotated[int, Field(ge=2, le=10_000)] = 8
    """Subjects in a batch, at least 2."""
    walks_per_subject: Annotated[int, Field(ge=1, le=10_000)] = 16
    """Walks of each subject in a batch; triplets need at least 2."""
    clip_length: Annotated[int, Field(ge=1, le=10_000)] = 30
    """Frames of a clip."""
    window: Annotated[tuple[PositiveInt, PositiveInt], Field(strict=False)] = (30, 40)
    """Shortest and longest stretch of frames from which an ordered clip is drawn."""
    order: Literal["ordered", "unordered", "resampled"] = "ordered"
    """`ordered`: frames of a window in their order; `unordered`: any frames in any order; `resampled`: any frames,
    drawn with replacement.
    """
    flip_probability: Share = 0.5
    """Share of the clips that are mirrored."""
    replacement: Literal["if_short", "always"] = "if_short"
    """Whether a subject's walks may repeat within a batch: only if it has too few, or always."""

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
        frames = self.subjects_per_batch * self.walks_per_subject * self.clip_length
        if frames > MOST_FRAMES:
            raise ValueError(
                f"subjects_per_batch * walks_per_subject * clip_length is {frames:,} frames in one batch; "
                f"{MOST_FRAMES:,} are the limit"
            )
        if self.order == "ordered" and shortest < self.clip_length:
            raise ValueError(f"window begins at {shortest} frames, fewer than clip_length, which is {self.clip_length}")
        return self


class Model(Section):
    """The model: a name in `tf3dlocal.models.MODELS`, and arguments of that builder."""

    name: Name = "three_d_local"
    """Name in `tf3dlocal.models.MODELS`."""
    arguments: dict[str, Any] = {}
    """Arguments of that model's builder."""


class Triplet(Section):
    """The loss on "part_features"; weight 0 leaves it out."""

    mining: Literal["batch_all", "hard", "semihard"] = "batch_all"
    """Which triplets of a batch count: all, the hardest, or the semi-hard ones of tensorflow-addons."""
    margin: NonNegativeFloat = 0.2
    """Least distance wanted between the positive and the negative pair."""
    weight: NonNegativeFloat = 1.0
    """Weight of this loss in the sum; 0 leaves it out."""


class CrossEntropy(Section):
    """The loss on "logits"; weight 0 leaves it and the classifier out."""

    weight: NonNegativeFloat = 0.0
    """Weight of this loss in the sum; 0 leaves it and the classifier out."""
    label_smoothing: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Share of the label that is spread over all classes; below 1, where nothing of the label would be left."""
    scale: PositiveFloat = 1.0
    """Factor of the logits before the softmax; 16 in OpenGait's GLN."""


class Prior(Section):
    """The penalty on body parts that leave their prior places, for 3DLocal; weight 0 leaves it out."""

    weight: NonNegativeFloat = 0.0
    """Weight of this loss in the sum; 0 leaves it out."""


class Losses(Section):
    """The losses; their weighted sum is minimised."""

    triplet: Triplet = Triplet()
    """The triplet loss."""
    cross_entropy: CrossEntropy = CrossEntropy()
    """The cross-entropy."""
    prior: Prior = Prior()
    """The penalty on body parts that leave their prior places."""

    @pydantic.model_validator(mode="after")
    def _check(self):
        if self.triplet.weight == 0 and self.cross_entropy.weight == 0:
            raise ValueError(
                "triplet and cross_entropy both have weight 0, so nothing would be learned; give one of them a weight"
            )
        return self


class Rates(Section):
    """Shares of the learning rate by group of weights: 1 is the whole rate, 0 freezes the group (docs/training.md)."""

    global_path: NonNegativeFloat = 1.0
    """The convolutions of the blocks that see the whole body; in systems without local paths all convolutions."""
    local_paths: NonNegativeFloat = 1.0
    """The convolutions of the local paths, and the fusions of the blocks."""
    localization: NonNegativeFloat = 1.0
    """The localization networks."""
    head: NonNegativeFloat = 1.0
    """All after the blocks: micro-motion pooling, linear maps of the strips, compact block and classifier."""

    @pydantic.model_validator(mode="after")
    def _check(self):
        if not any(self.model_dump().values()):
            raise ValueError("all rates are 0, so nothing would be learned; give one of them a share")
        return self


class Optimizer(Section):
    """Adam or SGD; other arguments have Keras' defaults."""

    name: Literal["adam", "sgd"] = "adam"
    """Adam or stochastic gradient descent."""
    epsilon: PositiveFloat = 1e-7
    """Epsilon of Adam; PyTorch's default is 1e-8."""
    momentum: Share = 0.9
    """Momentum of SGD."""
    weight_decay: NonNegativeFloat = 0.0
    """Share of each weight that is added to its gradient, as PyTorch does."""
    rates: Rates = Rates()
    """Shares of the learning rate by group of weights."""


class Schedule(Section):
    """The learning rate by step; see `tf3dlocal.training.make_schedule`."""

    name: Literal["constant", "piecewise", "warmup_cosine"] = "constant"
    """`constant`; `piecewise`: multiplied by `factor` at each of `milestones`; `warmup_cosine`: a linear rise, then
    half a cosine.
    """
    learning_rate: PositiveFloat = 1e-4
    """Highest learning rate."""
    milestones: list[PositiveInt] = []
    """Of `piecewise`: steps at which the rate is multiplied by `factor`."""
    factor: PositiveFloat = 0.1
    """Of `piecewise`: what the rate is multiplied by."""
    warmup_steps: NonNegativeInt = 0
    """Of `warmup_cosine`: steps of linear rise from 0."""
    final_share: Share = 0.0
    """Of `warmup_cosine`: share of the rate at the last step."""

    @pydantic.model_validator(mode="after")
    def _check(self):
        if (self.name == "piecewise") != bool(self.milestones):
            raise ValueError("milestones belong to the schedule piecewise, which needs at least one")
        if self.warmup_steps and self.name != "warmup_cosine":
            raise ValueError(f"warmup_steps belongs to the schedule warmup_cosine, and name is {self.name!r}")
        if sorted(set(self.milestones)) != self.milestones:
            raise ValueError(f"milestones must rise, and they are {self.milestones}")
        return self


class Training(Section):
    """Length, precision, devices, and what is kept. All intervals are in steps; 0 means never."""

    steps: PositiveInt
    """Number of training steps; it has no default."""
    start_from: Name | None = None
    """Run folder or `.keras` file whose weights are taken over before the first step."""
    seed: Annotated[int, Field(ge=0, le=2**32 - 1)] = 0
    """Seed of the batches, the initial weights and dropout."""
    precision: Literal["auto", "float32", "mixed_float16", "mixed_bfloat16"] = "float32"
    """Numbers in which maps are computed; weights stay float32. `auto`: `mixed_bfloat16` where the processor or the
    GPU computes it fast, else `float32`; the run folder's config names the one chosen.
    """
    strategy: Literal["auto", "none", "mirrored", "multi_worker", "tpu"] = "auto"
    """Devices; `auto` uses what is there (docs/distributed.md)."""
    jit_compile: bool | Literal["auto"] = "auto"
    """XLA, which compiles the step once for the clip length; `auto`: on one GPU, not on a CPU or several devices.
    Evaluation, whose walks have many lengths, is never compiled.
    """
    deterministic: bool = False
    """On accelerators: operations that give the same sums in each run; slower. A CPU repeats its sums anyway."""
    accumulation_steps: PositiveInt = 1
    """Slices of a batch that are computed one after the other to save memory."""
    recompute: bool = False
    """Compute maps again for the gradient to save memory; `accumulation_steps` above 1 do so too."""
    report_every: PositiveInt = 100
    """Steps between two reports in the log."""
    checkpoint_every: PositiveInt = 1000
    """Steps between two checkpoints."""
    keep_checkpoints: PositiveInt = 2
    """Number of checkpoints to keep."""
    snapshots: Annotated[int, Field(ge=0, le=1000)] = 4
    """Number of models of a training with local paths to keep for supplement Fig. 3: one early, the others evenly
    spaced to the last step. A model without local paths keeps none.
    """
    evaluate_every: NonNegativeInt = 0
    """Steps between two measurements of rank-1 on the held-out subjects; the first is before step 1. 0: none."""
    held_out_subjects: NonNegativeInt = 0
    """Number of training subjects, the last ones, that do not train; rank-1 is measured on them."""
    held_out_views: Annotated[list[int], Field(min_length=1)] | None = None
    """Views in degrees of the held-out walks; `null`: all."""
    keep_model: Literal["last", "best"] = "last"
    """Which model becomes `model.keras`: the last, or the best by the rank-1 of `evaluate_every`."""
    stop_above: PositiveFloat | None = None
    """Stop at a loss above this; a loss that is not finite always stops."""

    @pydantic.field_validator("jit_compile", mode="before")
    @classmethod
    def _numbers_are_no_choice(cls, value):
        return repr(value) if type(value) in (int, float) else value  # 1 == True

    @pydantic.model_validator(mode="after")
    def _check(self):
        if self.evaluate_every and not self.held_out_subjects:
            raise ValueError(
                "evaluate_every needs held_out_subjects, at least 2, because the test subjects are never read in "
                "training"
            )
        if self.keep_model == "best" and not self.evaluate_every:
            raise ValueError("keep_model: best needs evaluate_every, because the best is found by its rank-1")
        if self.held_out_subjects == 1:
            raise ValueError("held_out_subjects must be 0 or at least 2, because a single subject is always identified")
        return self
