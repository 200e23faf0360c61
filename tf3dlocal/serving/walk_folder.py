"""One walk in a folder of pictures, made ready for an exported model."""

import dataclasses
import pathlib

import numpy as np

from tf3dlocal.data.frames import FrameFault, read_frame
from tf3dlocal.data.raw_sequences import natural_key
from tf3dlocal.data.silhouettes import align_silhouette

SUFFIXES = {".png", ".bmp", ".jpg", ".jpeg", ".tif", ".tiff"}


@dataclasses.dataclass(frozen=True)
class WalkFolder:
    """What `read_walk_folder` found.

    Attributes:
      silhouettes: uint8 [frames, height, width], aligned.
      left_out: (file name, reason) for each frame that could not be used.
      was_aligned: whether the pictures were taken as aligned already.
    """

    silhouettes: np.ndarray
    left_out: list[tuple[str, str]]
    was_aligned: bool


def read_walk_folder(folder, height, width, frames="auto"):
    """The silhouettes of one walk, in the order of the file names (2 before 10), as the model wants them.

    Raw frames are aligned as `tf3dlocal prepare` does it (body at full height, mass centred). Pictures that are
    height x height or height x width already are taken for aligned ones and only cut at the sides.

    Args:
      folder: pictures of one walk, in which the body is 255 and the background 0; other files are passed over.
      height, width: pixels, the model's own; see `ExportedModel`.
      frames: "raw", "aligned", or "auto" to tell by the size of the pictures.

    Returns:
      `WalkFolder`.

    Raises:
      FileNotFoundError: no such folder, or no picture in it.
      ValueError: no frame is usable, or aligned ones were promised and another size was found.

    Example:
      >>> import cv2, tempfile
      >>> folder = tempfile.mkdtemp()
      >>> body = np.zeros((240, 320), np.uint8); body[60:180, 140:180] = 255
      >>> cv2.imwrite(folder + "/001.png", body)
      True
      >>> read_walk_folder(folder, 64, 44).silhouettes.shape
      (1, 64, 44)
    """
    folder = pathlib.Path(folder)
    if frames not in ("auto", "raw", "aligned"):
        raise ValueError(f"frames must be 'auto', 'raw' or 'aligned'; got {frames!r}")
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder} is not a folder; a walk is a folder with the pictures of one walk")
    paths = [path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES]
    paths.sort(key=lambda path: natural_key(path.name))
    if not paths:
        raise FileNotFoundError(f"{folder} holds no pictures ({', '.join(sorted(SUFFIXES))}) of a walk")
    pictures, left_out = [], []
    for path in paths:
        picture = read_frame(path.read_bytes())
        if isinstance(picture, FrameFault):
            left_out.append((path.name, picture.reason))
        else:
            pictures.append((path.name, picture))
    aligned_sizes = {(height, height), (height, width)}
    if frames == "auto":
        aligned = bool(pictures) and all(picture.shape in aligned_sizes for _, picture in pictures)
    else:
        aligned = frames == "aligned"
    silhouettes = []
    for name, picture in pictures:
        if aligned and picture.shape not in aligned_sizes:
            raise ValueError(
                f"{folder / name} is {picture.shape[0]} x {picture.shape[1]} pixels (height x width) and an aligned "
                f"silhouette is {height} x {height} or {height} x {width}; say that the frames are raw"
            )
        silhouette = picture if aligned else align_silhouette(picture, height)
        if silhouette is None or not silhouette.any():
            left_out.append((name, "no body in it"))
        else:
            margin = (silhouette.shape[1] - width) // 2
            silhouettes.append(silhouette[:, margin : margin + width])
    if not silhouettes:
        reasons = ", ".join(sorted({reason for _, reason in left_out}))
        raise ValueError(f"none of the {len(paths)} pictures in {folder} is usable: {reasons}")
    return WalkFolder(np.stack(silhouettes), left_out, aligned)
