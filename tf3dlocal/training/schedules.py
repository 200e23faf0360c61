"""The learning rate by step."""

from collections.abc import Callable, Sequence

import keras


def make_schedule(
    name: str,
    *,
    learning_rate: float,
    steps: int,
    milestones: Sequence[int] = (),
    factor: float = 0.1,
    warmup_steps: int = 0,
    final_share: float = 0.0,
) -> keras.optimizers.schedules.LearningRateSchedule:
    """Make the learning rate of step s = 0, 1, ... as a Keras schedule.

        constant       rate
        piecewise      rate * factor^(number of milestones m with s >= m)
        warmup_cosine  rate * s / warmup_steps, then a half cosine down to rate * final_share at `steps`

    With a milestone of 10,000 the first 10,000 steps have the old rate, as in PyTorch.

    Args:
        name: One of the three names.
        learning_rate: Highest rate.
        steps: Length of the whole training.
        milestones: Rising step numbers.
        factor: Factor of the rate at each milestone.
        warmup_steps: Steps of linear rise.
        final_share: Share of the rate at the last step, 0 to 1.

    Raises:
        ValueError: Another name.

    Example:
        >>> schedule = make_schedule("piecewise", learning_rate=0.1, steps=30, milestones=[10, 20])
        >>> [round(float(schedule(step)), 4) for step in (9, 10, 19, 20)]
        [0.1, 0.01, 0.01, 0.001]
    """
    schedules = keras.optimizers.schedules
    if name == "constant":
        return schedules.PiecewiseConstantDecay([0], [learning_rate, learning_rate])
    if name == "piecewise":
        last_steps = [milestone - 1 for milestone in milestones]  # Keras changes the rate after a boundary
        rates = [learning_rate * factor**passed for passed in range(len(last_steps) + 1)]
        return schedules.PiecewiseConstantDecay(last_steps, rates)
    if name == "warmup_cosine":
        if not warmup_steps:
            return schedules.CosineDecay(learning_rate, steps, alpha=final_share)
        cosine = {"decay_steps": steps - warmup_steps, "alpha": final_share}
        return schedules.CosineDecay(0.0, **cosine, warmup_target=learning_rate, warmup_steps=warmup_steps)
    raise ValueError(f"There is no schedule {name!r}. Use constant, piecewise or warmup_cosine.")


def last_learning_rate(optimizer: keras.optimizers.Optimizer, *, schedule: Callable[[int], float]) -> float:
    """Return the learning rate of the last step that the optimizer made, or of the first one if it has made none.

    With float16 a step whose gradient is not finite is skipped, and the optimizer's schedule does not advance: the rate
    follows from the optimizer's own count and not from the number of the step.

    Args:
        optimizer: Of the model, after a step.
        schedule: Function of the number of steps before, from 0.

    Example:
        >>> optimizer = keras.optimizers.SGD(0.1)
        >>> optimizer.apply([keras.ops.ones(1)], [keras.Variable([1.0])])
        >>> last_learning_rate(optimizer, schedule=lambda steps_before: 0.1 + steps_before)
        0.1
    """
    return float(schedule(max(int(optimizer.iterations.numpy()) - 1, 0)))
