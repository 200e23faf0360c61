"""The samplers as the main paper prints them (Eq. 4-10), in plain loops and double precision: slow, and easy to check.

The release's sampling is built from the definition of PyTorch's `grid_sample`, independently of the package.
"""

import math

import numpy as np


def grid_by_hand(center, stride, count, base=1):
    """mu(i) = center + (i - count/2 - 1/2) stride for i = 1 .. count (Eq. 4-6, with the indices of DRAW).

    The release counts i from 0 and omits the half: (i - count/2) stride, which is `base` 1/2 in this formula.
    """
    return [center + (i + base - count / 2 - 0.5) * stride for i in range(count)]


def gaussian_row_by_hand(mu, variance, size):
    """exp(-(mu - p)^2 / (2 sigma^2)) over the cells, divided by its sum (Eq. 7-8), and by no less than 1e-8."""
    row = [math.exp(-((mu - p) ** 2) / (2 * variance)) for p in range(size)]
    return [value / max(sum(row), 1e-8) for value in row]


def printed_linear_row(mu, size):
    """Eq. 9 to the letter: ceil(mu) - mu on the cell floor(mu), mu - floor(mu) on the cell ceil(mu)."""
    row = [0.0] * size
    for cell, weight in ((math.floor(mu), math.ceil(mu) - mu), (math.ceil(mu), mu - math.floor(mu))):
        if 0 <= cell < size:
            row[cell] += weight
    return row


def linear_row_by_hand(mu, size):
    """Eq. 9 where it is sound; at an integer mu, where both of its weights are zero, the cell mu itself."""
    if mu == math.floor(mu):
        return [float(cell == mu) for cell in range(size)]
    return printed_linear_row(mu, size)


def grid_sample_row(coordinate, size):
    """What `grid_sample(align_corners=False, padding_mode="zeros")` reads on one axis; -1 and 1 are the outer edges."""
    pixel = ((coordinate + 1) * size - 1) / 2
    return [max(0.0, 1 - abs(pixel - p)) for p in range(size)]


def release_row_by_hand(mu, size):
    """The release hands `grid_sample` a position divided by size - 1, as if -1 and 1 were the outer cells' centres."""
    return grid_sample_row(2 * mu / (size - 1) - 1, size)


def rows_by_hand(kind, positions, variance, size, release):
    if kind == "gaussian":
        return np.array([gaussian_row_by_hand(mu, variance, size) for mu in positions])
    return np.array([(release_row_by_hand if release else linear_row_by_hand)(mu, size) for mu in positions])


# What each sampler does in space and in time (main paper, Table 4).
KINDS = {"gaussian": ("gaussian", "gaussian"), "trilinear": ("linear", "linear"), "mixture": ("gaussian", "linear")}


def sample_by_hand(volume, location, kind, num_rows=None, geometry="paper"):
    """One clip: V[l, n, m] = gamma sum_t sum_y sum_x T[l, t] Y[n, y] X[m, x] I[t, y, x].

    Args:
        volume: float64 [frames, height, width, channels].
        location: float64 [8] (center x y t, stride x y t, variance, confidence), or [frames, 8] with a location for
            every frame: frame t is read at its own location, with its own gamma; the clip's numbers of time (and the
            variance over time) are the means over the frames.
        kind: a key of `KINDS`.
        num_rows: sampled rows; missing ones are zeros, half of them above (rounded down), the rest below.
        geometry: "paper" or "release".

    Returns:
        float64 [frames, height, width, channels].
    """
    num_frames, height, width, _ = volume.shape
    in_space, in_time = KINDS[kind]
    release = geometry == "release"
    base = 0.5 if release else 1
    places = np.broadcast_to(location, (num_frames, 8))
    clip = places.mean(axis=0)
    times = rows_by_hand(in_time, grid_by_hand(clip[2], clip[5], num_frames, base), clip[6], num_frames, release)
    if kind == "mixture" and release:  # its dummy axis of one cell is read at -1
        times = times * grid_sample_row(-1, 1)[0]
    num_rows = num_rows or height
    above = (height - num_rows) // 2
    result = np.zeros(volume.shape)
    for t, (center_x, center_y, _, stride_x, stride_y, _, variance, confidence) in enumerate(places):
        rows = rows_by_hand(in_space, grid_by_hand(center_y, stride_y, num_rows, base), variance, height, release)
        columns = rows_by_hand(in_space, grid_by_hand(center_x, stride_x, width, base), variance, width, release)
        for n in range(num_rows):
            for m in range(width):
                cut = sum(rows[n, y] * columns[m, x] * volume[t, y, x] for y in range(height) for x in range(width))
                for index in range(num_frames):
                    result[index, above + n, m] += confidence * times[index, t] * cut
    return result
