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
    # Where TensorFlow 2.21 computes with oneDNN, it fuses a pad with the conv3d that reads it, and the fused operation
    # forgets the padding of the convolution itself. It does not fuse them across another operation, and this one is
    # free.
    return ops.conv(tf.ensure_shape(require_walks(volume), volume.shape), kernel, padding="same")


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

    Args:
        filters: Number of output channels.
        kernel_size: One odd number, or three (frames, height, width).
        identity: Start as a copy of the first channels: the kernel's middle has 1 from each of them to the filter of
            its number, and else 0. Otherwise the weights start at random.
        seed: Seed of the initial weights.

    Call arguments:
        volume: float [batch, frames, height, width, channels].

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
            shape=(*self.kernel_size, volume_shape[-1], self.filters),
            initializer=_identity_kernel if self.identity else kaiming_fan_out(self.seed),
        )

    def call(self, volume):
        return volume_convolution(volume, ops.cast(self.kernel, volume.dtype))

    def compute_output_shape(self, volume_shape):
        return (*volume_shape[:-1], self.filters)


def _identity_kernel(shape, dtype=None):
    kernel = np.zeros(shape, "float32")
    middle = tuple(size // 2 for size in shape[:3])
    kernel[middle] = np.eye(*shape[3:])
    return ops.cast(kernel, dtype)
