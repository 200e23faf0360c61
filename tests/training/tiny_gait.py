"""A model of a few hundred weights with the outputs of the real ones, for tests of the training."""

import keras
from keras import ops

from tf3dlocal.layers import Dropout


def tiny_gait(
    num_classes=None,
    input_shape=(None, 64, 44, 1),
    channels=8,
    dropout=0.5,
    compact=True,
    synchronized=False,
    seed=None,
    dtype=None,
):
    """The brightest moment of 16 coarse cells, in 4 strips."""
    silhouettes = keras.Input(input_shape, name="silhouettes")
    x = keras.layers.AveragePooling3D((1, 16, 11))(silhouettes)  # b t 4 4 1
    x = keras.layers.Reshape([4, 4])(ops.max(x, axis=1))
    start = keras.initializers.GlorotUniform(seed)
    # Named so that `optimizer.rates.localization` reaches it, as it reaches the localization networks of a real model.
    # No bias in front of a batch normalization: its true gradient is zero, and Adam makes steps of full size from the
    # noise.
    x = keras.layers.Dense(channels, use_bias=False, kernel_initializer=start, name="localization", dtype=dtype)(x)
    parts = keras.layers.BatchNormalization(synchronized=synchronized, name="part_features")(x)  # b p c
    x = Dropout(dropout, seed=seed, dtype=dtype)(keras.layers.Flatten()(parts))
    embedding = (
        keras.layers.Dense(channels, kernel_initializer=start, name="embedding", dtype=dtype)(x) if compact else x
    )
    outputs = {"part_features": parts, "embedding": embedding}
    if num_classes:
        outputs["logits"] = keras.layers.Dense(num_classes, kernel_initializer=start, name="logits")(embedding)
    return keras.Model(silhouettes, outputs, name="tiny_gait")


PROTOCOL = """name: small
train: [001, 002, 003, 004]
test: all
gallery: [nm-01, nm-02, nm-03, nm-04]
probes: {NM: [nm-05, nm-06], CL: [cl-01, cl-02]}
"""

CONFIG = """
data: {protocol: PROTOCOL, subjects_per_batch: 2, walks_per_subject: 4, clip_length: 4, window: [4, 6]}
model: {name: tiny_gait}
losses: {cross_entropy: {weight: 0.5, scale: 4}}
schedule: {learning_rate: 1e-2}
training: {steps: 6, report_every: 2, checkpoint_every: 2}
"""
