"""Gaussian on all three axes."""

import keras

from tf3dlocal.layers.sampling_filters import gaussian_filter
from tf3dlocal.layers.separable_sampler import SeparableSampler3D


@keras.saving.register_keras_serializable("tf3dlocal")
class GaussianSampler3D(SeparableSampler3D):
    """Cuts a located volume out with Gaussian filters in space and time, all of the same variance sigma^2.

        V = gamma G_T G_Y G_X I,    G[i, p] ~ exp(-(mu(i) - p)^2 / (2 sigma^2)), rows normalised to one

    Main paper Eq. 7-8 and its Table 4 ("Gaussian"); arguments and shapes as in `SeparableSampler3D`.

    Example:
        >>> import numpy as np
        >>> volume = np.random.rand(1, 4, 8, 6, 2).astype("float32")
        >>> location = np.array([[2.5, 3.5, 1.5, 1.0, 1.0, 1.0, 0.1, 1.0]], "float32")
        >>> GaussianSampler3D()(volume, location).shape
        TensorShape([1, 4, 8, 6, 2])
    """

    def spatial_filter(self, positions, location, size):
        return gaussian_filter(positions, location.variance, size)

    def temporal_filter(self, positions, location, size):
        return gaussian_filter(positions, location.variance, size)
