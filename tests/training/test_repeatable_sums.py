"""A step gives the same numbers each time, though many operations are at work at once."""

import doctest

import numpy as np
import pytest
import tensorflow as tf

from measuring.moving_bodies import moving_bodies
from tf3dlocal.losses import BatchAllTripletLoss
from tf3dlocal.models import ThreeDLocal
from tf3dlocal.training import repeatable_sums


@pytest.fixture
def repeatable():
    before = tf.config.optimizer.get_experimental_options().get("arithmetic_optimization", True)
    repeatable_sums.keep_sums_repeatable()
    yield
    tf.config.optimizer.set_experimental_options({"arithmetic_optimization": before})


@pytest.mark.slow
def test_the_gradients_of_a_map_that_six_paths_read_are_the_same_to_the_last_digit_each_time(repeatable):
    """Where the arithmetic optimizer is on, three of fifteen are not, on two cores."""
    silhouettes, labels = map(tf.constant, moving_bodies(16, 12, 64, 44))
    model = ThreeDLocal(
        channels=(12, 24, 48), local_blocks=(3,), embedding_channels=64, compact_channels=None, clip_length=12, seed=0
    )
    loss = BatchAllTripletLoss(0.2)

    @tf.function
    def gradients():
        with tf.GradientTape() as tape:
            value = loss(labels, model(silhouettes, training=True)["part_features"])
        return tape.gradient(value, model.trainable_variables)

    first = [np.asarray(gradient) for gradient in gradients()]
    for _ in range(25):
        for found, expected in zip(gradients(), first, strict=True):
            np.testing.assert_array_equal(found, expected)


def test_the_example_runs(repeatable):
    assert doctest.testmod(repeatable_sums).failed == 0
