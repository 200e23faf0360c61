"""`tf3dlocal export`: a SavedModel."""

from pathlib import Path
from typing import Annotated

import typer

from tf3dlocal.cli.app import Distance, Json, app
from tf3dlocal.cli.console import say, start_tensorflow, write_numbers


@app.command()
def export(
    model: Annotated[Path, typer.Argument(metavar="RUN", help="Run folder or .keras file.")],
    out: Annotated[Path, typer.Argument(metavar="OUT", help="Folder for the versions of this model.")],
    version: Annotated[
        int, typer.Option(min=1, help="Number of this export; an existing one is never overwritten.")
    ] = 1,
    distance: Distance = "part_mean",
    json: Json = None,
) -> None:
    """Write a trained model as OUT/VERSION, a SavedModel that TF Serving and plain TensorFlow load.

    It takes uint8 silhouettes [batch, frames, height, width] (signature `serving_default`; `float` takes 0..1) of any
    number of walks and frames and returns "embedding". OUT/VERSION/model_card.json describes it.

    \b
    Example:
      tf3dlocal export runs/three_d_local_walkers saved_models/walkers --version 2
    """
    start_tensorflow()
    from tf3dlocal import load_model
    from tf3dlocal.serving import export as write_export
    from tf3dlocal.training import config_of_run

    path = write_export(
        load_model(model, keras_only=True),
        folder=out,
        version=version,
        config=config_of_run(model),
        distance=distance,
        made_by=f"tf3dlocal export {model} {out} --version {version} --distance {distance}",
    )
    say(f"SavedModel written to {path}.")
    write_numbers(json, values={"folder": path})
