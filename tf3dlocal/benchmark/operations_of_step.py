"""How many operations a step takes, put beside its seconds."""

from tf3dlocal.benchmark.alternative import Alternative
from tf3dlocal.benchmark.facts_of import facts_of

# A convolution is computed forward, then for the gradient of its input and of its kernel.
PASSES = {"train": 3, "inference": 1}


def cost_of_config(config, settings=(), frames=30, size=64, forms=()):
    """The facts of `forward_cost`, counted in a process of its own.

    Args:
        config, settings, frames, size, forms: as in `forward_cost`.

    Returns:
        dict "gflop_per_walk", "parameters".

    Raises:
        AlternativeFailed: the config's model cannot be built, or there is no such form.
    """
    arguments = {
        "config": str(config),
        "settings": list(settings),
        "frames": frames,
        "size": size,
        "forms": list(forms),
    }
    return facts_of(Alternative("cost", "tf3dlocal.benchmark.forward_cost:forward_cost", arguments))


def add_operations(measurements, step, walks, gflop_per_walk, peak, without=()):
    """Give the rows the fact "gflop", and the machine its matrix product: the table then tells GFLOP/s and what bounds them.

    Args:
        measurements: what `side_by_side` gave; it is changed.
        step: "train" or "inference".
        walks: of a batch.
        gflop_per_walk: of a forward pass.
        peak: what `matmul_peak` gave.
        without: names of rows whose operations are not known.

    Example:
        >>> from tf3dlocal.benchmark.measurements import Measurements, Row
        >>> found = Measurements("a step", [Row("ours", [2.0])])
        >>> add_operations(found, "train", walks=8, gflop_per_walk=2.0, peak=None)
        >>> found.rows[0].facts
        {'gflop': 48.0}
    """
    measurements.conditions["forward_gflop_per_walk"] = round(gflop_per_walk, 3)
    measurements.machine["matmul_peak"] = peak
    for row in measurements.rows:
        if row.name not in without:
            row.facts["gflop"] = PASSES[step] * walks * gflop_per_walk
