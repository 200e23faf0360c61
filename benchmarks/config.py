"""Measure the training step and the inference of one config on this machine: time, memory, compilation.

    python benchmarks/config.py CONFIG [options]

The alternatives run in their own processes and are called in turn, so a disturbance slows all of them. The table
shows the ratio to the first row, GFLOP/s (a training step counts as three forward passes) and their share of a large
matrix product's GFLOP/s, which says what bounds the step. It takes some minutes on two cores; --quick is a first
look.

Examples:
  python benchmarks/config.py configs/three_d_local_release_casia_b_st.yaml
  python benchmarks/config.py configs/gaitset_casia_b_st.yaml --step train --xla both
  python benchmarks/config.py configs/table/three_d_local.yaml --walks 32 --frames 12 --precision both
  python benchmarks/config.py configs/gaitset_casia_b_st.yaml --step train --against my_torch.py:training_step
  python benchmarks/config.py configs/gaitset_casia_b_st.yaml --step inference --grow frames --plot growth.png
"""

import pathlib
import sys

from measuring import (
    Alternative,
    AlternativeError,
    add_operations,
    facts_of,
    fit_power,
    matmul_peak,
    quartiles,
    side_by_side,
)
from measuring.scripts import console, keep, options_of, show

from tf3dlocal.config import ConfigError, Experiment

STEPS = {"train": "training_step", "inference": "inference_step"}
XLA = {"config": [None], "yes": [True], "no": [False], "both": [False, True]}
PRECISIONS = {"config": [None], "both": ["float32", "mixed_bfloat16"]}
SIZES = {"frames": [10, 20, 40, 80], "walks": [4, 8, 16, 32]}


def parse(arguments=None):
    """Return the options; wrong usage ends the program with a message and exit code 2."""
    parser = options_of(__doc__, quick="4 walks of 10 frames, 3 rounds")
    parser.add_argument("config", metavar="CONFIG", type=pathlib.Path, help="experiment as YAML; see configs/")
    parser.add_argument(
        "--set", dest="settings", metavar="KEY=VALUE", action="append", default=[], help="change a key; repeatable"
    )
    parser.add_argument("--step", choices=(*STEPS, "both"), default="both", help="which step (default: %(default)s)")
    parser.add_argument("--walks", type=int, metavar="N", help="walks of a batch (default: 8; 4 with --grow frames)")
    parser.add_argument("--frames", type=int, metavar="N", help="frames of a walk (default: 30)")
    parser.add_argument(
        "--size", type=int, metavar="N", default=64, help="height of the silhouettes (default: %(default)s)"
    )
    parser.add_argument(
        "--xla",
        choices=tuple(XLA),
        default="config",
        help="compile by XLA; config: training as training.jit_compile says, inference not (default)",
    )
    parser.add_argument(
        "--precision",
        choices=tuple(PRECISIONS),
        default="config",
        help="both: float32 and mixed_bfloat16, whatever the config says (default: %(default)s)",
    )
    parser.add_argument(
        "--against",
        metavar="FILE.py:FUNCTION",
        help="a rival: the function takes walks and frames and returns the callable that is measured",
    )
    parser.add_argument(
        "--limit", type=float, metavar="SECONDS", default=60, help="no round begins later (default: %(default)g)"
    )
    parser.add_argument("--grow", choices=tuple(SIZES), help="measure several sizes instead of one")
    parser.add_argument("--sizes", metavar="N,N,..", help="sizes of --grow (default: 10,20,40,80 or 1,2,4,8)")
    parser.add_argument("--plot", type=pathlib.Path, metavar="FILE.png", help="draw the growth of --grow")
    options = parser.parse_args(arguments)

    for name in ("sizes", "plot"):
        if getattr(options, name) and not options.grow:
            parser.error(f"--{name} needs --grow frames or --grow walks.")
    if options.against and (options.grow or options.step == "both"):
        parser.error("--against measures one kind of step. Give --step train or --step inference, without --grow.")
    if options.grow and options.xla == "both":
        parser.error("--xla both cannot be combined with --grow. Give --xla config, yes or no.")
    if options.precision == "both" and (options.grow or options.xla == "both"):
        parser.error("--precision both cannot be combined with --grow and --xla both. Leave one of them out.")
    options.steps = list(STEPS) if options.step == "both" else [options.step]
    options.walks = options.walks or (4 if options.quick or options.grow == "frames" else 8)
    options.frames = options.frames or (10 if options.quick else 30)
    options.rounds = options.rounds or (3 if options.quick else 7)
    if options.grow:
        try:
            options.sizes = sorted(map(int, options.sizes.split(","))) if options.sizes else SIZES[options.grow]
        except ValueError:
            parser.error(f"--sizes {options.sizes!r} is not a list of integers such as 10,20,40.")
        if len(set(options.sizes)) < 2:
            parser.error(f"--sizes {options.sizes!r} has fewer than two different sizes. Give at least two.")
    if min(options.walks, options.frames, options.size, *(options.sizes or [1])) < 1:
        parser.error("--walks, --frames, --size and --sizes must be positive.")
    return options


