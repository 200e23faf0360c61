"""The frames of a walk, and which of them stand for all."""

import numpy as np


def check_silhouettes(silhouettes, name="silhouettes"):
    """The array itself if it is uint8 [frames, height, width] with at least one frame.

    Raises:
        ValueError: any other array; the message names it by `name` and says how to turn it into one that fits.

    Example:
        >>> check_silhouettes(np.zeros((1, 2, 64, 44), "uint8"))
        Traceback (most recent call last):
        ValueError: silhouettes must be uint8 [frames, height, width], not uint8 [1, 2, 64, 44]: take one walk of a batch
    """
    silhouettes = np.asarray(silhouettes)
    if silhouettes.ndim == 3 and silhouettes.size and silhouettes.dtype == np.uint8:
        return silhouettes
    way_out = "at least one frame is needed"
    if silhouettes.ndim > 3:
        way_out = "take one walk of a batch"
    elif silhouettes.ndim < 3:
        way_out = "one walk is a stack of silhouettes, silhouette[None] a walk of one frame"
    elif silhouettes.size:
        way_out = "for values in 0..1 take (255 * silhouettes).astype('uint8')"
    found = f"{silhouettes.dtype} {list(silhouettes.shape)}"
    raise ValueError(f"{name} must be uint8 [frames, height, width], not {found}: {way_out}")


def spaced_frames(num_frames, count):
    """Up to `count` frame numbers, evenly spaced from the first frame to the last: int [min(count, num_frames)].

    Raises:
        ValueError: a count below one.

    Example:
        >>> spaced_frames(30, 4)
        array([ 0, 10, 19, 29])
    """
    if count < 1:
        raise ValueError(f"num_frames, the frames to show, must be at least 1, not {count}")
    return np.linspace(0, num_frames - 1, min(count, num_frames)).round().astype(int)
