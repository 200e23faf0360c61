"""What a training reads of a data set: its walks and its batches."""

import dataclasses

import tensorflow as tf

from tf3dlocal.config import ConfigError, Experiment
from tf3dlocal.data import WalkDataset, data_fingerprint, open_walks, training_batches
from tf3dlocal.evaluation import load_protocol
from tf3dlocal.io import check_names
from tf3dlocal.io.types import PathLike
from tf3dlocal.training.held_out import check_measurable, check_views
from tf3dlocal.training.walk_counts import check_can_train, some, walk_counts


@dataclasses.dataclass(frozen=True)
class TrainingWalks:
    """The walks of a training.

    Attributes:
        train: Those that train.
        held_out: Those of the held-out training subjects; None if there are none.
        data_set: Name, numbers and fingerprint of the whole data set, for the run folder.
        counts: Sentences on what trains, what does not, and what is repeated.
    """

    train: WalkDataset
    held_out: WalkDataset | None
    data_set: dict
    counts: tuple[str, ...] = ()


def load_walks(config: Experiment, *, folder: PathLike | None = None) -> TrainingWalks:
    """Open the data set of a training, and choose the walks that train.

    Args:
        config: Of the training.
        folder: Prepared data set, instead of the config's.

    Raises:
        ConfigError: There is no data set, or it does not fit the config.
    """
    if not (folder or config.data.folder):
        raise ConfigError("There is no data set: set data.folder in the config, or give --data.")
    walks = open_walks(folder or config.data.folder)
    if config.data.size not in (None, walks.size):
        raise ConfigError(
            f"data.size is {config.data.size}, and the silhouettes of {walks.name!r} in "
            f"{folder or config.data.folder} have {walks.size} rows. Prepare them at that size "
            f"(tf3dlocal prepare --size {config.data.size}), or set data.size to {walks.size} or null."
        )
    train, held_out = choose_walks(walks, config=config)
    numbers = {"num_walks": len(walks), "num_subjects": len(walks.subject_names)}
    before = walks.select(subjects=_training_subjects(walks, config)[0])
    return TrainingWalks(
        train,
        held_out,
        data_set={"name": walks.name, **numbers, "fingerprint": data_fingerprint(walks)},
        counts=walk_counts(walks, train=train, before=before, held_out=held_out, config=config),
    )


def choose_walks(walks: WalkDataset, *, config: Experiment) -> tuple[WalkDataset, WalkDataset | None]:
    """Return the training walks, and those of the held-out training subjects (None if there are none).

    The protocol's training subjects train; its test subjects are not read. The last `held_out_subjects` of the training
    subjects, in the order of their names, do not train: rank-1 is measured on them.

    Raises:
        ConfigError: Fewer subjects are left than a batch needs, no subject has two walks, a name is in no walk, or
            nothing can be measured on the held-out subjects.
    """
    subjects, held_out_subjects = _training_subjects(walks, config)
    before = walks.select(subjects=subjects)
    train = before.select(min_frames=config.data.min_frames)
    check_can_train(train, before=before, config=config)
    held_out = walks.select(subjects=held_out_subjects) if held_out_subjects else None
    check_views(walks if held_out is None else held_out, config)
    if config.training.evaluate_every:
        check_measurable(held_out, config)
    return train, held_out


def _training_subjects(walks: WalkDataset, config: Experiment) -> tuple[list[str], list[str]]:
    """The subjects that train, and the held-out ones."""
    try:
        known = walks.subject_names
        check_names(config.data.exclude_subjects, known=known, what="subject", where="data.exclude_subjects")
    except ValueError as error:
        raise ConfigError(str(error)) from None
    protocol = load_protocol(config.data.protocol, exclude=config.data.exclude_subjects)
    try:
        subjects = sorted(protocol.split(walks.subjects).train)
    except ValueError as error:
        load_protocol(config.data.protocol).split(walks.subjects)  # raises if it is not the exclusion that is at fault
        excluded = sorted(set(config.data.exclude_subjects))
        raise ConfigError(
            f"data.exclude_subjects leaves out {len(excluded)} of the {len(known)} subjects ({some(excluded)}), and "
            f"without them the protocol cannot be used: {error}"
        ) from None
    num_training = len(subjects) - config.training.held_out_subjects
    if num_training < config.data.subjects_per_batch:
        before = load_protocol(config.data.protocol).split(walks.subjects).train
        raise ConfigError(_why_too_few(walks, config, before=sorted(before), after=subjects))
    return subjects[:num_training], subjects[num_training:]


def _why_too_few(walks, config, *, before, after):
    """Say which key removed whom; `before` and `after` are the training subjects without and with the exclusion."""
    num_held_out, excluded = config.training.held_out_subjects, sorted(set(before) - set(after))
    sentences = [
        f"The protocol {config.data.protocol} trains {len(before)} of the {len(walks.subject_names)} subjects of "
        f"{walks.name!r}"
    ]
    solutions = ["lower data.subjects_per_batch"]
    if excluded:
        sentences.append(f"data.exclude_subjects leaves out {len(excluded)} of them ({some(excluded)})")
        solutions.append("exclude fewer subjects")
    if num_held_out:
        sentences.append(f"training.held_out_subjects holds out {num_held_out}")
        solutions.append("lower training.held_out_subjects")
    left = max(len(after) - num_held_out, 0)
    return (
        f"{', '.join(sentences)}: {left} {'is' if left == 1 else 'are'} left to train, and data.subjects_per_batch is "
        f"{config.data.subjects_per_batch}. To train, {', '.join(solutions)}, or prepare more subjects."
    )


def check_batch(config: Experiment, *, num_replicas: int) -> None:
    """Make sure that a batch divides among the replicas, and the share of a replica into its slices.

    Raises:
        ConfigError: It does not; the message has the numbers that do.
    """
    batch = config.data.subjects_per_batch * config.data.walks_per_subject
    if batch % num_replicas:
        raise ConfigError(
            f"A batch of data.subjects_per_batch * data.walks_per_subject = {batch} clips does not divide among "
            f"{num_replicas} devices. Make it a multiple of {num_replicas}, or set training.strategy: none."
        )
    share, slices = batch // num_replicas, config.training.accumulation_steps
    if share % slices:
        numbers = ", ".join(str(number) for number in range(1, share + 1) if share % number == 0)
        raise ConfigError(
            f"training.accumulation_steps is {slices}, which does not divide the {share} clips of a batch that one "
            f"device computes. Make it one of {numbers}."
        )


def make_batches(
    walks: WalkDataset, *, config: Experiment, first_step: int, outputs: tuple[str, ...], part: tuple[int, int] = (0, 1)
) -> tf.data.Dataset:
    """Return the batches of the steps that are left, with the labels under every output, as Keras' metrics require.

    Args:
        walks: The training walks.
        config: Of the training.
        first_step: Number of steps that are done.
        outputs: Names of the model's outputs.
        part: (index, num_parts) of each batch, see `training_batches`.
    """
    return training_batches(
        walks,
        **batch_settings(config),
        seed=config.training.seed,
        first_step=first_step,
        num_steps=config.training.steps - first_step,
        outputs=outputs,
        part=part,
    )


def batch_settings(config: Experiment) -> dict:
    """Return the keys of the config that say how batches are drawn, as arguments of `training_batches`."""
    return config.data.model_dump(exclude={"folder", "size", "protocol", "exclude_subjects", "min_frames"})
