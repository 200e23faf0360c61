"""The replicas of a `tf.distribute` strategy, as layers see them."""

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
