"""From prepared walks to what `model.fit` and the evaluation read: two tf.data chains."""

from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from tf3dlocal.data.augmentation import flip_clip
from tf3dlocal.data.clips import cut_sides
from tf3dlocal.data.pk_sampling import plan_batch
from tf3dlocal.data.tfrecords import parse_walk
from tf3dlocal.data.walk_dataset import WalkDataset

PREFETCHED_BATCHES = 2  # a batch of 128 clips is 43 MB


def training_batches(
    walks: WalkDataset,
    subjects_per_batch: int,
    walks_per_subject: int,
    clip_length: int = 30,
    window: tuple[int, int] = (30, 40),
    order: str = "ordered",
    flip_probability: float = 0.5,
    seed: int = 0,
    first_step: int = 0,
    num_steps: int | None = None,
    outputs: str | Sequence[str] = ("part_features",),
    replacement: str = "if_short",
    num_parallel_calls: int = tf.data.AUTOTUNE,
    part: tuple[int, int] = (0, 1),
) -> tf.data.Dataset:
    """Batches of P subjects with K clips each, for `model.fit`.

    Which clips make the batch of step s depends on (seed, s) alone: see `plan_batch`, also for the arguments that are
    not described here. So `first_step=s` continues a training exactly where it stopped.

    Under a `tf.distribute` strategy give the whole batch, P * K: the strategy splits it in order. Where several processes
    train one model, give each its `part`, or each reads all walks.

    Args:
        walks: the training walks of a prepared data set; the class of a subject is its position among the sorted
            subjects of these walks.
        subjects_per_batch, walks_per_subject: P and K.
        clip_length, window, order: see `draw_clip`.
        first_step: the step that the first batch belongs to.
        num_steps: how many batches to give; None never ends.
        outputs: names of the model's outputs that a loss is computed on; each gets the same labels.
        num_parallel_calls: walks decoded at the same time.
        part: (index, num_parts): only this one of num_parts equal parts of each batch, in order; other walks are not read.

    Returns:
        tf.data.Dataset of (silhouettes float32 [P * K / num_parts, clip_length, height, width, 1] in 0 .. 1,
        {output: class int32 [P * K / num_parts]}), subject-major, with static shapes. 64 x 64 walks give height 64, width 44.

    Raises:
        ValueError: P larger than the number of subjects, P * K not divisible into the parts, or a setting out of its
            range; at once, not in training.

    >>> batches = training_batches(walks, 4, 8, outputs=("part_features", "logits"))
    >>> silhouettes, labels = next(iter(batches))
    >>> silhouettes.shape, sorted(labels)
    (TensorShape([32, 30, 64, 44, 1]), ['logits', 'part_features'])
    """
    settings = {"clip_length": clip_length, "window": tuple(window), "order": order}
    settings |= {"flip_probability": flip_probability, "replacement": replacement}
    mine = _rows_of_part(subjects_per_batch * walks_per_subject, *part)
    batch_size = mine.stop - mine.start
    outputs = [outputs] if isinstance(outputs, str) else list(outputs)
    if num_steps is not None and num_steps < 0:
        raise ValueError(f"num_steps must be None or at least 0, and is {num_steps}")
    plan_batch(walks, seed, first_step, subjects_per_batch, walks_per_subject, **settings)  # complain at once

    def plan_and_read(step):
        plan = plan_batch(walks, seed, int(step), subjects_per_batch, walks_per_subject, **settings)
        return _records(walks, plan.walks[mine]), plan.frames[mine], plan.flips[mine], plan.classes[mine]

    def planned(step):
        types = (tf.string, tf.int32, tf.bool, tf.int32)
        columns = tf.numpy_function(plan_and_read, [step], types, stateful=False)
        for column, shape in zip(columns, ([], [clip_length], [], []), strict=True):
            column.set_shape([batch_size, *shape])
        return tuple(columns)

    def clip(record, frames, flip, label):
        silhouettes = tf.gather(parse_walk(record)["silhouettes"], frames)  # [clip_length, size, size]
        silhouettes = tf.ensure_shape(silhouettes, [clip_length, walks.size, walks.size])
        return flip_clip(cut_sides(silhouettes), flip), label

    def labelled(silhouettes, label):
        return _network_input(silhouettes), {output: label for output in outputs}

    last_step = np.iinfo(np.int64).max if num_steps is None else first_step + num_steps
    batches = tf.data.Dataset.range(first_step, last_step)
    batches = batches.map(planned, num_parallel_calls=2, deterministic=True)
    batches = batches.unbatch()
    batches = batches.map(clip, num_parallel_calls=num_parallel_calls, deterministic=True)
    batches = batches.batch(batch_size, drop_remainder=True)
    batches = batches.map(labelled, num_parallel_calls=1)
    cardinality = tf.data.INFINITE_CARDINALITY if num_steps is None else num_steps
    batches = batches.apply(tf.data.experimental.assert_cardinality(cardinality))
    return batches.with_options(_options()).prefetch(PREFETCHED_BATCHES)


