"""The words for devices, the variable TF_CONFIG, and what XLA compiles."""

from types import SimpleNamespace

import pytest
import tensorflow as tf

from tf3dlocal.training.distributed.cluster import Cluster
from tf3dlocal.training.distributed.strategy import (
    choose_jit_compile,
    computing_devices,
    make_strategy,
)


def test_one_device_needs_no_strategy():
    assert make_strategy("none").num_replicas_in_sync == 1


def test_an_unknown_strategy_is_refused():
    with pytest.raises(ValueError, match="'many'. Use auto, none, mirrored, multi_worker or tpu"):
        make_strategy("many")


def test_several_workers_need_to_be_named(monkeypatch):
    monkeypatch.delenv("TF_CONFIG", raising=False)
    with pytest.raises(ValueError, match='TF_CONFIG, which names the workers, is not set. An example: .*"index": 0'):
        make_strategy("multi_worker")


def test_a_tpu_that_is_not_there_is_missed(monkeypatch):
    monkeypatch.delenv("TPU_NAME", raising=False)
    with pytest.raises(ValueError, match="no TPU was found .* Run on a TPU machine"):
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
        ("{cluster: a}", "TF_CONFIG is not JSON .*. An example: "),
        ("[1]", "TF_CONFIG is not a JSON object"),
        ('{"task": {"type": "worker", "index": 0}}', 'has a "task" and no "cluster"'),
        ('{"cluster": ["a:1", "b:1"]}', '"cluster" that is not an object'),
        ('{"cluster": {"worker": ["a:1"], "ps": ["b:1"]}}', '"cluster.ps"; a training here has workers'),
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
    assert str(found.value).startswith("The environment variable TF_CONFIG ")
    assert str(found.value).endswith('"task": {"type": "worker", "index": 0}}')


def test_a_chief_comes_before_the_workers(monkeypatch):
    cluster = '{"worker": ["b:1", "c:1"], "chief": ["a:1"]}'
    monkeypatch.setenv("TF_CONFIG", f'{{"cluster": {cluster}, "task": {{"type": "worker", "index": "1"}}}}')
    cluster = Cluster.from_environment()
    assert cluster == Cluster(addresses=("a:1", "b:1", "c:1"), index=2) and not cluster.is_chief


def test_a_step_over_several_replicas_is_not_compiled(monkeypatch):
    several = tf.distribute.MirroredStrategy(["CPU:0"])
    monkeypatch.setattr(tf.distribute.MirroredStrategy, "num_replicas_in_sync", 2)
    assert not choose_jit_compile(True, strategy=several) and not choose_jit_compile("auto", strategy=several)


@pytest.mark.parametrize("gpu", [False, True])
def test_auto_compiles_on_one_gpu_and_not_on_a_cpu(monkeypatch, gpu):
    monkeypatch.setattr("tf3dlocal.training.distributed.strategy.has_accelerator", lambda: gpu)
    one = make_strategy("none")
    assert choose_jit_compile("auto", strategy=one) is gpu
    assert choose_jit_compile(True, strategy=one) and not choose_jit_compile(False, strategy=one)


@pytest.mark.parametrize(
    ("gpus", "replicas", "text"),
    [
        (8, 8, "8 GPUs"),
        (1, 1, "one GPU"),
        (0, 1, "one CPU (TensorFlow sees no GPU)"),
        (0, 2, "2 CPUs (TensorFlow sees no GPU)"),
    ],
)
def test_the_devices_of_a_training_are_named(monkeypatch, gpus, replicas, text):
    monkeypatch.setattr(tf.config, "list_logical_devices", lambda kind: [kind] * gpus if kind == "GPU" else [])
    assert computing_devices(SimpleNamespace(num_replicas_in_sync=replicas)) == text
