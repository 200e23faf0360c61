"""How cost grows with the length or the number of walks."""

import dataclasses
import math

from tf3dlocal.benchmark.measure_config import STEPS, ours
from tf3dlocal.benchmark.measurements import Measurements, quartiles
from tf3dlocal.benchmark.side_by_side import side_by_side
from tf3dlocal.config import Experiment

SIZES = {"frames": (10, 20, 40, 80), "walks": (1, 2, 4, 8)}


def fit_power(sizes, values):
    """Least squares of log value over log size: value = factor * size^exponent.

    Args:
        sizes, values: at least two of each, all positive.

    Returns:
        (factor, exponent).

    Raises:
        ValueError: fewer than two different sizes, or numbers that are not positive.

    Example:
        >>> [round(number, 6) for number in fit_power([1, 2, 4], [3, 6, 12])]
        [3.0, 1.0]
    """
    if len(set(sizes)) < 2 or min(*sizes, *values) <= 0:
        raise ValueError(f"two different sizes and positive numbers are needed; got {list(sizes)} and {list(values)}")
    x, y = [math.log(size) for size in sizes], [math.log(value) for value in values]
    mean_x, mean_y = sum(x) / len(x), sum(y) / len(y)
    exponent = sum((a - mean_x) * (b - mean_y) for a, b in zip(x, y)) / sum((a - mean_x) ** 2 for a in x)
    return math.exp(mean_y - exponent * mean_x), exponent


@dataclasses.dataclass
class Growth:
    """Cost over size: medians and quartiles of the seconds, peak memory, and the power that fits the medians.

    Fields:
        axis: "frames" or "walks".
        sizes: those that gave numbers.
        seconds: [(first quartile, median, third quartile)] of one step.
        peak_mb: of each size's process.
        factor, exponent: seconds = factor * size^exponent; 1 is linear, and constant costs make it less.
        measurements: all of it.
    """

    axis: str
    sizes: list[int]
    seconds: list[tuple[float, float, float]]
    peak_mb: list[float | None]
    factor: float
    exponent: float
    measurements: Measurements

    def to_dict(self):
        """All numbers, as JSON holds them; what `visualization.plot_cost_growth` takes as a series."""
        return dataclasses.asdict(self) | {"measurements": self.measurements.to_dict()}


def cost_growth(
    config,
    axis="frames",
    sizes=None,
    settings=(),
    what="train",
    walks=4,
    frames=30,
    size=64,
    form="auto",
    compiled="config",
    rounds=5,
    threads=None,
    limit_seconds=60,
    progress=True,
):
    """Measure one form of a config at several sizes, in alternation, and fit how cost grows.

    Args:
        config, settings, size, threads, progress: as in `measure_config`.
        axis: "frames" or "walks": what grows; the other stays as given.
        sizes: at least two numbers; None for 10, 20, 40, 80 frames or 1, 2, 4, 8 walks.
        what: "train" or "inference".
        walks, frames: the batch.
        form: one of `layers.forms.FORMS`.
        compiled: "config", "yes" or "no". A compiled step is compiled for every size.
        rounds, limit_seconds: as in `side_by_side`.

    Returns:
        Growth.

    Raises:
        ValueError: another axis or step, or sizes of which fewer than two gave numbers.
    """
    if axis not in SIZES or what not in STEPS or compiled not in ("config", "yes", "no"):
        raise ValueError(
            f"growth is of train or inference over frames or walks; got {what}, {axis}, compiled {compiled}"
        )
    sizes = sorted(set(sizes or SIZES[axis]))
    if len(sizes) < 2 or sizes[0] < 1:
        raise ValueError(f"growth needs two sizes of at least 1; got {sizes}")
    Experiment.from_yaml(config, settings)  # a mistake in it is told before anything is started
    choice = {"config": None, "yes": True, "no": False}[compiled]
    shared = {"config": str(config), "settings": list(settings), "size": size, "walks": walks, "frames": frames}
    alternatives = [
        dataclasses.replace(ours(what, form, choice, {**shared, axis: number}), name=f"{number} {axis}")
        for number in sizes
    ]
    conditions = {"form": form, "walks": walks, "frames": frames, "size": size} | {axis: "as named"}
    found = side_by_side(
        alternatives,
        rounds,
        f"{config}: {what}, {form}",
        threads=threads,
        limit_seconds=limit_seconds,
        progress=progress,
        conditions=conditions,
    )
    if len(found.rows) < 2:
        raise ValueError(
            "fewer than two sizes gave numbers: "
            + "; ".join(f"{entry['name']}: {entry['reason']}" for entry in found.absent)
        )
    measured = [row.facts[axis] for row in found.rows]
    factor, exponent = fit_power(measured, [row.median for row in found.rows])
    seconds, memory = [quartiles(row.seconds) for row in found.rows], [row.peak_mb for row in found.rows]
    return Growth(axis, measured, seconds, memory, factor, exponent, found)
