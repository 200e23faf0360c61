"""Plots of what the parts do: their numbers by view, or over a training."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from tf3dlocal.io.types import PathLike
from tf3dlocal.visualization.picture import LINE_COLORS, Picture, style_axes

DRAWN = {
    "center_x": "centre, x",
    "center_y": "centre, y",
    "width": "width",
    "height": "height",
    "length": "length",
    "confidence": "confidence",
}
MARKERS = "os^DvP"


def plot_part_lines(
    mean: np.ndarray,
    *,
    parts: Sequence[str],
    numbers: Sequence[str],
    along: Sequence[int],
    label: str = "view",
    deviation: np.ndarray | None = None,
    explained: np.ndarray | None = None,
    path: PathLike | None = None,
    title: str | None = None,
) -> Figure:
    """Plot one row of panels per number and one column per block, with one line per part.

    Centres and extents are shares of the map: a centre of 0.5 is its middle (from the left, from the top, from the
    first frame), a width of 1 its whole width.

    Args:
        mean: float [parts, positions, numbers], the lines.
        parts: Name of every part, "BLOCK PART", such as "block_3 head".
        numbers: Names of the last axis, of which `DRAWN` are drawn; `tf3dlocal.models.PART_NUMBERS`.
        along: Positions on the horizontal axis: views in degrees, or steps of a training.
        label: What these are: "view" or "step".
        deviation: float, as mean; drawn as a band about each line.
        explained: float [parts, numbers], share of the variance that the view explains; its range over the parts is
            written into each panel.
        path: File to write as well; the suffix sets the format.
        title: Text above the picture.

    Returns:
        matplotlib Figure with one axes per number and block.

    Raises:
        ValueError: The shapes do not match.

    Example:
        >>> mean = np.full((2, 3, 2), 0.5)
        >>> figure = plot_part_lines(
        ...     mean, parts=["block_3 head", "block_3 torso"], numbers=["center_x", "width"], along=[0, 90, 180]
        ... )
        >>> len(figure.axes)
        2
    """
    mean = np.asarray(mean, float)
    if mean.shape != (len(parts), len(along), len(numbers)):
        raise ValueError(
            f"mean must have the shape [parts, {label}s, numbers], ({len(parts)}, {len(along)}, {len(numbers)}); got "
            f"{mean.shape!r}."
        )
    blocks = list(dict.fromkeys(part.split(" ", 1)[0] for part in parts))
    names = list(dict.fromkeys(part.split(" ", 1)[1] for part in parts))
    drawn = [name for name in DRAWN if name in numbers]
    picture = Picture((1.2 + 3.4 * len(blocks), 1.0 + 1.35 * len(drawn)))
    all_axes = picture.subplots(len(drawn), len(blocks), sharex=True, sharey="row", squeeze=False)
    for row, name in enumerate(drawn):
        number = list(numbers).index(name)
        for column, block in enumerate(blocks):
            axes, own = all_axes[row, column], [at for at, part in enumerate(parts) if part.startswith(f"{block} ")]
            for at in own:
                kind = names.index(parts[at].split(" ", 1)[1])
                color, line = LINE_COLORS[kind % len(LINE_COLORS)], mean[at, :, number]
                axes.plot(along, line, color=color, marker=MARKERS[kind % len(MARKERS)], markersize=3, linewidth=1.4)
                if deviation is not None:
                    spread = np.asarray(deviation)[at, :, number]
                    axes.fill_between(along, line - spread, line + spread, color=color, alpha=0.12, linewidth=0)
            if explained is not None:
                axes.set_title(_explained_text(np.asarray(explained)[own, number]), fontsize=7, loc="right", pad=2)
            style_axes(axes, grid="y")
            if column == 0:
                axes.set_ylabel(DRAWN[name], fontsize=9)
        all_axes[row, 0].yaxis.set_major_locator(MaxNLocator(4))
    for column, block in enumerate(blocks):
        all_axes[0, column].set_title(block.replace("_", " "), loc="left", fontsize=10, fontweight="bold")
        all_axes[-1, column].set_xlabel("view in degrees" if label == "view" else label, fontsize=9)
        if label == "view":
            all_axes[-1, column].set_xticks(along[:: 1 + len(along) // 8])
    handles = [
        all_axes[0, 0].plot([], [], color=LINE_COLORS[kind % len(LINE_COLORS)], marker=MARKERS[kind % len(MARKERS)])[0]
        for kind in range(len(names))
    ]
    labels = [name.replace("_", " ") for name in names]
    picture.legend(handles, labels, loc="outside lower center", ncols=min(6, len(names)), fontsize=8, frameon=False)
    if title:
        picture.suptitle(title, fontsize=10, x=0.01, ha="left")
    return picture.keep(path)


def _explained_text(shares: np.ndarray) -> str:
    known = shares[np.isfinite(shares)]
    if not len(known):
        return "constant"
    low, high = (f"{share:.0%}" for share in (known.min(), known.max()))
    return f"the view explains {low}" if low == high else f"the view explains {low} to {high}"
