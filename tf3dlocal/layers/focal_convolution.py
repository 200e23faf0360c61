"""GaitPart's focal convolution: one convolution that does not look across horizontal strips."""

import keras
from keras import ops

from tf3dlocal.layers.volume_convolution import VolumeConvolution


@keras.saving.register_keras_serializable("tf3dlocal")
class FocalConvolution(VolumeConvolution):
    """Cuts every frame into horizontal strips and applies one shared per-frame convolution to each, zeros at strip borders.

    Fan et al., GaitPart, CVPR 2020. One strip is a plain convolution.

    Args:
        filters: number of output channels.
        kernel_size: one odd number k, for a kernel (1, k, k), or such three numbers.
        num_strips: number of strips p; must divide the map's height.
        form, seed: as in `VolumeConvolution`.

    Call arguments:
        volume: float [batch, frames, height, width, channels].

    Returns:
        float [batch, frames, height, width, filters].

    Raises:
        ValueError: a kernel of several frames, or a height that the strips do not divide.

    Example:
        >>> import numpy as np
        >>> FocalConvolution(8, 3, num_strips=4)(np.zeros((2, 3, 16, 11, 1), "float32")).shape
        TensorShape([2, 3, 16, 11, 8])
    """

    def __init__(self, filters, kernel_size=3, num_strips=1, form="auto", seed=None, **kwargs):
        if isinstance(kernel_size, int):
            kernel_size = (1, kernel_size, kernel_size)
        if (
            kernel_size[0] != 1
        ):  # strips stand side by side on the frames' axis, where it would take them for neighbours
            raise ValueError(f"A focal convolution has a kernel of one frame; got {tuple(kernel_size)}.")
        super().__init__(filters, kernel_size, form=form, seed=seed, **kwargs)
        self.num_strips = num_strips

    def build(self, volume_shape):
        if volume_shape[2] % self.num_strips:
            raise ValueError(f"{self.name}: {self.num_strips} strips do not divide a map of {volume_shape[2]} rows.")
        super().build(volume_shape)

    def call(self, volume):
        _, num_frames, height, width, channels = ops.shape(volume)
        strips = ops.reshape(volume, (-1, num_frames * self.num_strips, height // self.num_strips, width, channels))
        return ops.reshape(super().call(strips), (-1, num_frames, height, width, self.filters))
