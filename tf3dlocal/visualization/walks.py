"""Pictures of walks: contact sheets, which show a data set at a glance, and animations."""

import pathlib
from collections.abc import Sequence

import numpy as np
from matplotlib.animation import PillowWriter
from matplotlib.figure import Figure

from tf3dlocal.io import write_file
from tf3dlocal.io.types import PathLike
from tf3dlocal.visualization.picture import Picture

TILE_WIDTH = 0.62  # inches on paper; a frame number of three digits fits
GAP = 2  # pixels between silhouettes
DOTS_PER_INCH = 100  # of an animation


def contact_sheet(
    walks: Sequence[np.ndarray],
    *,
    path: PathLike | None = None,
    titles: Sequence[str] | None = None,
    num_frames: int = 12,
) -> Figure:
    """Draw one row per walk: evenly spaced, numbered frames, with the title of the walk at the left.

    Args:
        walks: Arrays uint8 [frames, height, width], 0..255; lengths and sizes may differ.
        path: File to write as well; the suffix sets the format (.png, .pdf, .svg, ...).
        titles: One text per walk, such as "001/nm-01/090".
        num_frames: Frames per row. A shorter walk shows all its frames. Frame numbers start at 0.

    Returns:
        matplotlib Figure.

    Raises:
        ValueError: There are no walks, an array is not a walk, or the numbers of titles and walks differ.

    Example:
        >>> figure = contact_sheet([np.zeros((30, 64, 44), "uint8")], titles=["001/nm-01/090"], num_frames=4)
        >>> [text.get_text() for text in figure.axes[0].texts]
        ['0', '10', '19', '29']
    """
    walks = [check_silhouettes(walk, name=f"walks[{index}]") for index, walk in enumerate(walks)]
    if not walks:
        raise ValueError("A contact sheet needs at least one walk.")
    if titles is not None and len(titles) != len(walks):
        raise ValueError(f"There are {len(walks)} walks and {len(titles)} titles. Give one title per walk.")

    shown = [spaced_frames(len(walk), count=num_frames) for walk in walks]
    height, width = np.max([walk.shape[1:] for walk in walks], axis=0)
    num_columns = max(len(frames) for frames in shown)
    # One image for the whole sheet: with hundreds of axes matplotlib would take half a minute.
    sheet = np.full((len(walks) * (height + GAP) - GAP, num_columns * (width + GAP) - GAP), np.nan, "float32")
    scale = TILE_WIDTH / width
    picture = Picture((1.6 + sheet.shape[1] * scale, 0.1 + sheet.shape[0] * scale))
    axes = picture.subplots()
    for row, (walk, frames) in enumerate(zip(walks, shown, strict=True)):
        for column, frame in enumerate(frames):
            # A smaller silhouette is placed at the bottom of its row, in the middle of its column.
            top = row * (height + GAP) + height - walk.shape[1]
            left = column * (width + GAP) + (width - walk.shape[2]) // 2
            sheet[top : top + walk.shape[1], left : left + walk.shape[2]] = walk[frame]
            axes.text(left + 1, top + 1, str(frame), fontsize=6, color="0.65", va="top")
    # The gaps are NaN, which is drawn transparent.
    axes.imshow(sheet, cmap="gray", vmin=0, vmax=255, interpolation="nearest")
    axes.set_frame_on(False)
    axes.set_xticks([])
    row_middles = np.arange(len(walks)) * (height + GAP) + (height - 1) / 2
    axes.set_yticks(row_middles, [""] * len(walks) if titles is None else titles, fontsize=9)
    axes.tick_params(length=0)
    return picture.keep(path)


