"""Steps of a training that give the same numbers each time, on a CPU with several threads too."""

import tensorflow as tf


def keep_sums_repeatable() -> None:
    """Turn TensorFlow's arithmetic optimizer off in this process.

    With it, and with several operations at work at once, two runs of one step differ in the last digit of some gradients:
    seen in TensorFlow 2.21 where six local paths read one map, in one run of five. `enable_op_determinism` does not help. A
    training then ends elsewhere each time, and one that was killed and goes on, elsewhere than one that was not. Without it
    steps take up to 5 % longer (the walkers' 3DLocal; GaitPart and the release: not to be told from noise).

    Example:
        >>> keep_sums_repeatable()
        >>> tf.config.optimizer.get_experimental_options()["arithmetic_optimization"]
        False
    """
    tf.config.optimizer.set_experimental_options({"arithmetic_optimization": False})
