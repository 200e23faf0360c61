"""`tf3dlocal demo`: the whole road."""

from pathlib import Path
from typing import Annotated

import typer

from tf3dlocal.cli.app import app
from tf3dlocal.cli.options import Json
from tf3dlocal.console import start_tensorflow, write_json

DEMO_FOLDER = Path("demo")


@app.command()
def demo(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Where everything is kept.")] = DEMO_FOLDER,
    seed: Annotated[int, typer.Option(min=0, help="Draws the people, the batches and the first weights.")] = 0,
    json: Json = None,
):
    """Walk the whole road on synthetic people: draw, prepare, train, test, look, export, identify.

    Takes less than ten minutes on two cores. What is there already is used again, so a second call takes seconds;
    remove FOLDER to begin anew.

    \b
    Example:
      tf3dlocal demo
    """
    start_tensorflow()
    from tf3dlocal.demo import run_demo

    write_json(json, run_demo(folder, seed))
