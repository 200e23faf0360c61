"""One linear map per strip."""

import keras
from keras import ops

from tf3dlocal.layers.defaults import check_counts


@keras.saving.register_keras_serializable("tf3dlocal")
class SeparateDense(keras.layers.Layer):
    """Linear map without bias, with a separate matrix per strip: the part-wise FC of GaitSet, GaitPart and 3DLocal.

    Args:
        units: Number of output channels.
        seed: Seed of the initial weights.

    Call arguments:
        strips: float [batch, strips, channels].

    Returns:
        float [batch, strips, units].

    Example:
        >>> import numpy as np
        >>> SeparateDense(256)(np.zeros((2, 16, 128), "float32")).shape
        TensorShape([2, 16, 256])
    """

    def __init__(self, units: int, *, seed: int | None = None, **kwargs) -> None:
        super().__init__(**kwargs)
        check_counts("SeparateDense", units=units)
        self.units = units
        self.seed = seed

    def build(self, strips_shape):
        num_strips, channels = strips_shape[-2:]
        # In the release this is a grouped 1x1 convolution, whose fan-out counts the outputs of all strips.
        start = keras.initializers.RandomNormal(stddev=(2.0 / (num_strips * self.units)) ** 0.5, seed=self.seed)
        self.kernel = self.add_weight(name="kernel", shape=(num_strips, channels, self.units), initializer=start)

    def call(self, strips):
        return ops.einsum("bpc,pcd->bpd", strips, ops.cast(self.kernel, strips.dtype))

    def compute_output_shape(self, strips_shape):
        return (*strips_shape[:2], self.units)
