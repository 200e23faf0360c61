"""A folder with the frames of a walk, as what is sent: the files as they are, or the silhouettes in them."""

import pathlib

import numpy as np

from tf3dlocal.data import natural_key
from tf3dlocal.io import UnreadableError, check_regular_file, user_path
from tf3dlocal.io.types import PathLike
from tf3dlocal.serving.client.png_files import png_facts
from tf3dlocal.serving.client.walk_checks import MOST_PICTURE_BYTES


def frames_of_folder(folder: PathLike, *, size: tuple[int, int], takes_png: bool) -> np.ndarray | list[bytes]:
    """Read a folder.

    Whole PNG files of raw masks are sent as they are, a fifth of the bytes, if the model aligns them (signature `png`).
    Everything else, such as aligned silhouettes or a folder with a broken file, is read here as `tf3dlocal embed` reads
    it.

    Args:
        folder: Pictures of one walk, in the natural order of their names.
        size: Height and width of the model's silhouettes.
        takes_png: Whether the model has the signature `png`.

    Returns:
        List of the bytes of the files, or uint8 [frames, height, width], aligned.

    Raises:
        FileNotFoundError: There is no such folder, or no picture in it.
        ValueError: No picture is usable.
    """
    folder = user_path(folder)
    files = _raw_png_files(folder, size) if takes_png and folder.is_dir() else None
    if files is not None:
        return files
    from tf3dlocal.serving.walk_folder import read_walk_folder  # it needs OpenCV

    return read_walk_folder(folder, height=size[0], width=size[1]).silhouettes


def _raw_png_files(folder: pathlib.Path, size: tuple[int, int]) -> list[bytes] | None:
    """Return the files of a folder if all that are not hidden are whole PNGs of raw masks, one not black; or None."""
    paths = [path for path in folder.iterdir() if not path.name.startswith(".")]
    if not paths or any(path.suffix.lower() != ".png" for path in paths):
        return None
    files, is_black = [], True
    for path in sorted(paths, key=lambda path: natural_key(path.name)):
        try:
            check_regular_file(path, max_bytes=MOST_PICTURE_BYTES)
            content = path.read_bytes()
            facts = png_facts(content)
        except (UnreadableError, OSError, ValueError):
            return None
        if (facts.height, facts.width) in ((size[0], size[0]), size):
            return None
        files.append(content)
        is_black &= facts.is_black
    return None if is_black else files
