"""`tf3dlocal demo`: every step from synthetic people to an identification."""

from pathlib import Path
from typing import Annotated

import typer

from tf3dlocal.cli.app import Json, app, folder_to_write
from tf3dlocal.cli.console import start_tensorflow, write_numbers
from tf3dlocal.io import MOST_SEED

DEMO_FOLDER = Path("demo")


@app.command()
def demo(
    folder: Annotated[
        Path, typer.Argument(metavar="FOLDER", help="Folder for everything that is made.", callback=folder_to_write)
    ] = DEMO_FOLDER,
    seed: Annotated[
        int, typer.Option(min=0, max=MOST_SEED, help="Seed of the people, the batches and the initial weights.")
    ] = 0,
    json: Json = None,
) -> None:
    """Draw synthetic people, then prepare, train, test, plot, export and identify.

    FOLDER gets the walkers, the prepared data, the runs, reports, pictures, an exported model and a gallery.
    Takes less than ten minutes on two cores. Finished steps are not repeated, so a second call takes seconds; remove
    FOLDER to start again.

    \b
    Example:
      tf3dlocal demo
    """
    start_tensorflow()
    from tf3dlocal.demo import run_demo

    write_numbers(json, values=run_demo(folder, seed=seed))
