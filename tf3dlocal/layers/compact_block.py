"""GLN's compact block: the features of all strips become one short vector."""

import keras
from keras import ops

from tf3dlocal.layers.defaults import batch_normalization, check_counts, derive_seed
from tf3dlocal.layers.dropout import Dropout


@keras.saving.register_keras_serializable("tf3dlocal")
class CompactBlock(keras.layers.Layer):
    """Compression of the flattened strips to one embedding: BN - ReLU - dropout - linear - BN.

    Hou et al., GLN, ECCV 2020, adopted by 3DLocal (main paper Fig. 3): the classifier reads the embedding, and probe
    and gallery are compared by it.

    Args:
        units: Length of the embedding.
        dropout: Share of the inputs that is dropped in training; GLN's is 0.9.
        train_norm_bias: False keeps the biases of both batch normalizations at zero, as OpenGait's GLN does.
        synchronized: Synchronize the batch normalizations over replicas; None where the current strategy has several.
        seed: Seed of the dropout and of the initial weights.

    Call arguments:
        strips: float [batch, strips, channels].

    Returns:
        float [batch, units].

    Example:
        >>> import numpy as np
        >>> CompactBlock(256)(np.zeros((2, 16, 256), "float32")).shape
        TensorShape([2, 256])
    """

    def __init__(
        self,
        units: int = 256,
        *,
        dropout: float = 0.9,
        train_norm_bias: bool = True,
        synchronized: bool | None = None,
        seed: int | None = None,
        **kwargs,
    ) -> None:
        super().__init__(**kwargs)
        check_counts("CompactBlock", units=units)
        self.units = units
        self.train_norm_bias = train_norm_bias
        self.input_norm = batch_normalization("input_norm", synchronized=synchronized, dtype=self.dtype_policy)
        self.dropout = Dropout(dropout, seed=seed, dtype=self.dtype_policy, name="dropout")
        start = keras.initializers.GlorotUniform(derive_seed(seed, name="linear"))
        self.linear = keras.layers.Dense(
            units, use_bias=False, kernel_initializer=start, dtype=self.dtype_policy, name="linear"
        )
        self.output_norm = batch_normalization("output_norm", synchronized=synchronized, dtype=self.dtype_policy)

    def build(self, strips_shape):
        flat = (strips_shape[0], strips_shape[1] * strips_shape[2])
        self.input_norm.build(flat)
        self.linear.build(flat)
        self.output_norm.build((strips_shape[0], self.units))
        if not self.train_norm_bias:
            self.input_norm.beta.trainable = self.output_norm.beta.trainable = False

    def call(self, strips, training=None):
        flat = ops.reshape(strips, (-1, strips.shape[1] * strips.shape[2]))
        flat = ops.relu(self.input_norm(flat, training=training))
        return self.output_norm(self.linear(self.dropout(flat, training=training)), training=training)

    def compute_output_shape(self, strips_shape):
        return (strips_shape[0], self.units)
