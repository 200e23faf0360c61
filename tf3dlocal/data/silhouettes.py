"""Alignment of one silhouette: the body at full height, its mass centred, in a square.

As GaitSet and OpenGait prepare CASIA-B, after Takemura et al.: drop frames with hardly any foreground, cut to the rows
with foreground, resize to the wanted height with the aspect ratio kept (cubic), and cut a square window around the
column that halves the mass.
"""

from __future__ import annotations

import cv2
import numpy as np

MINIMUM_PIXEL_SUM = 10_000  # grey values of the raw frame, as GaitSet has it: 40 white pixels


def align_silhouette(
    frame: np.ndarray, size: int = 64, minimum_pixel_sum: int = MINIMUM_PIXEL_SUM
) -> np.ndarray | None:
    """The body of one raw frame, scaled to `size` rows and centred in `size` columns.

    With the frame cut to its h rows with foreground and resized to size x int(size * w / h), the centre is the first
    column c where sum(columns 0..c) > sum(all columns) / 2; the result is the columns c - size/2 .. c + size/2 - 1,
    zero where they leave the picture. Values are grey, not binary: the cubic filter leaves soft edges. OpenCV's filter
    is exact where it uses Intel's IPP (its x86 packages) and elsewhere rounds its weights to 1/2048: then up to four
    of a hundred pixels differ by one grey level.

    Args:
        frame: uint8 [height, width], 0 background .. 255 body, any size.
        size: height and width of the result in pixels, even.
        minimum_pixel_sum: a frame whose grey values sum to this or less holds no usable body.

    Returns:
        uint8 [size, size], or None where the frame holds no usable body.

    Raises:
        ValueError: for a frame that is not uint8 [height, width], or an odd size.

    Example:
        >>> frame = np.zeros((240, 320), np.uint8)
        >>> frame[60:180, 200:240] = 255
        >>> aligned = align_silhouette(frame)
        >>> aligned.shape, int(aligned[:, 32].min())
        ((64, 64), 255)
    """
    if frame.ndim != 2 or frame.dtype != np.uint8:
        raise ValueError(f"A raw silhouette must be uint8 [height, width], got {frame.dtype} {list(frame.shape)}.")
    if size < 2 or size % 2:
        raise ValueError(f"size must be an even number of pixels, got {size}.")
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
