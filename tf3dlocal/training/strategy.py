"""On how many devices a step runs, chosen by one word."""

import tensorflow as tf


def make_strategy(name: str = "auto") -> tf.distribute.Strategy:
    """The `tf.distribute` strategy of a training.

        auto      all GPUs of this machine if there are several, else the one device there is
        none      one device
        mirrored  all GPUs of this machine, or all logical CPU devices where there is no GPU

    Batches are given whole; each replica takes an equal share of them. Models, losses and metrics here are made so that
    the result is that of one device: triplets are mined in the whole batch and batch normalization is synchronised.

    Args:
        name: one of the three words.

    Raises:
        ValueError: another word; "multi_worker" and "tpu" are known by name but not supported yet.

    Example:
        >>> make_strategy("none").num_replicas_in_sync
        1
    """
    gpus = tf.config.list_logical_devices("GPU")
    if name == "none" or (name == "auto" and len(gpus) < 2):
        return tf.distribute.get_strategy()
    if name == "auto":
        return tf.distribute.MirroredStrategy()
    if name == "mirrored":
        devices = gpus or tf.config.list_logical_devices("CPU")
        # The plain sum over devices: NCCL exists for GPUs only.
        reduce = None if gpus else tf.distribute.ReductionToOneDevice()
        return tf.distribute.MirroredStrategy([device.name for device in devices], cross_device_ops=reduce)
    later = ", which is not supported yet" if name in ("multi_worker", "tpu") else ""
    raise ValueError(f"strategy is {name!r}{later}: use auto, none or mirrored (all GPUs of one machine)")
