"""Frames of a walk with the boxes of its parts painted on them, and an animation of several walks."""

import itertools
import pathlib
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.animation import PillowWriter
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from tf3dlocal.io import write_file
from tf3dlocal.io.types import PathLike
from tf3dlocal.visualization.figures.located_volumes import LocatedWalk
from tf3dlocal.visualization.figures.part_patches import boxes_of, chosen_block
from tf3dlocal.visualization.part_styles import DASHES, part_styles, spoken
from tf3dlocal.visualization.walks import check_silhouettes

DARKNESS = 0.45  # of the body
FILL = 0.3  # opacity of a part's colour
DOTS_PER_INCH = 100
# Pixels that are painted and left out, by line style.
PATTERNS = dict(zip(DASHES, ((1, 0), (5, 2), (2, 2), (6, 2, 2, 2), (3, 3), (8, 2, 2, 2, 2, 2)), strict=True))


def paint_parts(
    silhouettes: np.ndarray,
    *,
    geometry: dict[str, Any],
    block: str | None = None,
    scale: int = 3,
    frames: Sequence[int] | None = None,
) -> np.ndarray:
    """Paint the boxes of the parts on the frames of a walk; a box is there in the frames that its part reads.

    Args:
        silhouettes: uint8 [frames, height, width].
        geometry: Result of `tf3dlocal.models.part_geometry` for these silhouettes.
        block: Such as "block_3"; the last one with local paths by default.
        scale: Pixels of the result per pixel of the silhouettes.
        frames: Numbers of the frames to paint; all by default.

    Returns:
        uint8 [frames, height * scale, width * scale, 3].

    Raises:
        ValueError: The array is not a walk, or the block has no local paths.

    Example:
        >>> whole = np.array([5, 7.5, 1, 1, 1, 1, 0.1, 0.5])
        >>> geometry = {"located": {"block_3": {"body": whole}}, "geometry": "paper"}
        >>> geometry |= {"map_sizes": {"block_3": (16, 11)}, "num_rows": {"block_3": {}}}
        >>> paint_parts(np.zeros((3, 64, 44), "uint8"), geometry=geometry, scale=2).shape
        (3, 128, 88, 3)
    """
    silhouettes = check_silhouettes(silhouettes)
    block = chosen_block(geometry, block)
    boxes = boxes_of(geometry, block=block, picture_size=silhouettes.shape[1:], num_frames=len(silhouettes))
    frames = range(len(silhouettes)) if frames is None else frames
    large = silhouettes[list(frames)].repeat(scale, axis=1).repeat(scale, axis=2)
    painted = np.repeat(255 - DARKNESS * large[..., None].astype("float32"), 3, axis=3)
    styles = part_styles(list(boxes))
    for part, box in boxes.items():
        color = 255 * np.array(to_rgb(styles[part].color), "float32")
        for at, frame in enumerate(frames):
            if not box.read[frame]:
                continue
            edges = [box.left[frame], box.top[frame], box.right[frame], box.bottom[frame]]
            left, top, right, bottom = (round((float(edge) + 0.5) * scale) for edge in edges)
            inside = painted[at, max(0, top) : max(0, bottom), max(0, left) : max(0, right)]
            inside[:] = (1 - FILL) * inside + FILL * color
            _outline(painted[at], (left, top, right, bottom), color=color, pattern=PATTERNS[styles[part].dashes])
    return painted.round().astype(np.uint8)


def _outline(picture, box, *, color, pattern):
    """Paint the edges of a box, two pixels wide, with the pattern of the part."""
    left, top, right, bottom = box
    height, width = picture.shape[:2]
    steps = itertools.cycle(itertools.chain(*(itertools.repeat(at % 2 == 0, n) for at, n in enumerate(pattern))))
    for x, is_painted in zip(range(left, right), steps, strict=False):
        if is_painted and 0 <= x < width:
            picture[_inside(top, height), x] = color
            picture[_inside(bottom - 2, height), x] = color
    for y, is_painted in zip(range(top, bottom), steps, strict=False):
        if is_painted and 0 <= y < height:
            picture[y, _inside(left, width)] = color
            picture[y, _inside(right - 2, width)] = color


def _inside(start, end):
    return slice(min(max(0, start), end), min(max(0, start + 2), end))


def write_part_animation(
    walks: Sequence[LocatedWalk],
    *,
    path: PathLike,
    block: str | None = None,
    frames_per_second: float = 12.5,
    scale: int = 3,
) -> pathlib.Path:
    """Write walks with their located parts, next to each other, as an animated GIF that repeats forever.

    A box appears with the first frame that its part reads and vanishes after the last. A walk that is shorter than the
    longest one begins again.

    Args:
        walks: One per view, for instance.
        path: The file, with the suffix .gif.
        block: Such as "block_3"; the last one with local paths by default.
        frames_per_second: Half the rate of CASIA-B's cameras by default, so that one can follow.
        scale: Screen pixels per pixel of the silhouettes.

    Returns:
        The path of the file.

    Raises:
        ValueError: There are no walks, the suffix is not .gif, or the block has no local paths.
    """
    path = pathlib.Path(path)
    if path.suffix.lower() != ".gif":
        raise ValueError(f"{path}: {path.suffix!r} is not a format of animations. Use the suffix .gif.")
    if not walks:
        raise ValueError("An animation needs at least one walk.")
    parts = list(walks[0].geometry["located"][chosen_block(walks[0].geometry, block)])
    painted = [paint_parts(walk.silhouettes, geometry=walk.geometry, block=block, scale=scale) for walk in walks]
    gap, head, foot = 8, 22, 20 * -(-len(parts) // 3) + 6
    height = max(each.shape[1] for each in painted)
    width = max(sum(each.shape[2] for each in painted) + gap * (len(painted) + 1), 300)
    size = width / DOTS_PER_INCH, (head + height + foot) / DOTS_PER_INCH
    figure = Figure(figsize=size, dpi=DOTS_PER_INCH, facecolor="white")
    images, left = [], (width - sum(each.shape[2] + gap for each in painted) + gap) // 2
    for walk, each in zip(walks, painted, strict=True):
        images.append(figure.figimage(each[0], left, foot))
        figure.text((left + each.shape[2] / 2) / width, 1 - head / 2 / (head + height + foot), walk.title, ha="center",
                    va="center", fontsize=8)  # fmt: skip
        left += each.shape[2] + gap
    handles = [
        Line2D([], [], color=style.color, linestyle=style.dashes, linewidth=2, label=spoken(part))
        for part, style in part_styles(parts).items()
    ]
    figure.legend(handles=handles, loc="lower center", ncols=3, frameon=False, fontsize=8, borderpad=0.2)

    place = figure.text(4 / width, 1 - head / 2 / (head + height + foot), "", va="center", fontsize=7, color="0.4")

    def write(temporary):
        writer = PillowWriter(fps=frames_per_second)
        with writer.saving(figure, temporary, DOTS_PER_INCH):
            for time in range(max(map(len, painted))):
                for image, each in zip(images, painted, strict=True):
                    image.set_data(each[time % len(each)])
                place.set_text(f"frame {time + 1}")
                writer.grab_frame()

    write_file(path, write)
    return path
