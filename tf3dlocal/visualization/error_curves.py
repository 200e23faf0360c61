"""Plot of two error rates against each other: DET curves of verification, and FNIR over FPIR of open-set tests."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from tf3dlocal.io.types import PathLike
from tf3dlocal.visualization.picture import LINE_COLORS, Picture, style_axes

# Next to the colour, each line has its own dashes, so that a print in grey is readable.
DASHES = ("-", (0, (5, 1.5)), (0, (1.2, 1.2)), (0, (5, 1.2, 1.2, 1.2)), (0, (8, 2)), (0, (3, 3)))
_TICKS = (0.0001, 0.001, 0.01, 0.05, 0.2, 0.5, 0.8, 0.95, 0.99)
_INSIDE = 1e-6, 1 - 1e-6  # what the logit scale can place
_TEXT = 8  # points, at the width of a column


class ErrorRates(NamedTuple):
    """One curve: two rates by threshold, shares from 0 to 1, and bounds of the second.

    Attributes:
        false_positive: float [T], FMR or FPIR, ascending.
        miss: float [T], FNMR or FNIR.
        miss_interval: float [2, T], low and high, or None.
    """

    false_positive: np.ndarray
    miss: np.ndarray
    miss_interval: np.ndarray | None = None


def plot_error_curves(
    curves: Mapping[str, ErrorRates],
    *,
    false_positive: str = "FMR",
    miss: str = "FNMR",
    show_equal: bool = True,
    path: PathLike | None = None,
    title: str | None = None,
) -> Figure:
    """Plot the misses over the false positives in per cent, with a band for the interval.

    Both axes have the logit scale, log(p / (1 - p)), which spreads small and large rates like the normal deviates of a
    DET plot. The picture has the width of a paper's column (3.4 inches). A curve begins at the lowest rate of false
    positives that is not zero.

    Args:
        curves: {"NM": ErrorRates(fmr, fnmr, fnmr_interval), ...}.
        false_positive: Name of the horizontal axis.
        miss: Name of the vertical axis.
        show_equal: Draw the line on which both rates are equal, which a DET curve crosses at the EER.
        path: File to write as well; the suffix sets the format.
        title: Text above the picture.

    Returns:
        matplotlib Figure.

    Raises:
        ValueError: No curve has a point with a false positive.

    Example:
        >>> figure = plot_error_curves({"NM": ErrorRates(np.array([0.01, 0.1, 1]), np.array([0.3, 0.1, 0]))})
        >>> figure.axes[0].get_xlabel()
        'FMR, %'
    """
    known = {label: _known(rates) for label, rates in curves.items()}
    if not any(len(rates.false_positive) for rates in known.values()):
        raise ValueError("No curve has a point with a false positive: there is nothing to draw.")
    picture = Picture((3.4, 3.1), dpi=200)
    axes = picture.subplots()
    limits = [_limits([rates[axis] for rates in known.values()]) for axis in (0, 1)]
    if show_equal:
        ends = max(limits[0][0], limits[1][0]), min(limits[0][1], limits[1][1])
        axes.plot(ends, ends, color="0.55", linewidth=0.8, zorder=1)
        place = {"xytext": (-26, -3), "textcoords": "offset points", "ha": "right", "va": "top"}
        axes.annotate("equal rates", (ends[1], ends[1]), color="0.4", fontsize=_TEXT - 0.5, **place)
    for number, (label, rates) in enumerate(known.items()):
        color, dashes = LINE_COLORS[number % 6], DASHES[(number + number // 6) % 6]
        shown = [np.clip(rate, *_INSIDE) for rate in rates[:2]]
        axes.plot(*shown, color=color, linestyle=dashes, linewidth=1.6, label=label, zorder=3)
        if rates.miss_interval is not None and np.isfinite(rates.miss_interval).any():
            bounds = np.clip(rates.miss_interval, *_INSIDE)
            axes.fill_between(shown[0], *bounds, color=color, alpha=0.18, linewidth=0)
    for axis, (low, high), name in zip((axes.xaxis, axes.yaxis), limits, (false_positive, miss)):
        axes.set(**{f"{axis.axis_name}scale": "logit", f"{axis.axis_name}lim": (low, high)})
        axis.set_major_locator(FixedLocator([share for share in _TICKS if low <= share <= high]))
        axis.set_major_formatter(FuncFormatter(lambda share, _: f"{100 * share:g}"))
        axis.set_minor_locator(NullLocator())
        axis.set_label_text(f"{name}, %", fontsize=_TEXT + 0.5)
    style_axes(axes)
    axes.tick_params(labelsize=_TEXT)
    picture.legend(
        loc="outside upper center", frameon=False, fontsize=_TEXT, handlelength=2.8, ncols=min(3, len(known))
    )
    if title:
        picture.suptitle(title, fontsize=_TEXT + 0.5, x=0.01, ha="left")
    return picture.keep(path)


def _known(rates: ErrorRates) -> ErrorRates:
    """Keep the points with a false positive: below them nothing is known."""
    false_positive, miss = np.asarray(rates.false_positive, float), np.asarray(rates.miss, float)
    shown = (false_positive > 0) & np.isfinite(miss)
    interval = None if rates.miss_interval is None else np.asarray(rates.miss_interval, float)[:, shown]
    return ErrorRates(false_positive[shown], miss[shown], interval)


def _limits(rates: list[np.ndarray]) -> tuple[float, float]:
    """Return the next ticks outside of some rates, as far as there are ticks."""
    inside = np.concatenate([rate[(rate > 0) & (rate < 1)] for rate in rates])
    low = max((tick for tick in _TICKS if tick <= inside.min(initial=0.5)), default=_TICKS[0])
    high = min((tick for tick in _TICKS if tick >= inside.max(initial=0.5)), default=_TICKS[-1])
    return low, high
