"""Where the local paths look: their boxes over the silhouettes of a walk."""

import numpy as np
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle

from tf3dlocal.visualization.box_geometry import part_box
from tf3dlocal.visualization.frames import check_silhouettes, spaced_frames
from tf3dlocal.visualization.picture import Picture

# Okabe and Ito's colours, which colour-blind people can tell apart, without the yellow, which paper swallows.
PART_COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
FAINT = 0.25  # opacity in frames that the part does not read
TILE_WIDTH = 1.05  # inches on paper
LARGEST_ROOM = 0.25  # of the silhouette's height, for boxes that reach over an edge; what reaches further is cut


def draw_part_boxes(
    silhouettes, located, map_sizes, path=None, priors=None, num_rows=None, grid="symmetric", num_frames=6, title=None
):
    """One row of frames per block, with a coloured box for every part.

    A box is drawn in full in the frames that the part reads (center_t -+ stride_t frames / 2), faintly in the others.
    Beside the row stand the parts' names, their confidences (means over the frames where each has its own), the first
    and last frame that they read, and whether they lie far outside of what is drawn.

    Args:
        silhouettes: uint8 [frames, height, width], 0..255, the walk that the parts were located in.
        located: {block: {part: float [8] or [frames, 8]}}, in cells and frames of that block's map, in the order
            center_x, center_y, center_t, stride_x, stride_y, stride_t, variance, confidence.
        map_sizes: {block: (height, width)}, the size of the map that each block samples, in cells.
        path: file to write as well; the suffix names the format.
        priors: the same kind of dict as `located`: where the parts were looked for before anything was learned, dotted.
        num_rows: {block: {part: sampled rows}} for parts whose grid has fewer rows than the map (the release's).
        grid: "symmetric" or "release", as the sampler lays it; see `part_box`.
        num_frames: how many frames to show, evenly spaced.
        title: text above the picture, such as "001/nm-01/090".

    Returns:
        matplotlib Figure, one axes per frame, with the silhouette's pixels as coordinates.

    Raises:
        ValueError: nothing located, a block without a map size, a prior of an unknown part, or a wrong shape.

    Example:
        >>> walk = np.zeros((30, 64, 44), "uint8")
        >>> head = np.array([5.5, 1, 15, 3 / 11, 1 / 8, 1 / 3, 0.1, 0.5])
        >>> figure = draw_part_boxes(walk, {"block_3": {"head": head}}, {"block_3": (16, 11)})
        >>> head_in_frame_0 = figure.axes[0].patches[0]
        >>> head_in_frame_0.get_xy(), head_in_frame_0.get_width(), head_in_frame_0.get_height()
        ((17.5, 1.5), 12.0, 8.0)
    """
    silhouettes = check_silhouettes(silhouettes)
    priors, num_rows = priors or {}, num_rows or {}
    check_names(located, map_sizes, priors, num_rows)
    names = list(dict.fromkeys(part for parts in located.values() for part in parts))
    colors = {name: PART_COLORS[index % len(PART_COLORS)] for index, name in enumerate(names)}
    frames = spaced_frames(len(silhouettes), num_frames)
    size = silhouettes.shape[1:]

    def boxes_of(block, locations):
        rows = num_rows.get(block, {})
        for part, location in locations.items():
            try:
                yield part, part_box(location, map_sizes[block], size, len(silhouettes), rows.get(part), grid)
            except ValueError as error:
                raise ValueError(f"{block}, {part}: {error}") from error

    boxes = {block: dict(boxes_of(block, parts)) for block, parts in located.items()}
    prior_boxes = {block: dict(boxes_of(block, priors.get(block, {}))) for block in located}
    all_boxes = [box for parts in (*boxes.values(), *prior_boxes.values()) for box in parts.values()]
    (left, right), (bottom, top) = limits = view_limits(all_boxes, size)
    scale = TILE_WIDTH / size[1]  # inches per pixel
    width, height = (right - left) * scale, (bottom - top) * scale
    picture = Picture(2.8 + len(frames) * (width + 0.1), 0.7 + len(located) * (height + 0.1), layout="compressed")
    grid_of_axes = picture.subplots(len(located), len(frames), squeeze=False)
    for block, row_of_axes in zip(located, grid_of_axes, strict=True):
        for axes, frame in zip(row_of_axes, frames, strict=True):
            show_silhouette(axes, silhouettes[frame], limits)
            for part, box in boxes[block].items():
                add_rectangle(axes, box, frame, colors[part], linewidth=1.7, zorder=3)
            for part, box in prior_boxes[block].items():
                add_rectangle(axes, box, frame, colors[part], linewidth=1.0, linestyle=":", zorder=2)
        height, width = map_sizes[block]
        row_of_axes[0].set_ylabel(f"{block.replace('_', ' ')}\n{height} x {width} cells", fontsize=9)
        handles = [
            Line2D([], [], color=colors[part], linewidth=1.7, label=describe(part, box, limits))
            for part, box in boxes[block].items()
        ]
        row_of_axes[-1].legend(
            handles=handles,
            title="confidence, frames",
            loc="center left",
            bbox_to_anchor=(1.05, 0.5),
            frameon=False,
            fontsize=8,
            title_fontsize=8,
            alignment="left",
        )
    for axes, frame in zip(grid_of_axes[0], frames, strict=True):
        axes.set_title(f"frame {frame}", fontsize=8)
    legend = "full: frames that a part reads;  faint: the others" + (";  dotted: its prior" if priors else "")
    picture.supxlabel(legend, fontsize=8, color="0.35")
    if title:
        picture.suptitle(title, fontsize=10)
    return picture.keep(path)


