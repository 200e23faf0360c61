"""One walk in a folder of pictures, prepared for an exported model."""

import dataclasses
import pathlib
from collections.abc import Iterator, Sequence

import numpy as np

from tf3dlocal.data import FrameFault, WalkCheck, align_silhouette, grey_mask, natural_key, read_picture
from tf3dlocal.io import UnreadableError, check_regular_file, user_path
from tf3dlocal.io.types import PathLike

SUFFIXES = {".png", ".bmp", ".jpg", ".jpeg", ".tif", ".tiff"}
MOST_BYTES = 2**26  # of a picture; a silhouette has a few thousand
MOST_KEPT_BYTES = 2**26  # of masks that are kept in memory between the two passes


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
    paths = _picture_paths(folder)
    walk = read_frames(paths, source=str(folder), height=height, width=width, frames=frames, invert=invert)
    if not len(walk.silhouettes):
        reasons = ", ".join(sorted({reason for _, reason in walk.left_out}))
        raise ValueError(f"None of the {len(walk.left_out)} pictures in {folder} is usable: {reasons}.")
    return walk


def read_frames(
    paths: Sequence[pathlib.Path], *, source: str, height: int, width: int, frames: str = "auto", invert: bool = False
) -> WalkFolder:
    """Read some pictures of one walk in the order given, as `read_walk_folder` does; there may be no usable one.

    Args:
        paths: The pictures.
        source: Name of the walk for messages.
        height: As for `read_walk_folder`, like the other arguments.
        width: Width of the model's silhouettes.
        frames: "raw", "aligned" or "auto".
        invert: Whether the body is black on white.

    Raises:
        ValueError: As `read_walk_folder`.
    """
    if frames not in ("auto", "raw", "aligned"):
        raise ValueError(f"frames must be 'auto', 'raw' or 'aligned'; got {frames!r}.")
    reader = _Reader(paths, source=source, invert=invert)
    verdict = reader.verdict
    changes = {what: count for what, count in verdict.counts.items() if not what.startswith("frames left out")}
    aligned_sizes = {(height, height), (height, width)}
    aligned = frames == "aligned"
    if frames == "auto":
        aligned = bool(reader.sizes) and all(size in aligned_sizes for size in reader.sizes.values())
    silhouettes, left_out = [], reader.left_out
    for number, (path, mask) in enumerate(reader.masks()):
        if aligned and reader.sizes[path] not in aligned_sizes:
            raise ValueError(
                f"{path} is {mask.shape[0]} x {mask.shape[1]} pixels (height x width), and an aligned "
                f"silhouette is {height} x {height} or {height} x {width}. Use frames 'raw' to align it."
            )
        silhouette = None
        if number not in verdict.faults:
            mask = verdict.apply(mask)
            silhouette = mask if aligned else align_silhouette(mask, size=height)
        if silhouette is None or not silhouette.any():
            left_out.append((path.name, verdict.faults.get(number, "no body in it")))
        else:
            margin = (silhouette.shape[1] - width) // 2
            silhouettes.append(np.ascontiguousarray(silhouette[:, margin : margin + width]))
    stacked = np.stack(silhouettes) if silhouettes else np.zeros((0, height, width), np.uint8)
    return WalkFolder(silhouettes=stacked, left_out=left_out, changes=changes, was_aligned=aligned)


class _Reader:
    """The masks of a walk, read in two passes: to judge them all, and to align them one by one.

    Masks are kept between the passes while they are small; the frames of a long recording are decoded twice.
    """

    def __init__(self, paths: Sequence[pathlib.Path], *, source: str, invert: bool):
        self.left_out: list[tuple[str, str]] = []
        self.sizes: dict[pathlib.Path, tuple[int, int]] = {}
        self._kept: dict[pathlib.Path, np.ndarray | FrameFault] = {}
        self._paths, num_bytes = [], 0
        check = WalkCheck(source, invert=invert)
        for path in paths:
            picture = _read_picture(path)
            if isinstance(picture, FrameFault):
                self.left_out.append((path.name, picture.reason))
                continue
            mask, was_alpha = grey_mask(picture)
            check.add(mask, was_alpha=was_alpha)
            self._paths.append(path)
            self.sizes[path] = picture.shape[:2]
            if num_bytes < MOST_KEPT_BYTES:
                self._kept[path] = mask
                num_bytes += 0 if isinstance(mask, FrameFault) else mask.nbytes
        self.verdict = check.verdict()

    def masks(self) -> Iterator[tuple[pathlib.Path, np.ndarray | FrameFault]]:
        """Yield each readable picture as a mask, in the order in which the verdict counts them."""
        for path in self._paths:
            mask = self._kept.pop(path, None)
            if mask is None:
                picture = _read_picture(path)  # it may have been replaced since
                mask = picture if isinstance(picture, FrameFault) else grey_mask(picture)[0]
            yield path, np.zeros(self.sizes[path], np.uint8) if isinstance(mask, FrameFault) else mask


def _picture_paths(folder: pathlib.Path) -> list[pathlib.Path]:
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder} is not a folder; a walk is a folder with the pictures of one walk.")
    paths = [path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES and not path.name.startswith(".")]
    if not paths:
        raise FileNotFoundError(f"{folder} contains no pictures ({', '.join(sorted(SUFFIXES))}) of a walk.")
    return sorted(paths, key=lambda path: natural_key(path.name))


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
