"""The mathematics that the three samplers share: a grid, one filter matrix per axis, and their product with a volume."""

from keras import ops

# Up to this many cells, one rows-by-columns matrix per clip beats two thin products on a CPU; above, its size does not pay.
LARGEST_JOINT_MAP = 256


def sampling_grid(center, stride, count, symmetric=True):
    """Positions of the grid points along one axis: mu(i) = center + (i + 1/2 - count/2) stride, i = 0..count-1.

    Main paper Eq. 4-6 print mu(i) = center + (i - count/2 - 1/2) stride without the index base; from 1, as in DRAW, the
    grid is symmetric about the centre, and that is ours. `symmetric=False` is the release's (i - count/2) stride with i
    from 0: half a stride nearer to the origin.

    Args:
        center, stride: float [...], in cells.
        count: number of grid points, an int or a scalar tensor.

    Returns:
        float [..., count].
    """
    index = ops.cast(ops.arange(count), center.dtype)
    half = ops.cast(count, center.dtype) / 2 - (0.5 if symmetric else 0.0)
    return center[..., None] + (index - half) * stride[..., None]


def gaussian_filter(positions, variance, size):
    """Rows of a Gaussian filter: G[i, p] = exp(-(mu_i - p)^2 / (2 sigma^2)) / Z_i over the cells p = 0..size-1.

    Z_i is the row's sum, held at 1e-8 from below as in the release: a row whose point has a cell within 6 sigma sums to
    one, and a point far outside reads nothing in place of 0/0. Main paper Eq. 7-8. (So does, in the release and here, a
    point between two cells that are both farther than that; it needs a variance below 0.0065, a fifteenth of the prior's.)

    Args:
        positions: float [..., points], in cells.
        variance: float [...], in cells squared.
        size: number of cells along the axis.

    Returns:
        float [..., points, size].
    """
    cells = ops.cast(ops.arange(size), positions.dtype)
    distance = positions[..., None] - cells
    weights = ops.exp(-ops.square(distance) / (2 * variance[..., None, None]))
    return weights / ops.maximum(ops.sum(weights, axis=-1, keepdims=True), 1e-8)


def linear_filter(positions, size):
    """Rows of linear interpolation: weight max(0, 1 - |mu_i - p|) on the cells p = 0..size-1, zeros outside.

    Main paper Eq. 9 prints ceil(mu) - mu and mu - floor(mu), which are both zero for an integer mu; this form is equal
    elsewhere and right there.

    Args:
        positions: float [..., points], in cells.
        size: number of cells along the axis.

    Returns:
        float [..., points, size].
    """
    cells = ops.cast(ops.arange(size), positions.dtype)
    return ops.relu(1 - ops.abs(positions[..., None] - cells))


def release_coordinates(positions, size):
    """Where the release's `grid_sample` reads a position: it scales by size - 1 and reads with corners not aligned."""
    size = ops.cast(size, positions.dtype)
    return positions * size / ops.maximum(size - 1, 1) - 0.5


def apply_filters(volume, rows, columns, frames):
    """V = F_t F_y F_x I, one small matrix product per axis (main paper Eq. 10).

    Args:
        volume: float [batch, frames, height, width, channels].
        rows, columns: [batch, out_height, height] and [batch, out_width, width]; or with a frames axis after the batch,
            where every frame is cut at its own place.
        frames: [batch, out_frames, frames].

    Returns:
        float [batch, out_frames, out_height, out_width, channels].
    """
    _, num_frames, height, width, channels = ops.shape(volume)
    out_height, out_width, out_frames = ops.shape(rows)[-2], ops.shape(columns)[-2], ops.shape(frames)[-2]
    if len(rows.shape) == 3 and height * width <= LARGEST_JOINT_MAP:
        joint = rows[:, :, None, :, None] * columns[:, None, :, None, :]  # b n m y x
        joint = ops.reshape(joint, (-1, 1, out_height * out_width, height * width))
        cut = ops.matmul(joint, ops.reshape(volume, (-1, num_frames, height * width, channels)))  # b t (n m) c
    else:
        # The frames that share one place stand beside the channels: thick products over few matrices.
        sharing = num_frames if len(rows.shape) == 3 else 1
        rows, columns = (ops.reshape(matrix, (-1, *ops.shape(matrix)[-2:])) for matrix in (rows, columns))
        cut = ops.reshape(volume, (-1, sharing, height, width, channels))
        cut = ops.reshape(ops.transpose(cut, (0, 2, 1, 3, 4)), (-1, height, sharing * width * channels))
        cut = ops.reshape(ops.matmul(rows, cut), (-1, out_height, sharing, width, channels))  # b n t x c
        cut = ops.reshape(ops.transpose(cut, (0, 3, 1, 2, 4)), (-1, width, out_height * sharing * channels))
        cut = ops.reshape(ops.matmul(columns, cut), (-1, out_width, out_height, sharing, channels))  # b m n t c
        cut = ops.transpose(cut, (0, 3, 2, 1, 4))  # b t n m c
    cut = ops.matmul(frames, ops.reshape(cut, (-1, num_frames, out_height * out_width * channels)))  # b l (n m c)
    return ops.reshape(cut, (-1, out_frames, out_height, out_width, channels))
