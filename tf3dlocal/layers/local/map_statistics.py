"""What all localization networks of a block read of its global map, computed once."""

import keras
from keras import ops

from tf3dlocal.io.types import Tensor
from tf3dlocal.layers.pooling.max_pooling import halving_max_pool


def at_least_single(dtype: str) -> str:
    """Return the dtype of moments: float32 for half precision."""
    return keras.backend.result_type(dtype, "float32")


def map_statistics(volume: Tensor, *, halve_frames: bool = True) -> dict[str, Tensor]:
    """Compute the pooled maximum and minimum of a map, and the mean and variance of every clip; see `MapStatistics`.

    Args:
        volume: float [batch, frames, height, width, channels]; gets no gradient.
        halve_frames: Pool over frames too.

    Returns:
        dict of "largest" and "smallest", in the map's dtype, and "mean" and "variance", float32 [batch, channels].
    """
    volume = ops.stop_gradient(volume)
    mean, variance = ops.moments(ops.cast(volume, at_least_single(volume.dtype)), axes=(1, 2, 3))
    return {
        "largest": halving_max_pool(volume, halve_frames=halve_frames),
        "smallest": -halving_max_pool(-volume, halve_frames=halve_frames),
        "mean": mean,
        "variance": variance,
    }


@keras.saving.register_keras_serializable("tf3dlocal")
class MapStatistics(keras.layers.Layer):
    """Extremes and moments of a map, which every local path of a block reads (`LocalPath`, argument `statistics`).

    A localization network begins with batch normalization, ReLU and the halving pool. With the pool first (see
    `NormalizedMaxPooling`) it reads four things that depend on the map alone: the pooled maximum, the pooled minimum,
    and the two moments. Six paths that each compute them take 12 poolings of the largest map of their block; this layer
    takes 2. The moments are those of every clip, from which each path has those of the batch by

        mean = E(mean_i),    variance = E(variance_i) + Var(mean_i)        (clips i of equal size),

    so that the layer treats every clip by itself, and no map has to be kept for the statistics of the whole batch.

    Args:
        halve_frames: Pool over frames too; False for locations per frame.

    Call arguments:
        volume: float [batch, frames, height, width, channels]; gets no gradient.

    Returns:
        dict of "largest" and "smallest", [batch, ceil(frames / 2), ceil(height / 2), ceil(width / 2), channels] (all
        frames without halve_frames), and "mean" and "variance", float32 [batch, channels].

    Example:
        >>> import numpy as np
        >>> statistics = MapStatistics()(np.zeros((2, 30, 16, 11, 4), "float32"))
        >>> statistics["largest"].shape, statistics["mean"].shape
        (TensorShape([2, 15, 8, 6, 4]), TensorShape([2, 4]))
    """

    def __init__(self, *, halve_frames: bool = True, **kwargs) -> None:
        super().__init__(**kwargs)
        self.halve_frames = halve_frames

    def call(self, volume):
        return map_statistics(volume, halve_frames=self.halve_frames)

    def compute_output_shape(self, volume_shape):
        batch, frames, height, width, channels = volume_shape
        if self.halve_frames and frames is not None:
            frames = (frames + 1) // 2
        pooled = (batch, frames, (height + 1) // 2, (width + 1) // 2, channels)
        return {"largest": pooled, "smallest": pooled, "mean": (batch, channels), "variance": (batch, channels)}

    def compute_output_spec(self, volume):
        shapes = self.compute_output_shape(volume.shape)
        moments = at_least_single(self.compute_dtype)
        dtypes = {name: moments if name in ("mean", "variance") else self.compute_dtype for name in shapes}
        return {name: keras.KerasTensor(shape, dtypes[name]) for name, shape in shapes.items()}
