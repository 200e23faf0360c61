"""GLN's compact block: all parts folded into one short vector."""

import keras
from keras import ops

from tf3dlocal.layers.batch_normalization import batch_normalization
from tf3dlocal.layers.dropout import Dropout
from tf3dlocal.layers.own_seed import own_seed


@keras.saving.register_keras_serializable("tf3dlocal")
class CompactBlock(keras.layers.Layer):
    """Flattens the part features and compresses them: BN - ReLU - dropout - linear - BN.

    Hou et al., GLN, ECCV 2020, taken over by 3DLocal (main paper Fig. 3): the classifier reads its output, and so does the
    comparison of probe and gallery.

    Args:
        units: length of the compact feature.
        dropout: share of the part features that is dropped in training; 0.9 is GLN's.
        synchronized: synchronize the batch normalizations over replicas.
        seed: seed of the dropout and of the first weights.
        train_norm_bias: False keeps the biases of both batch normalizations as they are, zero, as OpenGait's GLN does.

    Call arguments:
        parts: float [batch, parts, channels].

    Returns:
        float [batch, units].

    Example:
        >>> import numpy as np
        >>> CompactBlock(256)(np.zeros((2, 16, 256), "float32")).shape
        TensorShape([2, 256])
    """

    def __init__(self, units=256, dropout=0.9, synchronized=False, seed=None, train_norm_bias=True, **kwargs):
        super().__init__(**kwargs)
        self.train_norm_bias = train_norm_bias
        self.units = units
        self.input_norm = batch_normalization("input_norm", synchronized, self.dtype_policy)
        self.dropout = Dropout(dropout, seed=seed, dtype=self.dtype_policy, name="dropout")
        start = keras.initializers.GlorotUniform(own_seed(seed, "linear"))
        self.linear = keras.layers.Dense(
            units, use_bias=False, kernel_initializer=start, dtype=self.dtype_policy, name="linear"
        )
        self.output_norm = batch_normalization("output_norm", synchronized, self.dtype_policy)

    def build(self, parts_shape):
        flat = (parts_shape[0], parts_shape[1] * parts_shape[2])
        self.input_norm.build(flat)
        self.linear.build(flat)
        self.output_norm.build((parts_shape[0], self.units))
        if not self.train_norm_bias:
            self.input_norm.beta.trainable = self.output_norm.beta.trainable = False

    def call(self, parts, training=None):
        flat = ops.reshape(parts, (-1, parts.shape[1] * parts.shape[2]))
        flat = ops.relu(self.input_norm(flat, training=training))
        return self.output_norm(self.linear(self.dropout(flat, training=training)), training=training)

    def compute_output_shape(self, parts_shape):
        return (parts_shape[0], self.units)
