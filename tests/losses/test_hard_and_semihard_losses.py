"""Batch-hard and semi-hard losses equal plain loops and the values of tensorflow-addons."""

import os
import pathlib

import keras
import numpy as np
import pytest
import tensorflow as tf

from tf3dlocal.losses import TripletHardLoss, TripletSemiHardLoss, triplet_hard_loss, triplet_semihard_loss
from tf3dlocal.losses.distances import pairwise_distances

# Recorded with tensorflow-addons, or (`make test-addons`) computed by it now.
ADDONS = np.load(os.environ.get("ADDONS_VECTORS", pathlib.Path(__file__).with_name("addons_vectors.npz")))
CASES = sorted({name.removesuffix("/loss") for name in ADDONS.files if name.endswith("/loss")})

LOSSES = {
    "hard": lambda y, x, metric: triplet_hard_loss(y, x, distance_metric=metric),
    "soft": lambda y, x, metric: triplet_hard_loss(y, x, soft=True, distance_metric=metric),
    "semihard": lambda y, x, metric: triplet_semihard_loss(y, x, distance_metric=metric),
}


def distance_by_hand(u, v, metric):
    if metric == "angular":
        return 1 - u @ v / np.linalg.norm(u) / np.linalg.norm(v)
    return np.sum((u - v) ** 2) if metric == "squared-L2" else np.linalg.norm(u - v)


def hard_by_hand(labels, points, margin, metric):
    terms = []
    for a in range(len(labels)):
        distances = [distance_by_hand(points[a], point, metric) for point in points]
        farthest = max(d for d, label in zip(distances, labels) if label == labels[a])
        nearest = min(d for d, label in zip(distances, labels) if label != labels[a])
        terms.append(max(0.0, margin + farthest - nearest))
    return np.mean(terms)


def semihard_by_hand(labels, points, margin, metric):
    terms = []
    for a in range(len(labels)):
        distances = [distance_by_hand(points[a], point, metric) for point in points]
        negatives = [d for d, label in zip(distances, labels) if label != labels[a]]
        for p in range(len(labels)):
            if p != a and labels[p] == labels[a]:
                farther = [d for d in negatives if d > distances[p]]
                terms.append(max(0.0, margin + distances[p] - (min(farther) if farther else max(negatives))))
    return np.mean(terms)


@pytest.mark.parametrize("metric", ["L2", "squared-L2", "angular"])
@pytest.mark.parametrize("margin", [0.2, 1.0])
def test_they_equal_plain_loops_over_the_triplets_of_each_part(metric, margin):
    features = np.random.default_rng(7).normal(size=[9, 2, 4])
    labels = np.array([0, 1, 2, 0, 1, 2, 0, 0, 1])
    hard = triplet_hard_loss(labels, features.astype("float32"), margin=margin, distance_metric=metric)
    semihard = triplet_semihard_loss(labels, features.astype("float32"), margin=margin, distance_metric=metric)
    for part in range(2):
        points = features[:, part]
        np.testing.assert_allclose(hard[part], hard_by_hand(labels, points, margin, metric), rtol=1e-5)
        np.testing.assert_allclose(semihard[part], semihard_by_hand(labels, points, margin, metric), rtol=1e-5)


def lost_by_addons(features, metric):
    """The rounding of |u|^2 + |v|^2 - 2uv, by which addons finds a squared distance.

    With seed 1, 64 channels in float32 and the soft loss its gradient is 6.7e-6 from float64; this is 1.0e-5 there, and
    tf3dlocal is 1.2e-7 from float64.
    """
    largest = np.square(features, dtype="float64").sum(axis=1).max()
    return np.finfo("float32").eps * largest if metric == "squared-L2" else 0.0


@pytest.mark.parametrize("case", CASES)
def test_they_equal_tensorflow_addons(case):
    name, kind, metric = case.split("/")
    features = tf.constant(ADDONS[f"{name}/embeddings"])
    with tf.GradientTape() as tape:
        tape.watch(features)
        loss = LOSSES[kind](ADDONS[f"{name}/labels"], features, metric)
    gradient = tape.gradient(loss, features)
    if (name, kind) == ("all_alone", "semihard"):  # no pair: addons divides 0 by 0, this loss is 0
        assert np.isnan(ADDONS[f"{case}/loss"]) and loss == 0 and not np.any(gradient)
        return
    expected = ADDONS[f"{case}/loss"]
    np.testing.assert_allclose(loss[0], expected, rtol=2e-6 if expected.dtype == "float32" else 1e-3, atol=1e-6)
    assert np.isfinite(gradient).all()
    if name in ("duplicates", "some_zero") and kind == "semihard":
        return  # the two choose different ones of equally distant negatives
    directed = np.any(features, axis=1)  # the angle to zeros has no derivative: here 0, and up to 6e4 in addons
    np.testing.assert_allclose(
        gradient.numpy()[directed],
        ADDONS[f"{case}/gradient"][directed],
        rtol=np.finfo(features.dtype.as_numpy_dtype).eps,
        atol=max(1e-6, lost_by_addons(features, metric)),
    )


@pytest.mark.parametrize("jit_compile", [False, True])
@pytest.mark.parametrize("metric", ["L2", "squared-L2", "angular"])
@pytest.mark.parametrize("kind", LOSSES)
@pytest.mark.slow
def test_gradients_are_finite_where_embeddings_coincide(kind, metric, jit_compile):
    @tf.function(jit_compile=jit_compile)
    def gradient(features):
        with tf.GradientTape() as tape:
            tape.watch(features)
            loss = LOSSES[kind](np.array([0, 0, 1, 1]), features, metric)
        return tape.gradient(loss, features)

    for features in (tf.ones([4, 2, 3]), tf.zeros([4, 2, 3]), tf.constant([[1.0, 0], [1, 0], [1, 0], [0, 1]])[:, None]):
        assert np.isfinite(gradient(features)).all()


def test_distances_of_equal_rows_are_exactly_zero_and_large_features_lose_no_precision():
    features = 1e3 + np.random.default_rng(0).normal(size=[4, 2, 256]).astype("float32")
    features[2] = features[0]
    distances = np.asarray(pairwise_distances(features))
    assert distances.shape == (2, 4, 4) and distances.dtype == "float32"
    assert not distances[:, range(4), range(4)].any() and not distances[:, 0, 2].any()
    expected = np.linalg.norm(features[0].astype("float64") - features[1], axis=-1)
    np.testing.assert_allclose(distances[:, 0, 1], expected, rtol=1e-6)


def test_an_unknown_metric_raises_an_error_that_lists_the_known_ones():
    with pytest.raises(ValueError, match="'cosine'.*L2, squared-L2, angular"):
        triplet_hard_loss(np.array([0, 1]), np.zeros([2, 3], "float32"), distance_metric="cosine")


@pytest.mark.bad_input
@pytest.mark.parametrize("loss", [TripletHardLoss, TripletSemiHardLoss])
def test_a_function_as_metric_is_refused_with_the_names(loss):
    with pytest.raises(ValueError, match="metric is a function, 'by_hand'.* Name one of L2, squared-L2, angular"):

        def by_hand(features):
            return features @ tf.transpose(features)

        loss(distance_metric=by_hand)


def test_their_configs_restore_them():
    hard = TripletHardLoss(margin=0.3, soft=True, distance_metric="angular")
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(hard))
    assert (again.margin, again.soft, again.distance_metric) == (0.3, True, "angular")
    semihard = TripletSemiHardLoss(margin=0.3, distance_metric="squared-L2")
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(semihard))
    assert (again.margin, again.distance_metric) == (0.3, "squared-L2")
