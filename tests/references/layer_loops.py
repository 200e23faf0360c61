"""The layers around the samplers in plain loops and double precision; volumes are [frames, height, width, channels]."""

import math

import numpy as np


def convolution_by_hand(volume, kernel):
    """Sum over the kernel's cells for every output cell; zeros outside the volume."""
    kt, ky, kx, _, filters = kernel.shape
    margin = [(size // 2, size // 2) for size in (kt, ky, kx)]
    padded = np.pad(volume.astype("float64"), [*margin, (0, 0)])
    frames, height, width, _ = volume.shape
    result = np.zeros((frames, height, width, filters))
    for dt in range(kt):
        for dy in range(ky):
            for dx in range(kx):
                result += padded[dt : dt + frames, dy : dy + height, dx : dx + width] @ kernel[dt, dy, dx].astype(
                    "float64"
                )
    return result


def halving_maximum_by_hand(volume, halve_frames=True):
    """Maximum over the neighbours of cells 0, 2, 4, .. along each halved axis (kernel 3, stride 2, padding 1)."""
    sizes = [-(-size // 2) for size in volume.shape[:3]]
    steps = [2, 2, 2]
    if not halve_frames:
        sizes[0], steps[0] = volume.shape[0], 1
    result = np.zeros((*sizes, volume.shape[3]), volume.dtype)
    for index in np.ndindex(*sizes):
        around = [
            slice(max(2 * i - 1, 0), 2 * i + 2) if step == 2 else slice(i, i + 1) for i, step in zip(index, steps)
        ]
        result[index] = volume[tuple(around)].max(axis=(0, 1, 2))
    return result


def adaptive_maximum_by_hand(values, num_bins, axis):
    """Bin i is the maximum of the cells floor(i n / k) .. ceil((i + 1) n / k) - 1 (PyTorch's adaptive pooling)."""
    size = values.shape[axis]
    bins = []
    for i in range(num_bins):
        first, last = math.floor(i * size / num_bins), math.ceil((i + 1) * size / num_bins)
        bins.append(np.take(values, range(first, last), axis).max(axis))
    return np.stack(bins, axis)


def normalized_by_hand(values, norm):
    """gamma (x - mean) / sqrt(variance + 1e-5) + beta with a layer's moving statistics."""
    gamma, beta, mean, variance = (
        np.asarray(variable, "float64") for variable in (norm.gamma, norm.beta, norm.moving_mean, norm.moving_variance)
    )
    return gamma * (values - mean) / np.sqrt(variance + 1e-5) + beta


def smoothed_by_hand(raw):
    """c_t + (c_(t-1) + c_(t-2)) / 2, with nothing before the first frame (main paper 4.2); raw [frames, ..]."""
    return np.array([raw[t] + sum(raw[t - back] for back in (1, 2) if t >= back) / 2 for t in range(len(raw))])
