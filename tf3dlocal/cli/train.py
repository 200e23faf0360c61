"""`tf3dlocal train`: a trained model."""

from pathlib import Path
from typing import Annotated

import typer

from tf3dlocal.cli.app import Json, app, folder_to_write, keep_apart, spare_run
from tf3dlocal.cli.console import say, say_next, start_tensorflow, write_numbers


@app.command()
def train(
    config: Annotated[Path, typer.Argument(metavar="CONFIG", help="Experiment as YAML; see configs/.")],
    settings: Annotated[list[str], typer.Option("--set", metavar="KEY=VALUE", help="Change a key; repeatable.")] = (),
    data: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Prepared data set; default: that of the config.")
    ] = None,
    to: Annotated[
        Path | None,
        typer.Option("--run", metavar="DIR", help="Folder of the run; default: runs/CONFIG.", callback=folder_to_write),
    ] = None,
    json: Json = None,
) -> None:
    """Train a model as a config describes it, and write everything into one folder.

    The run folder contains the config with all changes, checkpoints, log.txt with what is printed, log.jsonl with the
    same numbers as JSON, TensorBoard files and at the end the model. The training may be killed at any moment: the same
    call resumes it from the last checkpoint. A loss that is not finite stops it; bad_batch/ then contains the batch of
    that step and its picture.

    \b
    Examples:
      tf3dlocal train configs/three_d_local_walkers.yaml --data prepared
      tf3dlocal train configs/three_d_local_casia_b_st.yaml --data casia --set training.seed=3
      tensorboard --logdir runs
    """
    start_tensorflow()
    from tf3dlocal.config import Experiment
    from tf3dlocal.training import Cluster, DivergedError, RunFolder, run_experiment

    folder = to or Path("runs") / config.stem
    folder_to_write(folder)
    experiment, run = Experiment.from_yaml(config, overrides=settings), RunFolder(folder)
    source = data or experiment.data.folder
    keep_apart(folder, option="--run", the_data_set=source)
    keep_apart(json, option="--json", the_data_set=source, the_config=config)
    spare_run(json, option="--json", run=folder)
    cluster = Cluster.joined_by(experiment.training.strategy)
    is_chief = cluster is None or cluster.is_chief  # of several workers it alone writes, also what follows
    try:
        run_experiment(experiment, data=data, run=folder)
    except DivergedError as error:
        picture = error.batch_file.with_suffix(".png")
        if is_chief:
            _draw(error.batch_file, picture)
        raise DivergedError(f"{error} The batch as a picture: {picture}", batch_file=error.batch_file) from error
    if not is_chief:
        return
    kept = {"step": experiment.training.steps, **run.model_note()}
    which = "last model"
    if kept["kept"] == "best":
        which = f"best model, with rank-1 {kept['rank_1']:.1f} % on the held-out subjects"
    write_numbers(json, values={"run": folder, "kept": kept, "log": run.read_log()})
    say(f"{run.model_file} is the {which}, of step {kept['step']}. The log is {run.log_file}.", soft_wrap=True)
    where = data or experiment.data.folder
    say_next(["evaluate", folder, "--data", where, "--protocol", experiment.data.protocol])


def _draw(batch_file: Path, picture: Path) -> None:
    """Draw the contact sheet of a batch."""
    import numpy as np

    from tf3dlocal.visualization import contact_sheet

    with np.load(batch_file) as batch:
        titles = [
            f"{walk}{' mirrored' * flip}" for walk, flip in zip(batch["walks"], batch["flips"].tolist(), strict=True)
        ]
        contact_sheet(batch["silhouettes"], path=picture, titles=titles)
