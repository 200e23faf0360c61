"""What a training step and inference of one config cost here."""

from tf3dlocal.benchmark.alternative import Alternative
from tf3dlocal.benchmark.matmul_peak import matmul_peak
from tf3dlocal.benchmark.operations_of_step import add_operations, cost_of_config
from tf3dlocal.benchmark.side_by_side import side_by_side
from tf3dlocal.config import Experiment

STEPS = {"train": "training_step", "inference": "inference_step"}
COMPILED = {"config": [None], "yes": [True], "no": [False], "both": [False, True]}


def measure_config(
    config,
    settings=(),
    what=("train", "inference"),
    walks=8,
    frames=30,
    size=64,
    forms=("auto", "stacked"),
    compiled="config",
    against=None,
    rounds=7,
    threads=None,
    limit_seconds=60,
    progress=True,
):
    """Measure the forms of one config beside each other, and beside a rival.

    Args:
        config: a config file.
        settings: changes of single keys, such as "training.precision=mixed_float16".
        what: "train", "inference" or both.
        walks, frames, size: the batch; `size` is the silhouettes' height.
        forms: some of `layers.forms.FORMS`; the first one is what ratios are to, unless there is a rival.
        compiled: "config" for training as training.jit_compile says and inference not compiled, "yes", "no",
            or "both" beside each other.
        against: "FILE.py:function" or "module:function" that makes a callable from the arguments walks and frames. None for
            no rival.
        rounds, threads, limit_seconds, progress: as in `side_by_side`, for each of `what`.

    Returns:
        list of Measurements, one for each of `what`. Rows of ours have the fact "gflop".

    Raises:
        ConfigError, FileNotFoundError: of the config.
        ValueError: another step or form, or one rival for two steps.
        AlternativeFailed: the config's model cannot be built, or there is no such form.
    """
    what, forms = list(what), list(forms)
    if not what or not set(what) <= set(STEPS):
        raise ValueError(f"what is measured is {' or '.join(STEPS)} or both; got {', '.join(what) or 'nothing'}")
    if not forms:
        raise ValueError("at least one form is needed, such as auto")
    if against and len(what) > 1:
        raise ValueError("the function to measure against makes one kind of step: measure train or inference, not both")
    shared = {"config": str(config), "settings": list(settings), "frames": frames, "size": size}
    Experiment.from_yaml(config, settings)  # a mistake in it is told before anything is started
    cost = cost_of_config(**shared, forms=forms)
    peak = matmul_peak(threads=threads)
    results = []
    for step in what:
        rivals = [Alternative(against, against, {"walks": walks, "frames": frames})] if against else []
        own = [ours(step, form, choice, {**shared, "walks": walks}) for form in forms for choice in COMPILED[compiled]]
        found = side_by_side(
            rivals + own,
            rounds,
            f"{config}: {step}",
            threads=threads,
            limit_seconds=limit_seconds,
            progress=progress,
            conditions={"walks": walks, "frames": frames, "size": size, "parameters": cost["parameters"]},
        )
        add_operations(found, step, walks, cost["gflop_per_walk"], peak, without=[against])
        results.append(found)
    return results


def ours(step, form, compiled, arguments):
    """One form of ours as an alternative; `compiled` None is what the config says."""
    name = form + {None: "", True: ", XLA", False: ", not compiled"}[compiled]
    function = STEPS[step]
    return Alternative(
        name, f"tf3dlocal.benchmark.{function}:{function}", {**arguments, "form": form, "compiled": compiled}
    )
