"""The tf.data chain: its batches are what the plan says, every time, in shapes that XLA can compile."""

import shutil
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf
from small_walks import write_small_walks

from tf3dlocal.data import cut_sides, open_walks, plan_batch, training_batches

CLIP = {"clip_length": 5, "window": (5, 8)}
BATCH = {"subjects_per_batch": 3, "walks_per_subject": 4}
SMALL = {"subjects_per_batch": 2, "walks_per_subject": 2}


def _batches(walks, count, **settings):
    batches = training_batches(walks, **BATCH, **{**CLIP, "num_steps": count, **settings})
    return [(silhouettes.numpy(), labels) for silhouettes, labels in batches]


def test_a_batch_holds_the_frames_of_the_plan_cut_flipped_and_scaled(small_walks):
    for step, (silhouettes, labels) in enumerate(_batches(small_walks, 3, seed=4)):
        plan = plan_batch(small_walks, seed=4, step=step, **BATCH, **CLIP)
        for i, walk in enumerate(plan.walks):
            expected = cut_sides(small_walks.read(walk).silhouettes[plan.frames[i]])
            expected = expected[..., ::-1] if plan.flips[i] else expected
            np.testing.assert_array_equal(silhouettes[i, ..., 0], expected.astype(np.float32) / 255)
        np.testing.assert_array_equal(labels["part_features"], plan.classes)
        assert plan.flips.any() and not plan.flips.all()


def test_shapes_and_types_are_known_before_the_first_batch(small_walks):
    outputs = ("part_features", "logits")
    silhouettes, labels = training_batches(
        small_walks, subjects_per_batch=2, walks_per_subject=6, outputs=outputs
    ).element_spec
    assert silhouettes == tf.TensorSpec([12, 30, 64, 44, 1], tf.float32)
    assert labels == {name: tf.TensorSpec([12], tf.int32) for name in outputs}


def test_walks_of_128_rows_come_88_columns_wide(tmp_path):
    write_small_walks(tmp_path, size=128, num_shards=1)
    walks = open_walks(tmp_path)
    ((silhouettes, _),) = _batches(walks, 1)
    assert silhouettes.shape == (12, 5, 128, 88, 1) and 0 <= silhouettes.min() and silhouettes.max() == 1


def test_a_chain_started_at_a_step_gives_what_the_whole_chain_gives_there(small_walks):
    whole = _batches(small_walks, 7, seed=2)
    resumed = _batches(small_walks, 4, seed=2, first_step=3)
    for (silhouettes, labels), (silhouettes_again, labels_again) in zip(whole[3:], resumed, strict=True):
        np.testing.assert_array_equal(silhouettes, silhouettes_again)
        np.testing.assert_array_equal(labels["part_features"], labels_again["part_features"])


def test_two_seeds_give_two_streams(small_walks):
    (one, _), (other, _) = (_batches(small_walks, 1, seed=seed)[0] for seed in (0, 1))
    assert not np.array_equal(one, other)


def test_without_a_number_of_steps_the_stream_never_ends(small_walks):
    batches = training_batches(small_walks, **SMALL, **CLIP)
    assert batches.cardinality() == tf.data.INFINITE_CARDINALITY
    assert sum(1 for _ in batches.take(40)) == 40


def test_a_number_of_steps_is_known_as_cardinality(small_walks):
    assert training_batches(small_walks, **SMALL, num_steps=9, first_step=100, **CLIP).cardinality() == 9


@pytest.mark.bad_input
def test_too_many_subjects_per_batch_is_an_error_before_any_batch_is_read(small_walks):
    with pytest.raises(ValueError, match="subjects_per_batch is 5, but .* 4 subjects"):
        training_batches(small_walks, subjects_per_batch=5, walks_per_subject=2)


@pytest.mark.parametrize("number", [2, 3])
def test_the_parts_of_a_batch_are_the_batch_and_each_reads_its_own_walks_alone(small_walks, number, monkeypatch):
    (whole,) = _batches(small_walks, 1)
    read, read_record = [], small_walks.read_record
    monkeypatch.setattr(type(small_walks), "read_record", lambda walks, i: read.append(i) or read_record(i))
    parts = [next(iter(_batches(small_walks, 1, part=(index, number)))) for index in range(number)]
    np.testing.assert_array_equal(np.concatenate([silhouettes for silhouettes, _ in parts]), whole[0])
    np.testing.assert_array_equal(
        np.concatenate([labels["part_features"] for _, labels in parts]), whole[1]["part_features"]
    )
    assert sorted(read) == sorted(plan_batch(small_walks, seed=0, step=0, **BATCH, **CLIP).walks.tolist())