def write_animation(
    silhouettes: np.ndarray, *, path: PathLike, frames_per_second: float = 25, scale: int = 3
) -> pathlib.Path:
    """Write a walk as an animated GIF that repeats forever.

    Args:
        silhouettes: uint8 [frames, height, width], 0..255.
        path: The file, with the suffix .gif.
        frames_per_second: 25 is the rate of CASIA-B's cameras. A GIF stores durations in hundredths of a second, and
            viewers play durations below two hundredths slowly. So 50 is the maximum, and 30 becomes 33.
        scale: Screen pixels per pixel of the silhouettes.

    Returns:
        The path of the file.

    Raises:
        ValueError: The array is not a walk, the suffix is not .gif, the rate is outside 1..50, or the scale is not a
            whole number of at least 1.

    Example:
        >>> import tempfile
        >>> write_animation(np.zeros((3, 64, 44), "uint8"), path=tempfile.mkdtemp() + "/walk.gif").name
        'walk.gif'
    """
    silhouettes, path = check_silhouettes(silhouettes), pathlib.Path(path)
    if path.suffix.lower() != ".gif":
        raise ValueError(f"{path}: {path.suffix!r} is not a format of animations. Use the suffix .gif.")
    if not 1 <= frames_per_second <= 50:
        raise ValueError(f"frames_per_second must be between 1 and 50, the limits of GIF, not {frames_per_second!r}.")
    if scale < 1 or scale != int(scale):
        raise ValueError(f"The scale must be a whole number of at least 1, not {scale!r}.")

    frames = silhouettes.repeat(int(scale), axis=1).repeat(int(scale), axis=2)
    figure = Figure(figsize=(frames.shape[2] / DOTS_PER_INCH, frames.shape[1] / DOTS_PER_INCH), dpi=DOTS_PER_INCH)
    image = figure.figimage(frames[0], cmap="gray", vmin=0, vmax=255)  # pixel by pixel, without axes

    def write(temporary):
        # The writer rounds milliseconds down; the small addition keeps them from falling below the hundredths.
        hundredths = round(100 / frames_per_second)
        writer = PillowWriter(fps=100 / (hundredths + 0.01))
        with writer.saving(figure, temporary, DOTS_PER_INCH):
            for frame in frames:
                image.set_data(frame)
                writer.grab_frame()

    write_file(path, write)
    return path


def check_silhouettes(silhouettes: np.ndarray, *, name: str = "silhouettes") -> np.ndarray:
    """Check that an array is uint8 [frames, height, width] with at least one frame.

    Args:
        silhouettes: The array.
        name: What the error message calls it.

    Returns:
        The array itself.

    Raises:
        ValueError: Any other array; the message says how to convert it.

    Example:
        >>> check_silhouettes(np.zeros((1, 2, 9, 9), "uint8"))
        Traceback (most recent call last):
        ValueError: silhouettes must be uint8 [frames, height, width], not uint8 [1, 2, 9, 9]. Take one walk of a batch.
    """
    silhouettes = np.asarray(silhouettes)
    if silhouettes.ndim == 3 and silhouettes.size and silhouettes.dtype == np.uint8:
        return silhouettes
    solution = "At least one frame is needed."
    if silhouettes.ndim > 3:
        solution = "Take one walk of a batch."
    elif silhouettes.ndim < 3:
        solution = "A walk is a stack of silhouettes; silhouette[None] is a walk of one frame."
    elif silhouettes.size:
        solution = "Convert values from 0..1 with (255 * silhouettes).astype('uint8')."
    found = f"{silhouettes.dtype} {list(silhouettes.shape)}"
    raise ValueError(f"{name} must be uint8 [frames, height, width], not {found}. {solution}")


def spaced_frames(num_frames: int, *, count: int) -> np.ndarray:
    """Choose up to `count` frame numbers, evenly spaced from the first frame to the last.

    Args:
        num_frames: Number of frames of the walk.
        count: Number of frames to show.

    Returns:
        int [min(count, num_frames)].

    Raises:
        ValueError: `count` is below 1.

    Example:
        >>> spaced_frames(30, count=4)
        array([ 0, 10, 19, 29])
    """
    if count < 1:
        raise ValueError(f"num_frames, the number of frames to show, must be at least 1, not {count!r}.")
    return np.linspace(0, num_frames - 1, min(count, num_frames)).round().astype(int)
