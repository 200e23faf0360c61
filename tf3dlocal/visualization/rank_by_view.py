"""Plot of rank-1 by probe view, with one line per method."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter
from numpy.typing import ArrayLike

from tf3dlocal.io.types import PathLike
from tf3dlocal.visualization.picture import LINE_COLORS, Picture, style_axes

METHOD_COLORS = (*LINE_COLORS, "#000000", "#7F3C8D")  # all dark enough for a line on white
MARKERS = "os^DvPX*"
BASELINE_STYLE = {"color": "0.45", "linestyle": (0, (1, 1.5)), "marker": None}
MOST_METHODS = len(METHOD_COLORS) * 2  # each colour once as a solid and once as a dashed line

Ranks = dict[str, dict[str, ArrayLike]]


def plot_rank_by_view(
    methods: Ranks,
    *,
    views: Sequence[int | str],
    path: PathLike | None = None,
    baselines: Ranks | None = None,
    title: str | None = None,
) -> Figure:
    """Plot one panel per probe group, with one line per method over the probe views and its mean at the right end.

    If a method has several seeds, the line is their mean and a band extends from the lowest to the highest seed.

    Args:
        methods: {"3DLocal": {"NM": float [seeds, views], "BG": ...}, ...}, rank-1 in per cent; NaN if unknown. All
            methods have the same groups.
        views: Names of the probe views, [views]; whole numbers are degrees.
        path: File to write as well; the suffix sets the format.
        baselines: Methods without training, in the same form; drawn grey and dotted.
        title: Text above the picture.

    Returns:
        matplotlib Figure with one axes per group.

    Raises:
        ValueError: There are no methods, groups or shapes do not match, or there are more than `MOST_METHODS` methods.

    Example:
        >>> figure = plot_rank_by_view({"3DLocal": {"NM": [[50, 70, 60]], "CL": [[20, 40, 30]]}}, views=[0, 90, 180])
        >>> [axes.get_title(loc="left") for axes in figure.axes]
        ['NM', 'CL']
    """
    baselines = baselines or {}
    all_ranks = check_methods(methods, baselines, num_views=len(views))
    groups = list(next(iter(all_ranks.values())))
    styles = {label: method_style(number) for number, label in enumerate(methods)}
    styles |= dict.fromkeys(baselines, BASELINE_STYLE)

    picture = Picture((3.6 * len(groups) + 1.8, 3.9))
    all_axes = picture.subplots(1, len(groups), sharey=True, squeeze=False)[0]
    for axes, group in zip(all_axes, groups, strict=True):
        for label, rank_1 in all_ranks.items():
            draw_method(axes, rank_1[group], label=label, style=styles[label], is_baseline=label in baselines)
        axes.set_title(group, loc="left", fontsize=11, fontweight="bold")
        label_views(axes, views)
    all_axes[0].set_ylabel("rank-1", fontsize=9)
    highest = max(np.nanmax(lines, initial=0) for rank_1 in all_ranks.values() for lines in rank_1.values())
    all_axes[0].set_ylim(0, min(102, highest * 1.08 + 1))
    ends = {label: mean(mean(rank_1[groups[-1]].T)[:, None])[0] for label, rank_1 in all_ranks.items()}
    label_ends(
        all_axes[-1], ends, colors={label: styles[label]["color"] for label in ends}, x=mean_position(len(views))
    )
    if title:
        picture.suptitle(title, fontsize=10, x=0.01, ha="left")
    return picture.keep(path)


def check_methods(methods: Ranks, baselines: Ranks, *, num_views: int) -> dict[str, dict[str, np.ndarray]]:
    """Convert all ranks to arrays [seeds, views], baselines first; raise an error if they do not match."""
    if not methods and not baselines:
        raise ValueError("There are no methods to draw.")
    if both := set(methods) & set(baselines):
        raise ValueError(f"{min(both)!r} is a method and a baseline. Give it once.")
    if len(methods) > MOST_METHODS:
        raise ValueError(f"There are {len(methods)} methods, and at most {MOST_METHODS} lines can be distinguished.")
    all_ranks = {**baselines, **methods}
    groups = list(next(iter(all_ranks.values())))
    if not groups or num_views == 0:
        raise ValueError("There is nothing to draw. Give at least one group of probes and one view.")
    checked = {}
    for label, rank_1 in all_ranks.items():
        if list(rank_1) != groups:
            raise ValueError(f"All methods must have the groups {groups}; {label!r} has {list(rank_1)}.")
        checked[label] = {group: np.atleast_2d(np.asarray(lines, float)) for group, lines in rank_1.items()}
        for group, lines in checked[label].items():
            if lines.ndim != 2 or lines.shape[1] != num_views or len(lines) == 0:
                raise ValueError(
                    f"{label!r}, {group}: rank-1 must have shape [seeds, views] with {num_views} views, not "
                    f"{list(lines.shape)}."
                )
    return checked


def method_style(number: int) -> dict:
    """Return colour, marker and line of a method; the second half of the methods is dashed."""
    kind = number % len(METHOD_COLORS)
    return {"color": METHOD_COLORS[kind], "marker": MARKERS[kind], "linestyle": "-" if number == kind else (0, (4, 2))}


def mean_position(num_views: int) -> float:
    """Return where the mean over the views is drawn; the views are at 0, 1, 2, ..."""
    return num_views + 0.4


def draw_method(axes: Axes, lines: np.ndarray, *, label: str, style: dict, is_baseline: bool) -> None:
    """Draw the line of a method over the views, float [seeds, views], and its mean over the views."""
    positions, end = np.arange(lines.shape[1]), mean_position(lines.shape[1])
    color = style["color"]
    if len(lines) > 1:
        axes.fill_between(positions, *lowest_and_highest(lines), color=color, alpha=0.18, linewidth=0)
    linewidth, zorder = (1.3, 2) if is_baseline else (1.6, 3)
    axes.plot(positions, mean(lines), linewidth=linewidth, markersize=4, label=label, zorder=zorder, **style)
    means = mean(lines.T)[:, None]  # [seeds, 1]
    if len(means) > 1:
        axes.plot([end] * 2, np.concatenate(lowest_and_highest(means)), color=color, linewidth=4, alpha=0.3)
    axes.plot(end, mean(means)[0], color=color, marker=style["marker"] or "_", markersize=5, zorder=4)


def label_views(axes: Axes, views: Sequence[int | str]) -> None:
    """Label the views and the mean, and style the axes of a group."""
    end = mean_position(len(views))
    names = [f"{view}°" if isinstance(view, (int, np.integer)) else str(view) for view in views]
    if len(names) > 7:  # eleven views of three digits would overlap
        names = [name if number % 2 == 0 else "" for number, name in enumerate(names)]
    axes.axvline(len(views) - 0.3, color="0.8", linewidth=0.8)
    axes.set_xticks([*range(len(views)), end], [*names, "mean"], fontsize=8)
    axes.set_xlim(-0.4, end + 0.4)
    axes.set_xlabel("probe view", fontsize=9)
    axes.yaxis.set_major_formatter(PercentFormatter(100, decimals=0))
    style_axes(axes, grid="y")


def label_ends(axes: Axes, ends: dict[str, float], *, colors: dict[str, str], x: float) -> None:
    """Write the name of each method next to its mean, spread apart if means are close, and connected by a thin line."""
    labels = sorted((label for label in ends if np.isfinite(ends[label])), key=ends.get)
    lowest, highest = axes.get_ylim()
    heights = spread_apart([ends[label] for label in labels], gap=0.058 * (highest - lowest), limits=(lowest, highest))
    for label, height in zip(labels, heights, strict=True):
        color = colors[label]
        line = {"arrowstyle": "-", "color": color, "linewidth": 0.6, "shrinkA": 1, "shrinkB": 4, "relpos": (0, 0.5)}
        axes.annotate(
            label,
            (x, ends[label]),
            (1.06, height),
            textcoords=axes.get_yaxis_transform(),
            fontsize=8.5,
            color=color,
            va="center",
            annotation_clip=False,
            arrowprops=line,
        )


def spread_apart(values: list[float], *, gap: float, limits: tuple[float, float]) -> list[float]:
    """Move ascending values apart as little as possible, to at least `gap`, within the limits if they fit.

    Example:
        >>> spread_apart([10.0, 10.5, 30.0], gap=2, limits=(0, 100))
        [9.25, 11.25, 30.0]
    """
    lowest, highest = limits
    blocks = []  # [sum of (value - offset within the block), number]: neighbours that touch move together
    for value in values:
        blocks.append([value, 1])
        while len(blocks) > 1 and _start(blocks[-2]) + gap * blocks[-2][1] > _start(blocks[-1]):
            total, number = blocks.pop()
            before = blocks[-1]
            before[0] += total - number * before[1] * gap
            before[1] += number
    spread = [_start(block) + gap * step for block in blocks for step in range(block[1])]
    for number in range(len(spread)):
        spread[number] = max(spread[number], lowest + gap * number)
    for number in range(len(spread)):
        spread[-1 - number] = min(spread[-1 - number], highest - gap * number)
    return spread


def mean(lines: np.ndarray) -> np.ndarray:
    """Compute the mean over the first axis of the known values; NaN if none is known."""
    known = np.isfinite(lines)
    total = np.where(known, lines, 0).sum(axis=0)
    return np.where(known.any(axis=0), total / np.maximum(known.sum(axis=0), 1), np.nan)


def lowest_and_highest(lines: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Compute minimum and maximum over the first axis of the known values; NaN if none is known."""
    lowest = np.where(np.isfinite(lines), lines, np.inf).min(axis=0)
    highest = np.where(np.isfinite(lines), lines, -np.inf).max(axis=0)
    known = np.isfinite(lines).any(axis=0)
    return np.where(known, lowest, np.nan), np.where(known, highest, np.nan)


def _start(block):
    return block[0] / block[1]