def own(step, *, options, compiled, name=None, **changes):
    """Return the config's step as an alternative."""
    arguments = {"config": str(options.config), "settings": options.settings, "compiled": compiled}
    arguments |= {"walks": options.walks, "frames": options.frames, "size": options.size} | changes
    name = name or "tf3dlocal" + {None: "", True: ", XLA", False: ", no XLA"}[compiled]
    return Alternative(name, function=f"measuring.steps:{STEPS[step]}", arguments=arguments)


def in_precision(precision, settings):
    """Return the arguments of `own` for a precision; None for the config's."""
    return {"name": precision, "settings": [*settings, f"training.precision={precision}"]} if precision else {}


def measure(options):
    """Measure each step at one size, next to the rival if there is one; yields Measurements."""
    batch = {"walks": options.walks, "frames": options.frames}
    shared = {"frames": options.frames, "size": options.size}
    cost = facts_of(
        Alternative(
            "cost",
            function="measuring.steps:forward_cost",
            arguments={"config": str(options.config), "settings": options.settings} | shared,
        )
    )
    peak = matmul_peak(threads=options.threads)
    rivals = [Alternative(options.against, function=options.against, arguments=batch)] if options.against else []
    for step in options.steps:
        found = side_by_side(
            rivals
            + [
                own(step, options=options, compiled=compiled, **in_precision(precision, options.settings))
                for compiled in XLA[options.xla]
                for precision in PRECISIONS[options.precision]
            ],
            title=f"{options.config}: {step}",
            rounds=options.rounds,
            threads=options.threads,
            limit_seconds=options.limit,
            conditions=batch | shared | {"parameters": cost["parameters"]},
        )
        gflop = cost["gflop_per_walk"]
        add_operations(
            found, step=step, walks=options.walks, gflop_per_walk=gflop, peak=peak, without=[options.against]
        )
        show(found)
        yield found


def grow(options, series):
    """Measure each step at several sizes and fit a power; yields Measurements and adds to `series`, {step: numbers}."""
    (compiled,), axis = XLA[options.xla], options.grow
    for step in options.steps:
        found = side_by_side(
            [
                own(step, options=options, compiled=compiled, name=f"{number} {axis}", **{axis: number})
                for number in options.sizes
            ],
            title=f"{options.config}: {step}",
            rounds=options.rounds,
            threads=options.threads,
            limit_seconds=options.limit,
            conditions={"walks": options.walks, "frames": options.frames, "size": options.size} | {axis: "as named"},
        )
        show(found)
        if len(found.rows) < 2:
            raise ValueError(f"Fewer than two sizes gave numbers for {step}. The reasons are listed under the title.")
        sizes = [row.facts[axis] for row in found.rows]
        factor, exponent = fit_power(sizes, [row.median for row in found.rows])
        console.print(f"Seconds grow with {axis} to the power {exponent:.2f}; 1 is linear, constant costs lower it.\n")
        series[step] = {"sizes": sizes, "seconds": [quartiles(row.seconds) for row in found.rows]}
        series[step] |= {"peak_mb": [row.peak_mb for row in found.rows], "factor": factor, "exponent": exponent}
        yield found


def main():
    options, series = parse(), {}
    try:
        Experiment.from_yaml(
            options.config, overrides=options.settings
        )  # a mistake is reported before any process starts
        results = list(grow(options, series) if options.grow else measure(options))
    except (ConfigError, OSError, ValueError, AlternativeError) as error:
        sys.exit(f"error: {error}")
    if options.plot:
        from _cost_growth_picture import plot_cost_growth

        plot_cost_growth(series, size_label=options.grow, path=options.plot)
        console.print(f"Picture written to {options.plot}.", markup=False)
    keep("config", description=__doc__, results=results, options=options, growth=series)
    if empty := [found.title for found in results if not found.rows]:
        sys.exit(f"error: No alternative gave numbers for {', '.join(empty)}. The reasons are listed under the title.")


if __name__ == "__main__":
    main()
