"""Shared by the tests of layers and models: the ways to run a function, and random weights."""

import math

import numpy as np
import tensorflow as tf

# A layer must give the same in all three.
MODES = {
    "eager": lambda function: function,
    "graph": lambda function: tf.function(function),
    "xla": lambda function: tf.function(function, jit_compile=True),
}


def randomize(layer, seed=0):
    """Draw all weights anew, gammas of both signs and variances positive: initial zeros and ones hide mistakes."""
    rng = np.random.default_rng(seed)
    for weight in layer.weights:
        if "variance" in weight.path:
            value = rng.uniform(0.5, 2.0, weight.shape)
        else:
            fan_in = math.prod(weight.shape[:-1]) if "kernel" in weight.path else 1
            value = rng.normal(size=weight.shape) / math.sqrt(fan_in)
        weight.assign(value)
    return layer


def relative_error(found, expected):
    """Largest difference in units of the largest expected number."""
    return np.abs(np.asarray(found, "float64") - expected).max() / np.abs(expected).max()
