"""Per-frame convolutions: the blocks of all silhouette backbones."""

from collections.abc import Sequence

import keras
from keras import ops

from tf3dlocal.io.types import Tensor
from tf3dlocal.layers.convolution.leaky_relu import LeakyReLU
from tf3dlocal.layers.convolution.volume_convolution import VolumeConvolution
from tf3dlocal.layers.defaults import check_counts, derive_seed


@keras.saving.register_keras_serializable("tf3dlocal")
class FocalConvolution(VolumeConvolution):
    """GaitPart's focal convolution: horizontal strips share one per-frame convolution that does not look across them.

    Fan et al., GaitPart, CVPR 2020. Every strip is zero padded by itself. With one strip it is a plain convolution.

    Args:
        filters: Number of output channels.
        kernel_size: One odd number k, for a kernel (1, k, k), or three such numbers.
        num_strips: Number of strips p; must divide the map's height.
        seed: Seed of the initial weights.

    Call arguments:
        volume: float [batch, frames, height, width, channels].

    Returns:
        float [batch, frames, height, width, filters].

    Raises:
        ValueError: A kernel of several frames, or strips that do not divide the height.

    Example:
        >>> import numpy as np
        >>> FocalConvolution(8, kernel_size=3, num_strips=4)(np.zeros((2, 3, 16, 11, 1), "float32")).shape
        TensorShape([2, 3, 16, 11, 8])
    """

    def __init__(
        self,
        filters: int,
        *,
        kernel_size: int | Sequence[int] = 3,
        num_strips: int = 1,
        seed: int | None = None,
        **kwargs,
    ) -> None:
        if isinstance(kernel_size, int):
            kernel_size = (1, kernel_size, kernel_size)
        if kernel_size[0] != 1:  # strips lie on the axis of the frames, where such a kernel would join them
            raise ValueError(f"A focal convolution has a kernel of one frame; got kernel_size={tuple(kernel_size)!r}.")
        super().__init__(filters, kernel_size=kernel_size, seed=seed, **kwargs)
        check_counts("FocalConvolution", num_strips=num_strips)
        self.num_strips = num_strips

    def build(self, volume_shape):
        if volume_shape[2] % self.num_strips:
            raise ValueError(
                f"{self.name}: num_strips={self.num_strips!r} does not divide a map of {volume_shape[2]} rows."
            )
        super().build(volume_shape)

    def call(self, volume):
        _, num_frames, height, width, channels = ops.shape(volume)
        strips = ops.reshape(volume, (-1, num_frames * self.num_strips, height // self.num_strips, width, channels))
        return ops.reshape(super().call(strips), (-1, num_frames, height, width, self.filters))


def frame_block(
    maps: Tensor,
    *,
    channels: int,
    name: str,
    first_kernel: int = 3,
    num_strips: int = 1,
    negative_slope: float = 0.01,
    dtype: str | keras.DTypePolicy | None = None,
    seed: int | None = None,
) -> Tensor:
    """Add two per-frame convolutions, each followed by a LeakyReLU, to a functional model.

    The layers are `{name}_convolution_1`, `{name}_convolution_1_relu`, `{name}_convolution_2` and
    `{name}_convolution_2_relu`. Three such blocks with pooling between them are the backbone of GaitSet, GaitPart and
    GLN and the global path of 3DLocal. A set map, which has one frame, goes through the same block.

    Args:
        maps: [batch, frames, height, width, channels].
        channels: Filters of both convolutions.
        name: Prefix of the layers' names.
        first_kernel: Height and width of the first kernel; the second has 3 x 3 cells.
        num_strips: Strips of GaitPart's focal convolution; 1 for a plain one.
        negative_slope: Slope of the LeakyReLU.
        dtype: Dtype policy of the layers.
        seed: Seed of the model; every convolution derives its own from it and from its name.

    Returns:
        [batch, frames, height, width, channels].

    Example:
        >>> silhouettes = keras.Input((None, 64, 44, 1))
        >>> frame_block(silhouettes, channels=32, name="block_1", first_kernel=5).shape
        (None, None, 64, 44, 32)
    """
    for number, kernel_size in ((1, first_kernel), (2, 3)):
        layer_name = f"{name}_convolution_{number}"
        maps = FocalConvolution(
            channels,
            kernel_size=kernel_size,
            num_strips=num_strips,
            seed=derive_seed(seed, name=layer_name),
            dtype=dtype,
            name=layer_name,
        )(maps)
        maps = LeakyReLU(negative_slope, dtype=dtype, name=f"{layer_name}_relu")(maps)
    return maps
