"""Dropout whose masks do not depend on the number of devices."""

import keras
from keras import ops

from tf3dlocal.layers.replicas import draw_for_clips, replica_of_step


@keras.saving.register_keras_serializable("tf3dlocal")
class Dropout(keras.layers.Dropout):
    """Keras' dropout, with the mask of the whole batch under a `tf.distribute` strategy.

        output = input * mask / (1 - rate),   mask 1 with probability 1 - rate, else 0

    Every replica has a copy of the seed, and in Keras' layer all replicas draw the same mask for their shares of the
    batch: on 8 replicas the first clip of each share would lose the same features. Here every replica draws the mask of
    the whole batch from that seed and takes the rows of its own clips, the ones that a single device would draw for
    them. On one device it equals Keras' layer.

    Args:
        rate: Share of the inputs that is dropped in training.
        noise_shape: As in `keras.layers.Dropout`.
        seed: Random seed.

    Call arguments:
        inputs: float [batch, ..]; the shares of all replicas must be equally large.

    Returns:
        float, of the shape of inputs.

    Example:
        >>> import numpy as np
        >>> sorted(set(Dropout(0.5, seed=0)(np.ones((4, 8), "float32"), training=True).numpy().ravel().tolist()))
        [0.0, 2.0]
    """

    def __init__(
        self, rate: float, *, noise_shape: tuple[int | None, ...] | None = None, seed: int | None = None, **kwargs
    ) -> None:
        super().__init__(rate, noise_shape=noise_shape, seed=seed, **kwargs)

    def call(self, inputs, training=False):
        _, num_replicas = replica_of_step()
        if num_replicas == 1 or not training or self.rate == 0:
            return super().call(inputs, training=training)
        share, *rest = ops.shape(inputs)

        def draw(count):
            ones = ops.ones((count, *rest), inputs.dtype)
            return keras.random.dropout(ones, self.rate, noise_shape=self.noise_shape, seed=self.seed_generator)

        return inputs * draw_for_clips(draw, share)
