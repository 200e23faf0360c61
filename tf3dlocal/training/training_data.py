"""What of a data set a training reads: its walks and its batches."""

from tf3dlocal.config import ConfigError, Experiment
from tf3dlocal.data import training_batches
from tf3dlocal.evaluation import load_protocol
from tf3dlocal.training.held_out import check_measurable


def choose_walks(walks, config: Experiment):
    """The training walks, and those of the held-out training subjects (None if there are none).

    The protocol's training subjects train; its test subjects are not touched. The last `held_out_subjects` of the
    training subjects, in the order of their names, are kept out of the training to measure rank-1 on.

    Raises:
        ConfigError: fewer subjects are left than a batch has, or nothing can be measured on those kept out.
    """
    protocol = load_protocol(config.data.protocol, exclude=config.data.exclude_subjects)
    subjects = sorted(protocol.split(walks.subjects).train)
    num_held_out = config.training.held_out_subjects
    if len(subjects) - num_held_out < config.data.subjects_per_batch:
        raise ConfigError(
            f"the protocol {config.data.protocol} trains {len(subjects)} subjects of {walks.name!r}, of which "
            f"training.held_out_subjects keeps out {num_held_out}; data.subjects_per_batch is "
            f"{config.data.subjects_per_batch}: lower one of the two, or prepare more subjects"
        )
    kept = len(subjects) - num_held_out
    train = walks.select(subjects=subjects[:kept], min_frames=config.data.min_frames)
    held_out = walks.select(subjects=subjects[kept:]) if num_held_out else None
    if config.training.evaluate_every:
        check_measurable(held_out, config)
    return train, held_out


def check_batch(config: Experiment, num_replicas: int) -> None:
    """A batch must divide among the replicas, and a replica's share into the slices it is computed in."""
    batch = config.data.subjects_per_batch * config.data.walks_per_subject
    if batch % num_replicas:
        raise ConfigError(
            f"a batch of data.subjects_per_batch * data.walks_per_subject = {batch} clips does not divide among "
            f"{num_replicas} devices: make it a multiple of {num_replicas}, or set training.strategy: none"
        )
    share, slices = batch // num_replicas, config.training.accumulation_steps
    if share % slices:
        numbers = ", ".join(str(number) for number in range(1, share + 1) if share % number == 0)
        raise ConfigError(
            f"training.accumulation_steps is {slices}, which does not divide the {share} clips of a batch that one device "
            f"computes: make it one of {numbers}"
        )


def make_batches(train, config: Experiment, first_step: int, outputs, part: tuple[int, int] = (0, 1)):
    """The batches of the rest of the training, with the labels under every output: Keras' metrics ask for all of them.

    `part` is as in `training_batches`.
    """
    return training_batches(
        train,
        **batch_settings(config),
        seed=config.training.seed,
        first_step=first_step,
        num_steps=config.training.steps - first_step,
        outputs=outputs,
        part=part,
    )


def batch_settings(config: Experiment) -> dict:
    """What of the config says how batches are drawn."""
    return config.data.model_dump(exclude={"folder", "protocol", "exclude_subjects", "min_frames"})
