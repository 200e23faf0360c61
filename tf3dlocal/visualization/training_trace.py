"""How a training went, from its log."""

import itertools
import json
import os
import pathlib

from matplotlib.ticker import MaxNLocator, PercentFormatter

from tf3dlocal.visualization.picture import Picture

# Okabe and Ito's colours: the loss and the triplets of an output come in the same order, and so in the same colour.
LINE_COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
FEW_POINTS = 25  # up to here the reports themselves are marked, not only the line through them


def plot_training(records_or_path, path=None):
    """Loss, share of non-zero triplets, rank-1 of the held-out subjects and learning rate, over the steps.

    A panel for which the log has no numbers is left out, such as rank-1 where no subjects were held out.

    Args:
        records_or_path: log.jsonl of a training, the run folder around it, or its records, a list of dicts: "step" and
            any of "loss", "<output>_loss", "<output>_nonzero_triplets" and "<output>_accuracy" (0..1), "rank_1" and
            "rank_1_<group>" (per cent), "learning_rate".
        path: file to write as well; the suffix names the format.

    Returns:
        matplotlib Figure, one axes per panel.

    Raises:
        FileNotFoundError: no such log.
        ValueError: a log without records (yet), or a line that is not a record.

    Example:
        >>> figure = plot_training([{"step": 1, "loss": 0.9}, {"step": 2, "loss": 0.7}, {"step": 2, "rank_1": 40.0}])
        >>> [axes.get_ylabel() for axes in figure.axes]
        ['loss', 'rank-1, held out']
    """
    from_file = isinstance(records_or_path, (str, os.PathLike))
    records = read_records(records_or_path) if from_file else list(records_or_path)
    for record in records:
        if not isinstance(record, dict) or "step" not in record:
            raise ValueError(f'a record is a dict with "step", as in log.jsonl; got {record!r}')
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
    panels = {label: lines for label, lines in panels.items() if lines}
    if not panels:
        where = records_or_path if from_file else "the list of records"
        raise ValueError(f"{where} has no records to plot: the training has not written its first report yet")

    picture = Picture(7.5, 0.5 + 1.7 * len(panels))
    all_axes = picture.subplots(len(panels), 1, sharex=True, squeeze=False)[:, 0]
    for axes, (label, lines) in zip(all_axes, panels.items(), strict=True):
        colors = itertools.cycle(LINE_COLORS)
        for name in lines:
            points = [(record["step"], record[name]) for record in records if name in record]
            main = name in ("loss", "rank_1", "learning_rate")
            axes.plot(
                *zip(*points, strict=True),
                color="black" if main else next(colors),
                linewidth=1.8 if main else 1.2,
                zorder=3 if main else 2,
                marker="o" if len(points) <= FEW_POINTS else None,
                markersize=3.5,
                label=readable(name),
            )
        axes.set_ylabel(label, fontsize=9)
        axes.tick_params(labelsize=8)
        axes.grid(color="0.9", linewidth=0.8)
        axes.spines[["top", "right"]].set_visible(False)
        axes.margins(x=0.02)
        if label == "share":
            axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
        if label.startswith("rank-1"):
            axes.yaxis.set_major_formatter(PercentFormatter(100, decimals=0))
        if label == "learning rate":
            axes.ticklabel_format(axis="y", scilimits=(-2, 3))
            axes.yaxis.offsetText.set_fontsize(8)
        if len(lines) > 1 or label == "share":
            axes.legend(loc="center left", bbox_to_anchor=(1.01, 0.5), frameon=False, fontsize=8)
    all_axes[-1].set_xlabel("step", fontsize=9)
    all_axes[-1].xaxis.set_major_locator(MaxNLocator(integer=True, steps=[1, 2, 5, 10]))
    picture.align_ylabels()
    return picture.keep(path)


def read_records(path):
    """The records of a log; a last line that a kill cut short is left out. Raises ValueError for an unreadable line."""
    path = pathlib.Path(path)
    if path.is_dir():
        path /= "log.jsonl"
    if not path.exists():
        raise FileNotFoundError(f"there is no {path}; a training writes it with its first report")
    records = []
    # What follows the last line break is unfinished.
    for number, line in enumerate(path.read_text(encoding="utf-8").split("\n")[:-1], start=1):
        if line.strip():
            try:
                records.append(json.loads(line))
            except json.JSONDecodeError as error:
                raise ValueError(f"{path}, line {number} is not JSON ({error}): {line[:60]!r}") from error
    return records


def readable(name):
    """What a legend calls a record's field."""
    if name in ("rank_1", "loss"):
        return {"rank_1": "mean", "loss": "total"}[name]
    if name.startswith("rank_1_"):
        return name.removeprefix("rank_1_")
    for ending, words in (("_nonzero_triplets", "non-zero triplets"), ("_accuracy", "accuracy")):
        if name.endswith(ending):
            return words
    return name.removesuffix("_loss").replace("_", " ")
