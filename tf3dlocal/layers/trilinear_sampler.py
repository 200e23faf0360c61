"""Linear on all three axes."""

import keras

from tf3dlocal.layers.sampling_filters import linear_filter
from tf3dlocal.layers.separable_sampler import SeparableSampler3D


@keras.saving.register_keras_serializable("tf3dlocal")
class TrilinearSampler3D(SeparableSampler3D):
    """Cuts a located volume out by trilinear interpolation; the variance has no part in it.

        V = gamma T_T T_Y T_X I,    T[i, p] = max(0, 1 - |mu(i) - p|)

    Main paper Eq. 9 and its Table 4 ("Trilinear"); arguments and shapes as in `SeparableSampler3D`.

    Example:
        >>> import numpy as np
        >>> volume = np.random.rand(1, 4, 8, 6, 2).astype("float32")
        >>> same = np.array([[2.5, 3.5, 1.5, 1.0, 1.0, 1.0, 0.1, 1.0]], "float32")
        >>> bool(np.allclose(TrilinearSampler3D()(volume, same), volume))
        True
    """

    def spatial_filter(self, positions, location, size):
        return linear_filter(self.linear_positions(positions, size), size)

    def temporal_filter(self, positions, location, size):
        return linear_filter(self.linear_positions(positions, size), size)
