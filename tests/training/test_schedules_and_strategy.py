"""Learning rates at the steps where they change, and the words for devices."""

import numpy as np
import pytest
import tensorflow as tf

from tf3dlocal.training.cluster import Cluster
from tf3dlocal.training.schedules import make_schedule
from tf3dlocal.training.strategy import (
    FEWEST_STEPS,
    can_jit_compile,
    choose_jit_compile,
    make_strategy,
)


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


def test_an_unknown_strategy_is_refused():
    with pytest.raises(ValueError, match="'many': use auto, none, mirrored, multi_worker or tpu"):
        make_strategy("many")


def test_several_workers_need_to_be_named(monkeypatch):
    monkeypatch.delenv("TF_CONFIG", raising=False)
    with pytest.raises(ValueError, match='TF_CONFIG, which names the workers, is not set; an example: .*"index": 0'):
        make_strategy("multi_worker")


def test_a_tpu_that_is_not_there_is_missed(monkeypatch):
    monkeypatch.delenv("TPU_NAME", raising=False)
    with pytest.raises(ValueError, match="no TPU was found .* run on a TPU machine"):
        make_strategy("tpu")


ALONE = '{"cluster": {"worker": ["a:1"]}, "task": {"type": "worker", "index": 0}}'
TWO = '{"cluster": {"worker": ["a:1", "b:1"]}'


@pytest.mark.parametrize("text", [None, "", "{}", '{"cluster": {}}', ALONE])
def test_auto_takes_one_device_where_no_other_worker_is_named(monkeypatch, text):
    monkeypatch.delenv("TF_CONFIG", raising=False)
    if text is not None:
        monkeypatch.setenv("TF_CONFIG", text)
    assert make_strategy("auto").num_replicas_in_sync == 1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{cluster: a}", "TF_CONFIG is not JSON .*; an example: "),
        ("[1]", "TF_CONFIG is not a JSON object"),
        ('{"task": {"type": "worker", "index": 0}}', 'has a "task" and no "cluster"'),
        ('{"cluster": ["a:1", "b:1"]}', '"cluster" that is not an object'),
        ('{"cluster": {"worker": ["a:1"], "ps": ["b:1"]}}', '"cluster.ps"; this training has workers only'),
        ('{"cluster": {"worker": "a:1"}}', '"cluster.worker" that is not a list of "host:port": "a:1"'),
        ('{"cluster": {"worker": ["a", "b:1"]}}', '"cluster.worker" that is not a list of "host:port"'),
        ('{"cluster": {"worker": ["a:1", "a:1"]}}', "names an address twice"),
        ('{"cluster": {"worker": []}}', 'no address under "cluster.worker"'),
        ('{"cluster": {"chief": ["a:1", "b:1"]}}', "there is one chief at most"),
        (TWO + "}", 'needs "task.type"'),
        (TWO + ', "task": {"type": "worker"}}', 'needs "task.index", a number from 0; it is null'),
        (TWO + ', "task": {"type": "worker", "index": 2}}', '"cluster.worker" has 2 addresses'),
        (TWO + ', "task": {"type": "chief", "index": 0}}', '"cluster.chief" has 0 addresses'),
    ],
)
def test_a_mistake_in_tf_config_is_named_with_its_key_and_an_example(monkeypatch, text, message):
    monkeypatch.setenv("TF_CONFIG", text)
    with pytest.raises(ValueError, match=message) as found:
        Cluster.from_environment()
    assert str(found.value).startswith("the environment variable TF_CONFIG ")
    assert str(found.value).endswith('"task": {"type": "worker", "index": 0}}')


def test_a_chief_comes_before_the_workers(monkeypatch):
    cluster = '{"worker": ["b:1", "c:1"], "chief": ["a:1"]}'
    monkeypatch.setenv("TF_CONFIG", f'{{"cluster": {cluster}, "task": {{"type": "worker", "index": "1"}}}}')
    cluster = Cluster.from_environment()
    assert cluster == Cluster(("a:1", "b:1", "c:1"), 2) and not cluster.is_chief


def test_xla_is_for_one_replica(monkeypatch):
    assert can_jit_compile(make_strategy("none"))
    several = tf.distribute.MirroredStrategy(["CPU:0"])
    monkeypatch.setattr(tf.distribute.MirroredStrategy, "num_replicas_in_sync", 2)
    assert not can_jit_compile(several)
    assert not choose_jit_compile(True, several, FEWEST_STEPS)


def test_auto_compiles_a_training_that_is_long_enough_on_a_cpu_without_onednn(monkeypatch):
    one = make_strategy("none")
    monkeypatch.setattr("tf3dlocal.training.strategy.has_accelerator", lambda: False)
    monkeypatch.setattr("tf3dlocal.training.strategy.has_onednn", lambda: True)
    assert not choose_jit_compile("auto", one, FEWEST_STEPS) and choose_jit_compile(True, one, 1)
    monkeypatch.setattr("tf3dlocal.training.strategy.has_onednn", lambda: False)
    assert choose_jit_compile("auto", one, FEWEST_STEPS) and not choose_jit_compile("auto", one, FEWEST_STEPS - 1)
    assert choose_jit_compile(True, one, 1) and not choose_jit_compile(False, one, FEWEST_STEPS)
    monkeypatch.setattr("tf3dlocal.training.strategy.has_accelerator", lambda: True)
    assert not choose_jit_compile("auto", one, FEWEST_STEPS) and choose_jit_compile(True, one, 1)
