"""OpenGait's pickles: id/type/view/*.pkl, each the aligned silhouettes of one walk.

CASIA-B: 001/nm-01/000/000.pkl. OU-MVLP: 00001/00/000/000.pkl. A pickle holds one numpy array, uint8
[frames, size, size], or [frames, size, size * 11 / 16] where the sides are cut off (64 x 44, 128 x 88).
No code in a pickle is run: see `array_pickle`.

A tree with other names, such as views without three digits or several pickles per walk, is read with a layout
file (see `layout_file`) whose pattern ends in .pkl:

    pattern: "{subject}/{condition}/{view}/{frame}-sils.pkl"
"""

from __future__ import annotations

import os

import numpy as np

from tf3dlocal.data.raw.array_pickle import read_array_pickle
from tf3dlocal.data.raw.files import RawDataError, read_file
from tf3dlocal.data.silhouettes import silhouette_width
from tf3dlocal.io import user_path
from tf3dlocal.io.types import PathLike


def read_opengait_pickle(path: PathLike) -> np.ndarray:
    """Read the silhouettes of one walk from a pickle of OpenGait. No code in the pickle is run.

    Args:
        path: The .pkl file.

    Returns:
        uint8 [frames, height, width], 0..255, read-only. The width is the height, or 11/16 of it. Masks of 0 and 1
        are scaled. A frame that is no silhouette among others that are is black.

    Raises:
        RawDataError: The pickle does not hold silhouettes. The message names the file, its content and the solution.

    Example:
        >>> import pathlib, pickle, tempfile
        >>> walk = np.zeros((30, 64, 44), np.uint8)
        >>> walk[:, :, 12:32] = 255
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = pathlib.Path(folder) / "000.pkl"
        ...     _ = path.write_bytes(pickle.dumps(walk))
        ...     read_opengait_pickle(path).shape
        (30, 64, 44)

    Source: OpenGait, datasets/pretreatment.py, for the content of the files.
    """
    from tf3dlocal.data.plausibility import plausible_silhouettes  # which imports the readers

    path = user_path(path)
    if not path.exists():
        raise FileNotFoundError(f"{path} does not exist.")
    try:
        content = read_file(path)
    except OSError as error:
        raise RawDataError(f"{path} cannot be read: {error.strerror or error}.") from error
    array = silhouettes_of_pickle(content, os.fspath(path))
    if len(array):
        array, _ = plausible_silhouettes(array, source=os.fspath(path))
        array.flags.writeable = False
    return array


def silhouettes_of_pickle(content: bytes, source: str) -> np.ndarray:
    """Return the array in the bytes of a pickle, after checking that it has the shape and the type of silhouettes.

    Whether they are silhouettes is checked where they are used: see `plausible_silhouettes`.

    Raises:
        RawDataError: See `read_opengait_pickle`.
    """
    array = read_array_pickle(content, source=source)
    found = f"{source} holds {array.dtype} {list(array.shape)}"
    if array.ndim != 3:
        raise RawDataError(f"{found}. Silhouettes are [frames, height, width]. Poses and colours are not read.")
    if not _has_known_width(*array.shape[1:]):
        raise RawDataError(f"{found}. Frames must be square, or 11/16 as wide as high (64 x 44, 128 x 88).")
    return array


def square_silhouette(frame: np.ndarray, size: int) -> np.ndarray | None:
    """Return an aligned frame as a square of `size`, or None where it does not fit.

    A frame without its sides (44 of 64 columns, 88 of 128) gets these columns back as zeros. Nothing is lost:
    training and testing read the middle columns only (see `cut_sides`).

    Args:
        frame: uint8 [size, size] or [size, size * 11 / 16].
        size: Height and width of the result in pixels.

    Returns:
        uint8 [size, size], or None for a frame of any other size.

    Example:
        >>> square_silhouette(np.full((64, 44), 255, np.uint8), 64)[0, 8:12].tolist()
        [0, 0, 255, 255]
    """
    height, width = frame.shape
    if height != size or not _has_known_width(height, width):
        return None
    side = (size - width) // 2
    return np.pad(frame, ((0, 0), (side, side))) if side else frame


def _has_known_width(height: int, width: int) -> bool:
    # Only sizes at which the cut width is exactly 11/16 of the height: OpenGait writes 64 x 44 and 128 x 88.
    return width == height or (width == silhouette_width(height) and 16 * width == 11 * height)
