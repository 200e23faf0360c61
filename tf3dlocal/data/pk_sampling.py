"""P x K batches: P subjects, K walks of each, a clip of every walk; drawn from a seed and a step number only."""

import dataclasses

import numpy as np

from tf3dlocal.data.clips import check_clip, draw_clip
from tf3dlocal.data.walk_dataset import WalkDataset

REPLACEMENTS = ("if_short", "always")


@dataclasses.dataclass(frozen=True, eq=False)
class BatchPlan:
    """What one batch of P * K clips is made of, subject-major: the K walks of the first subject come first.

    `walks` int64 [P * K] numbers of walks; `frames` int32 [P * K, clip_length] positions in each walk; `flips` bool
    [P * K]; `classes` int32 [P * K], the position of the subject in the sorted list of the set's subjects.
    """

    walks: np.ndarray
    frames: np.ndarray
    flips: np.ndarray
    classes: np.ndarray


def plan_batch(
    walks: WalkDataset,
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
    """Everything random about training step `step`: subjects, walks, clips and flips.

    A pure function of its arguments, so that a training resumed at a step sees what it would have seen.

    Args:
        walks: the training walks.
        seed, step: 0 or greater; another seed or another step is another, independent draw.
        subjects_per_batch: P, drawn without replacement.
        walks_per_subject: K, drawn without replacement from the subject's walks (all views and conditions together);
            with replacement for a subject that has fewer than K, where each draw gets a clip and a flip of its own.
        clip_length, window, order: see `draw_clip`.
        flip_probability: of mirroring a clip, left to right, as a whole.
        replacement: "if_short" as just said, or "always" with replacement, as the authors' release draws.

    Raises:
        ValueError: P larger than the number of subjects, or a setting out of its range.

    >>> plan = plan_batch(walks, seed=0, step=7, subjects_per_batch=4, walks_per_subject=16)
    >>> plan.frames.shape
    (64, 30)
    """
    _check(walks, seed, step, subjects_per_batch, walks_per_subject, flip_probability, replacement)
    check_clip(clip_length, window, order)
    rng = np.random.default_rng([seed, step])
    subjects = rng.choice(len(walks.walks_of_class), subjects_per_batch, replace=False)
    chosen = []
    for subject in subjects:
        candidates = walks.walks_of_class[subject]
        again = replacement == "always" or len(candidates) < walks_per_subject
        chosen.append(rng.choice(candidates, walks_per_subject, replace=again))
    chosen = np.concatenate(chosen)  # [P * K]
    flips = rng.random(len(chosen)) < flip_probability
    frames = [draw_clip(rng, n, clip_length, window, order) for n in walks.num_frames[chosen].tolist()]
    return BatchPlan(chosen, np.stack(frames), flips, walks.class_indices[chosen])


def _check(walks, seed, step, subjects_per_batch, walks_per_subject, flip_probability, replacement):
    """Raise ValueError that names the setting at fault."""
    num_subjects = len(walks.subject_names)
    if subjects_per_batch > num_subjects:
        raise ValueError(
            f"subjects_per_batch is {subjects_per_batch}, but the {len(walks)} walks chosen from {walks.name!r} are of "
            f"{num_subjects} subjects: ask for at most {num_subjects}, or choose more subjects"
        )
    settings = {"seed": (seed, 0), "step": (step, 0)}
    settings |= {"subjects_per_batch": (subjects_per_batch, 1), "walks_per_subject": (walks_per_subject, 1)}
    for name, (value, least) in settings.items():
        if value < least:
            raise ValueError(f"{name} must be at least {least}, and is {value}")
    if not 0 <= flip_probability <= 1:
        raise ValueError(f"flip_probability must lie in 0 .. 1, and is {flip_probability}")
    if replacement not in REPLACEMENTS:
        raise ValueError(f"replacement is one of {', '.join(REPLACEMENTS)}; got {replacement!r}")