@pytest.mark.bad_input
@pytest.mark.parametrize("part", [(0, 5), (2, 2), (-1, 2), (0, 0)])
def test_a_part_that_does_not_exist_is_refused(small_walks, part):
    with pytest.raises(ValueError, match=r"part must be .* the batch of 12 clips .* got \("):
        training_batches(small_walks, **BATCH, part=part)


def test_a_single_output_may_be_named_without_a_list(small_walks):
    assert list(training_batches(small_walks, **SMALL, outputs="logits", **CLIP).element_spec[1]) == ["logits"]


@pytest.mark.bad_input
def test_a_negative_number_of_steps_is_refused(small_walks):
    with pytest.raises(ValueError, match="num_steps must be None or at least 0, got -1"):
        training_batches(small_walks, **SMALL, num_steps=-1)


def test_unordered_clips_pass_through_the_chain(small_walks):
    ((silhouettes, _),) = _batches(small_walks, 1, order="unordered", flip_probability=0)
    plan = plan_batch(
        small_walks,
        seed=0,
        step=0,
        **BATCH,
        order="unordered",
        flip_probability=0,
        **CLIP,
    )
    expected = cut_sides(small_walks.read(plan.walks[5]).silhouettes[plan.frames[5]])
    np.testing.assert_array_equal(silhouettes[5, ..., 0], expected / np.float32(255))


@pytest.mark.bad_input
def test_a_damaged_walk_is_named_by_the_chain_that_reads_it(small_walks_folder, tmp_path):
    folder = shutil.copytree(small_walks_folder, tmp_path / "copy")
    walks = open_walks(folder).select(subjects=["003"], conditions=["bg-02"], views=[90])
    path = folder / "walks-00001-of-00002.tfrecord"
    content = bytearray(path.read_bytes())
    content[walks.offsets[0] + walks.lengths[0] // 2] ^= 1
    path.write_bytes(content)
    name = "walks-00001-of-00002.tfrecord, 003/bg-02/090"
    with pytest.raises(tf.errors.OpError, match=f"{name} cannot be read: the record is damaged"):
        next(iter(training_batches(walks, subjects_per_batch=1, walks_per_subject=1, **CLIP)))


def test_a_model_is_fitted_on_the_batches(small_walks):
    import keras

    silhouettes = keras.Input([5, 64, 44, 1])
    features = keras.layers.Dense(4)(keras.layers.Flatten()(silhouettes))
    model = keras.Model(silhouettes, {"logits": features})
    model.compile("adam", loss={"logits": keras.losses.SparseCategoricalCrossentropy(from_logits=True)})
    history = model.fit(
        training_batches(small_walks, **BATCH, outputs=("logits",), **CLIP),
        steps_per_epoch=2,
        verbose=0,
    )
    assert np.isfinite(history.history["loss"]).all()


SPLIT_OVER_REPLICAS = """
import sys, numpy as np, tensorflow as tf
tf.config.set_logical_device_configuration(
    tf.config.list_physical_devices("CPU")[0], [tf.config.LogicalDeviceConfiguration()] * 2)
from tf3dlocal.data import open_walks, training_batches
settings = {"subjects_per_batch": 2, "walks_per_subject": 3, "clip_length": 4, "window": (4, 6)}
batches = training_batches(open_walks(sys.argv[1]), **settings, num_steps=3)
strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
parts = [strategy.experimental_local_results(part) for part, _ in strategy.experimental_distribute_dataset(batches)]
for replicas, (whole, _) in zip(parts, batches, strict=True):
    assert [len(part) for part in replicas] == [3, 3], [len(part) for part in replicas]
    np.testing.assert_array_equal(np.concatenate(replicas), whole)
"""


@pytest.mark.slow
def test_a_strategy_splits_each_batch_over_its_replicas_in_order(small_walks_folder):
    command = [sys.executable, "-c", SPLIT_OVER_REPLICAS, str(small_walks_folder)]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr[-2000:]
