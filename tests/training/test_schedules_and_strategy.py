"""Learning rates at the steps where they change, and the words for devices."""

import numpy as np
import pytest

from tf3dlocal.training.schedules import make_schedule
from tf3dlocal.training.strategy import make_strategy


def rates(schedule, steps):
    return [float(schedule(step)) for step in steps]


def test_a_constant_rate_stays():
    np.testing.assert_allclose(rates(make_schedule("constant", 1e-4, 100), [0, 1, 99]), 1e-4)


def test_a_milestone_is_the_first_step_at_the_lower_rate():
    schedule = make_schedule("piecewise", 1e-4, 250_000, milestones=[150_000, 200_000])
    np.testing.assert_allclose(rates(schedule, [149_999, 150_000, 199_999, 200_000]), [1e-4, 1e-5, 1e-5, 1e-6])


def test_a_warm_up_rises_to_the_rate_and_the_cosine_ends_at_its_share():
    schedule = make_schedule("warmup_cosine", 0.1, 110, warmup_steps=10, final_share=0.01)
    np.testing.assert_allclose(rates(schedule, [0, 5, 10, 60, 110]), [0, 0.05, 0.1, 0.0505, 0.001], atol=1e-8)


def test_a_cosine_without_warm_up_starts_at_the_rate():
    np.testing.assert_allclose(rates(make_schedule("warmup_cosine", 0.1, 100), [0, 100]), [0.1, 0], atol=1e-8)


def test_an_unknown_schedule_is_refused():
    with pytest.raises(ValueError, match="'linear'; use constant, piecewise or warmup_cosine"):
        make_schedule("linear", 0.1, 10)


def test_one_device_needs_no_strategy():
    assert make_strategy("none").num_replicas_in_sync == 1


@pytest.mark.parametrize("name", ["multi_worker", "tpu"])
def test_strategies_of_later_are_known_by_name(name):
    with pytest.raises(ValueError, match=f"'{name}', which is not supported yet: use auto, none or mirrored"):
        make_strategy(name)
