"""The localization network's pooling: maximum over 3 x 3 x 3 cells, stride 2, one cell of padding on both sides."""

from keras import ops

from tf3dlocal.layers.forms import choose_form, has_accelerator

LOWEST = -65504.0  # of half precision


def halving_max_pool(volume, form="auto", halve_frames=True):
    """Maximum over three neighbours along frames, height and width, at every second cell: n cells become ceil(n / 2).

    Padding stands on both sides as in seed Table 1 ("same" pooling in TensorFlow would pad an even length on the right
    only and start one cell later), and never wins: it is the lowest number of half precision.

    Args:
        volume: float [batch, frames, height, width, channels].
        form: "auto", or one of the equal forms of `choose_form`: one pooling operation for "reference", the maximum of three
            strided slices per axis for the others, and in float16 on a CPU, for which TensorFlow has no such pooling.
        halve_frames: False leaves the frames alone.

    Returns:
        float [batch, ceil(frames / 2), ceil(height / 2), ceil(width / 2), channels].

    Example:
        >>> import numpy as np
        >>> halving_max_pool(np.zeros((1, 30, 16, 11, 2), "float32")).shape
        TensorShape([1, 15, 8, 6, 2])
    """
    axes = (1, 2, 3) if halve_frames else (2, 3)
    if choose_form(form) == "reference" and (volume.dtype != "float16" or has_accelerator()):
        window = tuple(3 if axis in axes else 1 for axis in (1, 2, 3))
        strides = tuple(2 if axis in axes else 1 for axis in (1, 2, 3))
        margin = [(int(axis in axes),) * 2 for axis in range(5)]
        return ops.max_pool(ops.pad(volume, margin, constant_values=LOWEST), window, strides)
    for axis in axes:
        size = ops.shape(volume)[axis]
        half = (size + 1) // 2
        # One cell before and two behind: with an odd size the last is never read, with an even one it is.
        margin = [(1, 2) if index == axis else (0, 0) for index in range(5)]
        padded = ops.pad(volume, margin, constant_values=LOWEST)
        slices = []
        for start in range(3):
            index = [slice(None)] * 5
            index[axis] = slice(start, start + 2 * half, 2)
            slices.append(padded[tuple(index)])
        volume = ops.maximum(ops.maximum(slices[0], slices[1]), slices[2])
    return volume
