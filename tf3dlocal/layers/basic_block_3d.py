"""MT3D's basic 3D block: a volume read in space and time at once, in space alone, and in time alone."""

import keras
from keras import ops

from tf3dlocal.layers.own_seed import own_seed
from tf3dlocal.layers.volume_convolution import VolumeConvolution, volume_convolution


@keras.saving.register_keras_serializable("tf3dlocal")
class BasicBlock3D(keras.layers.Layer):
    """Sum of three parallel bias-free convolutions, 3x3x3, 1x3x3 and 3x1x1 (frames, height, width), then LeakyReLU.

    Lin et al., MT3D (B3D), ACM MM 2020. No code is public; of the two layouts that derived models show, parallel and
    chained, this is the parallel one (inferred). A sum of convolutions is a convolution by the sum of their kernels,
    and that single one is run, at 27 instead of 39 products per cell and channel.

    Args:
        filters: number of output channels.
        negative_slope: of the LeakyReLU.
        form: "auto", or one of the equal forms of `choose_form`.
        seed: seed of the first weights.

    Call arguments:
        volume: float [batch, frames, height, width, channels].

    Returns:
        float [batch, frames, height, width, filters].

    Example:
        >>> import numpy as np
        >>> BasicBlock3D(8)(np.zeros((2, 6, 16, 11, 4), "float32")).shape
        TensorShape([2, 6, 16, 11, 8])
    """

    def __init__(self, filters, negative_slope=0.01, form="auto", seed=None, **kwargs):
        super().__init__(**kwargs)
        self.filters = filters
        self.form = form
        kernels = {"volume": (3, 3, 3), "space": (1, 3, 3), "time": (3, 1, 1)}
        self.convolutions = [
            VolumeConvolution(filters, kernel, form, own_seed(seed, name), dtype=self.dtype_policy, name=name)
            for name, kernel in kernels.items()
        ]
        self.activation = keras.layers.LeakyReLU(negative_slope, dtype=self.dtype_policy, name="relu")
        self.arguments = dict(filters=filters, negative_slope=negative_slope, form=form, seed=seed)

    def get_config(self):
        return {**super().get_config(), **self.arguments}

    def build(self, volume_shape):
        for convolution in self.convolutions:
            convolution.build(volume_shape)

    def call(self, volume):
        in_all, in_space, in_time = (convolution.kernel for convolution in self.convolutions)
        kernel = (
            in_all
            + ops.pad(in_space, ((1, 1), *[(0, 0)] * 4))
            + ops.pad(in_time, ((0, 0), (1, 1), (1, 1), *[(0, 0)] * 2))
        )
        return self.activation(volume_convolution(volume, ops.cast(kernel, volume.dtype), self.form))

    def compute_output_shape(self, volume_shape):
        return (*volume_shape[:-1], self.filters)
