"""Parts of our models as callables that `parts.py` measures: every part by name, in any form, compiled or not."""

import functools

import keras
import numpy as np
import tensorflow as tf

from tf3dlocal.benchmark.chosen_form import chosen_form
from tf3dlocal.freed_memory import keep_freed_memory
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
from tf3dlocal.losses.pairwise_distances import pairwise_distances


def part(name, walks, frames, form="auto", compiled=False, backward=True):
    """A callable that computes one part once, and its gradient by inputs and weights where `backward`."""
    keep_freed_memory()
    keras.utils.set_random_seed(0)
    function, inputs = PARTS[name](walks, frames, form)
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

    call.facts = {"compiled": compiled, "form": form} if form == "masks" else chosen_form(form, compiled)
    return call


def drawn(*shape):
    return np.random.default_rng(0).normal(size=shape).astype("float32")


def locations(walks, frames):
    """Places near the prior of a leg, in a map of 16 x 11."""
    raw = 0.3 * drawn(walks, 8)
    return np.asarray(decode_location(raw, RELEASE_PARTS[5], (frames, 16, 11)).stack())


def triplets(walks, frames, form):
    """Labels of 8 subjects with 16 walks each, or a quarter of both; form "masks" is the plain formula over all of them."""
    subjects, of_each = (8, 16) if walks >= 8 else (4, 4)
    labels = np.repeat(np.arange(subjects), of_each)
    loss = functools.partial(plain_triplets if form == "masks" else BatchAllTripletLoss(0.2).call, labels)
    return loss, [0.02 * drawn(len(labels), 16, 256)]


def plain_triplets(labels, features, margin=0.2):
    distances = pairwise_distances(features)  # p b b
    same = labels[:, None] == labels[None, :]
    mask = tf.constant((same[:, :, None] & ~same[:, None, :]).astype("float32"))
    terms = tf.nn.relu(margin + distances[:, :, :, None] - distances[:, :, None, :]) * mask  # p a p n
    above = tf.reduce_sum(tf.cast(terms > 0, "float32"), (1, 2, 3))
    return tf.reduce_sum(terms, (1, 2, 3)) / tf.maximum(above, 1)


def six_localizations(walks, frames, form):
    """The six networks of a local block, which all read one map."""
    networks = [LocalizationNetwork(64, 7, "release", form=form) for _ in range(6)]

    def locate(maps):
        return tf.stack([network(maps, training=True) for network in networks])

    locate.layers = networks
    return locate, [drawn(walks, frames, 16, 11, 128)]


PARTS = {
    "convolution": lambda n, t, form: (VolumeConvolution(64, 3, form), [drawn(n, t, 16, 11, 64)]),
    "frame-convolution": lambda n, t, form: (VolumeConvolution(64, (1, 3, 3), form), [drawn(n, t, 32, 22, 64)]),
    "pooling": lambda n, t, form: (FramePooling(form), [drawn(n, t, 64, 44, 32)]),
    "halving-pooling": lambda n, t, form: (functools.partial(halving_max_pool, form=form), [drawn(n, t, 16, 11, 64)]),
    "gaussian": lambda n, t, form: (GaussianSampler3D(), [drawn(n, t, 16, 11, 64), locations(n, t)]),
    "mixture": lambda n, t, form: (MixtureSampler3D(), [drawn(n, t, 16, 11, 64), locations(n, t)]),
    "trilinear": lambda n, t, form: (TrilinearSampler3D(), [drawn(n, t, 16, 11, 64), locations(n, t)]),
    "localization": six_localizations,
    "micro-motion": lambda n, t, form: (MicroMotionPooling(), [drawn(n, t, 16, 128)]),
    "triplets": triplets,
    "horizontal": lambda n, t, form: (HorizontalPooling(16), [drawn(n, t, 16, 11, 128)]),
}
