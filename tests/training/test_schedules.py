"""Learning rates at the steps at which they change."""

import keras
import numpy as np
import pytest

from tf3dlocal.training.schedules import last_learning_rate, make_schedule


def rates(schedule, steps):
    return [float(schedule(step)) for step in steps]


def test_a_constant_rate_stays():
    np.testing.assert_allclose(rates(make_schedule("constant", learning_rate=1e-4, steps=100), [0, 1, 99]), 1e-4)


def test_a_milestone_is_the_first_step_at_the_lower_rate():
    schedule = make_schedule("piecewise", learning_rate=1e-4, steps=250_000, milestones=[150_000, 200_000])
    np.testing.assert_allclose(rates(schedule, [149_999, 150_000, 199_999, 200_000]), [1e-4, 1e-5, 1e-5, 1e-6])


def test_a_warm_up_rises_to_the_rate_and_the_cosine_ends_at_its_share():
    schedule = make_schedule("warmup_cosine", learning_rate=0.1, steps=110, warmup_steps=10, final_share=0.01)
    np.testing.assert_allclose(rates(schedule, [0, 5, 10, 60, 110]), [0, 0.05, 0.1, 0.0505, 0.001], atol=1e-8)


def test_a_cosine_without_warm_up_starts_at_the_rate():
    np.testing.assert_allclose(
        rates(make_schedule("warmup_cosine", learning_rate=0.1, steps=100), [0, 100]), [0.1, 0], atol=1e-8
    )


def test_an_unknown_schedule_is_refused():
    with pytest.raises(ValueError, match="'linear'. Use constant, piecewise or warmup_cosine"):
        make_schedule("linear", learning_rate=0.1, steps=10)


def test_the_rate_is_that_of_the_steps_that_were_made():
    weight = keras.Variable(np.array([1.0], "float32"))
    rates = [0.5, 0.25, 0.125]
    schedule = keras.optimizers.schedules.PiecewiseConstantDecay([0, 1], rates)
    optimizer = keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD(schedule), initial_scale=1.0)
    seen = []
    for gradient in (np.inf, 1.0, np.inf, 1.0, 1.0):
        before = weight.numpy().item()
        scaled = np.array([gradient], "float32") * (optimizer.dynamic_scale.numpy() if optimizer.built else 1.0)
        optimizer.apply([keras.ops.convert_to_tensor(scaled)], [weight])
        seen.append((last_learning_rate(optimizer, schedule=schedule), before - weight.numpy().item()))
    assert seen == [(0.5, 0.0), (0.5, 0.5), (0.5, 0.0), (0.25, 0.25), (0.125, 0.125)]
