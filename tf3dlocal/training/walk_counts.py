"""What a training takes of a data set, in sentences: nothing is left out or repeated without a word."""

import numpy as np

from tf3dlocal.config import ConfigError, Experiment
from tf3dlocal.data import WalkDataset, silhouette_width


def walk_counts(
    walks: WalkDataset, *, train: WalkDataset, before: WalkDataset, held_out: WalkDataset | None, config: Experiment
) -> tuple[str, ...]:
    """Count what trains, what does not and by which rule, and what is repeated.

    Args:
        walks: The whole data set.
        train: Those that train.
        before: Those and the ones that data.min_frames removed.
        held_out: Those of the held-out training subjects; None if there are none.
        config: Of the training.

    Returns:
        Sentences.
    """
    data, num_held_out = config.data, len(held_out) if held_out is not None else 0
    shortest = int(before.num_frames.min())
    is_excluded = np.isin(walks.subjects, data.exclude_subjects)
    num_excluded, num_short = int(is_excluded.sum()), len(before) - len(train)
    rules = {
        f"of the excluded subjects {some(data.exclude_subjects)}": num_excluded,
        f"of the {config.training.held_out_subjects} held-out subjects, for rank-1": num_held_out,
        f"of subjects that the protocol {data.protocol} does not train": (
            len(walks) - num_excluded - num_held_out - len(before)
        ),
        f"shorter than data.min_frames = {data.min_frames} (the shortest has {shortest} frames)": num_short,
    }
    not_training = [f"{count:,} {rule}" for rule, count in rules.items() if count]
    sentences = [
        f"{len(train):,} of the {len(walks):,} walks of {walks.name!r} train, of {len(train.subject_names)} subjects, "
        f"with silhouettes of {walks.size} x {silhouette_width(walks.size)} pixels."
    ]
    if not_training:
        sentences.append(f"Walks that do not train: {'; '.join(not_training)}.")
    if lost := sorted(set(before.subject_names) - set(train.subject_names)):
        sentences.append(f"data.min_frames leaves no walk of {len(lost)} subjects: {some(lost)}.")
    return (*sentences, *_repetitions(train, data))


def check_can_train(train: WalkDataset, *, before: WalkDataset, config: Experiment) -> None:
    """Make sure that the walks that are left can fill a batch whose loss means something.

    Args:
        train: The walks that train.
        before: Those and the ones that data.min_frames removed.
        config: Of the training.

    Raises:
        ConfigError: Too few subjects have a walk that is long enough, or no subject has two walks.
    """
    data, num_subjects = config.data, len(train.subject_names)
    if num_subjects < data.subjects_per_batch:
        raise ConfigError(
            f"data.min_frames is {data.min_frames} and leaves {len(train)} of {len(before)} walks, of {num_subjects} "
            f"of {len(before.subject_names)} training subjects (the longest walk has {int(before.num_frames.max())} "
            f"frames), and data.subjects_per_batch is {data.subjects_per_batch}. Lower data.min_frames."
        )
    if config.losses.triplet.weight and len(train) == num_subjects:
        raise ConfigError(
            f"Each of the {num_subjects} training subjects of {train.name!r} has one walk, and a triplet needs two "
            "walks of one subject. Prepare more walks (or lower data.min_frames), or set losses.triplet.weight: 0 and "
            "give losses.cross_entropy.weight."
        )


def _repetitions(train, data) -> list[str]:
    """Sentences on short walks, and on subjects with few walks."""
    sentences = []
    if num_short := int((train.num_frames < data.clip_length).sum()):
        sentences.append(
            f"{num_short:,} of the walks that train are shorter than a clip of data.clip_length = {data.clip_length} "
            f"frames (the shortest has {int(train.num_frames.min())}): their frames are repeated."
        )
    counts = np.array([len(numbers) for numbers in train.walks_of_class])
    if num_few := int((counts < data.walks_per_subject).sum()):
        sentences.append(
            f"{num_few} of the {len(counts)} subjects that train have fewer walks than data.walks_per_subject = "
            f"{data.walks_per_subject} (the fewest: {counts.min()}): a batch holds several clips of one walk."
        )
    return sentences


def some(names: list[str], *, most: int = 5) -> str:
    """Return the first few names, and how many more there are.

    Example:
        >>> some(["001", "002", "003"], most=2)
        '001, 002 and 1 more'
    """
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
