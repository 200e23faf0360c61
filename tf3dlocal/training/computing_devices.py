"""What a training computes on, for the one who started it."""

import tensorflow as tf


def computing_devices(strategy: tf.distribute.Strategy) -> str:
    """Number and kind of the devices of a strategy, over all its workers.

    A TensorFlow without the libraries of CUDA computes on the CPU without a word, so that is said with its reason.

    Example:
        >>> from tf3dlocal.training.strategy import make_strategy
        >>> computing_devices(make_strategy("none"))  # doctest: +SKIP
        'one CPU (TensorFlow sees no GPU)'
    """
    if isinstance(strategy, tf.distribute.TPUStrategy):
        kind = "TPU core"
    elif tf.config.list_logical_devices("GPU"):
        kind = "GPU"
    else:
        kind = "CPU"
    number = strategy.num_replicas_in_sync
    text = f"one {kind}" if number == 1 else f"{number} {kind}s"
    return f"{text} (TensorFlow sees no GPU)" if kind == "CPU" else text
