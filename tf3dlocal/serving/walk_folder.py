"""One walk in a folder of pictures, prepared for an exported model."""

import dataclasses
import pathlib

import numpy as np

from tf3dlocal.data import FrameFault, align_silhouette, natural_key, read_frame
from tf3dlocal.io.types import PathLike

SUFFIXES = {".png", ".bmp", ".jpg", ".jpeg", ".tif", ".tiff"}


@dataclasses.dataclass(frozen=True, kw_only=True)
class WalkFolder:
    """Result of `read_walk_folder`.

    Attributes:
        silhouettes: uint8 [frames, height, width], aligned.
        left_out: (file name, reason) for each frame that could not be used.
        was_aligned: Whether the pictures were taken as already aligned.
    """

    silhouettes: np.ndarray
    left_out: list[tuple[str, str]]
    was_aligned: bool


def read_walk_folder(folder: PathLike, *, height: int, width: int, frames: str = "auto") -> WalkFolder:
    """Read the silhouettes of one walk, in the natural order of the file names (2 before 10).

    Raw frames are aligned as `tf3dlocal prepare` aligns them (body at full height, centred by mass). Pictures that are
    height x height or height x width are taken as aligned, and only their sides are cut.

    Args:
        folder: Pictures of one walk, body 255 and background 0; other files are ignored.
        height: Height of the model's silhouettes in pixels; see `ExportedModel`.
        width: Width of the model's silhouettes in pixels.
        frames: "raw", "aligned", or "auto": the size of the pictures decides.

    Returns:
        `WalkFolder`.

    Raises:
        FileNotFoundError: There is no such folder, or no picture in it.
        ValueError: No frame is usable, or `frames` is "aligned" and a picture has another size.

    Example:
        >>> import cv2, tempfile
        >>> folder = tempfile.mkdtemp()
        >>> body = np.zeros((240, 320), np.uint8); body[60:180, 140:180] = 255
        >>> cv2.imwrite(folder + "/001.png", body)
        True
        >>> read_walk_folder(folder, height=64, width=44).silhouettes.shape
        (1, 64, 44)
    """
    folder = pathlib.Path(folder)
    if frames not in ("auto", "raw", "aligned"):
        raise ValueError(f"frames must be 'auto', 'raw' or 'aligned'; got {frames!r}.")
    pictures, left_out = _read_pictures(folder)
    aligned_sizes = {(height, height), (height, width)}
    if frames == "auto":
        aligned = bool(pictures) and all(picture.shape in aligned_sizes for picture in pictures.values())
    else:
        aligned = frames == "aligned"
    silhouettes = []
    for name, picture in pictures.items():
        if aligned and picture.shape not in aligned_sizes:
            raise ValueError(
                f"{folder / name} is {picture.shape[0]} x {picture.shape[1]} pixels (height x width), and an aligned "
                f"silhouette is {height} x {height} or {height} x {width}. Use frames 'raw' to align it."
            )
        silhouette = picture if aligned else align_silhouette(picture, size=height)
        if silhouette is None or not silhouette.any():
            left_out.append((name, "no body in it"))
        else:
            margin = (silhouette.shape[1] - width) // 2
            silhouettes.append(silhouette[:, margin : margin + width])
    if not silhouettes:
        reasons = ", ".join(sorted({reason for _, reason in left_out}))
        raise ValueError(f"None of the {len(left_out)} pictures in {folder} is usable: {reasons}.")
    return WalkFolder(silhouettes=np.stack(silhouettes), left_out=left_out, was_aligned=aligned)


def _read_pictures(folder: pathlib.Path) -> tuple[dict[str, np.ndarray], list[tuple[str, str]]]:
    """Return the readable pictures by file name, and (file name, reason) of the others."""
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder} is not a folder; a walk is a folder with the pictures of one walk.")
    paths = [path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES]
    if not paths:
        raise FileNotFoundError(f"{folder} contains no pictures ({', '.join(sorted(SUFFIXES))}) of a walk.")
    pictures, left_out = {}, []
    for path in sorted(paths, key=lambda path: natural_key(path.name)):
        picture = read_frame(path.read_bytes())
        if isinstance(picture, FrameFault):
            left_out.append((path.name, picture.reason))
        else:
            pictures[path.name] = picture
    return pictures, left_out
