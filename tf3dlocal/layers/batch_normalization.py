"""Batch normalization as the PyTorch originals set it."""

import keras


def batch_normalization(name, synchronized=False, dtype=None):
    """Batch normalization with the originals' numbers: epsilon 1e-5, momentum 0.1 of the new value (0.9 in Keras' terms).

    Args:
        name: name of the layer.
        synchronized: take the statistics over all replicas under `tf.distribute`.
        dtype: dtype or policy of the layer.
    """
    return keras.layers.BatchNormalization(
        momentum=0.9, epsilon=1e-5, synchronized=synchronized, dtype=dtype, name=name
    )
