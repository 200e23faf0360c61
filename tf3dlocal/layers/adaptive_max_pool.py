"""Maximum over a fixed number of bins, however long the axis is."""

from keras import ops


def adaptive_max_pool(values, num_bins, axis):
    """Maximum over `num_bins` bins along one axis; bin i covers floor(i n / k) .. ceil((i + 1) n / k) - 1 of n cells.

    With n = k it changes nothing; with n < k neighbouring bins share cells. The length may be unknown until run time.

    Args:
        values: float tensor.
        num_bins: number of bins k.
        axis: the pooled axis, counted from 0.

    Returns:
        The tensor with `num_bins` cells along `axis`.

    Example:
        >>> import numpy as np
        >>> [float(value) for value in adaptive_max_pool(np.arange(5.0), 2, axis=0)]
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
    lowest = ops.cast(-65504.0, values.dtype)  # of half precision
    return ops.max(ops.where(inside, values, lowest), axis=axis + 1)
