"""Horizontal pooling: every frame cut into strips, each strip told by its mean plus its maximum."""

import keras
from keras import ops


@keras.saving.register_keras_serializable("tf3dlocal")
class HorizontalPooling(keras.layers.Layer):
    """One vector per horizontal strip and frame: mean + maximum over the strip's cells.

    GaitPart's HP with 16 strips (Fan et al., CVPR 2020), which 3DLocal takes over.

    Args:
        num_parts: number of strips; must divide the map's height.

    Call arguments:
        volume: float [batch, frames, height, width, channels].

    Returns:
        float [batch, frames, num_parts, channels].

    Raises:
        ValueError: a height that the strips do not divide.

    Example:
        >>> import numpy as np
        >>> HorizontalPooling(16)(np.zeros((2, 3, 16, 11, 8), "float32")).shape
        TensorShape([2, 3, 16, 8])
    """

    def __init__(self, num_parts=16, **kwargs):
        super().__init__(**kwargs)
        self.num_parts = num_parts

    def build(self, volume_shape):
        if volume_shape[2] % self.num_parts:
            raise ValueError(f"{self.name}: {self.num_parts} strips do not divide a map of {volume_shape[2]} rows.")

    def call(self, volume):
        _, num_frames, height, width, channels = ops.shape(volume)
        cells = height // self.num_parts * width
        strips = ops.reshape(volume, (-1, num_frames, self.num_parts, cells, channels))  # b t p (y x) c
        return ops.mean(strips, axis=3) + ops.max(strips, axis=3)  # b t p c

    def compute_output_shape(self, volume_shape):
        return (*volume_shape[:2], self.num_parts, volume_shape[-1])