def check_names(located, map_sizes, priors, num_rows):
    """Every block has parts and a map size, and nothing is said of parts that were not located."""
    if not located or not all(located.values()):
        raise ValueError(f"there is nothing to draw: located holds {located}; it takes {{block: {{part: location}}}}")
    if missing := sorted(set(located) - set(map_sizes)):
        raise ValueError(f"map_sizes lacks {', '.join(missing)}; it has {', '.join(map_sizes) or 'nothing'}")
    for name, given in (("priors", priors), ("num_rows", num_rows)):
        unknown = [
            f"{block}/{part}" for block, parts in given.items() for part in parts if part not in located.get(block, {})
        ]
        if unknown:
            raise ValueError(f"{name} speaks of {', '.join(unknown)}, which was not located; leave it out there")


def view_limits(boxes, size):
    """Limits (left, right), (bottom, top) in pixels, so that boxes over the edge are seen whole, within reason."""
    height, width = size
    most, seam = LARGEST_ROOM * height, 1  # a pixel beside the outermost line
    left = max(min(-0.5, min(box.left.min() for box in boxes)), -0.5 - most) - seam
    top = max(min(-0.5, min(box.top.min() for box in boxes)), -0.5 - most) - seam
    right = min(max(width - 0.5, max(box.right.max() for box in boxes)), width - 0.5 + most) + seam
    bottom = min(max(height - 0.5, max(box.bottom.max() for box in boxes)), height - 0.5 + most) + seam
    return (left, right), (bottom, top)


def describe(part, box, limits):
    """A part's line of the legend: "left arm  0.52,  5 to 25"."""
    read = np.flatnonzero(box.read)
    frames = f"{read[0]} to {read[-1]}" if read.size else "none"
    (left, right), (bottom, top) = limits
    seen = (box.left < right) & (box.right > left) & (box.top < bottom) & (box.bottom > top)
    return f"{part.replace('_', ' ')}  {box.confidence.mean():.2f},  {frames}" + (
        "" if seen.any() else ",  far outside"
    )


def show_silhouette(axes, silhouette, limits):
    """A grey body, light enough for every colour to stand out from it, on a white ground with a rim around it."""
    height, width = silhouette.shape
    axes.imshow(silhouette, cmap="Greys", vmin=0, vmax=255 / 0.45, interpolation="nearest")
    left, top, right, bottom = -0.5, -0.5, width - 0.5, height - 0.5
    axes.plot([left, right, right, left, left], [top, top, bottom, bottom, top], color="0.8", linewidth=0.6, zorder=1)
    # The rim, where boxes reach over the edge, shows to which frame they belong.
    axes.set(xlim=limits[0], ylim=limits[1], xticks=[], yticks=[], facecolor="0.95")
    axes.spines[:].set_visible(False)


def add_rectangle(axes, box, frame, color, **style):
    """The box of a part in one frame."""
    corner = (float(box.left[frame]), float(box.top[frame]))
    extent = (float(box.right[frame] - box.left[frame]), float(box.bottom[frame] - box.top[frame]))
    alpha = 1.0 if box.read[frame] else FAINT
    axes.add_patch(Rectangle(corner, *extent, fill=False, edgecolor=color, alpha=alpha, **style))
