"""The scores of a test for TensorBoard, in one small event file."""

import math
import pathlib
import re

from tf3dlocal.evaluation.cross_view_result import CrossViewResult
from tf3dlocal.io import write_file
from tf3dlocal.io.types import PathLike


def write_score_events(folder: PathLike, *, result: CrossViewResult, step: int = 0) -> pathlib.Path:
    """Write the mean rank-k of each group as TensorBoard events of a training step.

    A second test of the same step, protocol and distance replaces the file of the first.

    Args:
        folder: Of the event file, such as RUN/tensorboard/test; created if absent.
        result: Result of `evaluate`.
        step: Training step of the model.

    Returns:
        The file. Its tags are such as "casia-b-st/rank_1_NM", in per cent.

    Raises:
        OSError: The file cannot be written.
    """
    import tensorflow as tf

    protocol = re.sub(r"[^\w.-]", "_", result.protocol.name)
    # TensorBoard expects a number after "tfevents" and reads the files in the order of their names.
    path = pathlib.Path(folder) / f"events.out.tfevents.{step:010d}.{protocol}.{result.distance}"

    def write(unfinished: pathlib.Path) -> None:
        writer = tf.summary.create_file_writer(str(unfinished.parent / "events"))
        with writer.as_default(step=step):
            for rank in dict.fromkeys([1, result.max_rank]):
                for group, value in zip(result.groups, result.mean(rank), strict=True):
                    if not math.isnan(value):
                        tf.summary.scalar(f"{protocol}/rank_{rank}_{group}", float(value))
        writer.close()
        (written,) = (unfinished.parent / "events").iterdir()
        written.rename(unfinished)

    try:
        write_file(path, write)
    except tf.errors.OpError as error:
        raise OSError(f"{path} could not be written ({error.message}).") from error
    return path
