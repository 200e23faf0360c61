"""Two per-frame convolutions: what the backbones of all silhouette models are made of."""

import keras

from tf3dlocal.layers.focal_convolution import FocalConvolution


def frame_block(
    maps, channels, name, first_kernel=3, num_strips=1, negative_slope=0.01, form="auto", dtype=None, seed=None
):
    """Two per-frame convolutions, each with a LeakyReLU behind it.

    Writes the named layers `{name}_convolution_1`, `{name}_convolution_1_relu`, `.._2`, `.._2_relu` into a functional model.
    GaitSet, GaitPart, GLN and the global path of 3DLocal are three of these with a pooling between them; a set map (one
    frame that stands for all) goes through the same.

    Args:
        maps: [batch, frames, height, width, channels].
        channels: filters of both convolutions.
        name: prefix of the layers' names.
        first_kernel: cells of the first kernel in height and width; the second has 3.
        num_strips: strips of GaitPart's focal convolution; 1 for a plain one.
        negative_slope: of the LeakyReLU.
        form: as in `VolumeConvolution`.
        dtype: dtype policy of the layers.
        seed: seed of the first weights.

    Returns:
        [batch, frames, height, width, channels].

    Example:
        >>> silhouettes = keras.Input((None, 64, 44, 1))
        >>> frame_block(silhouettes, 32, "block_1", first_kernel=5).shape
        (None, None, 64, 44, 32)
    """
    for number, kernel_size in ((1, first_kernel), (2, 3)):
        layer_name = f"{name}_convolution_{number}"
        layer_seed = None if seed is None else seed + 10 * number
        maps = FocalConvolution(channels, kernel_size, num_strips, form, layer_seed, dtype=dtype, name=layer_name)(maps)
        maps = keras.layers.LeakyReLU(negative_slope, dtype=dtype, name=f"{layer_name}_relu")(maps)
    return maps
