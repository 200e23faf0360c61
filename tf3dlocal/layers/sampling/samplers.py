"""The three samplers of main paper Table 4: Gaussian, trilinear, and their mixture."""

import keras

from tf3dlocal.layers.sampling.separable_sampler import SeparableSampler3D


@keras.saving.register_keras_serializable("tf3dlocal")
class GaussianSampler3D(SeparableSampler3D):
    """Sampler with Gaussian filters in space and time, all with the same variance sigma^2.

        V = gamma G_T G_Y G_X I,    G[i, p] ~ exp(-(mu(i) - p)^2 / (2 sigma^2)), rows normalized to one

    Main paper Eq. 7-8, "Gaussian" in its Table 4. Arguments and shapes as in `SeparableSampler3D`.

    Example:
        >>> import numpy as np
        >>> volume = np.random.rand(1, 4, 8, 6, 2).astype("float32")
        >>> location = np.array([[2.5, 3.5, 1.5, 1.0, 1.0, 1.0, 0.1, 1.0]], "float32")
        >>> GaussianSampler3D()(volume, location).shape
        TensorShape([1, 4, 8, 6, 2])
    """

    FILTER_IN_SPACE, FILTER_IN_TIME = "gaussian", "gaussian"


@keras.saving.register_keras_serializable("tf3dlocal")
class TrilinearSampler3D(SeparableSampler3D):
    """Sampler with linear interpolation on all three axes; the variance has no effect.

        V = gamma T_T T_Y T_X I,    T[i, p] = max(0, 1 - |mu(i) - p|)

    Main paper Eq. 9, "Trilinear" in its Table 4. Arguments and shapes as in `SeparableSampler3D`.

    Example:
        >>> import numpy as np
        >>> volume = np.random.rand(1, 4, 8, 6, 2).astype("float32")
        >>> same = np.array([[2.5, 3.5, 1.5, 1.0, 1.0, 1.0, 0.1, 1.0]], "float32")
        >>> bool(np.allclose(TrilinearSampler3D()(volume, same), volume))
        True
    """

    FILTER_IN_SPACE, FILTER_IN_TIME = "linear", "linear"


@keras.saving.register_keras_serializable("tf3dlocal")
class MixtureSampler3D(SeparableSampler3D):
    """Sampler with Gaussian filters in space and linear interpolation in time.

        V = gamma T_T G_Y G_X I

    The main paper's default and the best row of its Table 4 ("Mixture"), Eq. 7-10. Arguments and shapes as in
    `SeparableSampler3D`. With geometry="release" time is read as in the authors' code, half a frame off and with half
    the value; the centre in time, which their code decodes twice, is computed in `LocalPath`.

    Example:
        >>> import numpy as np
        >>> volume = np.random.rand(1, 4, 8, 6, 2).astype("float32")
        >>> location = np.array([[2.5, 3.5, 1.5, 1.0, 1.0, 1.0, 0.1, 1.0]], "float32")
        >>> MixtureSampler3D()(volume, location).shape
        TensorShape([1, 4, 8, 6, 2])
    """

    FILTER_IN_SPACE, FILTER_IN_TIME = "gaussian", "linear"
    # The release's grid_sample reads a dummy axis of size one at its outer edge, where half of the value remains.
    RELEASE_TIME_GAIN = 0.5


SAMPLERS = {"gaussian": GaussianSampler3D, "trilinear": TrilinearSampler3D, "mixture": MixtureSampler3D}
