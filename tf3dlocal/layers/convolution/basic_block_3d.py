"""MT3D's basic 3D block: a volume is read in space and time, in space alone, and in time alone."""

import keras
from keras import ops

from tf3dlocal.layers.convolution.leaky_relu import LeakyReLU
from tf3dlocal.layers.convolution.volume_convolution import VolumeConvolution, volume_convolution
from tf3dlocal.layers.defaults import derive_seed


@keras.saving.register_keras_serializable("tf3dlocal")
class BasicBlock3D(keras.layers.Layer):
    """Sum of three parallel convolutions without bias, 3x3x3, 1x3x3 and 3x1x1 (frames, height, width), then LeakyReLU.

    Lin et al., MT3D (B3D), ACM MM 2020. No code is public; derived models have a parallel and a chained layout, and
    this is the parallel one (inferred). A sum of convolutions is the convolution with the sum of their kernels; the
    layer runs that single one, with 27 instead of 39 products per cell and channel.

    Args:
        filters: Number of output channels.
        negative_slope: Slope of the LeakyReLU.
        seed: Seed of the initial weights.

    Call arguments:
        volume: float [batch, frames, height, width, channels].

    Returns:
        float [batch, frames, height, width, filters].

    Example:
        >>> import numpy as np
        >>> BasicBlock3D(8)(np.zeros((2, 6, 16, 11, 4), "float32")).shape
        TensorShape([2, 6, 16, 11, 8])
    """

    KERNELS = {"volume": (3, 3, 3), "space": (1, 3, 3), "time": (3, 1, 1)}

    def __init__(self, filters: int, *, negative_slope: float = 0.01, seed: int | None = None, **kwargs) -> None:
        super().__init__(**kwargs)
        self.filters = filters
        self.convolutions = [
            VolumeConvolution(
                filters, kernel_size=size, seed=derive_seed(seed, name=name), dtype=self.dtype_policy, name=name
            )
            for name, size in self.KERNELS.items()
        ]
        self.activation = LeakyReLU(negative_slope, dtype=self.dtype_policy, name="relu")

    def build(self, volume_shape):
        for convolution in self.convolutions:
            convolution.build(volume_shape)

    def call(self, volume):
        in_all, in_space, in_time = (convolution.kernel for convolution in self.convolutions)
        none, one = (0, 0), (1, 1)
        kernel = (
            in_all + ops.pad(in_space, (one, none, none, none, none)) + ops.pad(in_time, (none, one, one, none, none))
        )
        return self.activation(volume_convolution(volume, ops.cast(kernel, volume.dtype)))

    def compute_output_shape(self, volume_shape):
        return (*volume_shape[:-1], self.filters)
