"""`tf3dlocal walkers`: synthetic people."""

from pathlib import Path
from typing import Annotated

import typer

from tf3dlocal.cli.app import app
from tf3dlocal.cli.options import Workers
from tf3dlocal.console import console


@app.command()
def walkers(
    out: Annotated[Path, typer.Argument(metavar="OUT", help="Folder for the frames; made if absent.")],
    subjects: Annotated[int, typer.Option(min=1, help="How many people.")] = 24,
    frames: Annotated[int, typer.Option(min=1, help="Frames of each walk, 25 a second.")] = 60,
    views: Annotated[str, typer.Option(metavar="DEGREES", help="Camera angles, apart by commas.")] = (
        "0,18,36,54,72,90,108,126,144,162,180"
    ),
    seed: Annotated[int, typer.Option(min=0, help="The same seed draws the same people and walks.")] = 0,
    workers: Workers = None,
):
    """Draw synthetic people walking, in the raw layout of CASIA-B.

    Each person walks ten times past each camera: nm-01..06 (normal), bg-01..02 (with a bag), cl-01..02 (in a coat).
    The frames are white bodies on black with mild segmentation faults, not aligned: OUT/001/nm-01/090/001.png ...

    \b
    Examples:
      tf3dlocal walkers raw
      tf3dlocal walkers raw --subjects 40 --views 0,90 --seed 7
    """
    from tf3dlocal.data.walkers import write_walkers

    folder = write_walkers(out, subjects, seed, frames, _degrees(views), workers=workers)
    console.print(f"{subjects} people in {folder}; next: tf3dlocal prepare {folder} prepared", markup=False)


def _degrees(text):
    try:
        return [int(part) for part in text.split(",")]
    except ValueError:
        raise typer.BadParameter(f"'{text}' is not a list of degrees such as 0,90,180", param_hint="--views") from None
