"""Supplement Fig. 1: the located volumes of all parts in one walk per view, in space and in time."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from tf3dlocal.io.types import PathLike
from tf3dlocal.visualization.figures.part_patches import (
    BODY,
    FONT_SIZE,
    PALE_BODY,
    add_patch,
    boxes_of,
    center_of,
    chosen_block,
    span_of,
)
from tf3dlocal.visualization.part_styles import part_styles, spoken
from tf3dlocal.visualization.picture import Picture
from tf3dlocal.visualization.walks import check_silhouettes, spaced_frames

# Inches. A panel is as wide as a column, two panels are as wide as a page.
PANEL_WIDTH, OVERVIEW_WIDTH, LABEL_WIDTH, TITLE_HEIGHT, LEGEND_HEIGHT, GAP = 3.35, 1.25, 0.6, 0.22, 0.26, 0.18
BAR, STRIP_GAP = 7, 3  # pixels of the silhouettes: height of the bar below a strip, distance of frames in it


@dataclasses.dataclass(frozen=True, kw_only=True)
class LocatedWalk:
    """One walk and where the parts are in it.

    Attributes:
        title: Such as "18°".
        silhouettes: uint8 [frames, height, width].
        geometry: Result of `tf3dlocal.models.part_geometry` for these silhouettes.
    """

    title: str
    silhouettes: np.ndarray
    geometry: dict[str, Any]


def plot_located_volumes(
    walks: Sequence[LocatedWalk],
    *,
    block: str | None = None,
    num_frames: int = 7,
    title: str | None = None,
    path: PathLike | None = None,
) -> Picture:
    """Draw the located volumes on frames, as supplement Fig. 1 does: one panel per walk, one colour per part.

    At the left of a panel is the middle frame with the patches of all parts, their centres (dots), and lines from the
    centres of their priors (rings). At the right each part has a strip of frames: dark silhouettes with a patch are
    frames that the part reads, pale ones are frames that it does not. The bar below a strip goes from the begin of the
    volume to its end; it leaves the strip where the volume is longer than the walk.

    Args:
        walks: One per panel, such as one per view; two panels are drawn side by side.
        block: The block whose parts are drawn, such as "block_3"; the last one with local paths by default.
        num_frames: Frames of a strip, evenly spaced over the walk.
        title: Text above the picture.
        path: File to write as well; the suffix sets the format.

    Returns:
        The picture, of the width of a column (one walk) or of a page (several).

    Raises:
        ValueError: No walks, a walk that is none, or a block without local paths.

    Example:
        >>> head = np.array([5, 0.5, 14.5, 3 / 11, 1 / 8, 1 / 3, 0.1, 0.5])
        >>> geometry = {"located": {"block_3": {"head": head}}, "priors": {"block_3": {"head": head}}}
        >>> geometry |= {"map_sizes": {"block_3": (16, 11)}, "num_rows": {"block_3": {}}, "geometry": "paper"}
        >>> walk = LocatedWalk(title="18°", silhouettes=np.zeros((30, 64, 44), "uint8"), geometry=geometry)
        >>> len(plot_located_volumes([walk]).axes)  # the overview and one strip
        2

    Source: Fig. 1 of the supplement of the 3DLocal paper.
    """
    if not walks:
        raise ValueError("Fig. 1 needs at least one walk.")
    for walk in walks:
        check_silhouettes(walk.silhouettes, name=f"The walk {walk.title!r}")
    block = chosen_block(walks[0].geometry, block)
    num_parts = len(walks[0].geometry["located"][block])
    columns = min(2, len(walks))
    rows = -(-len(walks) // columns)
    height = max(_strip_height(walk, num_frames) for walk in walks) * num_parts
    overview = max(OVERVIEW_WIDTH * walk.silhouettes.shape[1] / walk.silhouettes.shape[2] for walk in walks)
    panel_height = TITLE_HEIGHT + max(height, overview)
    head = 0.22 if title else 0.0
    size = columns * PANEL_WIDTH + (columns - 1) * GAP, head + rows * panel_height + (rows - 1) * GAP + LEGEND_HEIGHT
    picture = Picture(size, layout=None)
    for number, walk in enumerate(walks):
        left = (number % columns) * (PANEL_WIDTH + GAP)
        top = head + (number // columns) * (panel_height + GAP)
        _draw_panel(_Inches(picture, left, top), walk, block=block, num_frames=num_frames)
    if title:
        picture.text(0, 1, title, fontsize=FONT_SIZE + 1, va="top")
    _add_legend(picture)
    return picture.keep(path)


class _Inches:
    """Places axes and text by inches from the top left corner of a panel."""

    def __init__(self, picture, left, top):
        self.picture, self.left, self.top = picture, left, top
        self.width, self.height = picture.get_size_inches()

    def at(self, x, y):
        return (self.left + x) / self.width, 1 - (self.top + y) / self.height

    def add(self, x, y, *, width, height):
        left, bottom = self.at(x, y + height)
        axes = self.picture.add_axes((left, bottom, width / self.width, height / self.height))
        axes.set_axis_off()
        return axes

    def text(self, x, y, text, **style):
        self.picture.text(*self.at(x, y), text, **{"fontsize": FONT_SIZE, "va": "center", **style})

    def line(self, x, y, **style):
        ends = [self.at(each, y) for each in x]
        self.picture.add_artist(Line2D(*zip(*ends, strict=True), transform=self.picture.transFigure, **style))


def _strips_width():
    return PANEL_WIDTH - OVERVIEW_WIDTH - LABEL_WIDTH


def _strip_pixels(walk, num_frames):
    """Width and height of a strip with its bar, in pixels of the silhouettes."""
    height, width = walk.silhouettes.shape[1:]
    count = min(num_frames, len(walk.silhouettes))
    return count * width + (count - 1) * STRIP_GAP, height + BAR


def _strip_height(walk, num_frames):
    width, height = _strip_pixels(walk, num_frames)
    return _strips_width() * height / width + 0.02


def _draw_panel(panel, walk, *, block, num_frames):
    height, width = size = walk.silhouettes.shape[1:]
    length = len(walk.silhouettes)
    common = {"block": block, "picture_size": size, "num_frames": length}
    boxes, priors = boxes_of(walk.geometry, **common), boxes_of(walk.geometry, **common, what="priors")
    middle = length // 2
    panel.text(0.02, TITLE_HEIGHT / 2, f"{walk.title},  frame {middle}", fontsize=FONT_SIZE + 1)
    overview = panel.add(0, TITLE_HEIGHT, width=OVERVIEW_WIDTH, height=OVERVIEW_WIDTH * height / width)
    _show(overview, walk.silhouettes[middle], darkness=BODY)
    styles = part_styles(list(boxes))
    for part, box in boxes.items():
        color, dashes, _ = styles[part]
        add_patch(overview, box, middle, left=0, size=size, color=color, linestyle=dashes, linewidth=1.2)
        here, there = center_of(box, middle), center_of(priors[part], middle)
        style = {"color": color, "zorder": 4, "clip_on": True}
        overview.plot(*zip(here, there, strict=True), linewidth=0.8, **style)
        overview.plot(*there, marker="o", markersize=3.2, markerfacecolor="white", markeredgewidth=0.8, **style)
        overview.plot(*here, marker="o", markersize=3, markeredgecolor="white", markeredgewidth=0.4, **style)
    _limit(overview, width, height)
    frames = spaced_frames(length, count=num_frames)
    strip_height, left = _strip_height(walk, num_frames), OVERVIEW_WIDTH + LABEL_WIDTH
    for number, (part, box) in enumerate(boxes.items()):
        top, (color, dashes, _) = TITLE_HEIGHT + number * strip_height, styles[part]
        strip = panel.add(left, top, width=_strips_width(), height=strip_height - 0.02)
        _draw_strip(strip, walk, box=box, frames=frames, color=color)
        begin, end = span_of(walk.geometry, block=block, part=part, num_frames=length)
        _draw_bar(strip, (begin, end), frames, size=size, color=color)
        style = {"color": color, "linestyle": dashes, "linewidth": 1.6}
        panel.line((left - 0.3, left - 0.05), top + 0.05, **style)
        panel.text(left - 0.05, top + 0.14, spoken(part), ha="right")
        panel.text(left - 0.05, top + 0.25, _read_frames(box), ha="right", color="0.35")
    panel.text(left - 0.05, TITLE_HEIGHT - 0.06, "frame", ha="right", color="0.35")
    for at, frame in enumerate(frames):
        x = left + _strips_width() * (at * (width + STRIP_GAP) + width / 2) / _strip_pixels(walk, num_frames)[0]
        panel.text(x, TITLE_HEIGHT - 0.06, str(frame), ha="center", color="0.35")


def _read_frames(box):
    read = np.flatnonzero(box.read)
    return f"{read[0]}–{read[-1]}" if read.size else "none"


def _show(axes: Axes, silhouette: np.ndarray, *, darkness: float, left: float = 0.0) -> None:
    height, width = silhouette.shape
    extent = (left - 0.5, left + width - 0.5, height - 0.5, -0.5)
    shade = darkness * silhouette / 255
    axes.imshow(shade, cmap="Greys", vmin=0, vmax=1, interpolation="nearest", extent=extent, aspect="auto")
    edges = {"color": "0.8", "linewidth": 0.4, "zorder": 1, "clip_on": False}
    axes.plot([extent[0], extent[1], extent[1], extent[0], extent[0]], [-0.5, -0.5, *[height - 0.5] * 2, -0.5], **edges)


def _draw_strip(axes, walk, *, box, frames, color):
    height, width = size = walk.silhouettes.shape[1:]
    for at, frame in enumerate(frames):
        left, read = at * (width + STRIP_GAP), box.read[frame]
        _show(axes, walk.silhouettes[frame], darkness=BODY if read else PALE_BODY, left=left)
        if read:
            add_patch(axes, box, frame, left=left, size=size, color=color)
    _limit(axes, len(frames) * (width + STRIP_GAP) - STRIP_GAP, height + BAR)


def _draw_bar(axes, span, frames, *, size, color):
    """Draw a bar from the begin to the end of a volume: frame t is in the middle of its picture."""
    height, width = size
    step = (width + STRIP_GAP) * (len(frames) - 1) / max(1, frames[-1] - frames[0])
    begin, end = (width / 2 - 0.5 + step * time for time in span)
    right = len(frames) * (width + STRIP_GAP) - STRIP_GAP - 0.5
    y = height + BAR / 2
    begin, end = max(begin, -0.5), min(end, right)
    if begin < end:
        axes.plot([begin, end], [y, y], color=color, linewidth=2, solid_capstyle="butt", zorder=3)
        ends = [x for x, is_inside in ((begin, begin > -0.5), (end, end < right)) if is_inside]
        axes.plot(ends, [y] * len(ends), "|", color=color, markersize=5, markeredgewidth=1.2, zorder=3)


def _limit(axes, width, height):
    axes.set(xlim=(-0.5, width - 0.5), ylim=(height - 0.5, -0.5))


def _add_legend(picture):
    style = {"color": "0.3", "linewidth": 0.8}
    ring = Line2D([], [], marker="o", markersize=3.2, markerfacecolor="white", linestyle="", **style)
    dot = Line2D([], [], marker="o", markersize=3, linestyle="", **style)
    bar = Line2D([], [], color="0.3", linewidth=2, marker="|", markersize=5)
    handles = {"centre of the prior": ring, "located centre": dot, "begin to end of the volume": bar}
    picture.legend(
        handles.values(), handles, loc="lower center", ncols=3, frameon=False, fontsize=FONT_SIZE, borderpad=0,
        columnspacing=1.2, handletextpad=0.5,
    )  # fmt: skip
