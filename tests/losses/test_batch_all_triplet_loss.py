"""The batch-all loss equals a plain loop and the PyTorch original, and its gradient is finite everywhere."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tf3dlocal.losses import BatchAllTripletLoss, NonzeroTriplets
from tf3dlocal.losses.batch_all_triplet_loss import batch_all_triplets

MODES = {
    "eager": lambda function: function,
    "graph": lambda function: tf.function(function),
    "xla": lambda function: tf.function(function, jit_compile=True),
}


def value_and_gradient(loss, labels, features):
    with tf.GradientTape() as tape:
        tape.watch(features)
        value = loss(labels, features)
    return value, tape.gradient(value, features)


def triplets_by_hand(labels, features, margin):
    """Compute the mean of the non-zero terms and their share by listing all triplets of each part."""
    losses, shares = [], []
    for part in range(features.shape[1]):
        points = features[:, part].astype("float64")
        terms = [
            margin + np.linalg.norm(points[a] - points[p]) - np.linalg.norm(points[a] - points[n])
            for a in range(len(labels))
            for p in range(len(labels))
            for n in range(len(labels))
            if labels[a] == labels[p] and labels[a] != labels[n]
        ]
        violations = [term for term in terms if term > 0]
        losses.append(np.mean(violations) if violations else 0.0)
        shares.append(len(violations) / max(len(terms), 1))
    return np.array(losses), np.array(shares)


def test_three_points_on_a_line_give_the_loss_computed_by_hand():
    points = np.array([0.0, 1.0, 1.5], "float32").reshape([3, 1, 1])
    labels = np.array([0, 0, 1])
    # margin 1: anchor 0 has the terms 1 + 0 - 1.5 < 0 and 1 + 1 - 1.5; anchor 1 has 1 + 0 - 0.5 and 1 + 1 - 0.5;
    # anchor 2, its own positive, has 1 + 0 - 1.5 < 0 and 1 + 0 - 0.5.
    loss, share = batch_all_triplets(labels, points, margin=1.0)
    np.testing.assert_allclose(loss, [(0.5 + 0.5 + 1.5 + 0.5) / 4], rtol=1e-6)
    np.testing.assert_allclose(share, [4 / 6], rtol=1e-6)


@pytest.mark.parametrize("labels", [[0, 0, 0, 1, 1, 1], [2, 0, 1, 0, 2, 2, 1], [0, 1, 2, 3], [5, 5, 5, 5]])
@pytest.mark.parametrize("margin", [0.0, 0.2, 2.0])
def test_it_equals_a_plain_loop_over_all_triplets(labels, margin):
    features = np.random.default_rng(len(labels)).normal(size=[len(labels), 3, 5]).astype("float32")
    labels = np.array(labels)
    loss, share = batch_all_triplets(labels, features, margin=margin)
    expected_loss, expected_share = triplets_by_hand(labels, features, margin)
    np.testing.assert_allclose(loss, expected_loss, atol=2e-6)
    np.testing.assert_allclose(share, expected_share, atol=1e-6)


def test_labels_may_be_a_column_and_features_without_parts():
    features = np.random.default_rng(0).normal(size=[6, 5]).astype("float32")
    labels = np.array([0, 0, 1, 1, 2, 2])
    loss = BatchAllTripletLoss(margin=0.5)
    one_part = loss.call(labels[:, None], features)
    assert one_part.shape == (1,)
    np.testing.assert_allclose(one_part, triplets_by_hand(labels, features[:, None], 0.5)[0], atol=1e-6)


def test_features_that_still_have_frames_raise_an_error_with_their_shape():
    with pytest.raises(ValueError, match=r"\(2, 3, 4, 5\)"):
        BatchAllTripletLoss()(np.zeros([2]), np.zeros([2, 3, 4, 5], "float32"))


@pytest.mark.parametrize("mode", MODES)
def test_equal_embeddings_give_the_margin_and_a_zero_gradient(mode):
    features = tf.ones([6, 2, 4])
    labels = tf.constant([0, 0, 1, 1, 2, 2])
    step = MODES[mode](lambda f: value_and_gradient(BatchAllTripletLoss(margin=0.2), labels, f))
    value, gradient = step(features)
    np.testing.assert_allclose(value, 0.2, rtol=1e-6)
    np.testing.assert_array_equal(gradient, np.zeros([6, 2, 4]))


@pytest.mark.parametrize("mode", MODES)
def test_the_gradient_equals_the_numeric_one(mode):
    features = np.random.default_rng(3).normal(size=[6, 2, 3]).astype("float32")
    labels = np.array([0, 0, 1, 1, 2, 2])
    step = MODES[mode](lambda f: value_and_gradient(BatchAllTripletLoss(margin=0.7), labels, f))
    _, gradient = step(tf.constant(features))
    numeric = np.zeros(features.shape)
    for index in np.ndindex(*features.shape):
        ends = []
        for sign in (1, -1):
            moved = features.astype("float64")
            moved[index] += sign * 1e-6
            ends.append(triplets_by_hand(labels, moved, 0.7)[0].mean())
        numeric[index] = (ends[0] - ends[1]) / 2e-6
    np.testing.assert_allclose(gradient, numeric, atol=1e-5)


@pytest.mark.parametrize("mode", MODES)
def test_it_works_in_float16_and_with_an_unknown_batch(mode):
    @tf.function(
        jit_compile=mode == "xla",
        input_signature=[tf.TensorSpec([None], tf.int32), tf.TensorSpec([None, 2, 4], tf.float16)],
    )
    def step(labels, features):
        return value_and_gradient(BatchAllTripletLoss(margin=0.2), labels, features)

    features = np.random.default_rng(0).normal(size=[4, 2, 4]).astype("float16")
    value, gradient = step(np.array([0, 0, 1, 1], "int32"), features)
    expected, _ = triplets_by_hand(np.array([0, 0, 1, 1]), features, 0.2)
    np.testing.assert_allclose(value, expected.mean(), atol=1e-5)
    assert gradient.dtype == tf.float16 and np.isfinite(gradient).all()


@pytest.mark.shared
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.slow
def test_it_equals_the_original_in_loss_and_gradient(shared, mode):
    data = np.load(shared / "parity" / "official_full_triplet.npz")
    cases = sorted({name.split("/")[0] for name in data.files})
    assert len(cases) == 7
    step = MODES[mode](lambda f, y: value_and_gradient(BatchAllTripletLoss(margin=0.2), y, f))
    for case in cases:
        features, labels = tf.constant(data[f"{case}/features"]), tf.constant(data[f"{case}/labels"], tf.int32)
        value, gradient = step(features, labels)
        np.testing.assert_allclose(value, data[f"{case}/loss64"], atol=1e-5, err_msg=case)
        np.testing.assert_allclose(gradient, data[f"{case}/grad64"], atol=1e-5, err_msg=case)


def test_the_metric_is_the_mean_share_of_violating_triplets():
    rng = np.random.default_rng(1)
    metric = NonzeroTriplets(margin=0.2)
    labels, shares = np.array([0, 0, 1, 1]), []
    for _ in range(2):
        features = rng.normal(size=[4, 3, 2]).astype("float32")
        metric.update_state(labels, features)
        shares.append(triplets_by_hand(labels, features, 0.2)[1].mean())
    np.testing.assert_allclose(metric.result(), np.mean(shares), rtol=1e-5)


def test_the_configs_restore_loss_and_metric():
    for thing in (BatchAllTripletLoss(margin=0.3), NonzeroTriplets(margin=0.3)):
        again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(thing))
        assert type(again) is type(thing) and again.margin == 0.3
