"""Gaussian in space, linear in time: the paper's sampler."""

import keras

from tf3dlocal.layers.sampling_filters import gaussian_filter, linear_filter
from tf3dlocal.layers.separable_sampler import SeparableSampler3D


@keras.saving.register_keras_serializable("tf3dlocal")
class MixtureSampler3D(SeparableSampler3D):
    """Cuts a located volume out with Gaussian filters in space and linear interpolation in time.

        V = gamma T_T G_Y G_X I

    The main paper's default and the best row of its Table 4 ("Mixture"), Eq. 7-10; arguments and shapes as in
    `SeparableSampler3D`. With `coordinates="release"` time is read as the authors' code reads it, half a frame off and at
    half the value; their time centre round(c_t T) is the matter of `decode_location`.

    Example:
        >>> import numpy as np
        >>> volume = np.random.rand(1, 4, 8, 6, 2).astype("float32")
        >>> location = np.array([[2.5, 3.5, 1.5, 1.0, 1.0, 1.0, 0.1, 1.0]], "float32")
        >>> MixtureSampler3D()(volume, location).shape
        TensorShape([1, 4, 8, 6, 2])
    """

    # Their grid_sample reads a dummy axis of size one at its outer edge, where half of the value is left.
    temporal_gain_of_release = 0.5

    def spatial_filter(self, positions, location, size):
        return gaussian_filter(positions, location.variance, size)

    def temporal_filter(self, positions, location, size):
        return linear_filter(self.linear_positions(positions, size), size)
