"""What the losses refuse, and that numbers that are not finite give a loss that is none."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tf3dlocal.losses import (
    BatchAllTripletLoss,
    NonzeroTriplets,
    ScaledCrossEntropy,
    TripletHardLoss,
    TripletSemiHardLoss,
    triplet_hard_loss,
    triplet_semihard_loss,
)

MODES = {
    "eager": lambda function: function,
    "graph": lambda function: tf.function(function),
    "xla": lambda function: tf.function(function, jit_compile=True),
}
TRIPLETS = {
    "batch_all": BatchAllTripletLoss(),
    "hard": TripletHardLoss(),
    "soft": TripletHardLoss(soft=True),
    "angular": TripletHardLoss(distance_metric="angular"),
    "semihard": TripletSemiHardLoss(),
    "squared": TripletSemiHardLoss(distance_metric="squared-L2"),
}
LOSSES = {**TRIPLETS, "cross_entropy": ScaledCrossEntropy(), "smooth": ScaledCrossEntropy(2.0, label_smoothing=0.1)}
LABELS = np.array([0, 0, 1, 1, 2, 2])
REFUSED = (ValueError, tf.errors.InvalidArgumentError)

pytestmark = pytest.mark.bad_input


def features(name):
    shape = [6, 3] if isinstance(LOSSES.get(name), ScaledCrossEntropy) else [6, 2, 4]
    return np.random.default_rng(0).normal(size=shape).astype("float32")


@pytest.mark.parametrize(
    ("mode", "bad"), [("eager", np.nan), ("eager", np.inf), ("eager", -np.inf), ("graph", np.nan), ("xla", np.inf)]
)
@pytest.mark.parametrize("name", LOSSES)
def test_a_number_that_is_not_finite_gives_nan(name, bad, mode):
    wrong = features(name)
    wrong[1, ..., 1] = bad
    assert np.isnan(MODES[mode](LOSSES[name])(tf.constant(LABELS), tf.constant(wrong)))


@pytest.mark.parametrize("function", [triplet_hard_loss, triplet_semihard_loss])
def test_the_functions_give_nan_for_the_part_at_fault_alone(function):
    wrong = features("hard")
    wrong[2, 1, 0] = np.nan
    assert np.isnan(function(LABELS, wrong).numpy()).tolist() == [False, True]


def test_the_share_of_triplets_of_nan_features_is_nan():
    metric = NonzeroTriplets()
    metric.update_state(LABELS, np.full([6, 1, 2], np.nan, "float32"))
    assert np.isnan(metric.result())


@pytest.mark.parametrize(("name", "jit_compile"), [("batch_all", False), ("batch_all", True), ("hard", False)])
def test_keras_ends_a_training_whose_features_are_nan(name, jit_compile):
    x = keras.Input((2,))
    model = keras.Model(x, keras.layers.Dense(3)(x))
    model.compile("sgd", loss=LOSSES[name], jit_compile=jit_compile)
    steps = []
    seen = keras.callbacks.LambdaCallback(on_train_batch_end=lambda step, logs: steps.append(step))
    data = tf.data.Dataset.from_tensors((np.full([6, 2], np.nan, "float32"), LABELS)).repeat(5)
    model.fit(data, verbose=0, callbacks=[keras.callbacks.TerminateOnNaN(), seen])
    assert len(steps) == 1


@pytest.mark.parametrize(
    "labels", [[-1, -1, 0, 0, 1, 1], [0, 0, 1, 1, 0.5, 2], [0, 0, 1, 1, np.nan, 2], [0] * 5 + [2**25]]
)
@pytest.mark.parametrize("name", ["batch_all", "hard", "semihard"])
@pytest.mark.parametrize("mode", ["eager", "graph"])
def test_labels_that_are_no_classes_are_refused_by_triplets(name, labels, mode):
    with pytest.raises(
        REFUSED, match="labels of this batch are not whole numbers from 0. Map them once: names, classes"
    ):
        MODES[mode](LOSSES[name])(tf.constant(labels), tf.constant(features(name)))


@pytest.mark.parametrize(
    "labels", [[-1, 0, 0, 1, 1, 2], [1, 1, 2, 2, 3, 3], [0, 0.5, 1, 1, 2, 2], [0, 0, 1, 1, 2, np.inf]]
)
@pytest.mark.parametrize("mode", MODES)
def test_labels_that_the_classifier_does_not_have_are_refused(labels, mode):
    loss, logits = MODES[mode](ScaledCrossEntropy()), tf.constant(features("cross_entropy"))
    if mode == "xla":  # which has no errors
        assert np.isnan(loss(tf.constant(labels), logits))
        return
    with pytest.raises(
        REFUSED, match="labels of this batch are not .*(3 classes|whole numbers).* Map them once: names, classes"
    ):
        loss(tf.constant(labels), logits)


@pytest.mark.parametrize(
    "texts", [list("aabbcc"), np.array(list("aabbcc")), np.array(list("aabbcc"), object), tf.constant(list("aabbcc"))]
)
@pytest.mark.parametrize("name", ["batch_all", "hard", "semihard", "cross_entropy"])
def test_labels_that_are_texts_are_refused_with_the_way_to_map_them(name, texts):
    with pytest.raises(ValueError, match=r"the labels are texts.*numpy.unique\(labels, return_inverse=True\)"):
        LOSSES[name](texts, features(name))


@pytest.mark.parametrize("labels", [[0], [3, 3, 3, 3], [0, 1, 2, 3]])
@pytest.mark.parametrize("name", TRIPLETS)
@pytest.mark.parametrize("mode", ["eager", "graph"])
def test_a_batch_without_triplets_is_refused(name, labels, mode):
    some = np.random.default_rng(0).normal(size=[len(labels), 2, 4]).astype("float32")
    with pytest.raises(REFUSED, match="this batch has no triplets.*at least two walks of each of two classes"):
        MODES[mode](TRIPLETS[name])(tf.constant(labels), tf.constant(some))


@pytest.mark.parametrize("name", TRIPLETS)
def test_weights_of_walks_are_refused_by_triplets(name):
    with pytest.raises(ValueError, match="takes no sample_weight and no class_weight"):
        TRIPLETS[name](LABELS, features(name), sample_weight=np.ones(6))


@pytest.mark.parametrize("weights", [{"sample_weight": np.ones(6)}, {"class_weight": {0: 1.0, 1: 2.0, 2: 3.0}}])
def test_keras_fit_refuses_weights_of_walks_for_triplets(weights):
    x = keras.Input((2,))
    model = keras.Model(x, keras.layers.Dense(3)(x))
    model.compile("sgd", loss=BatchAllTripletLoss())
    with pytest.raises(ValueError, match="takes no sample_weight and no class_weight"):
        model.fit(np.ones([6, 2], "float32"), LABELS, verbose=0, batch_size=6, **weights)


def test_the_metric_refuses_weights():
    with pytest.raises(ValueError, match="takes no sample_weight"):
        NonzeroTriplets().update_state(LABELS, features("hard"), sample_weight=np.ones(6))


def test_the_cross_entropy_takes_weights_of_walks():
    loss, logits = ScaledCrossEntropy(), features("cross_entropy")
    one = loss(LABELS, logits, sample_weight=np.eye(6)[0].astype("float32"))
    np.testing.assert_allclose(6 * one, loss(LABELS[:1], logits[:1]), rtol=1e-6)


@pytest.mark.parametrize("margin", [-0.1, np.nan, np.inf, "0.2", None, True, [0.2], 10**400])
@pytest.mark.parametrize("loss", [BatchAllTripletLoss, TripletHardLoss, TripletSemiHardLoss, NonzeroTriplets])
def test_a_margin_that_is_no_number_from_0_is_refused(loss, margin):
    with pytest.raises(ValueError, match="margin must be a number from 0"):
        loss(margin=margin)


@pytest.mark.parametrize("metric", ["L3", None, ["L2"], "l2"])
@pytest.mark.parametrize("loss", [TripletHardLoss, TripletSemiHardLoss])
def test_an_unknown_metric_is_refused_where_it_is_given(loss, metric):
    with pytest.raises(ValueError, match="distance metric .* is unknown. Use one of L2, squared-L2, angular"):
        loss(distance_metric=metric)


@pytest.mark.parametrize("name", LOSSES)
def test_labels_and_walks_that_are_not_as_many_are_counted(name):
    with pytest.raises(ValueError, match="there are 5 labels for 6 walks. Give one label per walk"):
        LOSSES[name](LABELS[:5], features(name))


@pytest.mark.parametrize("shape", [[6], [6, 2, 4]])
def test_logits_of_another_shape_are_refused(shape):
    with pytest.raises(ValueError, match=r"expects logits of shape \[batch, classes\], not"):
        ScaledCrossEntropy()(LABELS, np.ones(shape, "float32"))


@pytest.mark.parametrize(
    "arguments",
    [
        *({"scale": scale} for scale in (0, np.nan, np.inf, "4", None, True, [1])),
        *({"label_smoothing": share} for share in (np.nan, 1, 1.5, -0.1, "a", None, [0.1])),
    ],
    ids=repr,
)
def test_a_scale_or_smoothing_out_of_range_is_refused(arguments):
    with pytest.raises(ValueError, match="must be"):
        ScaledCrossEntropy(**arguments)
