"""Plot of the cost of a step over its number of walks or frames."""

from matplotlib.ticker import FuncFormatter, NullLocator

from tf3dlocal.visualization import Picture

LINE_COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")


def plot_cost_growth(series, *, size_label="frames", path=None):
    """Plot seconds and peak memory over size, with the power that fits the seconds.

    Seconds are drawn on logarithmic axes, where a power is a straight line. Memory is drawn on linear axes, where a
    constant plus a term per walk or frame is a straight line. A dotted line is proportional to the size and passes
    through the first point of the first series: points below it grow less than linearly.

    Args:
        series: {name: {"sizes": numbers, "seconds": [(first quartile, median, third quartile)], "peak_mb": numbers or
            None, "factor" and "exponent" of seconds = factor * size^exponent}}.
        size_label: What the sizes count.
        path: File to write as well; the suffix sets the format.

    Returns:
        matplotlib Figure with one axes for seconds and one for memory (left out if no series has it).

    Raises:
        ValueError: There is no series, or the lists of a series differ in length.

    Example:
        >>> seconds = [(0.9, 1.0, 1.1), (1.8, 2.0, 2.3)]
        >>> auto = {"sizes": [10, 20], "seconds": seconds, "peak_mb": [900, 1200], "factor": 0.1, "exponent": 1.0}
        >>> figure = plot_cost_growth({"auto": auto})
        >>> [axes.get_ylabel() for axes in figure.axes]
        ['seconds a step', 'peak memory, MB']
    """
    if not series:
        raise ValueError("There is no series to plot.")
    for name, values in series.items():
        if not len(values["sizes"]) == len(values["seconds"]) == len(values["peak_mb"]) > 0:
            raise ValueError(
                f"{name}: sizes, seconds and peak_mb must be lists of the same length, with at least one number each."
            )
    with_memory = any(value is not None for values in series.values() for value in values["peak_mb"])
    picture = Picture((9 if with_memory else 5, 3.8))
    all_axes = picture.subplots(1, 2 if with_memory else 1, squeeze=False)[0]
    for color, (name, values) in zip(LINE_COLORS * len(series), series.items()):
        sizes = values["sizes"]
        low, median, high = zip(*values["seconds"], strict=True)
        around = [[m - a for m, a in zip(median, low)], [b - m for m, b in zip(median, high)]]
        all_axes[0].errorbar(
            sizes, median, around, color=color, marker="o", markersize=4, linewidth=0, elinewidth=1.2, capsize=3
        )
        fitted = [values["factor"] * size ** values["exponent"] for size in sizes]
        all_axes[0].plot(
            sizes, fitted, color=color, linewidth=1.4, label=f"{name}: size to the {values['exponent']:.2f}"
        )
        if with_memory:
            points = [(size, value) for size, value in zip(sizes, values["peak_mb"]) if value is not None]
            all_axes[1].plot(*zip(*points), color=color, marker="o", markersize=4, linewidth=1.4, label=name)
    first = next(iter(series.values()))
    in_proportion = [first["seconds"][0][1] / first["sizes"][0] * size for size in first["sizes"]]
    all_axes[0].plot(first["sizes"], in_proportion, color="0.5", linestyle=":", label="in proportion", zorder=1)
    every_size = sorted({size for values in series.values() for size in values["sizes"]})
    all_axes[0].set(xscale="log", yscale="log")
    all_axes[0].yaxis.set_major_formatter(FuncFormatter(_plain_number))
    all_axes[0].yaxis.set_minor_formatter(FuncFormatter(_plain_number))
    all_axes[-1].set_ylim(bottom=0 if with_memory else None)
    for axes, label in zip(all_axes, ("seconds a step", "peak memory, MB")):
        axes.set_xticks(every_size, [str(size) for size in every_size])
        axes.xaxis.set_minor_locator(NullLocator())
        axes.tick_params(which="both", labelsize=8)
        axes.set_xlabel(size_label, fontsize=9)
        axes.set_ylabel(label, fontsize=9)
        axes.grid(which="both", color="0.9", linewidth=0.8)
        axes.spines[["top", "right"]].set_visible(False)
        axes.legend(frameon=False, fontsize=8)
    return picture.keep(path)


def _plain_number(value, _position):
    """Label 1, 2 and 5 of every decade; the other ticks have no label."""
    leading = float(f"{value:e}".split("e")[0])
    return f"{value:g}" if round(leading, 6) in (1, 2, 5) else ""
