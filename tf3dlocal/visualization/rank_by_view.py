"""Rank-1 by probe view, a line per method: the picture of a rank-1 table."""

import numpy as np
from matplotlib.ticker import PercentFormatter

from tf3dlocal.visualization.picture import Picture

# Okabe and Ito's colours, the ones that are dark enough for a line on white; who does not see colours has the markers.
LINE_COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#7F3C8D")
MARKERS = "os^DvPX*"
BASELINE_COLOR = "0.45"
MOST_METHODS = len(LINE_COLORS) * 2  # each colour once as a full and once as a dashed line


def plot_rank_by_view(methods, views, path=None, baselines=None, title=None):
    """One panel per probe group, one line per method over the probe views, and its mean at the right end.

    Where a method has several seeds, the line is their mean and a band reaches from the lowest to the highest seed.

    Args:
        methods: {"3DLocal": {"NM": float [seeds, views], "BG": ..}, ..}, rank-1 in per cent; NaN where nothing is known.
            All have the same groups.
        views: names of the probe views, [views]; whole numbers are degrees.
        path: file to write as well; the suffix names the format.
        baselines: methods without training, in the same form; drawn grey and dotted.
        title: text above the picture.

    Returns:
        matplotlib Figure, one axes per group.

    Raises:
        ValueError: no methods, groups or shapes that do not fit, more methods than can be told apart.

    Example:
        >>> figure = plot_rank_by_view({"ours": {"NM": [[50, 70, 60]], "CL": [[20, 40, 30]]}}, [0, 90, 180])
        >>> [axes.get_title(loc="left") for axes in figure.axes]
        ['NM', 'CL']
    """
    baselines = baselines or {}
    everything = check_methods(methods, baselines, len(views))
    groups = list(next(iter(everything.values())))
    place, mean_place = np.arange(len(views)), len(views) + 0.4

    picture = Picture(3.6 * len(groups) + 1.8, 3.9)
    all_axes = picture.subplots(1, len(groups), sharey=True, squeeze=False)[0]
    styles = {label: _style(number) for number, label in enumerate(methods)}
    styles |= {label: {"color": BASELINE_COLOR, "linestyle": (0, (1, 1.5)), "marker": None} for label in baselines}
    for axes, group in zip(all_axes, groups, strict=True):
        for label, rank_1 in everything.items():
            style, lines = styles[label], rank_1[group]
            line = _mean(lines)
            if len(lines) > 1:
                axes.fill_between(place, *_lowest_and_highest(lines), color=style["color"], alpha=0.18, linewidth=0)
            width = 1.3 if label in baselines else 1.6
            axes.plot(
                place, line, linewidth=width, markersize=4, label=label, zorder=2 if label in baselines else 3, **style
            )
            means = _mean(lines.T)  # of each seed over the views
            if len(means) > 1:
                ends = [end[0] for end in _lowest_and_highest(means[:, None])]
                axes.plot([mean_place] * 2, ends, color=style["color"], linewidth=4, alpha=0.3)
            marker = style["marker"] or "_"
            axes.plot(mean_place, _mean(means[:, None])[0], color=style["color"], marker=marker, markersize=5, zorder=4)
        axes.axvline(len(views) - 0.3, color="0.8", linewidth=0.8)
        axes.set_title(group, loc="left", fontsize=11, fontweight="bold")
        names = [f"{view}°" if isinstance(view, (int, np.integer)) else str(view) for view in views]
        axes.set_xticks([*place, mean_place], [*_thinned(names), "mean"], fontsize=8)
        axes.set_xlim(-0.4, mean_place + 0.4)
        axes.set_xlabel("probe view", fontsize=9)
        axes.tick_params(labelsize=8)
        axes.yaxis.set_major_formatter(PercentFormatter(100, decimals=0))
        axes.grid(axis="y", color="0.9", linewidth=0.8)
        axes.spines[["top", "right"]].set_visible(False)
    all_axes[0].set_ylabel("rank-1", fontsize=9)
    highest = max(np.nanmax(lines, initial=0) for rank_1 in everything.values() for lines in rank_1.values())
    all_axes[0].set_ylim(0, min(102, highest * 1.08 + 1))
    ends = {label: _mean(_mean(rank_1[groups[-1]].T)[:, None])[0] for label, rank_1 in everything.items()}
    _label_ends(all_axes[-1], ends, styles, mean_place)
    if title:
        picture.suptitle(title, fontsize=10, x=0.01, ha="left")
    return picture.keep(path)


