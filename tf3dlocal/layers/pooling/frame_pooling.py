"""Max pooling of every frame by two in height and width."""

import keras
from keras import ops


@keras.saving.register_keras_serializable("tf3dlocal")
class FramePooling(keras.layers.Layer):
    """Maximum over 2 x 2 cells of every frame; the frames remain, an odd last row or column is dropped.

    Call arguments:
        volume: float [batch, frames, height, width, channels].

    Returns:
        float [batch, frames, height // 2, width // 2, channels].

    Example:
        >>> import numpy as np
        >>> FramePooling()(np.zeros((2, 3, 16, 11, 4), "float32")).shape
        TensorShape([2, 3, 8, 5, 4])
    """

    def call(self, volume):
        _, num_frames, height, width, channels = ops.shape(volume)
        frames = ops.reshape(volume, (-1, height, width, channels))  # (b t) y x c
        return ops.reshape(ops.max_pool(frames, 2, 2), (-1, num_frames, height // 2, width // 2, channels))

    def compute_output_shape(self, volume_shape):
        batch, frames, height, width, channels = volume_shape
        return (batch, frames, height // 2, width // 2, channels)