def whole_walks(walks: WalkDataset, batch_size: int = 1, num_parallel_calls: int = tf.data.AUTOTUNE) -> tf.data.Dataset:
    """Every walk once, with all its frames, for testing; only walks of equal length share a batch.

    So nothing is padded and a batched embedding equals the one of the walk alone. Longest walks first: what does not
    fit into memory fails at once.

    Args:
        walks: a prepared data set or a choice of it.
        batch_size: at most this many walks in a batch.
        num_parallel_calls: batches decoded at the same time.

    Returns:
        tf.data.Dataset of (silhouettes float32 [batch, frames, height, width, 1] in 0 .. 1, walks int64 [batch]: the
        numbers of the walks), of known cardinality.

    Raises:
        ValueError: batch_size below 1.

    >>> mean_shapes = np.zeros([len(walks), 64, 44])
    >>> for silhouettes, numbers in whole_walks(walks, batch_size=8):
    ...     mean_shapes[numbers] = tf.reduce_mean(silhouettes, axis=1)[..., 0]
    """
    if batch_size < 1:
        raise ValueError(f"batch_size must be at least 1, and is {batch_size}")
    order = np.argsort(-walks.num_frames, kind="stable")
    equal_lengths = np.split(order, np.flatnonzero(np.diff(walks.num_frames[order])) + 1) if len(order) else []
    groups = [same[i : i + batch_size] for same in equal_lengths for i in range(0, len(same), batch_size)]

    def read(group):
        return _records(walks, groups[group]), groups[group]

    def decoded(group):
        records, numbers = tf.numpy_function(read, [group], (tf.string, tf.int64), stateful=False)
        records.set_shape([None])
        numbers.set_shape([None])
        silhouettes = tf.map_fn(
            lambda record: parse_walk(record)["silhouettes"],
            records,
            fn_output_signature=tf.TensorSpec([None, None, None], tf.uint8),
        )  # [batch, frames, size, size]
        silhouettes = tf.ensure_shape(silhouettes, [None, None, walks.size, walks.size])
        return _network_input(cut_sides(silhouettes)), numbers

    batches = tf.data.Dataset.range(len(groups))
    batches = batches.map(decoded, num_parallel_calls=num_parallel_calls, deterministic=True)
    return batches.with_options(_options()).prefetch(PREFETCHED_BATCHES)


def _rows_of_part(batch_size, index, num_parts):
    """The rows of a batch that make one of its equal parts, as a slice."""
    if not 0 <= index < num_parts or batch_size % num_parts:
        raise ValueError(
            f"part is ({index}, {num_parts}) of a batch of {batch_size} clips: (i, n) takes an n of at least 1 that divides "
            "the batch, and an i in 0 .. n - 1"
        )
    size = batch_size // num_parts
    return slice(index * size, (index + 1) * size)


def _records(walks, numbers):
    """The records of these walks, as an array of bytes objects."""
    records = np.empty(len(numbers), object)
    records[:] = [walks.read_record(i) for i in numbers.tolist()]
    return records


def _network_input(silhouettes):
    """uint8 [..., height, width] -> float32 [..., height, width, 1] in 0 .. 1."""
    return tf.cast(silhouettes, tf.float32)[..., tf.newaxis] / 255.0


def _options():
    """The same batches in the same order, on one machine and on several."""
    options = tf.data.Options()
    options.deterministic = True
    # For whoever hands the batches to a strategy of several processes: there is no list of files that could be dealt out, so
    # each would go through all and keep its share. Our own training asks for `part`, see `training.workers.Workers.share`.
    options.experimental_distribute.auto_shard_policy = tf.data.experimental.AutoShardPolicy.DATA
    return options
