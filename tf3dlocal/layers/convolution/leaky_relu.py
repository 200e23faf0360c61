"""LeakyReLU that keeps less memory for the backward pass."""

import keras
import tensorflow as tf


@keras.saving.register_keras_serializable("tf3dlocal")
class LeakyReLU(keras.layers.LeakyReLU):
    """Keras' LeakyReLU, whose backward pass reads the output instead of the input.

    Both have the same sign. The next convolution keeps the output in any case, so that a step keeps one map less.

    Args:
        negative_slope: Slope for negative numbers.

    Call arguments:
        inputs: float tensor.

    Returns:
        float, of the shape of inputs.

    Example:
        >>> import numpy as np
        >>> LeakyReLU(0.5)(np.array([-2.0, 2.0])).numpy().tolist()
        [-1.0, 2.0]
    """

    def call(self, inputs):
        @tf.custom_gradient
        def activate(inputs):
            active = tf.nn.leaky_relu(inputs, self.negative_slope)

            def backward(upstream):
                return tf.raw_ops.LeakyReluGrad(gradients=upstream, features=active, alpha=self.negative_slope)

            return active, backward

        return activate(inputs)
