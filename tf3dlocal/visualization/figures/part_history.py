"""Supplement Fig. 3: what each part looks at, at several moments of a training."""

from typing import Any

import numpy as np
from matplotlib.patches import Rectangle

from tf3dlocal.io.types import PathLike
from tf3dlocal.visualization.figures.part_patches import (
    BODY,
    FONT_SIZE,
    PALE_BODY,
    add_patch,
    boxes_of,
    chosen_block,
)
from tf3dlocal.visualization.part_styles import part_styles, spoken
from tf3dlocal.visualization.picture import Picture
from tf3dlocal.visualization.walks import check_silhouettes

PAGE_WIDTH, LABEL_WIDTH, GAP, HEAD, TEXT = 6.9, 0.55, 0.06, 0.2, 0.24  # inches
LEGEND = (
    "Dotted: the prior. Below each picture: distance of the centre from that of the prior in pixels of the silhouette, "
    "and area of the patch\ncompared with that of the prior."
)


def plot_part_history(
    silhouettes: np.ndarray,
    *,
    history: dict[int, dict[str, Any]],
    block: str | None = None,
    frame: int | None = None,
    title: str | None = None,
    path: PathLike | None = None,
) -> Picture:
    """Draw the focused patch of every part at several steps of a training, as supplement Fig. 3 does.

    At the top left is the input silhouette; rows are steps, columns are parts. In every picture the patch is where the
    part looks (its centre and scale), the dotted frame is its prior. The text below says how far the centre
    is from that of the prior, in pixels of the silhouette, and how many times its area the patch has.

    Args:
        silhouettes: uint8 [frames, height, width], the walk in which the parts were located.
        history: {step: result of `tf3dlocal.models.part_geometry` with the model of that step}, at least one.
        block: The block whose parts are drawn, such as "block_3"; the last one with local paths by default.
        frame: Number of the frame that is shown; the middle one by default.
        title: Text above the picture.
        path: File to write as well; the suffix sets the format.

    Returns:
        The picture, of the width of a page.

    Raises:
        ValueError: No steps, a walk that is none, a frame that it does not have, or a block without local paths.

    Example:
        >>> head = np.array([5, 0.5, 14.5, 3 / 11, 1 / 8, 1 / 3, 0.1, 0.5])
        >>> geometry = {"located": {"block_3": {"head": head}}, "priors": {"block_3": {"head": head}}}
        >>> geometry |= {"map_sizes": {"block_3": (16, 11)}, "num_rows": {"block_3": {}}, "geometry": "paper"}
        >>> picture = plot_part_history(np.zeros((30, 64, 44), "uint8"), history={0: geometry, 2000: geometry})
        >>> len(picture.axes)  # the input, and a part at two steps
        3

    Source: Fig. 3 of the supplement of the 3DLocal paper.
    """
    silhouettes = check_silhouettes(silhouettes)
    if not history:
        raise ValueError("Fig. 3 needs the parts at one step of a training at least.")
    frame = len(silhouettes) // 2 if frame is None else frame
    if not 0 <= frame < len(silhouettes):
        raise ValueError(f"The walk has the frames 0 to {len(silhouettes) - 1}; got frame {frame!r}.")
    block = chosen_block(next(iter(history.values())), block)
    parts = list(next(iter(history.values()))["located"][block])
    styles, (height, width) = part_styles(parts), (size := silhouettes.shape[1:])
    tile = min(0.9, (PAGE_WIDTH - LABEL_WIDTH) / (len(parts) + 1) - GAP)
    tile_height, head = tile * height / width, HEAD + (0.22 if title else 0)
    row_height = tile_height + TEXT
    total = LABEL_WIDTH + (len(parts) + 1) * (tile + GAP), head + len(history) * row_height + 0.3
    picture = Picture(total, layout=None)

    def text(x, y, words, **style):
        place = x / total[0], 1 - y / total[1]
        picture.text(*place, words, **{"fontsize": FONT_SIZE, "va": "center", "ha": "center", **style})

    for row, (step, geometry) in enumerate(history.items()):
        top = head + row * row_height
        label = (LABEL_WIDTH if row == 0 else LABEL_WIDTH + tile + GAP) - 0.08  # next to the pictures of the row
        text(label, top + tile_height / 2, f"step\n{step:,}", ha="right")
        boxes = boxes_of(geometry, block=block, picture_size=size, num_frames=len(silhouettes))
        priors = boxes_of(geometry, block=block, picture_size=size, num_frames=len(silhouettes), what="priors")
        for column, part in enumerate([None, *parts]):
            if part is None and row:
                continue
            left = LABEL_WIDTH + column * (tile + GAP)
            place = left / total[0], 1 - (top + tile_height) / total[1], tile / total[0], tile_height / total[1]
            axes = picture.add_axes(place)
            if row == 0:
                text(left + tile / 2, head - 0.1, "input" if part is None else spoken(part))
            if part is None:
                _show(axes, silhouettes[frame], darkness=BODY)
                continue
            box, prior = boxes[part], priors[part]
            _show(axes, _focused(silhouettes[frame], box, frame), darkness=1)
            color, dashes, _ = styles[part]
            add_patch(axes, box, frame, left=0, size=size, color=color, linestyle=dashes, linewidth=1.2)
            _add_prior(axes, prior, frame)
            text(left + tile / 2, top + tile_height + 0.1, _moved(box, prior, frame), color="0.35")
    text(LABEL_WIDTH, total[1] - 0.13, LEGEND, ha="left", color="0.35")
    if title:
        picture.text(0, 1, title, fontsize=FONT_SIZE + 1, va="top")
    return picture.keep(path)


def _focused(silhouette, box, frame):
    """The body as shares of black: dark inside of the box, pale outside."""
    rows, columns = np.indices(silhouette.shape)
    inside = (box.left[frame] <= columns) & (columns <= box.right[frame])
    inside &= (box.top[frame] <= rows) & (rows <= box.bottom[frame])
    return np.where(inside, BODY * silhouette, PALE_BODY * silhouette)


def _show(axes, silhouette, *, darkness):
    axes.imshow(darkness * silhouette / 255, cmap="Greys", vmin=0, vmax=1, interpolation="nearest")
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set(color="0.8", linewidth=0.4)


def _add_prior(axes, box, frame):
    corner = float(box.left[frame]), float(box.top[frame])
    size = float(box.right[frame] - box.left[frame]), float(box.bottom[frame] - box.top[frame])
    axes.add_patch(Rectangle(corner, *size, fill=False, edgecolor="black", linestyle=":", linewidth=0.8, zorder=4))


def _moved(box, prior, frame):
    def numbers(each):
        x, y = (each.left[frame] + each.right[frame]) / 2, (each.top[frame] + each.bottom[frame]) / 2
        return x, y, (each.right[frame] - each.left[frame]) * (each.bottom[frame] - each.top[frame])

    (x, y, area), (prior_x, prior_y, prior_area) = numbers(box), numbers(prior)
    return f"{np.hypot(x - prior_x, y - prior_y):.1f} px, ×{area / prior_area:.2f}"
