"""GaitSet's set pooling: all frames become one map, regardless of their number and order."""

import keras
from keras import ops


@keras.saving.register_keras_serializable("tf3dlocal")
class SetPooling(keras.layers.Layer):
    """Maximum over the frames.

    Chao et al., GaitSet, AAAI 2019: its best set pooling apart from attention, and the one of all public code. GLN
    adopts it.

    Args:
        keep_frames: Keep the axis of the frames, with one frame, so that per-frame layers can read the result.

    Call arguments:
        volume: float [batch, frames, height, width, channels].

    Returns:
        float [batch, height, width, channels], or [batch, 1, height, width, channels] with keep_frames.

    Example:
        >>> import numpy as np
        >>> SetPooling()(np.zeros((2, 30, 16, 11, 8), "float32")).shape
        TensorShape([2, 16, 11, 8])
    """

    def __init__(self, *, keep_frames: bool = False, **kwargs) -> None:
        super().__init__(**kwargs)
        self.keep_frames = keep_frames

    def call(self, volume):
        return ops.max(volume, axis=1, keepdims=self.keep_frames)

    def compute_output_shape(self, volume_shape):
        batch, _, *rest = volume_shape
        return (batch, 1, *rest) if self.keep_frames else (batch, *rest)
