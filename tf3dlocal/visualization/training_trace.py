"""Plot of a training from its log."""

import itertools
import json
import os
import pathlib
from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

from tf3dlocal.io.types import PathLike
from tf3dlocal.visualization.picture import LINE_COLORS, Picture, style_axes

FEW_POINTS = 25  # up to this number, points are marked as well as connected by a line
MAIN_LINES = ("loss", "rank_1", "learning_rate")


def plot_training(records_or_path: Sequence[dict] | PathLike, *, path: PathLike | None = None) -> Figure:
    """Plot loss, share of active triplets, rank-1 of the held-out subjects and learning rate over the steps.

    A panel without numbers in the log is left out, such as rank-1 if no subjects were held out. Lines that belong to
    the same output of the model have the same colour in all panels.

    Args:
        records_or_path: log.jsonl of a training, its run folder, or its records, a list of dicts: "step" and any of
            "loss", "<output>_loss", "<output>_nonzero_triplets" and "<output>_accuracy" (0..1), "rank_1" and
            "rank_1_<group>" (per cent), "learning_rate".
        path: File to write as well; the suffix sets the format.

    Returns:
        matplotlib Figure with one axes per panel.

    Raises:
        FileNotFoundError: There is no log.
        ValueError: The log has no records (yet), or a line is not a record.

    Example:
        >>> figure = plot_training([{"step": 1, "loss": 0.9}, {"step": 2, "loss": 0.7}, {"step": 2, "rank_1": 40.0}])
        >>> [axes.get_ylabel() for axes in figure.axes]
        ['loss', 'rank-1, held out']
    """
    from_file = isinstance(records_or_path, (str, os.PathLike))
    records = read_records(records_or_path) if from_file else list(records_or_path)
    for record in records:
        if not isinstance(record, dict) or "step" not in record:
            raise ValueError(f'A record must be a dict with the key "step", as in log.jsonl, not {record!r}.')
    panels = panels_of(records)
    if not panels:
        where = records_or_path if from_file else "The list of records"
        raise ValueError(f"{where} has no numbers to plot. The training has not written its first record yet.")

    picture = Picture((7.5, 0.5 + 1.7 * len(panels)))
    all_axes = picture.subplots(len(panels), 1, sharex=True, squeeze=False)[:, 0]
    for axes, (label, names) in zip(all_axes, panels.items(), strict=True):
        draw_panel(axes, records, label=label, names=names)
    all_axes[-1].set_xlabel("step", fontsize=9)
    all_axes[-1].xaxis.set_major_locator(MaxNLocator(integer=True, steps=[1, 2, 5, 10]))
    picture.align_ylabels()
    return picture.keep(path)


def read_records(path: PathLike) -> list[dict]:
    """Read the records of a log; an incomplete last line, left by a killed process, is ignored.

    Args:
        path: log.jsonl or the run folder.

    Raises:
        FileNotFoundError: There is no log.
        ValueError: A line is not JSON.
    """
    path = pathlib.Path(path)
    if path.is_dir():
        path /= "log.jsonl"
    if not path.exists():
        raise FileNotFoundError(f"There is no {path}. A training creates it with its first record.")
    records = []
    # Text after the last line break is incomplete.
    for number, line in enumerate(path.read_text(encoding="utf-8").split("\n")[:-1], start=1):
        if line.strip():
            try:
                records.append(json.loads(line))
            except json.JSONDecodeError as error:
                raise ValueError(f"{path}, line {number} is not JSON ({error}): {line[:60]!r}.") from error
    return records


def panels_of(records: Sequence[dict]) -> dict[str, list[str]]:
    """Assign the keys of the records to panels: {label of the panel: keys}, without empty panels."""
    names = list(dict.fromkeys(name for record in records for name in record))

    def ending(*suffixes):
        return [name for name in names if name.endswith(suffixes)]

    losses = ending("_loss")
    panels = {
        "loss": ["loss", *losses] if len(losses) > 1 else ["loss"],  # the loss of a single output is the whole loss
        "share": ending("_nonzero_triplets", "_accuracy"),
        "rank-1, held out": [name for name in names if name == "rank_1" or name.startswith("rank_1_")],
        "learning rate": ["learning_rate"],
    }
    panels = {label: [name for name in lines if name in names] for label, lines in panels.items()}
    return {label: lines for label, lines in panels.items() if lines}


def draw_panel(axes: Axes, records: Sequence[dict], *, label: str, names: Sequence[str]) -> None:
    """Draw one line per key over the steps, with the format of the panel's unit."""
    colors = itertools.cycle(LINE_COLORS)
    for name in names:
        points = [(record["step"], record[name]) for record in records if name in record]
        is_main = name in MAIN_LINES
        axes.plot(
            *zip(*points, strict=True),
            color="black" if is_main else next(colors),
            linewidth=1.8 if is_main else 1.2,
            zorder=3 if is_main else 2,
            marker="o" if len(points) <= FEW_POINTS else None,
            markersize=3.5,
            label=line_label(name),
        )
    axes.set_ylabel(label, fontsize=9)
    style_axes(axes)
    axes.margins(x=0.02)
    if label == "share":
        axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    if label.startswith("rank-1"):
        axes.yaxis.set_major_formatter(PercentFormatter(100, decimals=0))
    if label == "learning rate":
        axes.ticklabel_format(axis="y", scilimits=(-2, 3))
        axes.yaxis.offsetText.set_fontsize(8)
    if len(names) > 1 or label == "share":
        axes.legend(loc="center left", bbox_to_anchor=(1.01, 0.5), frameon=False, fontsize=8)


def line_label(name: str) -> str:
    """Return the text of the legend for a key of the records."""
    if name in ("rank_1", "loss"):
        return {"rank_1": "mean", "loss": "total"}[name]
    if name.startswith("rank_1_"):
        return name.removeprefix("rank_1_")
    for ending, words in (("_nonzero_triplets", "active triplets"), ("_accuracy", "accuracy")):
        if name.endswith(ending):
            return words
    return name.removesuffix("_loss").replace("_", " ")
