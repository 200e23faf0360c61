"""Maximum poolings of the localization network, which behave as PyTorch's: halving, and adaptive."""

from keras import ops

from tf3dlocal.io import has_accelerator
from tf3dlocal.io.types import Tensor

LOWEST_FLOAT16 = -65504.0
"""Lowest finite number of float16: padding with it never is the maximum, in any precision."""


def halving_max_pool(volume: Tensor, *, halve_frames: bool = True) -> Tensor:
    """Compute the maximum over three neighbours along frames, height and width at every second cell.

    Kernel 3, stride 2 and one cell of padding on both sides, as in supplement Table 1: n cells become ceil(n / 2).
    TensorFlow's "same" padding would pad an even length on the right only and start one cell later.

    Args:
        volume: float [batch, frames, height, width, channels].
        halve_frames: False leaves the frames as they are.

    Returns:
        float [batch, ceil(frames / 2), ceil(height / 2), ceil(width / 2), channels].

    Example:
        >>> import numpy as np
        >>> halving_max_pool(np.zeros((1, 30, 16, 11, 2), "float32")).shape
        TensorShape([1, 15, 8, 6, 2])
    """
    window, strides, margin = (3, 3, 3), (2, 2, 2), ((0, 0), (1, 1), (1, 1), (1, 1), (0, 0))
    if not halve_frames:
        window, strides, margin = (1, 3, 3), (1, 2, 2), ((0, 0), (0, 0), (1, 1), (1, 1), (0, 0))
    padded = ops.pad(volume, margin, constant_values=LOWEST_FLOAT16)
    if padded.dtype == "float16" and not has_accelerator():
        # TensorFlow has no such operation for float16 on a CPU. The detour is exact: a maximum rounds nothing.
        return ops.cast(ops.max_pool(ops.cast(padded, "float32"), window, strides), "float16")
    return ops.max_pool(padded, window, strides)


def adaptive_max_pool(values: Tensor, *, num_bins: int, axis: int) -> Tensor:
    """Compute the maximum of each of `num_bins` bins along one axis, as PyTorch's adaptive pooling.

    Bin i of k covers the cells floor(i n / k) .. ceil((i + 1) n / k) - 1 of n. With n = k nothing changes; with n < k
    neighbouring bins share cells. The length n may be unknown until run time.

    Args:
        values: float tensor.
        num_bins: Number of bins k.
        axis: The pooled axis, counted from 0.

    Returns:
        The tensor with `num_bins` cells along `axis`.

    Example:
        >>> import numpy as np
        >>> [float(value) for value in adaptive_max_pool(np.arange(5.0), num_bins=2, axis=0)]
        [2.0, 4.0]
    """
    size = ops.shape(values)[axis]
    if isinstance(size, int) and size == num_bins:
        return ops.convert_to_tensor(values)
    bins, cells = ops.arange(num_bins)[:, None], ops.arange(size)[None, :]
    first = (bins * size) // num_bins
    last = ((bins + 1) * size + num_bins - 1) // num_bins  # one past the bin's last cell
    inside = ops.logical_and(cells >= first, cells < last)  # k n
    ndim = len(values.shape)
    inside = ops.reshape(inside, (1,) * axis + (num_bins, size) + (1,) * (ndim - axis - 1))
    values = ops.expand_dims(values, axis)
    lowest = ops.cast(LOWEST_FLOAT16, values.dtype)
    return ops.max(ops.where(inside, values, lowest), axis=axis + 1)
