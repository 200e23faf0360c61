"""The learning rate of the last step that the optimizer made."""

import keras


def last_learning_rate(optimizer: keras.optimizers.Optimizer, schedule) -> float:
    """The rate that the weights were last changed at.

    With float16 a step whose gradient is not finite is left out, and the optimizer's schedule does not advance: the number
    of the step says nothing certain about the rate, the optimizer's own count does. Before the first step that is made it
    is the rate that this one will have.

    Args:
        optimizer: of the model, after a step.
        schedule: learning rate by the steps that were made before, from 0.

    Example:
        >>> optimizer = keras.optimizers.SGD(0.1)
        >>> optimizer.apply([keras.ops.ones(1)], [keras.Variable([1.0])])
        >>> last_learning_rate(optimizer, lambda steps_before: 0.1 + steps_before)
        0.1
    """
    return float(schedule(max(int(optimizer.iterations.numpy()) - 1, 0)))
