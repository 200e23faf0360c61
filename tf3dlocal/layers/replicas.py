"""The replicas of a `tf.distribute` strategy, as layers see them."""

from collections.abc import Callable
from typing import Any


def current_strategy() -> Any:
    """Return TensorFlow's current `tf.distribute` strategy; the default one, of one replica, without any."""
    import tensorflow as tf

    return tf.distribute.get_strategy()


def replica_of_step() -> tuple[int, int]:
    """Return (index, count) of the replica that a step runs on; (0, 1) without a strategy or outside of a step."""
    import tensorflow as tf

    replica = tf.distribute.get_replica_context()
    return (0, 1) if replica is None else (replica.replica_id_in_sync_group, replica.num_replicas_in_sync)


def draw_for_clips(draw: Callable[[Any], Any], count: Any) -> Any:
    """Draw random rows for the clips of this replica: those that a single device would draw for them.

    Every replica has a copy of a layer's seed. Left to themselves, all replicas would draw the same rows for their
    shares of the batch; here each draws the rows of the whole batch and takes its own.

    Args:
        draw: Function of a number of rows that gives as many, on the first axis.
        count: Number of clips of this replica; the shares of all replicas must be equally large.
    """
    replica, num_replicas = replica_of_step()
    if num_replicas == 1:
        return draw(count)
    return draw(num_replicas * count)[replica * count : (replica + 1) * count]
