"""`tf3dlocal export`: a SavedModel."""

from pathlib import Path
from typing import Annotated

import typer

from tf3dlocal.cli.app import app
from tf3dlocal.cli.options import Distance, Json
from tf3dlocal.console import console, start_tensorflow, write_json


@app.command()
def export(
    model: Annotated[Path, typer.Argument(metavar="RUN", help="Run folder or .keras file.")],
    out: Annotated[Path, typer.Argument(metavar="OUT", help="Folder for the versions of this model.")],
    version: Annotated[
        int, typer.Option(min=1, help="Number of this export; an existing one is never overwritten.")
    ] = 1,
    distance: Distance = "part_mean",
    json: Json = None,
):
    """Write a trained model as OUT/VERSION, a SavedModel that TF Serving and plain TensorFlow load.

    It takes uint8 silhouettes [batch, frames, height, width] (signature `serving_default`; `float` takes 0..1) of any
    number of walks and frames and gives "embedding". OUT/VERSION/model_card.json says what it is.

    \b
    Example:
      tf3dlocal export runs/three_d_local_walkers saved_models/walkers --version 2
    """
    start_tensorflow()
    from tf3dlocal.open_model import config_of_run, open_trained_model
    from tf3dlocal.serving import export as write_export

    made_by = f"tf3dlocal export {model} {out} --version {version} --distance {distance}"
    trained, config = open_trained_model(model), config_of_run(model)
    path = write_export(trained, out, version, config=config, distance=distance, made_by=made_by)
    console.print(f"SavedModel in {path}", markup=False)
    write_json(json, {"folder": path})
