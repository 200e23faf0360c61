"""The mathematics of the samplers: a grid, one filter matrix per axis, and their product with a volume."""

import keras
import tensorflow as tf
from keras import ops

from tf3dlocal.io.types import Tensor
from tf3dlocal.layers.local.location import check_geometry


def sampling_grid(center: Tensor, stride: Tensor, count: int | Tensor, *, geometry: str = "paper") -> Tensor:
    """Compute the positions of the grid points along one axis: mu(i) = center + (i + 1/2 - count/2) stride.

    With i = 0..count-1 the grid is symmetric about the centre. Main paper Eq. 4-6 print
    mu(i) = center + (i - count/2 - 1/2) stride without the base of the index; with i from 1, as in DRAW, both are
    equal. geometry="release" is the release's (i - count/2) stride with i from 0: half a stride nearer to the origin.

    Args:
        center: float [...], in cells.
        stride: float [...], in cells.
        count: Number of grid points, an int or a scalar tensor.
        geometry: "paper" or "release".

    Returns:
        float [..., count], in cells.

    Raises:
        ValueError: An unknown geometry.
    """
    check_geometry(geometry)
    index = ops.cast(ops.arange(count), center.dtype)
    half = ops.cast(count, center.dtype) / 2 - (0.5 if geometry == "paper" else 0.0)
    return ops.expand_dims(center, -1) + (index - half) * ops.expand_dims(stride, -1)


def gaussian_filter(positions: Tensor, variance: Tensor, size: int | Tensor) -> Tensor:
    """Compute the rows of a Gaussian filter: G[i, p] = exp(-(mu_i - p)^2 / (2 sigma^2)) / Z_i for the cells p.

    Main paper Eq. 7-8. Z_i is the row's sum, but at least 1e-8, the release's constant: the row of a point with a cell
    within 6 sigma sums to one, and a point far outside the map reads zero instead of 0/0. A point between two cells
    that are both farther away than 6 sigma reads zero too; this needs a variance below 0.0065, a fifteenth of the
    prior's.

    Args:
        positions: float [..., points] (mu), in cells.
        variance: float [...] (sigma^2), in cells squared.
        size: Number of cells along the axis.

    Returns:
        float [..., points, size].
    """
    cells = ops.cast(ops.arange(size), positions.dtype)
    distance = ops.expand_dims(positions, -1) - cells
    weights = ops.exp(-ops.square(distance) / ops.expand_dims(2 * variance, (-2, -1)))
    return weights / ops.maximum(ops.sum(weights, axis=-1, keepdims=True), 1e-8)


def linear_filter(positions: Tensor, size: int | Tensor) -> Tensor:
    """Compute the rows of linear interpolation: max(0, 1 - |mu_i - p|) for the cells p, zeros outside the map.

    Main paper Eq. 9 prints ceil(mu) - mu and mu - floor(mu), which are both zero for an integer mu. This form is equal
    elsewhere, and correct there.

    Args:
        positions: float [..., points] (mu), in cells.
        size: Number of cells along the axis.

    Returns:
        float [..., points, size].
    """
    cells = ops.cast(ops.arange(size), positions.dtype)
    return ops.relu(1 - ops.abs(ops.expand_dims(positions, -1) - cells))


def release_coordinates(positions: Tensor, size: int | Tensor) -> Tensor:
    """Compute where the release's `grid_sample` reads a position: scaled by size - 1, read with align_corners=False."""
    size = ops.cast(size, positions.dtype)
    return positions * size / ops.maximum(size - 1, 1) - 0.5


def apply_filters(volume: Tensor, rows: Tensor, columns: Tensor, frames: Tensor) -> Tensor:
    """Compute V = F_t F_y F_x I, one small matrix product per axis (main paper Eq. 10).

    Args:
        volume: float [batch, frames, height, width, channels] (I).
        rows: float [batch, out_height, height] (F_y), or [batch, frames, out_height, height] where every frame has its
            own.
        columns: float [batch, out_width, width] (F_x), or [batch, frames, out_width, width].
        frames: float [batch, out_frames, frames] (F_t).

    Returns:
        float [batch, out_frames, out_height, out_width, channels].
    """
    return _multiply_again(_space_then_time, [volume, rows, columns, frames])


def apply_in_reverse(volume: Tensor, rows: Tensor, columns: Tensor, frames: Tensor) -> Tensor:
    """Compute F_y F_x F_t V: as `apply_filters`, but time first.

    Where every frame has its own rows and columns, the order matters: a volume is brought back to its frames before
    each frame brings it back to its place.

    Args:
        volume: float [batch, frames, height, width, channels] (V).
        rows: float [batch, out_height, height], or [batch, out_frames, out_height, height].
        columns: float [batch, out_width, width], or [batch, out_frames, out_width, width].
        frames: float [batch, out_frames, frames].

    Returns:
        float [batch, out_frames, out_height, out_width, channels].
    """
    return _multiply_again(_time_then_space, [volume, rows, columns, frames])


def _multiply_again(product, factors):
    """Compute a product of filters and keep none of its steps for the backward pass, which multiplies once more.

    Each step is as large as the map, and the product is a small share of a path's time.
    """
    if any(isinstance(factor, keras.KerasTensor) for factor in factors):  # a functional model is being built
        return product(*factors)

    @tf.custom_gradient
    def multiply(*factors):
        def backward(upstream):
            with tf.control_dependencies([upstream]):  # else the second product may be computed in the forward pass
                again = [tf.identity(factor) for factor in factors]
            with tf.GradientTape() as tape:
                tape.watch(again)
                result = product(*again)
            return tape.gradient(result, again, output_gradients=upstream)

        return product(*factors), backward

    # A Keras variable would otherwise be read inside, and its gradient would be asked for separately.
    return multiply(*map(tf.convert_to_tensor, factors))


def _space_then_time(volume, rows, columns, frames):
    return _apply_in_time(_apply_in_space(volume, rows, columns), frames)


def _time_then_space(volume, rows, columns, frames):
    return _apply_in_space(_apply_in_time(volume, frames), rows, columns)


def _apply_in_time(volume, frames):
    _, num_frames, height, width, channels = ops.shape(volume)
    cut = ops.matmul(frames, ops.reshape(volume, (-1, num_frames, height * width * channels)))  # b l (y x c)
    return ops.reshape(cut, (-1, ops.shape(frames)[-2], height, width, channels))


def _apply_in_space(volume, rows, columns):
    """Rows, then columns. No axis moves: a transpose of the map would take as long as the product that it serves."""
    _, num_frames, height, width, channels = ops.shape(volume)
    out_height, out_width = ops.shape(rows)[-2], ops.shape(columns)[-2]
    if len(rows.shape) == 3:  # the frames share their location
        rows, columns = ops.expand_dims(rows, 1), ops.expand_dims(columns, 1)  # b 1 n y, b 1 m x
    cut = ops.matmul(rows, ops.reshape(volume, (-1, num_frames, height, width * channels)))  # b t n (x c)
    if channels == 1:  # one large product instead of one of a single column for every row
        cut = ops.matmul(ops.reshape(cut, (-1, num_frames, out_height, width)), ops.swapaxes(columns, -1, -2))
    else:
        cut = ops.reshape(cut, (-1, num_frames, out_height, width, channels))
        cut = ops.matmul(ops.expand_dims(columns, 2), cut)  # b t n m c
    return ops.reshape(cut, (-1, num_frames, out_height, out_width, channels))
