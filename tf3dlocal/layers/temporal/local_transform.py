"""MT3D's local transform: a few neighbouring frames become one."""

import keras
from keras import ops

from tf3dlocal.layers.defaults import kaiming_fan_out


@keras.saving.register_keras_serializable("tf3dlocal")
class LocalTransform(keras.layers.Layer):
    """Learned fusion of every `interval` consecutive frames: a convolution of kernel and stride (interval, 1, 1).

    Lin et al., MT3D, ACM MM 2020. The author's figure names the layer; its kernel, stride and missing bias are inferred
    from GaitGL of the same authors, whose temporal aggregation is this convolution. Frames left over at the end are
    dropped, as there. A walk shorter than one interval is padded with empty frames, so that one frame remains.

    Args:
        interval: Number of frames that become one.
        seed: Seed of the initial weights.

    Call arguments:
        volume: float [batch, frames, height, width, channels].

    Returns:
        float [batch, max(1, frames // interval), height, width, channels].

    Raises:
        ValueError: An interval below one.

    Example:
        >>> import numpy as np
        >>> LocalTransform(3)(np.zeros((2, 31, 16, 11, 8), "float32")).shape
        TensorShape([2, 10, 16, 11, 8])
    """

    def __init__(self, interval: int = 3, *, seed: int | None = None, **kwargs) -> None:
        super().__init__(**kwargs)
        if interval < 1:
            raise ValueError(f"A local transform fuses at least one frame; got interval={interval!r}.")
        self.interval = interval
        self.seed = seed

    def build(self, volume_shape):
        channels = volume_shape[-1]
        self.kernel = self.add_weight(
            name="kernel", shape=(self.interval, channels, channels), initializer=kaiming_fan_out(self.seed)
        )

    def call(self, volume):
        _, num_frames, height, width, channels = ops.shape(volume)
        num_groups = ops.maximum(num_frames // self.interval, 1)
        if not isinstance(num_frames, int) or num_frames < self.interval:
            missing = ops.maximum(self.interval - num_frames, 0)
            volume = ops.pad(volume, ((0, 0), (0, missing), (0, 0), (0, 0), (0, 0)))
        groups = ops.reshape(
            volume[:, : num_groups * self.interval], (-1, num_groups, self.interval, height * width, channels)
        )
        fused = ops.einsum("btkpc,kcd->btpd", groups, ops.cast(self.kernel, volume.dtype))
        return ops.reshape(fused, (-1, num_groups, height, width, channels))

    def compute_output_shape(self, volume_shape):
        batch, frames, *rest = volume_shape
        return (batch, None if frames is None else max(1, frames // self.interval), *rest)
