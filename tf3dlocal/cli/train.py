"""`tf3dlocal train`: a fitted model."""

from pathlib import Path
from typing import Annotated

import typer

from tf3dlocal.cli.app import app
from tf3dlocal.cli.options import Json
from tf3dlocal.console import console, start_tensorflow, write_json


@app.command()
def train(
    config: Annotated[Path, typer.Argument(metavar="CONFIG", help="Experiment as YAML; see configs/.")],
    settings: Annotated[list[str], typer.Option("--set", metavar="KEY=VALUE", help="Change a key; repeatable.")] = (),
    data: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Prepared data set, instead of the config's.")
    ] = None,
    to: Annotated[
        Path | None, typer.Option("--run", metavar="DIR", help="Folder of the run, instead of runs/CONFIG.")
    ] = None,
    json: Json = None,
):
    """Fit a model as a config says, and keep everything in one folder.

    The run folder holds the config with all changes, checkpoints, a log with one line of JSON per report, TensorBoard
    files and at the end the model. The same call again goes on from the last checkpoint: a training may be killed at any
    moment. A loss that is no finite number stops it, with the batch of that step and a picture of it in bad_batch/.

    \b
    Examples:
      tf3dlocal train configs/three_d_local_walkers.yaml --data prepared
      tf3dlocal train configs/three_d_local_casia_b_st.yaml --data casia --set training.seed=3
      tensorboard --logdir runs
    """
    start_tensorflow()
    from tf3dlocal.config import Experiment
    from tf3dlocal.training import run_experiment
    from tf3dlocal.training.cluster import Cluster
    from tf3dlocal.training.diverged_error import DivergedError
    from tf3dlocal.training.fitted_model import kept_model
    from tf3dlocal.training.run_folder import RunFolder

    folder = to or Path("runs") / config.stem
    experiment, run = Experiment.from_yaml(config, settings), RunFolder(folder)
    cluster = Cluster.joined_by(experiment.training.strategy)
    is_chief = cluster is None or cluster.is_chief  # of several workers it alone writes, also what follows
    try:
        run_experiment(experiment, data=data, run=folder)
    except DivergedError as error:
        picture = error.batch_file.with_suffix(".png")
        if is_chief:
            _draw(error.batch_file, picture)
        raise DivergedError(f"{error}. The batch as a picture: {picture}", error.batch_file) from error
    if not is_chief:
        return
    kept = {"step": experiment.training.steps, **kept_model(run)}
    which = f"best, with rank-1 {kept['rank_1']:.1f} % on the held-out subjects" if kept["kept"] == "best" else "last"
    console.print(
        f"{run.model_file} is the model of step {kept['step']}, the {which}; the log is beside it",
        markup=False,
        soft_wrap=True,
    )
    write_json(json, {"run": folder, "kept": kept, "log": run.read_log()})


def _draw(batch_file, picture):
    """The contact sheet of a batch."""
    import numpy as np

    from tf3dlocal.visualization import contact_sheet

    with np.load(batch_file) as batch:
        titles = [
            f"{walk}{' mirrored' * flip}" for walk, flip in zip(batch["walks"], batch["flips"].tolist(), strict=True)
        ]
        contact_sheet(batch["silhouettes"], picture, titles=titles)
