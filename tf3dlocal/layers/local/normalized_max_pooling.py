"""Batch normalization, ReLU and the halving pool of a map that gets no gradient, with the pool first."""

import keras
import tensorflow as tf
from keras import ops

from tf3dlocal.io.types import Tensor
from tf3dlocal.layers.defaults import NORM_EPSILON, NORM_MOMENTUM, is_synchronized
from tf3dlocal.layers.local.map_statistics import map_statistics


def _normalized(statistics, scale, shift):
    """Compute ReLU(scale x + shift) in float32, with x = the largest where scale >= 0, else the smallest.

    The extremes get no gradient, and a block has them once for all its paths. So of a path the backward pass reads only
    this result, which the convolution that follows it keeps in any case.
    """
    largest, smallest = statistics["largest"], statistics["smallest"]

    @tf.custom_gradient
    def normalized(scale, shift):
        pooled = ops.cast(ops.where(scale >= 0, largest, smallest), "float32")
        result = ops.relu(pooled * scale + shift)

        def backward(upstream):
            upstream = tf.raw_ops.ReluGrad(gradients=upstream, features=result)
            cells = tuple(range(len(upstream.shape) - 1))
            by_largest, by_smallest = (ops.sum(upstream * ops.cast(x, "float32"), cells) for x in (largest, smallest))
            return ops.where(scale >= 0, by_largest, by_smallest), ops.sum(upstream, cells)

        return result, backward

    return normalized(scale, shift)


@keras.saving.register_keras_serializable("tf3dlocal")
class NormalizedMaxPooling(keras.layers.Layer):
    """pool(ReLU(BN(x))), the head of a localization network, for an x that no gradient flows back into.

    BN maps each channel by a x + b with the statistics of its batch. The maximum commutes with that and with ReLU where
    a >= 0, and is the image of the minimum where a < 0:

        pool(ReLU(a x + b)) = ReLU(a (max(x) if a >= 0 else min(x)) + b)        exactly.

    The two pools and the statistics depend on x alone: `MapStatistics` computes them once for all paths that read the
    same map, and the backward pass reads the pooled map only. Normalization as in `batch_normalization`.

    Args:
        halve_frames: Pool over frames too.
        synchronized: Take the statistics over all replicas; None where the current strategy has several.

    Call arguments:
        volume: float [batch, frames, height, width, channels].

    Returns:
        float [batch, ceil(frames / 2), ceil(height / 2), ceil(width / 2), channels]; all frames without halve_frames.

    Example:
        >>> import numpy as np
        >>> NormalizedMaxPooling()(np.zeros((1, 30, 16, 11, 4), "float32")).shape
        TensorShape([1, 15, 8, 6, 4])
    """

    def __init__(self, *, halve_frames: bool = True, synchronized: bool | None = None, **kwargs) -> None:
        super().__init__(**kwargs)
        self.halve_frames = halve_frames
        self.synchronized = is_synchronized(synchronized)

    def build(self, volume_shape):
        # Statistics and their affine map stay in float32, as in Keras' own layer.
        options = dict(shape=(volume_shape[-1],), dtype="float32", autocast=False)
        self.gamma = self.add_weight(name="gamma", initializer="ones", **options)
        self.beta = self.add_weight(name="beta", initializer="zeros", **options)
        self.moving_mean = self.add_weight(name="moving_mean", initializer="zeros", trainable=False, **options)
        self.moving_variance = self.add_weight(name="moving_variance", initializer="ones", trainable=False, **options)

    def call(self, volume, training=None):
        return self.normalize(map_statistics(volume, halve_frames=self.halve_frames), training=training)

    def normalize(self, statistics: dict[str, Tensor], *, training: bool | None = None) -> Tensor:
        """Compute the result from the `MapStatistics` of the map."""
        statistics = {name: ops.stop_gradient(value) for name, value in statistics.items()}
        mean, variance = self.moving_mean.value, self.moving_variance.value
        if training and self.trainable:  # a frozen layer keeps its statistics, as Keras' own layer does
            mean, variance = self._moments_of_batch(statistics["mean"], statistics["variance"])
            for moving, batch in ((self.moving_mean, mean), (self.moving_variance, variance)):
                moving.assign(NORM_MOMENTUM * moving + (1 - NORM_MOMENTUM) * batch)
        scale = self.gamma / ops.sqrt(variance + NORM_EPSILON)
        result = _normalized(statistics, scale, self.beta - mean * scale)
        return ops.cast(result, self.compute_dtype)

    def _moments_of_batch(self, means, variances):
        """Mean and variance of the whole batch from those of its clips, which all have the same number of cells."""
        both = ops.concatenate([means, variances], axis=-1)  # b 2c: one reduction over the replicas for both
        mean, spread = ops.moments(both, axes=0, synchronized=self.synchronized)
        channels = means.shape[-1]
        return mean[:channels], mean[channels:] + spread[:channels]

    def compute_output_shape(self, volume_shape):
        batch, frames, height, width, channels = volume_shape
        if self.halve_frames and frames is not None:
            frames = (frames + 1) // 2
        return (batch, frames, (height + 1) // 2, (width + 1) // 2, channels)
