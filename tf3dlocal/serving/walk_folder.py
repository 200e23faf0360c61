"""One walk in a folder of pictures, prepared for an exported model."""

import dataclasses
import pathlib

import numpy as np

from tf3dlocal.data import (
    FrameFault,
    ImplausibleSilhouettesError,
    align_silhouette,
    natural_key,
    plausible_silhouettes,
    read_picture,
)
from tf3dlocal.io import UnreadableError, check_regular_file, user_path
from tf3dlocal.io.types import PathLike

SUFFIXES = {".png", ".bmp", ".jpg", ".jpeg", ".tif", ".tiff"}
MOST_BYTES = 2**26  # of a picture; a silhouette has a few thousand


@dataclasses.dataclass(frozen=True, kw_only=True)
class WalkFolder:
    """Result of `read_walk_folder`.

    Attributes:
        silhouettes: uint8 [frames, height, width], aligned.
        left_out: (file name, reason) for each frame that could not be used.
        changes: What was done to pictures, in words, to their number, such as {"masks of 0 and 1, scaled to 0 and 255":
            30}; see `tf3dlocal.data.plausible_silhouettes`.
        was_aligned: Whether the pictures were taken as already aligned.
    """

    silhouettes: np.ndarray
    left_out: list[tuple[str, str]]
    changes: dict[str, int]
    was_aligned: bool


def read_walk_folder(
    folder: PathLike, *, height: int, width: int, frames: str = "auto", invert: bool = False
) -> WalkFolder:
    """Read the silhouettes of one walk, in the natural order of the file names (2 before 10).

    Raw frames are aligned as `tf3dlocal prepare` aligns them (body at full height, centred by mass). Pictures that are
    height x height or height x width are taken as aligned, and only their sides are cut.

    Photographs and other pictures that are no silhouettes are refused, as by `tf3dlocal prepare`.

    Args:
        folder: Pictures of one walk, body 255 and background 0; other files, and hidden ones, are ignored.
        height: Height of the model's silhouettes in pixels; see `ExportedModel`.
        width: Width of the model's silhouettes in pixels.
        frames: "raw", "aligned", or "auto": the size of the pictures decides.
        invert: Whether the body is black on white.

    Returns:
        `WalkFolder`.

    Raises:
        FileNotFoundError: There is no such folder, or no picture in it.
        ValueError: No frame is usable, the pictures are no silhouettes (`ImplausibleSilhouettesError`), or `frames` is
            "aligned" and a picture has another size.

    Example:
        >>> import cv2, tempfile
        >>> folder = tempfile.mkdtemp()
        >>> body = np.zeros((240, 320), np.uint8); body[60:180, 140:180] = 255
        >>> cv2.imwrite(folder + "/001.png", body)
        True
        >>> read_walk_folder(folder, height=64, width=44).silhouettes.shape
        (1, 64, 44)
    """
    folder = user_path(folder)
    if frames not in ("auto", "raw", "aligned"):
        raise ValueError(f"frames must be 'auto', 'raw' or 'aligned'; got {frames!r}.")
    pictures, left_out = _read_pictures(folder)
    masks, changes = {}, {}
    if pictures:
        found, changes = plausible_silhouettes(list(pictures.values()), source=str(folder), invert=invert)
        masks = dict(zip(pictures, found, strict=True))
        changes = {what: count for what, count in changes.items() if not what.startswith("frames left out")}
    aligned_sizes = {(height, height), (height, width)}
    aligned = frames == "aligned"
    if frames == "auto":
        aligned = bool(masks) and all(mask.shape in aligned_sizes for mask in masks.values())
    silhouettes = []
    for name, mask in masks.items():
        if aligned and mask.shape not in aligned_sizes:
            raise ValueError(
                f"{folder / name} is {mask.shape[0]} x {mask.shape[1]} pixels (height x width), and an aligned "
                f"silhouette is {height} x {height} or {height} x {width}. Use frames 'raw' to align it."
            )
        silhouette = mask if aligned else align_silhouette(mask, size=height)
        if silhouette is None or not silhouette.any():
            left_out.append((name, _fault_of(pictures[name], invert)))
        else:
            margin = (silhouette.shape[1] - width) // 2
            silhouettes.append(silhouette[:, margin : margin + width])
    if not silhouettes:
        reasons = ", ".join(sorted({reason for _, reason in left_out}))
        raise ValueError(f"None of the {len(left_out)} pictures in {folder} is usable: {reasons}.")
    return WalkFolder(silhouettes=np.stack(silhouettes), left_out=left_out, changes=changes, was_aligned=aligned)


def _fault_of(picture: np.ndarray, invert: bool) -> str:
    """Return why a picture among silhouettes gave no silhouette."""
    try:
        plausible_silhouettes([picture], source="", invert=invert)
    except ImplausibleSilhouettesError as error:
        return error.reason
    return "no body in it"


def _read_pictures(folder: pathlib.Path) -> tuple[dict[str, np.ndarray], list[tuple[str, str]]]:
    """Return the readable pictures by file name, and (file name, reason) of the others."""
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder} is not a folder; a walk is a folder with the pictures of one walk.")
    paths = [path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES and not path.name.startswith(".")]
    if not paths:
        raise FileNotFoundError(f"{folder} contains no pictures ({', '.join(sorted(SUFFIXES))}) of a walk.")
    pictures, left_out = {}, []
    for path in sorted(paths, key=lambda path: natural_key(path.name)):
        picture = _read_picture(path)
        if isinstance(picture, FrameFault):
            left_out.append((path.name, picture.reason))
        else:
            pictures[path.name] = picture
    return pictures, left_out


def _read_picture(path: pathlib.Path) -> np.ndarray | FrameFault:
    try:
        check_regular_file(path, max_bytes=MOST_BYTES)
        content = path.read_bytes()
    except UnreadableError as error:
        return FrameFault(str(error).partition(" cannot be read: ")[2].rstrip("."))
    except FileNotFoundError:
        return FrameFault("a link to no file")
    except OSError as error:  # of this file: no permission, a link to itself
        return FrameFault((error.strerror or type(error).__name__).lower())
    return read_picture(content)
