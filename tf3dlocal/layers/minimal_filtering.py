"""Convolution by three taps with half the products: minimal filtering F(4, 3)."""

from keras import ops

TILE = 4  # outputs that six products give together; twelve products one by one

# The six points are 0, 1, -1, 2, -2 and infinity. Rows: what becomes of three taps.
KERNEL_TRANSFORM = (
    (1 / 4, 0, 0),
    (-1 / 6, -1 / 6, -1 / 6),
    (-1 / 6, 1 / 6, -1 / 6),
    (1 / 24, 1 / 12, 1 / 6),
    (1 / 24, -1 / 12, 1 / 6),
    (0, 0, 1),
)


def minimal_filtering(volume, kernel, axis, convolve):
    """A zero padded convolution of which one axis of three taps is done by F(4, 3), the others by `convolve`.

    Four neighbouring outputs need twelve products tap by tap; from sums of the six inputs under them, six do
    (Winograd, "Arithmetic Complexity of Computations", 1980; Lavin and Gray, CVPR 2016, for networks). The products here are
    whole convolutions over the remaining axes. In float32 the result is as near to the exact one as the plain form's.

    Args:
        volume: float [batch, frames, height, width, channels].
        kernel: float [kt, ky, kx, channels, filters] with three taps along `axis`.
        axis: 1 for frames, 2 for rows, 3 for columns.
        convolve: function (volume, kernel) for a kernel of one tap along `axis`.

    Returns:
        float [batch, frames, height, width, filters].

    Raises:
        ValueError: a kernel with another number of taps along the axis.

    Example:
        >>> import numpy as np
        >>> volume, kernel = np.ones((1, 1, 8, 1, 1), "float32"), np.ones((1, 3, 1, 1, 1), "float32")
        >>> rows = minimal_filtering(volume, kernel, 2, lambda inputs, taps: inputs * taps[0, 0, 0])
        >>> [round(float(value), 3) for value in rows[0, 0, :, 0, 0]]
        [2.0, 3.0, 3.0, 3.0, 3.0, 3.0, 3.0, 2.0]
    """
    if kernel.shape[axis - 1] != 3:
        raise ValueError(
            f"F(4, 3) needs three taps; the kernel {tuple(kernel.shape)} has {kernel.shape[axis - 1]} on axis {axis - 1}."
        )
    size = ops.shape(volume)[axis]
    num_tiles = (size + TILE - 1) // TILE
    d = six_inputs(volume, axis, size, num_tiles)
    k = transformed_kernels(kernel, axis - 1)
    outer, inner = d[4] - 4 * d[2], d[3] - 4 * d[1]
    even, odd = d[4] - d[2], 2 * (d[3] - d[1])
    transformed = (
        4 * d[0] - 5 * d[2] + d[4],
        outer + inner,
        outer - inner,
        even + odd,
        even - odd,
        4 * d[1] - 5 * d[3] + d[5],
    )
    m = [convolve(inputs, taps) for inputs, taps in zip(transformed, k)]
    sum_1, difference_1, sum_2, difference_2 = m[1] + m[2], m[1] - m[2], m[3] + m[4], m[3] - m[4]
    outputs = (
        m[0] + sum_1 + sum_2,
        difference_1 + 2 * difference_2,
        sum_1 + 4 * sum_2,
        difference_1 + 8 * difference_2 + m[5],
    )
    joined = ops.stack(outputs, axis=axis + 1)  # the tiles' axis, then the four of a tile
    shape = list(ops.shape(joined))
    joined = ops.reshape(joined, (*shape[:axis], TILE * num_tiles, *shape[axis + 2 :]))
    return joined[cut(axis, 0, size)]


def six_inputs(volume, axis, size, num_tiles):
    """The six inputs of every tile, one array each: input i of tile j is padded[4 j + i], with one zero in front."""
    margin = [(0, 0)] * 5
    margin[axis] = (1, 1 + TILE * num_tiles - size)
    padded = ops.pad(volume, margin)
    return [padded[cut(axis, start, start + TILE * (num_tiles - 1) + 1, TILE)] for start in range(TILE + 2)]


def transformed_kernels(kernel, axis):
    """The six kernels of one tap along `axis`."""
    taps = [kernel[cut(axis, tap, tap + 1)] for tap in range(3)]
    return [sum(share * tap for share, tap in zip(row, taps) if share) for row in KERNEL_TRANSFORM]


def cut(axis, start, stop, step=1):
    """An index that cuts along one of five axes."""
    index = [slice(None)] * 5
    index[axis] = slice(start, stop, step)
    return tuple(index)
