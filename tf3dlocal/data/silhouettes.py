"""Alignment of one silhouette, and the columns of it that the networks see.

Aligned: the body at full height with its mass centred, in a square. As GaitSet and OpenGait prepare CASIA-B, after
Takemura et al.: drop frames with hardly any foreground, cut to the rows with foreground, resize to the height of the
result with the aspect ratio kept (cubic), and cut a square window around the column that halves the mass.
"""

from __future__ import annotations

import cv2
import numpy as np

from tf3dlocal.io.types import Tensor

LARGEST_SIZE = 1024  # pixels; published methods use 64 and 128
MINIMUM_PIXEL_SUM = 10_000  # grey values of the raw frame, as in GaitSet: 40 white pixels


def align_silhouette(
    frame: np.ndarray, *, size: int = 64, minimum_pixel_sum: int = MINIMUM_PIXEL_SUM
) -> np.ndarray | None:
    """Scale the body of one raw frame to `size` rows and centre it in `size` columns.

    The frame is cut to its h rows with foreground and resized to size x int(size * w / h). The centre is the first
    column c where sum(columns 0..c) > sum(all columns) / 2. The result is the columns c - size/2 .. c + size/2 - 1,
    zero outside the picture. Values are grey, not binary: the cubic filter leaves soft edges. OpenCV's filter is exact
    where it uses Intel's IPP (its x86 packages). Elsewhere it rounds its weights to 1/2048, and up to four of a
    hundred pixels differ by one grey level.

    Args:
        frame: uint8 [height, width], 0 background .. 255 body, any size.
        size: Height and width of the result in pixels, even.
        minimum_pixel_sum: A frame whose grey values sum to this or less holds no usable body.

    Returns:
        uint8 [size, size], or None where the frame holds no usable body.

    Raises:
        ValueError: The frame is not uint8 [height, width], or the size is odd.

    Example:
        >>> frame = np.zeros((240, 320), np.uint8)
        >>> frame[60:180, 200:240] = 255
        >>> aligned = align_silhouette(frame)
        >>> aligned.shape, int(aligned[:, 32].min())
        ((64, 64), 255)
    """
    if frame.ndim != 2 or frame.dtype != np.uint8:
        raise ValueError(f"A raw silhouette must be uint8 [height, width], got {frame.dtype} {list(frame.shape)}.")
    check_size(size)
    # cv2.reduce in int32 is four times as fast as numpy's sum; 2**31 / 255 pixels are more than any camera has.
    row_sums = cv2.reduce(frame, 1, cv2.REDUCE_SUM, dtype=cv2.CV_32S).ravel()
    if int(row_sums.sum(dtype=np.int64)) <= minimum_pixel_sum:
        return None
    rows = row_sums.nonzero()[0]
    body = frame[rows[0] : rows[-1] + 1]
    width = int(size * (body.shape[1] / body.shape[0]))
    if width == 0:
        return None
    body = cv2.resize(body, (width, size), interpolation=cv2.INTER_CUBIC)
    mass = np.cumsum(cv2.reduce(body, 0, cv2.REDUCE_SUM, dtype=cv2.CV_32S).ravel())
    centre = int(np.searchsorted(mass, mass[-1] // 2, side="right"))
    if centre == width:  # the cubic filter left nothing
        return None
    left, right = centre - size // 2, centre + size // 2
    if left >= 0 and right <= width:
        return body[:, left:right].copy()
    aligned = np.zeros((size, size), np.uint8)
    aligned[:, max(-left, 0) : size - max(right - width, 0)] = body[:, max(left, 0) : right]
    return aligned


def check_size(size: int) -> None:
    """Raise ValueError for a size that no aligned silhouette has."""
    if not isinstance(size, int | np.integer) or not 2 <= size <= LARGEST_SIZE or size % 2:
        raise ValueError(
            f"The size of an aligned silhouette must be an even number of pixels, 2 to {LARGEST_SIZE}, got {size!r}."
        )


def silhouette_width(size: int) -> int:
    """Return the width in which the networks see a silhouette of `size` rows: 44 of 64 columns, 88 of 128.

    Aligned silhouettes are square with the body in the middle. Ten of 64 columns on each side are empty except in a
    wide stride.

    Args:
        size: Height and width of an aligned silhouette in pixels.

    Returns:
        size - 2 * (10 * size // 64).

    Example:
        >>> silhouette_width(64), silhouette_width(128)
        (44, 88)
    """
    return size - 2 * (10 * size // 64)


def cut_sides(silhouettes: Tensor) -> Tensor:
    """Cut aligned silhouettes to the columns that the networks see, the same number on the left and on the right.

    Works on numpy arrays and on tensors whose width is known.

    Args:
        silhouettes: [..., size, size].

    Returns:
        [..., size, silhouette_width(size)].

    Example:
        >>> cut_sides(np.zeros([5, 64, 64])).shape, cut_sides(np.zeros([128, 128])).shape
        ((5, 64, 44), (128, 88))
    """
    size = silhouettes.shape[-1]
    width = silhouette_width(size)
    left = (size - width) // 2
    return silhouettes[..., left : left + width]
