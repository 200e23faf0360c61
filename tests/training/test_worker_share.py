"""Which clips of a batch a worker reads, and in what portions its own replicas get them."""

import types

import numpy as np
import tensorflow as tf

from tf3dlocal.training.distributed.workers import Workers

BATCH = np.arange(24)


def make_batches(part=(0, 1)):
    index, num_parts = part
    rows = np.split(BATCH, num_parts)[index]
    return tf.data.Dataset.from_tensors((tf.constant(rows), {"logits": tf.constant(-rows)})).repeat(2)


def of_one_worker(index, num_workers, num_replicas):
    """What the dataset function of this worker gives: a portion for each of its replicas in turn, for two batches."""
    workers = Workers(tf.distribute.get_strategy())
    workers.addresses = tuple(f"host{i}:1" for i in range(num_workers))
    workers.strategy = types.SimpleNamespace(distribute_datasets_from_function=lambda function: function)
    context = types.SimpleNamespace(
        num_input_pipelines=num_workers, input_pipeline_id=index, num_replicas_in_sync=num_replicas
    )
    return list(workers.share(make_batches)(context).as_numpy_iterator())


def test_the_replicas_of_all_workers_have_the_parts_of_a_batch_in_order():
    for num_workers, num_local in [(2, 1), (2, 3), (3, 2)]:
        shares = [of_one_worker(index, num_workers, num_workers * num_local) for index in range(num_workers)]
        for number in range(2):  # batches
            portions = [portion for share in shares for portion in share[number * num_local : (number + 1) * num_local]]
            assert {len(clips) for clips, _ in portions} == {24 // (num_workers * num_local)}
            np.testing.assert_array_equal(np.concatenate([clips for clips, _ in portions]), BATCH)
            np.testing.assert_array_equal(np.concatenate([labels["logits"] for _, labels in portions]), -BATCH)


def test_one_worker_reads_the_batches_as_they_are():
    workers = Workers(tf.distribute.get_strategy())
    assert [clips.tolist() for clips, _ in workers.share(make_batches).as_numpy_iterator()] == [BATCH.tolist()] * 2
