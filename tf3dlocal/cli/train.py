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
    data: Annotated[Path | None, typer.Option(metavar="DIR", help="Prepared data set, instead of the config's.")] = None,
    to: Annotated[Path | None, typer.Option("--run", metavar="DIR", help="Folder of the run, instead of runs/CONFIG.")] = None,
    json: Json = None,
):
    """Fit a model as a config says, and keep everything in one folder.

    The run folder holds the config with all changes, checkpoints, a log with one line of JSON per report, TensorBoard
    files and at the end the model. The same call again goes on from the last checkpoint.

    \b
    Examples:
      tf3dlocal train configs/three_d_local_walkers.yaml --data prepared
      tf3dlocal train configs/three_d_local_casia_b_st.yaml --data casia --set training.seed=3
      tensorboard --logdir runs
    """
    start_tensorflow()
    from tf3dlocal.config import Experiment
    from tf3dlocal.training import run_experiment
    from tf3dlocal.training.run_folder import RunFolder

    folder = to or Path("runs") / config.stem
    run_experiment(Experiment.from_yaml(config, settings), data=data, run=folder)
    console.print(f"model and log in {folder}", markup=False)
    write_json(json, {"run": folder, "log": RunFolder(folder).read_log()})
