"""Plot of two error rates against each other: DET curves of verification, and FNIR over FPIR of open-set tests."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from tf3dlocal.io.types import PathLike
from tf3dlocal.visualization.picture import LINE_COLORS, Picture, style_axes

# Next to the colour, each line has its own dashes, so that a print in grey is readable.
DASHES = ("-", (0, (5, 1.5)), (0, (1.2, 1.2)), (0, (5, 1.2, 1.2, 1.2)), (0, (8, 2)), (0, (3, 3)))
_LOWEST = 1e-4
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
    """Plot the misses over the false positives, both in per cent on logarithmic axes, with a band for the interval.

    The picture has the width of a paper's column (3.4 inches). A curve is a straight line between two thresholds. It
    ends on the left at the lowest rate of false positives that is not zero.

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
        'FMR'
    """
    known = {label: _known(rates) for label, rates in curves.items()}
    if not any(len(rates.false_positive) for rates in known.values()):
        raise ValueError("No curve has a point with a false positive: there is nothing to draw.")
    picture = Picture((3.4, 3.0), dpi=200)
    axes = picture.subplots()
    lowest_x = max(_LOWEST, min(rates.false_positive[0] for rates in known.values() if len(rates.false_positive)))
    misses = np.concatenate([rates.miss[rates.miss > 0] for rates in known.values()])
    lowest_y = max(_LOWEST, min(0.1, misses.min(initial=0.1)))
    if show_equal:
        ends = max(lowest_x, lowest_y), 1
        axes.plot(ends, ends, color="0.6", linewidth=0.8, zorder=1)
    for number, (label, rates) in enumerate(known.items()):
        color, dashes = LINE_COLORS[number % 6], DASHES[(number + number // 6) % 6]
        miss_rate = np.maximum(rates.miss, lowest_y / 10)  # zero is below the picture
        axes.plot(rates.false_positive, miss_rate, color=color, linestyle=dashes, linewidth=1.6, label=label, zorder=3)
        if rates.miss_interval is not None and np.isfinite(rates.miss_interval).any():
            low, high = np.maximum(rates.miss_interval, lowest_y / 10)
            axes.fill_between(rates.false_positive, low, high, color=color, alpha=0.16, linewidth=0)
    for axis, lowest, name in ((axes.xaxis, lowest_x, false_positive), (axes.yaxis, lowest_y, miss)):
        axis.axes.set(**{f"{axis.axis_name}scale": "log", f"{axis.axis_name}lim": (lowest, 1)})
        axis.set_major_locator(LogLocator(subs=(1, 2, 5) if lowest > 2e-3 else (1,)))
        axis.set_major_formatter(FuncFormatter(lambda share, _: f"{100 * share:g}%"))
        axis.set_minor_formatter(NullFormatter())
        axis.set_label_text(name, fontsize=_TEXT + 0.5)
    style_axes(axes)
    axes.tick_params(labelsize=_TEXT, which="both")
    axes.legend(frameon=False, fontsize=_TEXT, loc="lower left", handlelength=3)
    if title:
        picture.suptitle(title, fontsize=_TEXT + 0.5, x=0.01, ha="left")
    return picture.keep(path)


def _known(rates: ErrorRates) -> ErrorRates:
    """Keep the points that logarithmic axes can show."""
    false_positive, miss = np.asarray(rates.false_positive, float), np.asarray(rates.miss, float)
    shown = (false_positive > 0) & np.isfinite(miss)
    interval = None if rates.miss_interval is None else np.asarray(rates.miss_interval, float)[:, shown]
    return ErrorRates(false_positive[shown], miss[shown], interval)
