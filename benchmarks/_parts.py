"""Parts of the models by name, as callables that `parts.py` measures, without and with XLA."""

import functools

import keras
import numpy as np
import tensorflow as tf

from tf3dlocal.io import keep_freed_memory
from tf3dlocal.layers import (
    RELEASE_PARTS,
    FramePooling,
    GaussianSampler3D,
    HorizontalPooling,
    LocalizationNetwork,
    MicroMotionPooling,
    MixtureSampler3D,
    TrilinearSampler3D,
    VolumeConvolution,
    decode_location,
    halving_max_pool,
)
from tf3dlocal.losses import BatchAllTripletLoss


def part(name, walks, frames, *, compiled=False, backward=True):
    """Return a callable that computes one part once, and with `backward` its gradient by inputs and weights.

    Args:
        name: key of `PARTS`.
        walks: walks of the batch.
        frames: frames of a walk.
        compiled: whether XLA compiles it.
        backward: whether the gradient is computed too.
    """
    keep_freed_memory()
    keras.utils.set_random_seed(0)
    function, inputs = PARTS[name](walks, frames)
    inputs = [tf.constant(values) for values in inputs]
    result = function(*inputs)
    weights = function.trainable_variables if isinstance(function, keras.layers.Layer) else []
    weights = weights or [w for layer in getattr(function, "layers", []) for w in layer.trainable_variables]
    upstream = tf.random.normal(tf.shape(result), seed=1)

    @tf.function(jit_compile=compiled)
    def graph(*values):
        with tf.GradientTape() as tape:
            tape.watch(values)
            outputs = function(*values)
        return tape.gradient(outputs, [*values, *weights], upstream) if backward else outputs

    def call():
        outputs = [value for value in tf.nest.flatten(graph(*inputs)) if value is not None]
        outputs[-1][..., :1].numpy()

    call.facts = {"compiled": compiled}
    return call


def drawn(*shape):
    return np.random.default_rng(0).normal(size=shape).astype("float32")


def locations(walks, frames):
    """Locations near the prior of a leg, in a map of 16 x 11."""
    raw = 0.3 * drawn(walks, 8)
    return np.asarray(decode_location(raw, prior=RELEASE_PARTS[5], size=(frames, 16, 11)).stack())


def triplets(walks, frames):
    """Labels of 8 subjects with 16 walks each, or 4 x 4 for a small batch."""
    subjects, of_each = (8, 16) if walks >= 8 else (4, 4)
    labels = np.repeat(np.arange(subjects), of_each)
    return functools.partial(BatchAllTripletLoss(margin=0.2).call, labels), [0.02 * drawn(len(labels), 16, 256)]


def six_localizations(walks, frames):
    """The six networks of a local block, which all read one map."""
    networks = [LocalizationNetwork(64, num_outputs=7, geometry="release") for _ in range(6)]

    def locate(maps):
        return tf.stack([network(maps, training=True) for network in networks])

    locate.layers = networks
    return locate, [drawn(walks, frames, 16, 11, 128)]


PARTS = {
    "convolution": lambda n, t: (VolumeConvolution(64), [drawn(n, t, 16, 11, 64)]),
    "frame-convolution": lambda n, t: (VolumeConvolution(64, kernel_size=(1, 3, 3)), [drawn(n, t, 32, 22, 64)]),
    "pooling": lambda n, t: (FramePooling(), [drawn(n, t, 64, 44, 32)]),
    "halving-pooling": lambda n, t: (halving_max_pool, [drawn(n, t, 16, 11, 64)]),
    "gaussian": lambda n, t: (GaussianSampler3D(), [drawn(n, t, 16, 11, 64), locations(n, t)]),
    "mixture": lambda n, t: (MixtureSampler3D(), [drawn(n, t, 16, 11, 64), locations(n, t)]),
    "trilinear": lambda n, t: (TrilinearSampler3D(), [drawn(n, t, 16, 11, 64), locations(n, t)]),
    "localization": six_localizations,
    "micro-motion": lambda n, t: (MicroMotionPooling(), [drawn(n, t, 16, 128)]),
    "triplets": triplets,
    "horizontal": lambda n, t: (HorizontalPooling(16), [drawn(n, t, 16, 11, 128)]),
}
