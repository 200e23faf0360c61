"""The learning rate by step."""

from collections.abc import Sequence

import keras


def make_schedule(
    name: str,
    learning_rate: float,
    steps: int,
    milestones: Sequence[int] = (),
    factor: float = 0.1,
    warmup_steps: int = 0,
    final_share: float = 0.0,
) -> keras.optimizers.schedules.LearningRateSchedule:
    """The rate that step s = 0, 1, ... is made with, as a Keras schedule.

        constant       rate
        piecewise      rate * factor^(number of milestones m with s >= m)
        warmup_cosine  rate * s / warmup_steps, from there a half cosine down to rate * final_share at `steps`

    A milestone of 10,000 means that 10,000 steps are made at the old rate, as in PyTorch.

    Args:
        name: one of the three.
        learning_rate: the highest rate.
        steps: length of the whole training.
        milestones: rising step numbers.
        factor: what a milestone multiplies the rate by.
        warmup_steps: steps of linear rise.
        final_share: 0 to 1.

    Raises:
        ValueError: another name.

    Example:
        >>> schedule = make_schedule("piecewise", 0.1, steps=30, milestones=[10, 20])
        >>> [round(float(schedule(step)), 4) for step in (9, 10, 19, 20)]
        [0.1, 0.01, 0.01, 0.001]
    """
    schedules = keras.optimizers.schedules
    if name == "constant":
        return schedules.PiecewiseConstantDecay([0], [learning_rate, learning_rate])
    if name == "piecewise":
        last_steps = [milestone - 1 for milestone in milestones]  # Keras changes the rate behind a boundary, not at it
        rates = [learning_rate * factor**passed for passed in range(len(last_steps) + 1)]
        return schedules.PiecewiseConstantDecay(last_steps, rates)
    if name == "warmup_cosine":
        if not warmup_steps:
            return schedules.CosineDecay(learning_rate, steps, alpha=final_share)
        return schedules.CosineDecay(
            0.0, steps - warmup_steps, alpha=final_share, warmup_target=learning_rate, warmup_steps=warmup_steps
        )
    raise ValueError(f"there is no schedule {name!r}; use constant, piecewise or warmup_cosine")
