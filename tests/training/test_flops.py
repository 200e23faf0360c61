"""The cost of a forward pass: single layers counted by hand, and models of known cost."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import ops

from tf3dlocal.layers import SeparateDense
from tf3dlocal.models import ThreeDLocal, embedding_model
from tf3dlocal.training.flops import forward_flops, graph_flops


def flops(function, *shapes):
    specs = [tf.TensorSpec(shape, tf.float32) for shape in shapes]
    return graph_flops(tf.function(function).get_concrete_function(*specs).graph)


def layer_flops(layer, *shape):
    layer.build(shape)
    return flops(layer, shape)


@pytest.mark.parametrize(
    ("layer", "shape", "multiply_adds"),
    [
        (keras.layers.Dense(7, name="dense"), (3, 5), 3 * 5 * 7),
        (keras.layers.Conv2D(7, (3, 2), padding="same"), (2, 8, 6, 5), 2 * 8 * 6 * 7 * 3 * 2 * 5),
        (keras.layers.Conv2D(7, 3, padding="valid", strides=2), (2, 9, 7, 5), 2 * 4 * 3 * 7 * 9 * 5),
        (keras.layers.Conv2D(6, 3, padding="same", groups=2), (1, 8, 6, 4), 8 * 6 * 6 * 9 * 2),
        (keras.layers.Conv3D(7, (3, 1, 1), padding="same"), (1, 4, 8, 6, 5), 4 * 8 * 6 * 7 * 3 * 5),
        (keras.layers.DepthwiseConv2D(3, padding="same", depth_multiplier=2), (1, 8, 6, 5), 8 * 6 * 10 * 9),
        (SeparateDense(7), (2, 4, 5), 2 * 4 * 5 * 7),
        (keras.layers.MaxPooling2D(2), (1, 8, 6, 5), 0),
        (keras.layers.BatchNormalization(), (1, 8, 6, 5), 0),
    ],
    ids=lambda value: getattr(value, "name", None),
)
def test_a_layer_costs_what_one_counts_by_hand(layer, shape, multiply_adds):
    assert layer_flops(layer, *shape) == 2 * multiply_adds


@pytest.mark.parametrize(
    ("function", "shapes", "multiply_adds"),
    [
        (tf.matmul, [(2, 3), (3, 4)], 2 * 3 * 4),
        (lambda a, b: tf.matmul(a, b, transpose_a=True), [(3, 2), (3, 4)], 2 * 3 * 4),
        (lambda a, b: tf.matmul(a, b, transpose_b=True), [(5, 2, 3), (5, 4, 3)], 5 * 2 * 3 * 4),
        (lambda a, b: tf.matmul(a, b, adjoint_a=True), [(5, 3, 2), (1, 3, 4)], 5 * 2 * 3 * 4),
        (lambda a, b: tf.einsum("btpc,pcd->btpd", a, b), [(2, 3, 4, 5), (4, 5, 6)], 2 * 3 * 4 * 5 * 6),
        (lambda a, b: tf.einsum("...pc,pcd->...pd", a, b), [(2, 3, 4, 5), (4, 5, 6)], 2 * 3 * 4 * 5 * 6),
        (lambda a: tf.einsum("bc->cb", a), [(2, 3)], 0),
        (tf.function(lambda a, b: tf.matmul(tf.nn.relu(a), b)), [(2, 3), (3, 4)], 2 * 3 * 4),
    ],
    ids=[
        "plain",
        "left transposed",
        "right transposed",
        "broadcast",
        "einsum",
        "ellipsis",
        "transposed only",
        "in a function",
    ],
)
def test_a_product_costs_what_one_counts_by_hand(function, shapes, multiply_adds):
    assert flops(function, *shapes) == 2 * multiply_adds


def test_what_cannot_be_counted_is_an_error_and_not_free():
    kernel = tf.ones((3, 3, 2, 4))
    with pytest.raises(ValueError, match="Conv2DBackpropInput.*not known here"):
        flops(lambda x: tf.nn.conv2d_transpose(x, kernel, (1, 8, 8, 2), 2), (1, 4, 4, 4))
    with pytest.raises(ValueError, match=r"MatMul\) has shapes that are not known"):
        flops(lambda x: tf.matmul(x, tf.ones((3, 4))), (None, 3))


def test_a_model_of_unknown_height_is_refused():
    x = keras.Input((None, None, 44, 1))
    with pytest.raises(ValueError, match="known height and width"):
        forward_flops(keras.Model(x, ops.mean(x, axis=1)))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "gflop"),
    [
        # Counted by hand for a prototype: 22.4 = 6.4 backbone + 14.0 part convolutions + 1.2 localization + 0.7 fusion
        # + 0.2 sampling. Here sampling is 0.16, as of 63 rows 30 (16 x 11 + 11 x 11 + 30 x 11) 64 products are, and the
        # pooling over time is 0.04. Of the 6 x 2 x 16 rows of the part convolutions 75 +
        # 85 can differ from zero: 6, 9, 11, 11, 13, 13 sampled rows and one or two more on either side, up to 16.
        ({"preset": "release"}, 6.36 + 14.01 * (75 + 85) / 192 + 1.15 + 0.69 + 0.16 + 0.04),
        ({"preset": "release", "local_blocks": ()}, 6.36 + 0.04),
        # 25.46 when the six samplers of block 3 joined rows and columns, 0.71; two thin products are 0.11.
        ({"preset": "paper"}, 25.46 - 0.71 + 0.11),
    ],
    ids=["release", "global path", "paper"],
)
def test_3dlocal_costs_what_is_known(arguments, gflop):
    model = embedding_model(ThreeDLocal(**arguments))
    np.testing.assert_allclose(forward_flops(model) / 1e9, gflop, atol=0.015)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "gflop"), [("gaitset", 6.5), ("gaitpart", 6.4)])
def test_other_models_cost_what_is_known(name, gflop):
    from tf3dlocal.models import MODELS

    np.testing.assert_allclose(forward_flops(embedding_model(MODELS[name]())) / 1e9, gflop, atol=0.05)


def test_a_longer_walk_costs_in_proportion():
    x = keras.Input((None, 8, 6, 1))
    model = keras.Model(x, keras.layers.Conv3D(4, 3, padding="same")(x))
    assert forward_flops(model, num_frames=20) == 2 * forward_flops(model, num_frames=10) > 0
