"""Boxes of the located parts, drawn over the silhouettes of a walk."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle

from tf3dlocal.io.types import PathLike
from tf3dlocal.visualization.box_geometry import PartBox, part_box
from tf3dlocal.visualization.part_styles import part_styles, spoken
from tf3dlocal.visualization.picture import Picture
from tf3dlocal.visualization.walks import check_silhouettes, spaced_frames

FAINT = 0.25  # opacity in frames that the part does not read
TILE_WIDTH = 1.05  # inches on paper
LARGEST_MARGIN = 0.25  # of the silhouette's height, for boxes that extend over an edge; the rest is cut off

Locations = dict[str, dict[str, np.ndarray]]
Limits = tuple[tuple[float, float], tuple[float, float]]


def draw_part_boxes(
    silhouettes: np.ndarray,
    *,
    located: Locations,
    map_sizes: dict[str, tuple[int, int]],
    path: PathLike | None = None,
    priors: Locations | None = None,
    num_rows: dict[str, dict[str, int]] | None = None,
    geometry: str = "paper",
    num_frames: int = 6,
    details: bool = True,
    title: str | None = None,
) -> Figure:
    """Draw one row of frames per block, with a coloured box for every part.

    A box is solid in the frames that the part reads (center_t -+ stride_t frames / 2) and faint in the others. The
    legend of a row lists the parts, their confidences (means over the frames if there is one location per frame), the
    first and last frame that they read, and whether they lie outside the drawn area.

    The arguments are the keys that `tf3dlocal.models.part_geometry` returns.

    Args:
        silhouettes: uint8 [frames, height, width], 0..255, the walk in which the parts were located.
        located: {block: {part: float [8] or [frames, 8]}}, in cells and frames of that block's map, in the order
            center_x, center_y, center_t, stride_x, stride_y, stride_t, variance, confidence.
        map_sizes: {block: (height, width)} of the map that each block samples, in cells.
        path: File to write as well; the suffix sets the format.
        priors: Locations before training, in the same form as `located`; drawn dotted.
        num_rows: {block: {part: number of sampled rows}} for parts that are sampled in fewer rows than the map has
            (release).
        geometry: "paper" or "release", as in the sampler; see `part_box`.
        num_frames: Number of frames to show, evenly spaced.
        details: Whether the legend gives confidences and frames, and the rows have the names of their blocks. False:
            only the names of the parts, for a first look.
        title: Text above the picture, such as "001/nm-01/090".

    Returns:
        matplotlib Figure with one axes per frame; their coordinates are pixels of the silhouette.

    Raises:
        ValueError: Nothing is located, a block has no map size, a prior is of an unknown part, or a shape is wrong.

    Example:
        >>> walk = np.zeros((30, 64, 44), "uint8")
        >>> head = np.array([5, 0.5, 14.5, 3 / 11, 1 / 8, 1 / 3, 0.1, 0.5])
        >>> figure = draw_part_boxes(walk, located={"block_3": {"head": head}}, map_sizes={"block_3": (16, 11)})
        >>> head_in_frame_0 = figure.axes[0].patches[0]
        >>> head_in_frame_0.get_xy(), head_in_frame_0.get_width(), head_in_frame_0.get_height()
        ((15.5, -0.5), 12.0, 8.0)
    """
    silhouettes = check_silhouettes(silhouettes)
    priors, num_rows = priors or {}, num_rows or {}
    check_names(located, map_sizes, priors=priors, num_rows=num_rows)
    names = list(dict.fromkeys(part for parts in located.values() for part in parts))
    colors = {part: style.color for part, style in part_styles(names).items()}
    frames = spaced_frames(len(silhouettes), count=num_frames)
    size = silhouettes.shape[1:]

    def boxes_of(block, locations):
        walk = {"picture_size": size, "num_frames": len(silhouettes), "geometry": geometry}
        rows = num_rows.get(block, {})
        boxes = {}
        for part, location in locations.items():
            try:
                boxes[part] = part_box(location, map_size=map_sizes[block], num_rows=rows.get(part), **walk)
            except ValueError as error:
                raise ValueError(f"{block}, {part}: {error}") from error
        return boxes

    boxes = {block: boxes_of(block, parts) for block, parts in located.items()}
    prior_boxes = {block: boxes_of(block, priors.get(block, {})) for block in located}
    all_boxes = [box for parts in (*boxes.values(), *prior_boxes.values()) for box in parts.values()]
    (left, right), (bottom, top) = limits = view_limits(all_boxes, size)
    scale = TILE_WIDTH / size[1]  # inches per pixel
    width, height = (right - left) * scale, (bottom - top) * scale
    picture_size = (2.8 + len(frames) * (width + 0.1), 0.7 + len(located) * (height + 0.1))
    picture = Picture(picture_size, layout="compressed")
    grid_of_axes = picture.subplots(len(located), len(frames), squeeze=False)
    for block, row_of_axes in zip(located, grid_of_axes, strict=True):
        for axes, frame in zip(row_of_axes, frames, strict=True):
            show_silhouette(axes, silhouettes[frame], limits)
            for part, box in boxes[block].items():
                add_rectangle(axes, box, frame, color=colors[part], linewidth=1.7, zorder=3)
            for part, box in prior_boxes[block].items():
                add_rectangle(axes, box, frame, color=colors[part], linewidth=1.0, linestyle=":", zorder=2)
        height, width = map_sizes[block]
        if details:
            row_of_axes[0].set_ylabel(f"{block.replace('_', ' ')}\n{height} x {width} cells", fontsize=9)
        labels = {part: describe(part, box, limits) if details else spoken(part) for part, box in boxes[block].items()}
        add_legend(row_of_axes[-1], labels, colors, title="confidence, frames" if details else None)
    for axes, frame in zip(grid_of_axes[0], frames, strict=True):
        axes.set_title(f"frame {frame}", fontsize=8)
    legend = "full: frames that a part reads;  faint: the others" + (";  dotted: its prior" if priors else "")
    picture.supxlabel(legend, fontsize=8, color="0.35")
    if title:
        picture.suptitle(title, fontsize=10)
    return picture.keep(path)


def check_names(
    located: Locations,
    map_sizes: dict[str, tuple[int, int]],
    *,
    priors: Locations,
    num_rows: dict[str, dict[str, int]],
) -> None:
    """Check that every block has parts and a map size, and that no other argument names a part that is not located."""
    if not located or not all(located.values()):
        raise ValueError(f"There is nothing to draw: located must be {{block: {{part: location}}}}, not {located!r}.")
    if missing := sorted(set(located) - set(map_sizes)):
        raise ValueError(
            f"map_sizes has no entry for {', '.join(missing)}; it has {', '.join(map_sizes) or 'none'}. "
            "Give the (height, width) of the map of every located block."
        )
    for name, given in (("priors", priors), ("num_rows", num_rows)):
        unknown = [
            f"{block}/{part}" for block, parts in given.items() for part in parts if part not in located.get(block, {})
        ]
        if unknown:
            raise ValueError(f"{name} has entries for {', '.join(unknown)}, which are not in located. Remove them.")


def view_limits(boxes: list[PartBox], size: tuple[int, int]) -> Limits:
    """Compute limits (left, right), (bottom, top) in pixels that show boxes over the edge whole, up to a maximum."""
    height, width = size
    most, gap = LARGEST_MARGIN * height, 1  # a pixel outside the outermost line
    left = max(min(-0.5, min(box.left.min() for box in boxes)), -0.5 - most) - gap
    top = max(min(-0.5, min(box.top.min() for box in boxes)), -0.5 - most) - gap
    right = min(max(width - 0.5, max(box.right.max() for box in boxes)), width - 0.5 + most) + gap
    bottom = min(max(height - 0.5, max(box.bottom.max() for box in boxes)), height - 0.5 + most) + gap
    return (left, right), (bottom, top)


def describe(part: str, box: PartBox, limits: Limits) -> str:
    """Return a part's line of the legend, such as "left arm  0.52,  5 to 25"."""
    read = np.flatnonzero(box.read)
    frames = f"{read[0]} to {read[-1]}" if read.size else "none"
    (left, right), (bottom, top) = limits
    visible = (box.left < right) & (box.right > left) & (box.top < bottom) & (box.bottom > top)
    outside = "" if visible.any() else ",  far outside"
    return f"{spoken(part)}  {box.confidence.mean():.2f},  {frames}{outside}"


