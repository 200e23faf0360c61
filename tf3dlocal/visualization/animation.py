"""A walk that moves."""

import pathlib

from matplotlib.animation import PillowWriter
from matplotlib.figure import Figure

from tf3dlocal.visualization.frames import check_silhouettes
from tf3dlocal.visualization.whole_file import write_whole_file

DOTS_PER_INCH = 100


def write_animation(silhouettes, path, frames_per_second=25, scale=3):
    """Write a walk as an animated GIF that repeats for ever.

    Args:
        silhouettes: uint8 [frames, height, width], 0..255.
        path: the file, ending with .gif.
        frames_per_second: 25 is the rate of CASIA-B's cameras. GIF counts in hundredths of a second and viewers slow
            down below two of them, so that 50 is the most, and 30 becomes 33.
        scale: screen pixels per pixel; an aligned silhouette is small.

    Returns:
        pathlib.Path, the file.

    Raises:
        ValueError: an array that is not a walk, another suffix, a rate outside 1..50 or a scale below 1.

    Example:
        >>> import tempfile
        >>> import numpy as np
        >>> write_animation(np.zeros((3, 64, 44), "uint8"), tempfile.mkdtemp() + "/walk.gif").name
        'walk.gif'
    """
    silhouettes = check_silhouettes(silhouettes)
    if pathlib.Path(path).suffix.lower() != ".gif":
        raise ValueError(f"{path}: an animation is written as .gif")
    if not 1 <= frames_per_second <= 50:
        raise ValueError(f"frames_per_second must be between 1 and 50, as GIF can tell, not {frames_per_second}")
    if scale < 1 or scale != int(scale):
        raise ValueError(f"scale must be a whole number of screen pixels, at least 1, not {scale}")

    frames = silhouettes.repeat(int(scale), axis=1).repeat(int(scale), axis=2)
    figure = Figure(figsize=(frames.shape[2] / DOTS_PER_INCH, frames.shape[1] / DOTS_PER_INCH), dpi=DOTS_PER_INCH)
    image = figure.figimage(frames[0], cmap="gray", vmin=0, vmax=255)  # pixel by pixel, without axes

    def write(unfinished):
        # The writer cuts its milliseconds to a whole number, which must not fall below that of the hundredths.
        hundredths = round(100 / frames_per_second)
        writer = PillowWriter(fps=100 / (hundredths + 0.01))
        with writer.saving(figure, unfinished, DOTS_PER_INCH):
            for frame in frames:
                image.set_data(frame)
                writer.grab_frame()

    return write_whole_file(path, write)
