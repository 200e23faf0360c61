"""One linear map per part."""

import keras
from keras import ops


@keras.saving.register_keras_serializable("tf3dlocal")
class SeparateDense(keras.layers.Layer):
    """Multiplies every part with a matrix of its own, without bias: the part-wise FC of GaitSet, GaitPart and 3DLocal.

    Args:
        units: number of output channels.
        seed: seed of the first weights.

    Call arguments:
        parts: float [batch, parts, channels].

    Returns:
        float [batch, parts, units].

    Example:
        >>> import numpy as np
        >>> SeparateDense(256)(np.zeros((2, 16, 128), "float32")).shape
        TensorShape([2, 16, 256])
    """

    def __init__(self, units, seed=None, **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.seed = seed

    def build(self, parts_shape):
        num_parts, channels = parts_shape[-2:]
        # The fan of one part's matrix: a grouped 1x1 convolution in the release, whose fan-out counts all parts' outputs.
        start = keras.initializers.RandomNormal(stddev=(2.0 / (num_parts * self.units)) ** 0.5, seed=self.seed)
        self.kernel = self.add_weight(name="kernel", shape=(num_parts, channels, self.units), initializer=start)

    def call(self, parts):
        return ops.einsum("bpc,pcd->bpd", parts, ops.cast(self.kernel, parts.dtype))

    def compute_output_shape(self, parts_shape):
        return (*parts_shape[:2], self.units)
