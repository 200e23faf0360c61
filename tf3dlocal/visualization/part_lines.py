"""Plots of what the parts do: their numbers by view, or over a training."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from tf3dlocal.io import check_names
from tf3dlocal.io.types import PathLike
from tf3dlocal.visualization.part_styles import part_styles, spoken
from tf3dlocal.visualization.picture import Picture, style_axes

DRAWN = {
    "center_x": "centre, x",
    "center_y": "centre, y",
    "width": "width",
    "height": "height",
    "length": "length",
    "confidence": "confidence",
}
SIDES = {"center_x": "right of", "center_y": "above"}  # of the prior, where a number is positive
AXES = {"center_x": 1, "width": 1, "center_y": 0, "height": 0}  # of (height, width) of the silhouettes


def plot_part_lines(
    mean: np.ndarray,
    *,
    parts: Sequence[str],
    numbers: Sequence[str],
    along: Sequence[int],
    label: str = "view",
    deviation: np.ndarray | None = None,
    explained: np.ndarray | None = None,
    priors: np.ndarray | None = None,
    picture_size: tuple[int, int] | None = None,
    drawn: Sequence[str] = tuple(DRAWN),
    path: PathLike | None = None,
    title: str | None = None,
) -> Figure:
    """Plot one row of panels per number and one column per block, with one line per part.

    Centres and extents are shares of the map: a centre of 0.5 is its middle (from the left, from the top, from the
    first frame), a width of 1 its whole width. Up in a panel of the vertical centre is up in the picture. With `priors`
    the lines show what has changed since the training began, and zero is the prior.

    Args:
        mean: float [parts, positions, numbers], the lines.
        parts: Name of every part, "BLOCK PART", such as "block_3 head".
        numbers: Names of the last axis; `tf3dlocal.models.PART_NUMBERS`.
        along: Positions on the horizontal axis: views in degrees, or steps of a training.
        label: What these are: "view" or "step".
        deviation: float, as mean; drawn as a band about each line.
        explained: float [parts, numbers], share of the variance that the view explains; its range over the parts is
            written into each panel.
        priors: float [parts, numbers], what is subtracted from the lines; see `tf3dlocal.models.prior_numbers`.
        picture_size: Height and width of the silhouettes: centres, widths and heights are then in their pixels.
        drawn: Names of the numbers to draw, of `DRAWN`, in this order; those that `numbers` lacks are left out.
        path: File to write as well; the suffix sets the format.
        title: Text above the picture.

    Returns:
        matplotlib Figure with one axes per number and block.

    Raises:
        ValueError: The shapes do not match, or a name in `drawn` is unknown.

    Example:
        >>> mean = np.full((2, 3, 2), 0.5)
        >>> figure = plot_part_lines(
        ...     mean, parts=["block_3 head", "block_3 torso"], numbers=["center_x", "width"], along=[0, 90, 180]
        ... )
        >>> len(figure.axes)
        2
    """
    mean = np.asarray(mean, float)
    shape = len(parts), len(along), len(numbers)
    if mean.shape != shape:
        raise ValueError(f"mean must have the shape [parts, {label}s, numbers], {shape!r}; got {mean.shape!r}.")
    if priors is not None and np.shape(priors) != shape[::2]:
        raise ValueError(f"priors must have the shape [parts, numbers], {shape[::2]!r}; got {np.shape(priors)!r}.")
    check_names(drawn, known=DRAWN, what="number", where="drawn")
    blocks = list(dict.fromkeys(part.split(" ", 1)[0] for part in parts))
    styles = part_styles([part.split(" ", 1)[1] for part in parts])
    drawn = [name for name in drawn if name in numbers]
    picture = Picture((1.2 + 3.4 * len(blocks), 1.0 + 1.35 * len(drawn)))
    all_axes = picture.subplots(len(drawn), len(blocks), sharex=True, sharey="row", squeeze=False)
    for row, name in enumerate(drawn):
        number, in_pixels = list(numbers).index(name), bool(picture_size) and name in AXES
        scale = picture_size[AXES[name]] if in_pixels else 1
        for column, block in enumerate(blocks):
            axes, own = all_axes[row, column], [at for at, part in enumerate(parts) if part.startswith(f"{block} ")]
            for at in own:
                line = scale * _from_prior(mean[at, :, number], name, priors if priors is None else priors[at][number])
                spread = None if deviation is None else scale * np.asarray(deviation)[at, :, number]
                _draw_line(axes, along, line, spread=spread, style=styles[parts[at].split(" ", 1)[1]])
            if explained is not None:
                axes.set_title(_explained_text(np.asarray(explained)[own, number]), fontsize=7, loc="right", pad=2)
            style_axes(axes, grid="y")
            if priors is not None:
                axes.axhline(0, color="0.4", linewidth=0.9, zorder=1.5)  # above the grid, below the lines
        first = all_axes[row, 0]
        first.set_ylabel(_label(name, from_prior=priors is not None, in_pixels=in_pixels), fontsize=9)
        first.yaxis.set_major_locator(MaxNLocator(4))
        if name == "center_y" and priors is None:
            first.invert_yaxis()  # shared by the row
    _finish(picture, all_axes, blocks=blocks, along=along, label=label, styles=styles)
    if title:
        picture.suptitle(title, fontsize=10, x=0.01, ha="left")
    return picture.keep(path)


def _from_prior(line, name, prior):
    if prior is None:
        return line
    return prior - line if name == "center_y" else line - prior  # y points down in the map


def _label(name, *, from_prior, in_pixels):
    if from_prior and name in SIDES:
        return f"{'pixels ' * in_pixels}{SIDES[name]}\nthe prior"
    return DRAWN[name] + " minus\nthat of the prior" * from_prior + ", pixels" * in_pixels


def _draw_line(axes, along, line, *, spread, style):
    look = {"color": style.color, "linestyle": style.dashes, "marker": style.marker}
    axes.plot(along, line, markersize=3, linewidth=1.4, **look)
    if spread is not None:
        axes.fill_between(along, line - spread, line + spread, color=style.color, alpha=0.12, linewidth=0)


def _finish(picture, all_axes, *, blocks, along, label, styles):
    """Write the names of the blocks, the horizontal axis and the legend."""
    for column, block in enumerate(blocks):
        all_axes[0, column].set_title(block.replace("_", " "), loc="left", fontsize=10, fontweight="bold")
        all_axes[-1, column].set_xlabel("view in degrees" if label == "view" else label, fontsize=9)
        if label == "view":
            all_axes[-1, column].set_xticks(along[:: 1 + len(along) // 8])
    handles = [
        Line2D([], [], color=style.color, linestyle=style.dashes, marker=style.marker, markersize=4)
        for style in styles.values()
    ]
    names = [spoken(name) for name in styles]
    picture.legend(handles, names, loc="outside lower center", ncols=min(6, len(names)), fontsize=8, frameon=False)


def _explained_text(shares: np.ndarray) -> str:
    known = shares[np.isfinite(shares)]
    if not len(known):
        return "constant"
    low, high = (f"{share:.0%}" for share in (known.min(), known.max()))
    return f"the view explains {low}" if low == high else f"the view explains {low} to {high}"
