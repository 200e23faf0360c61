"""Horizontal pooling: a map is cut into strips, and each strip becomes its mean plus its maximum."""

from collections.abc import Sequence

import keras
from keras import ops

from tf3dlocal.layers.defaults import check_counts


@keras.saving.register_keras_serializable("tf3dlocal")
class HorizontalPooling(keras.layers.Layer):
    """One vector per horizontal strip and frame: mean + maximum over the strip's cells.

    GaitPart's HP with 16 strips (Fan et al., CVPR 2020), which 3DLocal adopts.

    Args:
        num_strips: Number of strips; must divide the map's height.

    Call arguments:
        volume: float [batch, frames, height, width, channels].

    Returns:
        float [batch, frames, num_strips, channels].

    Raises:
        ValueError: The strips do not divide the height.

    Example:
        >>> import numpy as np
        >>> HorizontalPooling(16)(np.zeros((2, 3, 16, 11, 8), "float32")).shape
        TensorShape([2, 3, 16, 8])
    """

    def __init__(self, num_strips: int = 16, **kwargs) -> None:
        super().__init__(**kwargs)
        check_counts("HorizontalPooling", num_strips=num_strips)
        self.num_strips = num_strips

    def build(self, volume_shape):
        if volume_shape[2] % self.num_strips:
            raise ValueError(
                f"{self.name}: num_strips={self.num_strips!r} does not divide a map of {volume_shape[2]} rows."
            )

    def call(self, volume):
        _, num_frames, height, width, channels = ops.shape(volume)
        cells = height // self.num_strips * width
        strips = ops.reshape(volume, (-1, num_frames, self.num_strips, cells, channels))  # b t p (y x) c
        return ops.mean(strips, axis=3) + ops.max(strips, axis=3)  # b t p c

    def compute_output_shape(self, volume_shape):
        return (*volume_shape[:2], self.num_strips, volume_shape[-1])


@keras.saving.register_keras_serializable("tf3dlocal")
class HorizontalPyramidPooling(keras.layers.Layer):
    """One vector per horizontal strip at several scales: mean + maximum over the strip's cells.

    Fu et al., Horizontal Pyramid Matching, AAAI 2019; GaitSet's HPM and GLN's HPP. The strips are ordered by scale as
    in `bins`, and from head to foot within a scale.

    Args:
        bins: Number of strips of each scale; each must divide the map's height.

    Call arguments:
        maps: float [batch, height, width, channels].

    Returns:
        float [batch, sum(bins), channels].

    Raises:
        ValueError: No bins, or bins that do not divide the height.

    Example:
        >>> import numpy as np
        >>> HorizontalPyramidPooling((1, 2, 4, 8, 16))(np.zeros((2, 16, 11, 8), "float32")).shape
        TensorShape([2, 31, 8])
    """

    def __init__(self, bins: Sequence[int] = (1, 2, 4, 8, 16), **kwargs) -> None:
        super().__init__(**kwargs)
        self.bins = tuple(bins)
        for number in self.bins:
            check_counts("HorizontalPyramidPooling", bins=number)

    def build(self, maps_shape):
        wrong = [number for number in self.bins if maps_shape[1] % number]
        if wrong or not self.bins:
            raise ValueError(f"{self.name}: bins {wrong or self.bins} do not divide a map of {maps_shape[1]} rows.")

    def call(self, maps):
        _, height, width, channels = ops.shape(maps)
        scales = []
        for number in self.bins:
            strips = ops.reshape(maps, (-1, number, height // number * width, channels))  # b p (y x) c
            scales.append(ops.mean(strips, axis=2) + ops.max(strips, axis=2))  # b p c
        return ops.concatenate(scales, axis=1)

    def compute_output_shape(self, maps_shape):
        return (maps_shape[0], sum(self.bins), maps_shape[-1])
