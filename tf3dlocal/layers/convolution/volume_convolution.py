"""Convolution over frames, height and width."""

from collections.abc import Sequence

import keras
import numpy as np
import tensorflow as tf
from keras import ops

from tf3dlocal.io.types import Tensor
from tf3dlocal.layers.defaults import check_counts, kaiming_fan_out


def volume_convolution(volume: Tensor, kernel: Tensor) -> Tensor:
    """Compute a 3D convolution, zero padded to the same size.

    Args:
        volume: float [batch, frames, height, width, channels].
        kernel: float [kt, ky, kx, channels, filters].

    Returns:
        float [batch, frames, height, width, filters].
    """
    if tuple(kernel.shape[:3]) == (1, 1, 1):
        cells = ops.matmul(ops.reshape(volume, (-1, kernel.shape[3])), kernel[0, 0, 0])  # (b t y x) c
        return ops.reshape(cells, (*ops.shape(volume)[:-1], kernel.shape[4]))
    # Where TensorFlow 2.21 computes with oneDNN, it fuses a pad with the conv3d that reads it, and the fused operation
    # forgets the padding of the convolution itself. It does not fuse them across another operation, and this one is
    # free.
    volume = tf.ensure_shape(require_walks(volume), volume.shape)
    return _convolve_one_channel(volume, kernel) if kernel.shape[3] == 1 else ops.conv(volume, kernel, padding="same")


@tf.custom_gradient
def _convolve_one_channel(volume, kernel):
    """As `ops.conv`, with a faster gradient of the volume.

    oneDNN computes a gradient of one channel as one of sixteen. Here that of every column of the kernel is a channel,
    and all are moved to their cells and added.
    """
    length, height, width, _, filters = kernel.shape
    strides, padding = [1] * 5, "SAME"

    def backward(upstream):
        size, around = tf.shape(volume), width // 2
        columns = tf.reshape(kernel, (length, height, 1, width, filters))
        parts = tf.nn.conv3d_transpose(upstream, columns, [*tf.unstack(size[:4]), width], strides, padding)
        parts = tf.pad(parts, ((0, 0), (0, 0), (0, 0), (around, around), (0, 0)))  # b t y x column
        moved = [tf.slice(parts, (0, 0, 0, width - 1 - column, column), size) for column in range(width)]
        of_kernel = tf.raw_ops.Conv3DBackpropFilterV2(
            input=volume, filter_sizes=kernel.shape, out_backprop=upstream, strides=strides, padding=padding
        )
        return tf.add_n(moved), of_kernel

    return tf.nn.conv3d(volume, kernel, strides, padding), backward


def require_walks(volume: Tensor) -> Tensor:
    """Return the volume; a replica of a `tf.distribute` strategy that has no walk to compute is an error.

    A last batch that is smaller than the others may leave a replica without walks, and TensorFlow's convolutions give
    a wrong shape for none. Only the first convolution of a network, which reads one channel, is checked.

    Args:
        volume: float [batch, frames, height, width, channels].
    """
    replica = None if isinstance(volume, keras.KerasTensor) else tf.distribute.get_replica_context()
    if volume.shape[0] is not None or volume.shape[-1] != 1 or replica is None or replica.num_replicas_in_sync == 1:
        return volume
    message = (
        f"A batch does not divide among the {replica.num_replicas_in_sync} devices: one of them has no walks. Give "
        "batches of one size that the devices divide (drop_remainder=True leaves out a smaller last one)."
    )
    with tf.control_dependencies([tf.debugging.Assert(tf.shape(volume)[0] > 0, [message])]):
        return tf.identity(volume)


@keras.saving.register_keras_serializable("tf3dlocal")
class VolumeConvolution(keras.layers.Layer):
    """3D convolution without bias, zero padded to the same size.

    A kernel of one frame, (1, k, k), is the per-frame 2D convolution of a silhouette backbone.

    Several maps are read as one that has their channels side by side. They are not joined for it, since a convolution
    of joined channels is a sum of convolutions: neither the joined map nor its gradient takes memory.

    Args:
        filters: Number of output channels.
        kernel_size: One odd number, or three (frames, height, width).
        identity: Start as a copy of the first channels: the kernel's middle has 1 from each of them to the filter of
            its number, and else 0. Otherwise the weights start at random.
        seed: Seed of the initial weights.

    Call arguments:
        volume: float [batch, frames, height, width, channels], or a list of such maps.

    Returns:
        float [batch, frames, height, width, filters].

    Raises:
        ValueError: No filters, or an even kernel size.

    Example:
        >>> import numpy as np
        >>> VolumeConvolution(8, kernel_size=(1, 5, 5))(np.zeros((2, 3, 16, 11, 1), "float32")).shape
        TensorShape([2, 3, 16, 11, 8])
    """

    def __init__(
        self,
        filters: int,
        *,
        kernel_size: int | Sequence[int] = 3,
        identity: bool = False,
        seed: int | None = None,
        **kwargs,
    ) -> None:
        super().__init__(**kwargs)
        check_counts("VolumeConvolution", filters=filters)
        self.filters = filters
        self.kernel_size = (kernel_size,) * 3 if isinstance(kernel_size, int) else tuple(kernel_size)
        for size in self.kernel_size:
            check_counts("VolumeConvolution", kernel_size=size)
        if any(size % 2 == 0 for size in self.kernel_size):
            raise ValueError(f"kernel_size must be odd to keep the map's size; got {self.kernel_size!r}.")
        self.identity = identity
        self.seed = seed

    def build(self, volume_shape):
        self.kernel = self.add_weight(
            name="kernel",
            shape=(*self.kernel_size, sum(shape[-1] for shape in _each(volume_shape)), self.filters),
            initializer=_identity_kernel if self.identity else kaiming_fan_out(self.seed),
        )

    def call(self, volume):
        if not isinstance(volume, list | tuple):
            return volume_convolution(volume, ops.cast(self.kernel, volume.dtype))
        kernel = ops.cast(self.kernel, volume[0].dtype)
        kernels = tf.split(kernel, [each.shape[-1] for each in volume], axis=3)
        total = volume_convolution(volume[0], kernels[0])
        for each, kernel in zip(volume[1:], kernels[1:]):
            total = total + volume_convolution(each, kernel)
        return total

    def compute_output_shape(self, volume_shape):
        return (*_each(volume_shape)[0][:-1], self.filters)


def _each(shape):
    """The shapes of several maps; of one alone."""
    return shape if isinstance(shape[0], list | tuple) else [shape]


def _identity_kernel(shape, dtype=None):
    kernel = np.zeros(shape, "float32")
    middle = tuple(size // 2 for size in shape[:3])
    kernel[middle] = np.eye(*shape[3:])
    return ops.cast(kernel, dtype)
