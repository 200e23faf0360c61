"""Max pooling of every frame by two in height and width."""

import keras
from keras import ops

from tf3dlocal.layers.forms import choose_form


@keras.saving.register_keras_serializable("tf3dlocal")
class FramePooling(keras.layers.Layer):
    """Maximum over 2 x 2 cells of every frame; frames stay as they are, an odd last row or column is dropped.

    Args:
        form: "auto", or one of the equal forms of `choose_form`; "sliced" is the maximum of four strided slices.

    Call arguments:
        volume: float [batch, frames, height, width, channels].

    Returns:
        float [batch, frames, height // 2, width // 2, channels].

    Example:
        >>> import numpy as np
        >>> FramePooling()(np.zeros((2, 3, 16, 11, 4), "float32")).shape
        TensorShape([2, 3, 8, 5, 4])
    """

    def __init__(self, form="auto", **kwargs):
        super().__init__(**kwargs)
        self.form = form

    def call(self, volume):
        _, num_frames, height, width, channels = ops.shape(volume)
        height, width = height // 2, width // 2
        if choose_form(self.form) in ("sliced", "minimal"):
            even = volume[:, :, : 2 * height]
            rows = ops.maximum(even[:, :, ::2], even[:, :, 1::2])[:, :, :, : 2 * width]
            return ops.maximum(rows[:, :, :, ::2], rows[:, :, :, 1::2])
        frames = ops.reshape(volume, (-1, *ops.shape(volume)[2:]))
        return ops.reshape(ops.max_pool(frames, 2, 2), (-1, num_frames, height, width, channels))

    def compute_output_shape(self, volume_shape):
        batch, frames, height, width, channels = volume_shape
        return (batch, frames, height // 2, width // 2, channels)
