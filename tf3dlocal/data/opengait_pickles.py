"""OpenGait's pickles: id/type/view/*.pkl, each the silhouettes of one walk, aligned already as ours are.

CASIA-B: 001/nm-01/000/000.pkl. OU-MVLP: 00001/00/000/000.pkl. A pickle holds one numpy array, uint8
[frames, size, size], or [frames, size, size * 11 / 16] where the sides were cut off beforehand (64 x 44, 128 x 88).
Nothing in a pickle is ever run: see `array_pickle`.

A tree with other names, such as views that are no three digits, or with several pickles per walk, is read through a
YAML description (see `folders.read_description`) whose pattern ends in .pkl:

    pattern: "{subject}/{condition}/{view}/{frame}-sils.pkl"
"""

from __future__ import annotations

import os
import pathlib
from collections.abc import Iterator

import numpy as np

from tf3dlocal.data.array_pickle import read_array_pickle
from tf3dlocal.data.path_pattern import PathPattern
from tf3dlocal.data.raw_sequences import LARGEST_FILE, RawDataError, RawSequence

LAYOUT = PathPattern(
    layout="opengait",
    pattern="{subject}/{condition}/{view}/{frame}.pkl",
    expressions={"view": r"\d{3}", "frame": r"[^./][^/]*"},  # "._000.pkl" is what macOS leaves beside 000.pkl
)
# Silhouettes are white on black. Whatever stays below half of white in a whole walk is something else: a 0/1 mask,
# the labels of body parts.
FAINTEST = 128
HOW_TO_SCALE = "Silhouettes are uint8, 0 (background) .. 255 (body)"


class PickledWalk(RawSequence):
    """One walk in one pickle. See `RawSequence`; its frames come aligned and are taken as they are."""

    aligned = True

    def frames(self) -> Iterator[tuple[str, np.ndarray]]:
        """Each frame as "PATH[number]" with its picture, uint8 [height, width].

        Raises:
            RawDataError: two pickles where one is wanted, or a pickle that does not hold silhouettes.
        """
        if len(self.files) > 1:
            names = sorted(path.rsplit("/", 1)[-1] for path in self.files)
            raise RawDataError(
                f"{self.source}: {self.name} has {len(names)} pickles ({', '.join(names[:4])}), and only one can be its "
                "silhouettes. Name the one wanted in a YAML file and give it as the layout, with a line such as  "
                f'pattern: "{{subject}}/{{condition}}/{{view}}/{{frame}}{_ending(names)}"'
            )
        ((path, read),) = self.files.items()
        source = f"{self.source}/{path}"
        try:
            content = read()
        except OSError as error:
            raise RawDataError(f"{source} cannot be read ({error.strerror or error}).") from error
        for number, frame in enumerate(_silhouettes(content, source)):
            yield f"{path}[{number}]", frame


def read_opengait_pickle(path: str | os.PathLike) -> np.ndarray:
    """The silhouettes of one walk as OpenGait stores them; nothing in the pickle is run.

    Args:
        path: the .pkl file.

    Returns:
        uint8 [frames, height, width], 0..255, read-only; width is height, or 11/16 of it.

    Raises:
        RawDataError: not an array of silhouettes; the message names the file, what it holds and the way out.

    Example:
        >>> import pickle, tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = pathlib.Path(folder) / "000.pkl"
        ...     _ = path.write_bytes(pickle.dumps(np.full((30, 64, 44), 255, np.uint8)))
        ...     read_opengait_pickle(path).shape
        (30, 64, 44)

    Source: OpenGait, datasets/pretreatment.py, for what is in the files.
    """
    path = pathlib.Path(path)
    if path.stat().st_size > LARGEST_FILE:
        raise RawDataError(f"{path} has {path.stat().st_size} bytes: too large for the silhouettes of one walk.")
    return _silhouettes(path.read_bytes(), os.fspath(path))


def square_silhouette(frame: np.ndarray, size: int) -> np.ndarray | None:
    """An aligned frame in a square of `size`, or None where it does not fit.

    A frame that was cut to its middle 11/16 (44 of 64 columns, 88 of 128) gets its columns back as zeros, half of them
    on each side. Nothing is lost by it: training and testing read these middle columns only.

    Args:
        frame: uint8 [size, size] or [size, size * 11 / 16].
        size: height and width wanted, in pixels.

    Returns:
        uint8 [size, size], or None for a frame of any other size.

    Example:
        >>> square_silhouette(np.full((64, 44), 255, np.uint8), 64)[0, 8:12].tolist()
        [0, 0, 255, 255]
    """
    height, width = frame.shape
    if height != size or not _known(height, width):
        return None
    side = (size - width) // 2
    return np.pad(frame, ((0, 0), (side, side))) if side else frame


def _known(height, width):
    return width == height or (16 * width == 11 * height and (height - width) % 2 == 0)


def _silhouettes(content, source) -> np.ndarray:
    """The array in a pickle, once it is known to hold silhouettes."""
    array = read_array_pickle(content, source)
    found = f"{source} holds {array.dtype} {list(array.shape)}"
    if array.ndim != 3:
        raise RawDataError(f"{found}: silhouettes are [frames, height, width]. Poses and colours are not read.")
    if array.dtype != np.uint8:
        span = f", values {array.min():g} .. {array.max():g}" if array.size and array.dtype != bool else ""
        raise RawDataError(
            f"{found}{span}: {HOW_TO_SCALE}; for a mask of 0 and 1 save (255 * frames).round().astype('uint8')."
        )
    if not _known(*array.shape[1:]):
        raise RawDataError(f"{found}: frames must be square, or cut to 11/16 of it (64 x 44, 128 x 88).")
    if array.size and 0 < (brightest := int(array.max())) < FAINTEST:
        raise RawDataError(
            f"{found} with no value above {brightest}: {HOW_TO_SCALE}; for a mask of 0 and 1 save 255 * frames. Body "
            "parts and other labels are not read."
        )
    return array


def _ending(names):
    """What tells the first of several files from the others by its end, for an example in a message."""
    reversed_names = [name[::-1] for name in names]
    same = len(os.path.commonprefix(reversed_names))
    first = names[0]
    start = max(first.rfind("-"), first.rfind("_"))
    return first[start:] if 0 < start < len(first) - same else f"-sils{pathlib.PurePath(first).suffix}"
