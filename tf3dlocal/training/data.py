"""What a training reads of a data set: its walks and its batches."""

import dataclasses

import tensorflow as tf

from tf3dlocal.config import ConfigError, Experiment
from tf3dlocal.data import WalkDataset, data_fingerprint, open_walks, training_batches
from tf3dlocal.evaluation import load_protocol
from tf3dlocal.io.types import PathLike
from tf3dlocal.training.held_out import check_measurable


@dataclasses.dataclass(frozen=True)
class TrainingWalks:
    """The walks of a training.

    Fields:
        train: those that train.
        held_out: those of the held-out training subjects; None if there are none.
        data_set: name, numbers and fingerprint of the whole data set, for the run folder.
    """

    train: WalkDataset
    held_out: WalkDataset | None
    data_set: dict


def load_walks(config: Experiment, *, folder: PathLike | None = None) -> TrainingWalks:
    """Open the data set of a training, and choose the walks that train.

    Args:
        config: of the training.
        folder: prepared data set, instead of the config's.

    Raises:
        ConfigError: there is no data set, or it does not fit the config.
    """
    if not (folder or config.data.folder):
        raise ConfigError("There is no data set: set data.folder in the config, or give --data.")
    walks = open_walks(folder or config.data.folder)
    train, held_out = choose_walks(walks, config=config)
    numbers = {"num_walks": len(walks), "num_subjects": len(walks.subject_names)}
    return TrainingWalks(train, held_out, {"name": walks.name, **numbers, "fingerprint": data_fingerprint(walks)})


def choose_walks(walks: WalkDataset, *, config: Experiment) -> tuple[WalkDataset, WalkDataset | None]:
    """Return the training walks, and those of the held-out training subjects (None if there are none).

    The protocol's training subjects train; its test subjects are not read. The last `held_out_subjects` of the training
    subjects, in the order of their names, do not train: rank-1 is measured on them.

    Raises:
        ConfigError: fewer subjects are left than a batch needs, or nothing can be measured on those held out.
    """
    protocol = load_protocol(config.data.protocol, exclude=config.data.exclude_subjects)
    subjects = sorted(protocol.split(walks.subjects).train)
    num_held_out = config.training.held_out_subjects
    num_training = len(subjects) - num_held_out
    if num_training < config.data.subjects_per_batch:
        raise ConfigError(
            f"The protocol {config.data.protocol} trains {len(subjects)} subjects of {walks.name!r}, of which "
            f"training.held_out_subjects holds out {num_held_out}, and data.subjects_per_batch is "
            f"{config.data.subjects_per_batch}. Lower one of the two, or prepare more subjects."
        )
    train = walks.select(subjects=subjects[:num_training], min_frames=config.data.min_frames)
    held_out = walks.select(subjects=subjects[num_training:]) if num_held_out else None
    if config.training.evaluate_every:
        check_measurable(held_out, config)
    return train, held_out


def check_batch(config: Experiment, *, num_replicas: int) -> None:
    """Make sure that a batch divides among the replicas, and the share of a replica into its slices.

    Raises:
        ConfigError: it does not; the message has the numbers that do.
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
        walks: the training walks.
        config: of the training.
        first_step: number of steps that are done.
        outputs: names of the model's outputs.
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
    return config.data.model_dump(exclude={"folder", "protocol", "exclude_subjects", "min_frames"})