def check_methods(methods, baselines, num_views):
    """All of them as arrays [seeds, views], baselines first; refuse what does not fit."""
    if not methods and not baselines:
        raise ValueError("there are no methods to draw")
    if both := set(methods) & set(baselines):
        raise ValueError(f"{min(both)!r} is a method and a baseline: give it once")
    if len(methods) > MOST_METHODS:
        raise ValueError(f"there are {len(methods)} methods, and no more than {MOST_METHODS} lines can be told apart")
    everything = {**baselines, **methods}
    groups = list(next(iter(everything.values())))
    if not groups or num_views == 0:
        raise ValueError("there is nothing to draw: give at least one group of probes and one view")
    checked = {}
    for label, rank_1 in everything.items():
        if list(rank_1) != groups:
            raise ValueError(f"all methods need the groups {groups}; {label!r} has {list(rank_1)}")
        checked[label] = {group: np.atleast_2d(np.asarray(lines, float)) for group, lines in rank_1.items()}
        for group, lines in checked[label].items():
            if lines.ndim != 2 or lines.shape[1] != num_views or len(lines) == 0:
                raise ValueError(
                    f"{label!r}, {group}: rank-1 must be [seeds, views] with {num_views} views, not {list(lines.shape)}"
                )
    return checked


def _style(number):
    kind = number % len(LINE_COLORS)
    return {"color": LINE_COLORS[kind], "marker": MARKERS[kind], "linestyle": "-" if number == kind else (0, (4, 2))}


def _mean(lines):
    """Mean over the first axis of what is known; NaN where nothing is."""
    known = np.isfinite(lines)
    total = np.where(known, lines, 0).sum(axis=0)
    return np.where(known.any(axis=0), total / np.maximum(known.sum(axis=0), 1), np.nan)


def _lowest_and_highest(lines):
    lowest = np.where(np.isfinite(lines), lines, np.inf).min(axis=0)
    highest = np.where(np.isfinite(lines), lines, -np.inf).max(axis=0)
    known = np.isfinite(lines).any(axis=0)
    return np.where(known, lowest, np.nan), np.where(known, highest, np.nan)


def _thinned(names):
    """Every second name where there are many: eleven views of three digits run into each other."""
    return [name if len(names) <= 7 or number % 2 == 0 else "" for number, name in enumerate(names)]


def _label_ends(axes, ends, styles, mean_place):
    """The name of each method beside its mean, moved apart where means lie close, and tied to it by a thin line."""
    labels = sorted((label for label in ends if np.isfinite(ends[label])), key=ends.get)
    lowest, highest = axes.get_ylim()
    places = spread_apart([ends[label] for label in labels], 0.058 * (highest - lowest), lowest, highest)
    for label, height in zip(labels, places, strict=True):
        color = styles[label]["color"]
        line = {"arrowstyle": "-", "color": color, "linewidth": 0.6, "shrinkA": 1, "shrinkB": 4, "relpos": (0, 0.5)}
        axes.annotate(
            label,
            (mean_place, ends[label]),
            (1.06, height),
            textcoords=axes.get_yaxis_transform(),
            fontsize=8.5,
            color=color,
            va="center",
            annotation_clip=False,
            arrowprops=line,
        )


def spread_apart(values, gap, lowest, highest):
    """Ascending places near ascending values, at least `gap` apart, within lowest .. highest if they fit.

    Example:
        >>> spread_apart([10.0, 10.5, 30.0], gap=2, lowest=0, highest=100)
        [9.25, 11.25, 30.0]
    """
    blocks = []  # [sum of (value - offset within the block), number]: neighbours that touch move as one
    for value in values:
        blocks.append([value, 1])
        while len(blocks) > 1 and _start(blocks[-2]) + gap * blocks[-2][1] > _start(blocks[-1]):
            total, number = blocks.pop()
            before = blocks[-1]
            before[0] += total - number * before[1] * gap
            before[1] += number
    places = [_start(block) + gap * step for block in blocks for step in range(block[1])]
    for number in range(len(places)):
        places[number] = max(places[number], lowest + gap * number)
    for number in range(len(places)):
        places[-1 - number] = min(places[-1 - number], highest - gap * number)
    return places


def _start(block):
    return block[0] / block[1]
