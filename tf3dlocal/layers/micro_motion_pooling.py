"""GaitPart's temporal pooling: what a part does within a few frames, and its strongest moment."""

import keras
from keras import ops

from tf3dlocal.layers.own_seed import own_seed


def neighbouring_frames(parts, length):
    """Every frame beside its neighbours, zeros before and behind: [batch, frames, parts, c] -> [..., length, c]."""
    num_frames = ops.shape(parts)[1]
    around = length // 2
    padded = ops.pad(parts, ((0, 0), (around, around), (0, 0), (0, 0)))
    return ops.stack([padded[:, shift : shift + num_frames] for shift in range(length)], axis=3)  # b t p k c


def windowed_mean_and_max(parts, length):
    """Mean + maximum over `length` neighbouring frames. Padding counts in the mean as zeros, and not in the maximum."""
    num_frames = ops.shape(parts)[1]
    around = length // 2
    frames_around = ((0, 0), (around, around), (0, 0), (0, 0))
    padded = ops.pad(parts, frames_around)
    floor = ops.pad(parts, frames_around, constant_values=-65504.0)  # lowest of half precision
    total, largest = padded[:, :num_frames], floor[:, :num_frames]
    for shift in range(1, length):
        total = total + padded[:, shift : shift + num_frames]
        largest = ops.maximum(largest, floor[:, shift : shift + num_frames])
    return total / length + largest


@keras.saving.register_keras_serializable("tf3dlocal")
class MicroMotionPooling(keras.layers.Layer):
    """Two micro-motion templates per part, then the maximum over time (GaitPart's MCM; Fan et al., CVPR 2020).

        MTB(x) = (mean_k(x) + max_k(x)) sigmoid(conv(act(conv(x))))        over k neighbouring frames
        output = max_t (MTB_1(x) + MTB_2(x))        k = 3 with convolutions of 3 and 1 frames; k = 5 with 3 and 3

    Every part has convolutions of its own. GaitPart and OpenGait: LeakyReLU, no bias; the 3DLocal release: ReLU, bias.

    Args:
        squeeze: the inner convolution has channels / squeeze filters, and one at least.
        use_bias: whether the convolutions have a bias.
        activation: "leaky_relu" (slope 0.01) or "relu" between the two convolutions.
        seed: seed of the first weights.

    Call arguments:
        parts: float [batch, frames, parts, channels].

    Returns:
        float [batch, parts, channels].

    Example:
        >>> import numpy as np
        >>> MicroMotionPooling()(np.zeros((2, 5, 16, 8), "float32")).shape
        TensorShape([2, 16, 8])
    """

    # (frames of the mean and maximum, frames of the first convolution, frames of the second)
    TEMPLATES = ((3, 3, 1), (5, 3, 3))

    def __init__(self, squeeze=4, use_bias=False, activation="leaky_relu", seed=None, **kwargs):
        super().__init__(**kwargs)
        if activation not in ("leaky_relu", "relu"):
            raise ValueError(f'activation is "leaky_relu" or "relu", not {activation!r}.')
        self.squeeze = squeeze
        self.use_bias = use_bias
        self.slope = 0.01 if activation == "leaky_relu" else 0.0
        self.seed = seed

    def build(self, parts_shape):
        num_parts, channels = parts_shape[-2:]
        hidden = max(1, channels // self.squeeze)
        self.template_weights = []
        for index, (_, first, second) in enumerate(self.TEMPLATES, start=1):
            squeeze = self.convolution_weights(f"template_{index}_squeeze", num_parts, first, channels, hidden)
            expand = self.convolution_weights(f"template_{index}_expand", num_parts, second, hidden, channels)
            self.template_weights.append([squeeze, expand])

    def convolution_weights(self, name, num_parts, length, inputs, outputs):
        """Kernel and bias (or False) of one convolution per part.

        They start as PyTorch's default of a Conv1d, which the release keeps: uniform within 1 / sqrt(frames x inputs).
        """
        limit = (length * inputs) ** -0.5

        def weight(kind, shape):
            start = keras.initializers.RandomUniform(-limit, limit, seed=own_seed(self.seed, f"{name}_{kind}"))
            return self.add_weight(name=f"{name}_{kind}", shape=shape, initializer=start)

        kernel = weight("kernel", (num_parts, length, inputs, outputs))
        return kernel, self.use_bias and weight("bias", (num_parts, outputs))

    def convolve(self, parts, kernel, bias):
        kernel = ops.cast(kernel, parts.dtype)
        num_parts, length, inputs, outputs = kernel.shape
        if length == 1:
            result = ops.einsum("btpc,pcd->btpd", parts, kernel[:, 0])
        else:
            windows = neighbouring_frames(parts, length)  # b t p k c
            windows = ops.reshape(windows, (-1, ops.shape(parts)[1], num_parts, length * inputs))
            result = ops.einsum("btpk,pkd->btpd", windows, ops.reshape(kernel, (num_parts, length * inputs, outputs)))
        return result if bias is False else result + ops.cast(bias, parts.dtype)

    def call(self, parts):
        total = 0
        for (length, _, _), (squeeze, expand) in zip(self.TEMPLATES, self.template_weights):
            hidden = self.convolve(parts, *squeeze)
            hidden = ops.leaky_relu(hidden, self.slope) if self.slope else ops.relu(hidden)
            total = total + windowed_mean_and_max(parts, length) * ops.sigmoid(self.convolve(hidden, *expand))
        return ops.max(total, axis=1)  # b p c

    def compute_output_shape(self, parts_shape):
        return (parts_shape[0], *parts_shape[2:])