def show_silhouette(axes: Axes, silhouette: np.ndarray, limits: Limits) -> None:
    """Draw a light grey body, on which all colours are visible, on a white picture with a grey margin."""
    height, width = silhouette.shape
    axes.imshow(silhouette, cmap="Greys", vmin=0, vmax=255 / 0.45, interpolation="nearest")
    left, top, right, bottom = -0.5, -0.5, width - 0.5, height - 0.5
    axes.plot([left, right, right, left, left], [top, top, bottom, bottom, top], color="0.8", linewidth=0.6, zorder=1)
    # In the margin, the background shows to which frame a box belongs.
    axes.set(xlim=limits[0], ylim=limits[1], xticks=[], yticks=[], facecolor="0.95")
    axes.spines[:].set_visible(False)


def add_rectangle(axes: Axes, box: PartBox, frame: int, *, color: str, **style) -> None:
    """Draw the box of a part in one frame."""
    corner = (float(box.left[frame]), float(box.top[frame]))
    extent = (float(box.right[frame] - box.left[frame]), float(box.bottom[frame] - box.top[frame]))
    alpha = 1.0 if box.read[frame] else FAINT
    axes.add_patch(Rectangle(corner, *extent, fill=False, edgecolor=color, alpha=alpha, **style))


def add_legend(axes: Axes, labels: dict[str, str], colors: dict[str, str], *, title: str | None) -> None:
    """Draw the legend of a row of frames at the right of its last axes."""
    axes.legend(
        handles=[Line2D([], [], color=colors[part], linewidth=1.7, label=label) for part, label in labels.items()],
        title=title,
        loc="center left",
        bbox_to_anchor=(1.05, 0.5),
        frameon=False,
        fontsize=8,
        title_fontsize=8,
        alignment="left",
    )
