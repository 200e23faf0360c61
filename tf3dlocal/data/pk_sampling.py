"""P x K batches: P subjects, K walks of each, a clip of every walk, drawn from a seed and a step number only."""

from __future__ import annotations

import dataclasses

import numpy as np

from tf3dlocal.data.clips import check_clip, draw_clip
from tf3dlocal.data.records.walk_dataset import WalkDataset
from tf3dlocal.io import named_arguments

REPLACEMENTS = ("if_short", "always")


@dataclasses.dataclass(frozen=True, eq=False, kw_only=True)
class BatchPlan:
    """What one batch of P * K clips consists of, subject-major: the K walks of the first subject come first.

    Attributes:
        walks: int64 [P * K], numbers of walks.
        frames: int32 [P * K, clip_length], positions in each walk.
        flips: bool [P * K], whether the clip is mirrored.
        classes: int32 [P * K], position of the subject in the sorted list of the set's subjects.
    """

    walks: np.ndarray
    frames: np.ndarray
    flips: np.ndarray
    classes: np.ndarray


@named_arguments
def plan_batch(
    walks: WalkDataset,
    *,
    seed: int,
    step: int,
    subjects_per_batch: int,
    walks_per_subject: int,
    clip_length: int = 30,
    window: tuple[int, int] = (30, 40),
    order: str = "ordered",
    flip_probability: float = 0.5,
    replacement: str = "if_short",
) -> BatchPlan:
    """Draw everything random about training step `step`: subjects, walks, clips and flips.

    A pure function of its arguments, so that a training resumed at a step sees what it would have seen.

    Args:
        walks: The training walks.
        seed: 0 or greater. Another seed is another, independent draw.
        step: 0 or greater. Another step is another, independent draw.
        subjects_per_batch: P, drawn without replacement.
        walks_per_subject: K, drawn without replacement from the subject's walks (all views and conditions together).
            With replacement for a subject that has fewer than K. Each draw has a separate clip and flip.
        clip_length: See `draw_clip`.
        window: See `draw_clip`.
        order: See `draw_clip`.
        flip_probability: Probability of mirroring a whole clip, left to right.
        replacement: "if_short" as above, or "always" with replacement, as the authors' release draws.

    Raises:
        ValueError: P is larger than the number of subjects, or a setting is out of its range.

    Example:
        >>> plan = plan_batch(walks, seed=0, step=7, subjects_per_batch=4, walks_per_subject=16)
        >>> plan.frames.shape
        (64, 30)
    """
    minimums = {"seed": (seed, 0), "step": (step, 0)}
    minimums |= {"subjects_per_batch": (subjects_per_batch, 1), "walks_per_subject": (walks_per_subject, 1)}
    _check_settings(minimums, flip_probability=flip_probability, replacement=replacement)
    check_clip(clip_length, window=window, order=order)
    _check_subjects(walks, subjects_per_batch)
    rng = np.random.default_rng([seed, step])
    subjects = rng.choice(len(walks.walks_of_class), subjects_per_batch, replace=False)
    chosen = []
    for subject in subjects:
        candidates = walks.walks_of_class[subject]
        again = replacement == "always" or len(candidates) < walks_per_subject
        chosen.append(rng.choice(candidates, walks_per_subject, replace=again))
    chosen = np.concatenate(chosen)  # [P * K]
    flips = rng.random(len(chosen)) < flip_probability
    clip = {"clip_length": clip_length, "window": window, "order": order}
    frames = np.stack([draw_clip(rng, num_frames=n, **clip) for n in walks.num_frames[chosen].tolist()])
    return BatchPlan(walks=chosen, frames=frames, flips=flips, classes=walks.class_indices[chosen])


def _check_subjects(walks: WalkDataset, subjects_per_batch: int) -> None:
    num_subjects = len(walks.subject_names)
    removed = "; ".join(f"{count} walks {rule}" for rule, count in walks.left_out.items())
    removed = f" Left out: {removed}." if removed else ""
    if not len(walks):
        raise ValueError(f"There is no walk of {walks.name!r} to draw a batch from.{removed} Select more walks.")
    if subjects_per_batch > num_subjects:
        raise ValueError(
            f"subjects_per_batch is {subjects_per_batch!r}, but the {len(walks)} walks selected from {walks.name!r} "
            f"are of {num_subjects} subjects.{removed} Set it to at most {num_subjects}, or select more subjects."
        )


def _check_settings(minimums: dict[str, tuple[int, int]], *, flip_probability: float, replacement: str) -> None:
    """Raise ValueError that names the setting at fault."""
    for name, (value, least) in minimums.items():
        if not isinstance(value, int | np.integer) or isinstance(value, bool):
            raise ValueError(f"{name} must be a whole number, got {value!r}.")
        if value < least:
            raise ValueError(f"{name} must be at least {least}, got {value!r}.")
    if not isinstance(flip_probability, int | float) or not 0 <= flip_probability <= 1:
        raise ValueError(f"flip_probability must be in 0 .. 1, got {flip_probability!r}.")
    if replacement not in REPLACEMENTS:
        raise ValueError(f"replacement must be one of {', '.join(REPLACEMENTS)}, got {replacement!r}.")
