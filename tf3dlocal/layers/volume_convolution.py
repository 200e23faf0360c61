"""Convolution over frames, height and width."""

import keras
import tensorflow as tf
from keras import ops

from tf3dlocal.layers.forms import choose_form
from tf3dlocal.layers.initializers import kaiming_fan_out
from tf3dlocal.layers.minimal_filtering import minimal_filtering

# Below, the sums of minimal filtering cost more than the products that they save (two CPU cores with AVX2).
FEWEST_CHANNELS = 64


def plain_convolution(volume, kernel):
    """A 3-D convolution, zero padded to the same size, as the framework has it.

    Where TensorFlow 2.21 computes with oneDNN it joins a pad and the conv3d that reads it into one operation, and that one
    forgets that the convolution itself pads, too. It joins no pad with anything else in between.
    """
    return ops.conv(tf.ensure_shape(volume, volume.shape), kernel, padding="same")


def stacked_convolution(volume, kernel):
    """A 3-D convolution, zero padded to the same size, as one 2-D convolution per frame.

    The kt neighbouring frames stand side by side on the channel axis, where the kernel's time axis is folded too.

    Args:
        volume: float [batch, frames, height, width, channels].
        kernel: float [kt, ky, kx, channels, filters], kt odd.

    Returns:
        float [batch, frames, height, width, filters].
    """
    kt, ky, kx, channels, filters = kernel.shape
    _, num_frames, height, width, _ = ops.shape(volume)
    if kt > 1:
        around = kt // 2
        padded = ops.pad(volume, ((0, 0), (around, around), (0, 0), (0, 0), (0, 0)))
        volume = ops.concatenate(
            [padded[:, shift : num_frames + shift] for shift in range(kt)], axis=-1
        )  # b t y x (kt c)
    kernel = ops.reshape(ops.transpose(kernel, (1, 2, 0, 3, 4)), (ky, kx, kt * channels, filters))
    frames = ops.reshape(volume, (-1, height, width, kt * channels))  # (b t) y x (kt c)
    frames = ops.conv(frames, kernel, padding="same")
    return ops.reshape(frames, (-1, num_frames, height, width, filters))


def minimal_convolution(volume, kernel):
    """A 3-D convolution, zero padded to the same size, by minimal filtering over frames or, of single frames, over rows.

    Only where it pays (see `FEWEST_CHANNELS`) and where it is as exact as the plain form, in float32: its sums have factors
    of up to eight.
    """
    kt, ky, _, channels, filters = kernel.shape
    wide = min(channels, filters) >= FEWEST_CHANNELS and volume.dtype == "float32"
    if wide and kt == 3:
        return minimal_filtering(volume, kernel, 1, stacked_convolution)
    if wide and (kt, ky) == (1, 3):
        return minimal_filtering(volume, kernel, 2, stacked_convolution)
    return stacked_convolution(volume, kernel)


def volume_convolution(volume, kernel, form="auto"):
    """A 3-D convolution, zero padded to the same size, in one of the equal forms of `choose_form`."""
    form = choose_form(form)
    if form == "reference":
        return plain_convolution(volume, kernel)
    if form == "minimal":
        return minimal_convolution(volume, kernel)
    return stacked_convolution(volume, kernel)


@keras.saving.register_keras_serializable("tf3dlocal")
class VolumeConvolution(keras.layers.Layer):
    """Bias-free convolution over frames, height and width, zero padded to the same size.

    A kernel of one frame, (1, k, k), is the per-frame 2-D convolution of a silhouette backbone.

    Args:
        filters: number of output channels.
        kernel_size: one odd number, or three (frames, height, width).
        form: "auto", or one of the equal forms of `choose_form`.
        seed: seed of the first weights.

    Call arguments:
        volume: float [batch, frames, height, width, channels].

    Returns:
        float [batch, frames, height, width, filters].

    Raises:
        ValueError: an even kernel size.

    Example:
        >>> import numpy as np
        >>> VolumeConvolution(8, (1, 5, 5))(np.zeros((2, 3, 16, 11, 1), "float32")).shape
        TensorShape([2, 3, 16, 11, 8])
    """

    def __init__(self, filters, kernel_size=3, form="auto", seed=None, **kwargs):
        super().__init__(**kwargs)
        self.filters = filters
        self.kernel_size = (kernel_size,) * 3 if isinstance(kernel_size, int) else tuple(kernel_size)
        if any(size % 2 == 0 for size in self.kernel_size):
            raise ValueError(f"Kernel sizes must be odd to keep the map's size; got {self.kernel_size}.")
        self.form = form
        self.seed = seed

    def build(self, volume_shape):
        self.kernel = self.add_weight(
            name="kernel",
            shape=(*self.kernel_size, volume_shape[-1], self.filters),
            initializer=kaiming_fan_out(self.seed),
        )

    def call(self, volume):
        return volume_convolution(volume, ops.cast(self.kernel, volume.dtype), self.form)

    def compute_output_shape(self, volume_shape):
        return (*volume_shape[:-1], self.filters)
