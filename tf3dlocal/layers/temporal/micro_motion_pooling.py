"""GaitPart's temporal pooling: short motions of every strip, and the strongest moment of each."""

import keras
from keras import ops

from tf3dlocal.io.types import Tensor
from tf3dlocal.layers.defaults import check_counts, derive_seed
from tf3dlocal.layers.pooling.max_pooling import LOWEST_FLOAT16


def neighbouring_frames(strips: Tensor, length: int) -> Tensor:
    """Stack every frame with its neighbours, zeros beyond both ends: [b, t, p, c] -> [b, t, p, length, c]."""
    num_frames = ops.shape(strips)[1]
    around = length // 2
    padded = ops.pad(strips, ((0, 0), (around, around), (0, 0), (0, 0)))
    return ops.stack([_frames(padded, shift, num_frames) for shift in range(length)], axis=3)  # b t p k c


def windowed_mean_and_max(strips: Tensor, length: int) -> Tensor:
    """Compute mean + maximum over `length` neighbouring frames; padding counts as zeros in the mean alone."""
    num_frames = ops.shape(strips)[1]
    around = length // 2
    margin = ((0, 0), (around, around), (0, 0), (0, 0))
    padded = ops.pad(strips, margin)
    floor = ops.pad(strips, margin, constant_values=LOWEST_FLOAT16)
    total, largest = _frames(padded, 0, num_frames), _frames(floor, 0, num_frames)
    for shift in range(1, length):
        total = total + _frames(padded, shift, num_frames)
        largest = ops.maximum(largest, _frames(floor, shift, num_frames))
    return total / length + largest


def _frames(strips, start, count):
    """Take `count` frames. The gradient of x[:, start : start + count] runs on one core, that of `slice` on all."""
    size, _, *rest = ops.shape(strips)
    return ops.slice(strips, (0, start, 0, 0), (size, count, *rest))


@keras.saving.register_keras_serializable("tf3dlocal")
class MicroMotionPooling(keras.layers.Layer):
    """Two micro-motion templates per strip, then the maximum over time.

        MTB_k(x) = (mean_k(x) + max_k(x)) sigmoid(conv(act(conv(x))))       over k neighbouring frames
        output   = max_t (MTB_3(x) + MTB_5(x))       convolutions of 3 and 1 frames in MTB_3, of 3 and 3 in MTB_5

    GaitPart's MCM (Fan et al., CVPR 2020). Every strip has its own convolutions. GaitPart and OpenGait: LeakyReLU, no
    bias; the 3DLocal release: ReLU, bias.

    Args:
        squeeze: The inner convolution has channels / squeeze filters, at least one.
        use_bias: Whether the convolutions have a bias.
        activation: "leaky_relu" (slope 0.01) or "relu", between the two convolutions.
        seed: Seed of the initial weights.

    Call arguments:
        strips: float [batch, frames, strips, channels].

    Returns:
        float [batch, strips, channels].

    Raises:
        ValueError: An unknown activation.

    Example:
        >>> import numpy as np
        >>> MicroMotionPooling()(np.zeros((2, 5, 16, 8), "float32")).shape
        TensorShape([2, 16, 8])
    """

    # (frames of the mean and maximum, frames of the first convolution, frames of the second)
    TEMPLATES = ((3, 3, 1), (5, 3, 3))

    def __init__(
        self,
        *,
        squeeze: int = 4,
        use_bias: bool = False,
        activation: str = "leaky_relu",
        seed: int | None = None,
        **kwargs,
    ) -> None:
        super().__init__(**kwargs)
        if activation not in ("leaky_relu", "relu"):
            raise ValueError(f'activation must be "leaky_relu" or "relu"; got {activation!r}.')
        check_counts("MicroMotionPooling", squeeze=squeeze)
        self.squeeze = squeeze
        self.use_bias = use_bias
        self.slope = 0.01 if activation == "leaky_relu" else 0.0
        self.seed = seed

    def build(self, strips_shape):
        num_strips, channels = strips_shape[-2:]
        hidden = max(1, channels // self.squeeze)
        self.template_weights = []
        for index, (_, first, second) in enumerate(self.TEMPLATES, start=1):
            squeeze = self._convolution_weights(f"template_{index}_squeeze", (num_strips, first, channels, hidden))
            expand = self._convolution_weights(f"template_{index}_expand", (num_strips, second, hidden, channels))
            self.template_weights.append([squeeze, expand])

    def _convolution_weights(self, name, shape):
        """Create kernel and bias (or False) of one convolution per strip; shape (strips, frames, inputs, outputs).

        They start as PyTorch's default of a Conv1d, which the release keeps: uniform within 1 / sqrt(frames x inputs).
        """
        num_strips, length, inputs, outputs = shape
        limit = (length * inputs) ** -0.5

        def weight(kind, shape):
            start = keras.initializers.RandomUniform(-limit, limit, seed=derive_seed(self.seed, name=f"{name}_{kind}"))
            return self.add_weight(name=f"{name}_{kind}", shape=shape, initializer=start)

        return weight("kernel", shape), self.use_bias and weight("bias", (num_strips, outputs))

    def _convolve(self, strips, kernel, bias):
        kernel = ops.cast(kernel, strips.dtype)
        num_strips, length, inputs, outputs = kernel.shape
        if length == 1:
            result = ops.einsum("btpc,pcd->btpd", strips, kernel[:, 0])
        else:
            windows = neighbouring_frames(strips, length)  # b t p k c
            windows = ops.reshape(windows, (-1, ops.shape(strips)[1], num_strips, length * inputs))
            result = ops.einsum("btpk,pkd->btpd", windows, ops.reshape(kernel, (num_strips, length * inputs, outputs)))
        return result if bias is False else result + ops.cast(bias, strips.dtype)

    def call(self, strips):
        total = 0
        for (length, _, _), (squeeze, expand) in zip(self.TEMPLATES, self.template_weights):
            hidden = self._convolve(strips, *squeeze)
            hidden = ops.leaky_relu(hidden, self.slope) if self.slope else ops.relu(hidden)
            total = total + windowed_mean_and_max(strips, length) * ops.sigmoid(self._convolve(hidden, *expand))
        return ops.max(total, axis=1)  # b p c

    def compute_output_shape(self, strips_shape):
        return (strips_shape[0], *strips_shape[2:])
