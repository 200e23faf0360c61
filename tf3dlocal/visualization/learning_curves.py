"""Plot of rank-1 over the steps of several trainings, with one line per method."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

from tf3dlocal.io.types import PathLike
from tf3dlocal.visualization.picture import Picture, style_axes
from tf3dlocal.visualization.rank_by_view import (
    BASELINE_STYLE,
    label_ends,
    lowest_and_highest,
    mean,
    method_style,
)
from tf3dlocal.visualization.training_trace import read_records

PREFIX = "rank_1_"


def plot_learning_curves(
    methods: Mapping[str, Sequence[PathLike]],
    *,
    path: PathLike | None = None,
    baselines: Mapping[str, Mapping[str, float]] | None = None,
    title: str | None = None,
) -> Figure:
    """Plot one panel per probe group: rank-1 of the held-out training subjects over the steps, one line per method.

    If a method has several seeds, the line is their mean and a band extends from the lowest to the highest seed.

    Args:
        methods: {"3DLocal": [run folder of seed 0, of seed 1, ..], ..}; a file log.jsonl stands for its folder. All
            trainings of a method have measured rank-1 at the same steps, and all of the same groups of probes.
        path: File to write as well; the suffix sets the format.
        baselines: Rank-1 in per cent without training: {"GEI": {"NM": 45.9, ..}}, drawn grey and dotted.
        title: Text above the picture.

    Returns:
        matplotlib Figure with one axes per group.

    Raises:
        FileNotFoundError: A training has no log.
        ValueError: A training has measured no rank-1 (`training.evaluate_every`), other groups, or other steps.

    Example:
        >>> runs = {"3DLocal": ["demo/run"], "its global path": ["demo/run_global_path"]}
        >>> plot_learning_curves(runs, path="curves.png")    # doctest: +SKIP
    """
    if not methods:
        raise ValueError("There are no trainings to draw.")
    baselines = baselines or {}
    curves = {label: _curves_of(label, runs) for label, runs in methods.items()}
    groups = list(next(iter(curves.values()))[1])
    for label, found in [*((label, lines) for label, (_, lines) in curves.items()), *baselines.items()]:
        if set(found) != set(groups):
            raise ValueError(f"All methods must have the groups {groups}; {label!r} has {list(found)}.")
    styles = {label: method_style(number) for number, label in enumerate(methods)}
    styles |= dict.fromkeys(baselines, BASELINE_STYLE)

    picture = _draw(curves, baselines, styles=styles, groups=groups)
    if title:
        picture.suptitle(title, fontsize=10, x=0.01, ha="left")
    return picture.keep(path)


def _draw(curves, baselines, *, styles, groups):
    picture = Picture((3.3 * len(groups) + 1.8, 3.3))
    all_axes = picture.subplots(1, len(groups), sharey=True, squeeze=False)[0]
    for axes, group in zip(all_axes, groups, strict=True):
        for label, found in baselines.items():
            axes.axhline(found[group], linewidth=1.3, zorder=2, **_without_marker(styles[label]))
        for label, (steps, lines) in curves.items():
            if len(lines[group]) > 1:
                band = lowest_and_highest(lines[group])
                axes.fill_between(steps, *band, color=styles[label]["color"], alpha=0.18, linewidth=0)
            axes.plot(steps, mean(lines[group]), linewidth=1.6, markersize=4, zorder=3, **styles[label])
        axes.set_title(group, loc="left", fontsize=11, fontweight="bold")
        axes.set_xlabel("step", fontsize=9)
        axes.xaxis.set_major_locator(MaxNLocator(nbins=5, integer=True, steps=[1, 2, 5, 10]))
        axes.yaxis.set_major_formatter(PercentFormatter(100, decimals=0))
        style_axes(axes)
        axes.margins(x=0.02)
    all_axes[0].set_ylabel("rank-1, held out", fontsize=9)
    all_axes[0].set_ylim(bottom=0)
    ends = {label: mean(lines[groups[-1]])[-1] for label, (_, lines) in curves.items()}
    ends |= {label: found[groups[-1]] for label, found in baselines.items()}
    last_step = max(steps[-1] for steps, _ in curves.values())
    label_ends(all_axes[-1], ends, colors={label: styles[label]["color"] for label in ends}, x=last_step)
    return picture


def _curves_of(label, runs):
    """(steps [points], {group: rank-1 [seeds, points]}) of the trainings of one method."""
    if isinstance(runs, (str, bytes)) or not len(runs):
        raise ValueError(f"{label!r} needs a list of run folders, one for each seed; got {runs!r}.")
    steps, lines = None, {}
    for run in runs:
        measured = [record for record in read_records(run) if "rank_1" in record]
        if not measured:
            raise ValueError(
                f"{run} has measured no rank-1 during its training. Train with training.evaluate_every and "
                "training.held_out_subjects."
            )
        found = [record["step"] for record in measured]
        if steps not in (None, found):
            raise ValueError(f"The trainings of {label!r} have measured rank-1 at other steps: {steps} and {found}.")
        names = dict.fromkeys(name for record in measured for name in record if name.startswith(PREFIX))
        own = [name.removeprefix(PREFIX) for name in names]
        if lines and set(lines) != set(own):
            raise ValueError(f"The trainings of {label!r} have measured other groups: {list(lines)} and {own}.")
        steps = found
        for group, name in zip(own, names, strict=True):
            lines.setdefault(group, []).append([record.get(name, np.nan) for record in measured])
    return steps, {group: np.array(values, float) for group, values in lines.items()}


def _without_marker(style):
    return {name: value for name, value in style.items() if name != "marker"}
