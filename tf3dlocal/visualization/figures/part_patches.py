"""The boxes of the parts of a block in a walk, and the patches that show them."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from tf3dlocal.io import near_names
from tf3dlocal.visualization.box_geometry import PartBox, part_box

FONT_SIZE = 7  # points, the smallest of the supplement's figures at the width of a column
BODY, PALE_BODY = 0.34, 0.12  # darkness of silhouettes in frames that a part reads, and in the others


def chosen_block(geometry: dict[str, Any], block: str | None) -> str:
    """Return the block to draw: the given one, or the last that has local paths.

    Args:
        geometry: Result of `tf3dlocal.models.part_geometry`.
        block: Such as "block_3".

    Raises:
        ValueError: The model has no local paths in this block.

    Example:
        >>> chosen_block({"located": {"block_2": {}, "block_3": {}}}, None)
        'block_3'
    """
    blocks = list(geometry["located"])
    if block is None:
        return blocks[-1]
    if block not in blocks:
        raise ValueError(f"The model has no local paths in {block!r}. {near_names(block, blocks)}")
    return block


def boxes_of(
    geometry: dict[str, Any], *, block: str, picture_size: tuple[int, int], num_frames: int, what: str = "located"
) -> dict[str, PartBox]:
    """Compute the box of every part of a block.

    Args:
        geometry: Result of `tf3dlocal.models.part_geometry`.
        block: Such as "block_3".
        picture_size: Height and width of the silhouettes, in pixels.
        num_frames: Frames of the walk.
        what: "located" or "priors".
    """
    rows = geometry["num_rows"].get(block, {})
    return {
        part: part_box(
            location,
            map_size=geometry["map_sizes"][block],
            num_rows=rows.get(part),
            picture_size=picture_size,
            num_frames=num_frames,
            geometry=geometry["geometry"],
        )
        for part, location in geometry[what][block].items()
    }


def span_of(geometry: dict[str, Any], *, block: str, part: str, num_frames: int) -> tuple[float, float]:
    """Compute where a part begins and ends in time, in frames; it may be outside of the walk.

    Example:
        >>> head = np.array([5, 0.5, 14.5, 3 / 11, 1 / 8, 1 / 3, 0.1, 0.5])
        >>> span_of({"located": {"b": {"head": head}}, "geometry": "paper"}, block="b", part="head", num_frames=30)
        (9.5, 19.5)
    """
    location = np.asarray(geometry["located"][block][part], "float64").reshape(-1, 8).mean(axis=0)
    center, stride = location[2], location[5]
    if geometry["geometry"] == "release":
        center -= stride / 2
    return float(center - stride * num_frames / 2), float(center + stride * num_frames / 2)


def center_of(box: PartBox, frame: int) -> tuple[float, float]:
    """Return the middle of a box, in pixels."""
    return float(box.left[frame] + box.right[frame]) / 2, float(box.top[frame] + box.bottom[frame]) / 2


def add_patch(axes: Axes, box: PartBox, frame: int, *, left: float, size: Sequence[int], color: str, **style) -> None:
    """Draw the coloured patch of a part on a frame whose first column is at `left`; what lies outside is cut off.

    Args:
        axes: Coordinates are pixels.
        box: Of the part.
        frame: Number of the frame.
        left: Column at which the frame begins.
        size: Height and width of the frame.
        color: Of the part.
        **style: Of the outline.
    """
    height, width = size
    x0, x1 = np.clip([box.left[frame], box.right[frame]], -0.5, width - 0.5) + left
    y0, y1 = np.clip([box.top[frame], box.bottom[frame]], -0.5, height - 0.5)
    axes.add_patch(Rectangle((x0, y0), x1 - x0, y1 - y0, facecolor=color, alpha=0.3, linewidth=0, zorder=2))
    outline = {"edgecolor": color, "linewidth": 0.9, "zorder": 3, **style}
    # A white line below: in grey some of the colours are as bright as the body.
    below = {"edgecolor": "white", "linewidth": outline["linewidth"] + 0.9, "zorder": 2.5}
    for each in (below, outline):
        axes.add_patch(Rectangle((x0, y0), x1 - x0, y1 - y0, fill=False, **each))
