"""A batch of a training, made again and written for inspection."""

import pathlib
from typing import Any

import numpy as np

from tf3dlocal.data import WalkDataset, plan_batch, training_batches
from tf3dlocal.io import write_file
from tf3dlocal.io.types import PathLike


def write_bad_batch(
    folder: PathLike, *, walks: WalkDataset, seed: int, step: int, facts: dict[str, float], **settings: Any
) -> pathlib.Path:
    """Write the batch of a step: it depends on seed and step alone, and so can be made again.

    Arrays of the file, one row per clip: `silhouettes` uint8 [batch, frames, height, width] as the network gets them;
    `walks`, such as "001/nm-01/090"; `subjects`, `conditions`, `view_degrees`; `records`, the shard file of each walk;
    `frames` [batch, frames], their positions in the walk; `flips`; `labels`, the classes. And numbers: `step` and
    `facts`.

    Args:
        folder: Of the file; made if absent.
        walks: The training walks.
        seed: Of the training.
        step: 1 is the first.
        facts: Numbers to keep with it, such as the loss.
        **settings: Of the batches, as for `plan_batch`.

    Returns:
        The file, such as run/bad_batch/step-000123.npz.

    Example:
        >>> file = write_bad_batch("run/bad_batch", walks=walks, seed=0, step=123, facts={"loss": np.nan},
        ...                        subjects_per_batch=2, walks_per_subject=4)                # doctest: +SKIP
        >>> contact_sheet(np.load(file)["silhouettes"], path="look.png")                         # doctest: +SKIP
    """
    plan = plan_batch(walks, seed=seed, step=step - 1, **settings)
    silhouettes, _ = next(iter(training_batches(walks, seed=seed, first_step=step - 1, num_steps=1, **settings)))
    rows = plan.walks.tolist()
    columns = {
        "silhouettes": np.rint(silhouettes.numpy()[..., 0] * 255).astype(np.uint8),
        "walks": np.array([f"{walks.subjects[i]}/{walks.conditions[i]}/{walks.view_degrees[i]:03d}" for i in rows]),
        "subjects": walks.subjects[plan.walks],
        "conditions": walks.conditions[plan.walks],
        "view_degrees": walks.view_degrees[plan.walks],
        "records": np.array([pathlib.Path(walks.shard_files[walks.shards[i]]).name for i in rows]),
        "frames": plan.frames,
        "flips": plan.flips,
        "labels": plan.classes,
        "step": step,
        **facts,
    }
    file = pathlib.Path(folder) / f"step-{step:06d}.npz"
    write_file(file, lambda temporary: np.savez_compressed(temporary, **columns))
    return file
