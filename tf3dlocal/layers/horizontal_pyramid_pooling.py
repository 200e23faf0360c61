"""Horizontal pyramid pooling: a map cut into strips at several scales, each strip told by its mean plus its maximum."""

import keras
from keras import ops


@keras.saving.register_keras_serializable("tf3dlocal")
class HorizontalPyramidPooling(keras.layers.Layer):
    """One vector per horizontal strip and scale: mean + maximum over the strip's cells.

    Fu et al., Horizontal Pyramid Matching, AAAI 2019, as GaitSet's HPM and GLN's HPP use it. Parts stand scale by scale in
    the order of `bins`, within a scale from head to foot.

    Args:
        bins: numbers of strips; each must divide the map's height.

    Call arguments:
        maps: float [batch, height, width, channels].

    Returns:
        float [batch, sum(bins), channels].

    Raises:
        ValueError: a height that one of the bins does not divide.

    Example:
        >>> import numpy as np
        >>> HorizontalPyramidPooling((1, 2, 4, 8, 16))(np.zeros((2, 16, 11, 8), "float32")).shape
        TensorShape([2, 31, 8])
    """

    def __init__(self, bins=(1, 2, 4, 8, 16), **kwargs):
        super().__init__(**kwargs)
        self.bins = tuple(bins)

    def build(self, maps_shape):
        odd = [number for number in self.bins if maps_shape[1] % number]
        if odd or not self.bins:
            raise ValueError(f"{self.name}: bins {odd or self.bins} do not divide a map of {maps_shape[1]} rows.")

    def call(self, maps):
        _, height, width, channels = ops.shape(maps)
        scales = []
        for number in self.bins:
            strips = ops.reshape(maps, (-1, number, height // number * width, channels))  # b p (y x) c
            scales.append(ops.mean(strips, axis=2) + ops.max(strips, axis=2))  # b p c
        return ops.concatenate(scales, axis=1)

    def compute_output_shape(self, maps_shape):
        return (maps_shape[0], sum(self.bins), maps_shape[-1])
