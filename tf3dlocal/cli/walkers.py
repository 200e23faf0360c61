"""`tf3dlocal walkers`: synthetic people."""

from pathlib import Path
from typing import Annotated

import typer

from tf3dlocal.cli.app import Workers, app, folder_to_write, parse_integers
from tf3dlocal.cli.console import say, say_next
from tf3dlocal.io import MOST_SEED


@app.command()
def walkers(
    out: Annotated[
        Path, typer.Argument(metavar="OUT", help="Folder for the frames; made if absent.", callback=folder_to_write)
    ],
    subjects: Annotated[int, typer.Option(min=1, help="Number of people.")] = 24,
    frames: Annotated[int, typer.Option(min=1, help="Frames of each walk, 25 per second.")] = 60,
    views: Annotated[str, typer.Option(metavar="DEGREES", help="Camera angles, separated by commas.")] = (
        "0,18,36,54,72,90,108,126,144,162,180"
    ),
    seed: Annotated[int, typer.Option(min=0, max=MOST_SEED, help="The same seed draws the same people and walks.")] = 0,
    variety: Annotated[
        str,
        typer.Option(
            metavar="mild|wide|ASPECTS",
            help="mild: all walks with the same cameras and nearly the same clothes. wide: other clothes and cameras "
            "in each walk, several speeds, and the faults of silhouettes of real videos. ASPECTS: some of clothes, "
            "cameras, speeds and faults, as in cameras+faults.",
        ),
    ] = "mild",
    workers: Workers = None,
) -> None:
    """Draw synthetic people walking, in the raw layout of CASIA-B.

    Each person walks ten times past each camera: nm-01..06 (normal), bg-01..02 (with a bag), cl-01..02 (in a coat).
    The frames are white bodies on black with segmentation errors, not aligned:
    OUT/001/nm-01/090/001-nm-01-090-001.png (person, walk, view, frame) and so on.

    \b
    Examples:
      tf3dlocal walkers raw
      tf3dlocal walkers raw --subjects 40 --views 0,90 --seed 7
      tf3dlocal walkers raw --subjects 200 --variety wide    # to train a model for real videos
    """
    from tf3dlocal.data.walkers import write_walkers
    from tf3dlocal.data.walkers.draw import parse_variety

    try:
        parse_variety(variety)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="'--variety'") from None
    view_degrees = parse_integers(views, option="--views", example="0,90,180")
    folder = write_walkers(
        out, subjects=subjects, seed=seed, frames=frames, views=view_degrees, variety=variety, workers=workers
    )
    say(f"{subjects} people in {folder}.")
    say_next(["prepare", folder, "prepared"])
