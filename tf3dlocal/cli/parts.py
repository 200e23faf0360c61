"""`tf3dlocal parts`: what the local paths of a 3DLocal look at."""

from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from tf3dlocal.cli.app import Json, app, folder_to_write, keep_apart
from tf3dlocal.cli.console import say, start_tensorflow, write_numbers


@app.command()
def parts(
    model: Annotated[Path, typer.Argument(metavar="RUN", help="Run folder or .keras file of a 3DLocal.")],
    data: Annotated[Path, typer.Option(metavar="DIR", help="Prepared data set.")],
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder for the pictures.", callback=folder_to_write)] = Path(
        "parts"
    ),
    subjects: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="Only this subject; repeat it for more.")
    ] = None,
    conditions: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="Only this condition, such as nm; repeat it for more.")
    ] = None,
    json: Json = None,
) -> None:
    """Show where the body parts look, from each view and over the training.

    OUT/parts_by_view.png draws centre, extent and confidence of every local path over the views, with the share of
    their variance that the view explains: a localization network that reacts to the view only is a table of views. If
    RUN has two checkpoints or more (training.keep_checkpoints), OUT/parts_by_step.png draws the same over the steps.

    \b
    Example:
      tf3dlocal parts runs/three_d_local_walkers --data prepared --conditions nm --out parts
    """
    keep_apart(out, option="--out", the_data_set=data, the_trained_model=model)
    keep_apart(json, option="--json", the_data_set=data, the_trained_model=model)
    start_tensorflow()
    from tf3dlocal.data import open_walks
    from tf3dlocal.training import RunFolder
    from tf3dlocal.visualization import plot_part_lines

    walks = open_walks(data).select(subjects=subjects, conditions=conditions)
    found = _measured(model, walks)
    name = model.resolve().name
    out.mkdir(parents=True, exist_ok=True)
    what = {"parts": found.parts, "numbers": found.numbers}
    plot_part_lines(
        found.mean,
        **what,
        along=found.views,
        deviation=found.deviation,
        explained=found.explained,
        title=f"Parts of {name} by view: mean and standard deviation over {len(walks):,} walks",
        path=out / "parts_by_view.png",
    )
    written, steps = [out / "parts_by_view.png"], RunFolder(model).checkpoint_steps() if model.is_dir() else []
    if len(steps) > 1:
        files = [model / "checkpoints" / f"step-{step:06d}.keras" for step in steps]
        means = [_measured(file, walks).mean.mean(axis=1) for file in files]
        plot_part_lines(
            np.stack(means, axis=1),
            **what,
            along=steps,
            label="step",
            title=f"Parts of {name} over the training: means over {len(walks):,} walks",
            path=out / "parts_by_step.png",
        )
        written.append(out / "parts_by_step.png")
    write_numbers(json, values=_as_json(found))
    for part, shares in zip(found.parts, found.explained, strict=True):
        known = {number: share for number, share in zip(found.numbers, shares) if np.isfinite(share)}
        told = ", ".join(f"{number} {share:.0%}" for number, share in known.items()) or "nothing: it never moves"
        say(f"{part}: the view explains of {told}")
    say(f"Written: {', '.join(str(file) for file in written)}.")


def _measured(path, walks):
    """Measure one of several models; the message of an error begins with its path."""
    from tf3dlocal import load_model
    from tf3dlocal.comparison import measure_parts

    model = load_model(path, keras_only=True)
    try:
        return measure_parts(model, walks=walks)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error


def _as_json(found):
    """The numbers by part; what does not vary has no share that the view explains."""
    return {
        "views": found.views,
        "num_walks": found.num_walks,
        "parts": {
            part: {
                number: {
                    "mean": found.mean[at, :, column].tolist(),
                    "deviation": found.deviation[at, :, column].tolist(),
                    "explained": float(share) if np.isfinite(share := found.explained[at, column]) else None,
                }
                for column, number in enumerate(found.numbers)
            }
            for at, part in enumerate(found.parts)
        },
    }
