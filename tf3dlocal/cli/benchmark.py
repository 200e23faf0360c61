"""`tf3dlocal benchmark`: what a config costs on this machine."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from tf3dlocal.cli.app import app
from tf3dlocal.cli.options import Json
from tf3dlocal.console import console, write_json


@app.command()
def benchmark(
    config: Annotated[Path, typer.Argument(metavar="CONFIG", help="Experiment as YAML; see configs/.")],
    settings: Annotated[list[str], typer.Option("--set", metavar="KEY=VALUE", help="Change a key; repeatable.")] = (),
    what: Annotated[Literal["train", "inference", "both"], typer.Option(help="Which step.")] = "both",
    batch: Annotated[
        int | None, typer.Option(min=1, help="Walks in a batch; 8 if not given, 2 with --grow frames.")
    ] = None,
    frames: Annotated[int, typer.Option(min=1, help="Frames of every walk.")] = 30,
    size: Annotated[int, typer.Option(min=16, help="Height of the silhouettes.")] = 64,
    forms: Annotated[str, typer.Option(metavar="A,B,..", help="Equal forms of the layers, beside each other.")] = (
        "auto,stacked"
    ),
    compiled: Annotated[
        Literal["config", "yes", "no", "both"],
        typer.Option(help="By XLA; config: a training step as training.jit_compile says, inference not."),
    ] = "config",
    against: Annotated[
        str | None,
        typer.Option(
            metavar="FILE.py:FUNCTION", help="A rival: given walks and frames it returns what is then called."
        ),
    ] = None,
    rounds: Annotated[int, typer.Option(min=1, help="How often each is measured.")] = 7,
    limit: Annotated[
        float, typer.Option(metavar="SECONDS", help="No new round after that long; 3 are made anyway.")
    ] = 60,
    threads: Annotated[int | None, typer.Option(min=1, help="Threads of each; its own default if not given.")] = None,
    grow: Annotated[
        Literal["frames", "walks"] | None, typer.Option(help="How the cost grows with it, in place of one size.")
    ] = None,
    sizes: Annotated[
        str | None, typer.Option(metavar="N,N,..", help="Sizes to grow through; 10,20,40,80 frames or 1,2,4,8 walks.")
    ] = None,
    plot: Annotated[Path | None, typer.Option(metavar="FILE.png", help="With --grow, the picture of it.")] = None,
    json: Json = None,
):
    """Measure what a config's training step and inference cost on this machine: time, memory, compilation.

    Each form runs in a process of its own; all are called in turn, so that what slows the machine down slows all of
    them. Beside seconds stand the ratio to the first row, GFLOP/s (of the direct convolution's operations; a training
    step counts as three forward passes) and their share of a large matrix product's, which says what bounds the step.
    Some minutes on two cores; --batch 2 --frames 10 for a first look.

    \b
    Examples:
      tf3dlocal benchmark configs/three_d_local_release_casia_b_st.yaml
      tf3dlocal benchmark configs/gaitset_casia_b_st.yaml --what train --forms auto --compiled both
      tf3dlocal benchmark configs/gaitset_casia_b_st.yaml --what train --against my_torch.py:training_step
      tf3dlocal benchmark configs/gaitset_casia_b_st.yaml --what inference --grow frames --plot growth.png
    """
    if (sizes or plot) and not grow:
        raise typer.BadParameter(
            "belongs to --grow frames or --grow walks", param_hint="--sizes" if sizes else "--plot"
        )
    steps = ["train", "inference"] if what == "both" else [what]
    if against and (grow or len(steps) > 1):
        way_out = "makes one kind of step: give --what train or --what inference, without --grow"
        raise typer.BadParameter(way_out, param_hint="--against")
    form_names = [name.strip() for name in forms.split(",")]
    shared = {"settings": settings, "size": size, "rounds": rounds, "threads": threads, "limit_seconds": limit}
    shared |= {"walks": batch or (2 if grow == "frames" else 8), "frames": frames, "compiled": compiled}
    if grow and compiled == "both":
        raise typer.BadParameter("is config, yes or no with --grow", param_hint="--compiled")
    if grow:
        found = _grow(
            config, grow, _numbers(sizes), [(step, form) for step in steps for form in form_names], shared, plot
        )
    else:
        found = _side_by_side(config, steps, form_names, against, shared)
    write_json(json, found)
    if not grow and (empty := [table["title"] for table in found if not table["rows"]]):
        raise ValueError(f"no alternative gave numbers for {' and '.join(empty)}; the reasons stand under the title")


def _side_by_side(config, steps, forms, against, shared):
    from tf3dlocal.benchmark.measure_config import measure_config
    from tf3dlocal.benchmark.print_measurements import print_measurements

    found = measure_config(config, what=steps, forms=forms, against=against, **shared)
    for measurements in found:
        print_measurements(measurements, console)
    return [measurements.to_dict() for measurements in found]


def _grow(config, axis, sizes, series, shared, plot):
    from tf3dlocal.benchmark.cost_growth import cost_growth
    from tf3dlocal.benchmark.print_measurements import print_measurements
    from tf3dlocal.visualization import plot_cost_growth

    found = {}
    for step, form in series:
        growth = cost_growth(config, axis, sizes, what=step, form=form, **shared)
        print_measurements(growth.measurements, console)
        console.print(
            f"seconds grow as {axis} to the {growth.exponent:.2f}; 1 is linear, and constant costs make it less\n"
        )
        found[f"{step}, {form}"] = growth.to_dict()
    if plot:
        plot_cost_growth(found, axis, plot)
        console.print(f"picture in {plot}", markup=False)
    return found


def _numbers(text):
    try:
        return [int(part) for part in text.split(",")] if text else None
    except ValueError:
        raise typer.BadParameter(f"'{text}' is not a list of numbers such as 10,20,40", param_hint="--sizes") from None
