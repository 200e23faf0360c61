"""From prepared walks to the batches of `model.fit`: one tf.data chain."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from tf3dlocal.data.pk_sampling import plan_batch
from tf3dlocal.data.records.walk_dataset import WalkDataset
from tf3dlocal.data.records.walk_records import parse_record
from tf3dlocal.data.silhouettes import cut_sides
from tf3dlocal.io import named_arguments

PREFETCHED_BATCHES = 2  # a batch of 128 clips is 43 MB


@named_arguments
def training_batches(
    walks: WalkDataset,
    *,
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
    """Return batches of P subjects with K clips each, for `model.fit`.

    The clips in the batch of step s depend on (seed, s) alone (see `plan_batch`). So `first_step=s` resumes a training
    exactly where it stopped.

    Under a `tf.distribute` strategy give the whole batch, P * K: the strategy splits it in order. Where several
    processes train one model, give each its `part`, or each reads all walks.

    Args:
        walks: The training walks of a prepared data set. The class of a subject is its position among the sorted
            subjects of these walks.
        subjects_per_batch: P.
        walks_per_subject: K.
        clip_length: See `draw_clip`.
        window: See `draw_clip`.
        order: See `draw_clip`.
        flip_probability: See `plan_batch`.
        seed: See `plan_batch`.
        first_step: The step of the first batch.
        num_steps: Number of batches. None never ends.
        outputs: Names of the model's outputs that have a loss. Each gets the same labels.
        replacement: See `plan_batch`.
        num_parallel_calls: Walks decoded at the same time.
        part: (index, num_parts): only this one of num_parts equal parts of each batch, in order. No other walks are
            read.

    Returns:
        tf.data.Dataset of (silhouettes float32 [P * K / num_parts, clip_length, height, width, 1] in 0 .. 1,
        {output: class int32 [P * K / num_parts]}), subject-major, with static shapes. 64 x 64 walks have height 64
        and width 44.

    Raises:
        ValueError: P is larger than the number of subjects, P * K is not divisible into the parts, or a setting is
            out of its range. Raised at once, not in training.

    Example:
        >>> batches = training_batches(walks, subjects_per_batch=4, walks_per_subject=8, outputs=("features", "logits"))
        >>> silhouettes, labels = next(iter(batches))
        >>> silhouettes.shape, sorted(labels)
        (TensorShape([32, 30, 64, 44, 1]), ['features', 'logits'])
    """
    settings = {"subjects_per_batch": subjects_per_batch, "walks_per_subject": walks_per_subject, "seed": seed}
    settings |= {"clip_length": clip_length, "window": tuple(window), "order": order}
    settings |= {"flip_probability": flip_probability, "replacement": replacement}
    rows = _rows_of_part(subjects_per_batch * walks_per_subject, *part)
    outputs = [outputs] if isinstance(outputs, str) else list(outputs)
    if num_steps is not None and num_steps < 0:
        raise ValueError(f"num_steps must be None or at least 0, got {num_steps!r}.")
    plan_batch(walks, step=first_step, **settings)  # raises now what it would raise in training

    def labelled(silhouettes: tf.Tensor, label: tf.Tensor):
        silhouettes = tf.cast(silhouettes, tf.float32)[..., tf.newaxis] / 255.0
        return silhouettes, {output: label for output in outputs}

    last_step = np.iinfo(np.int64).max if num_steps is None else first_step + num_steps
    batches = tf.data.Dataset.range(first_step, last_step)
    batches = batches.map(_planned_rows(walks, rows, settings), num_parallel_calls=2, deterministic=True)
    batches = batches.unbatch()
    batches = batches.map(_read_clip(walks, clip_length), num_parallel_calls=num_parallel_calls, deterministic=True)
    batches = batches.batch(rows.stop - rows.start, drop_remainder=True)
    batches = batches.map(labelled, num_parallel_calls=1)
    cardinality = tf.data.INFINITE_CARDINALITY if num_steps is None else num_steps
    batches = batches.apply(tf.data.experimental.assert_cardinality(cardinality))
    return batches.with_options(_options()).prefetch(PREFETCHED_BATCHES)


def _rows_of_part(batch_size: int, index: int, num_parts: int) -> slice:
    """Return the rows of a batch in one of its equal parts."""
    if not 0 <= index < num_parts or batch_size % num_parts:
        raise ValueError(
            f"part must be (i, n) with an n of at least 1 that divides the batch of {batch_size} clips and an i in "
            f"0 .. n - 1, got ({index}, {num_parts})."
        )
    size = batch_size // num_parts
    return slice(index * size, (index + 1) * size)


def _planned_rows(walks: WalkDataset, rows: slice, settings: dict):
    """Return a function of a step: records, frames, flips and classes of these rows of the batch."""
    batch_size = rows.stop - rows.start

    def plan_and_read(step: np.ndarray):
        plan = plan_batch(walks, step=int(step), **settings)
        records = np.empty(batch_size, object)
        records[:] = [walks.read_record(i) for i in plan.walks[rows].tolist()]
        return records, plan.frames[rows], plan.flips[rows], plan.classes[rows]

    def planned(step: tf.Tensor):
        types = (tf.string, tf.int32, tf.bool, tf.int32)
        columns = tf.numpy_function(plan_and_read, [step], types, stateful=False)
        for column, shape in zip(columns, ([], [settings["clip_length"]], [], []), strict=True):
            column.set_shape([batch_size, *shape])
        return tuple(columns)

    return planned


def _read_clip(walks: WalkDataset, clip_length: int):
    """Return a function of a record: the frames of its clip, cut and mirrored, and the label."""

    def clip(record: tf.Tensor, frames: tf.Tensor, flip: tf.Tensor, label: tf.Tensor):
        silhouettes = tf.gather(parse_record(record)["silhouettes"], frames)  # [clip_length, size, size]
        silhouettes = tf.ensure_shape(silhouettes, [clip_length, walks.size, walks.size])
        silhouettes = cut_sides(silhouettes)  # [clip_length, size, width]
        # All frames or none are mirrored, as if the person walked in the other direction.
        return tf.where(flip, tf.reverse(silhouettes, axis=[-1]), silhouettes), label

    return clip


def _options() -> tf.data.Options:
    """Return options for the same batches in the same order, on one machine and on several."""
    options = tf.data.Options()
    options.deterministic = True
    # For callers who give the batches to a strategy of several processes: there is no list of files to share, so each
    # process reads all batches and keeps its share. This project's training gives each its `part` instead.
    options.experimental_distribute.auto_shard_policy = tf.data.experimental.AutoShardPolicy.DATA
    return options
