"""`tf3dlocal embed`: embeddings of walks, and who is nearest."""

import dataclasses
from pathlib import Path
from typing import Annotated, Literal

import typer

from tf3dlocal.cli.app import app
from tf3dlocal.cli.options import Json
from tf3dlocal.console import console, start_tensorflow, write_json


@app.command()
def embed(
    model: Annotated[Path, typer.Argument(metavar="MODEL", help="Exported model: OUT or OUT/VERSION of `export`.")],
    walks: Annotated[
        list[str], typer.Argument(metavar="WALK...", help="Folder with the frames of one walk, or NAME=FOLDER.")
    ],
    out: Annotated[
        Path | None, typer.Option(metavar="FILE.npz", help="Keep names and embeddings, as a gallery.")
    ] = None,
    gallery: Annotated[
        Path | None, typer.Option(metavar="FILE.npz", help="Say who is nearest among these kept embeddings.")
    ] = None,
    top: Annotated[int, typer.Option(min=1, help="How many of the nearest to show.")] = 3,
    frames: Annotated[Literal["auto", "raw", "aligned"], typer.Option(help="auto: tell by the size.")] = "auto",
    json: Json = None,
):
    """Turn walks into embeddings, and with a gallery say who they are nearest to.

    A walk is a folder with the pictures of one person passing one camera once, body white on black, in the order of
    their names. Raw frames are aligned first.

    \b
    Examples:
      tf3dlocal embed saved alice=walks/alice-1 bob=walks/bob-1 --out gallery.npz
      tf3dlocal embed saved walks/unknown --gallery gallery.npz
    """
    start_tensorflow()
    from tf3dlocal.serving import ExportedModel, WalkEmbeddings

    named = [walk.split("=", 1) if "=" in walk else (walk, walk) for walk in walks]
    known = WalkEmbeddings.read(gallery) if gallery else None
    embedded = WalkEmbeddings.of_folders(ExportedModel(model), named, frames)
    nearest = embedded.nearest(known, top) if known else [[]] * len(named)
    for name, num_frames, left_out, hits in zip(embedded.names, embedded.num_frames, embedded.left_out, nearest):
        dropped = f", {len(left_out)} left out" if left_out else ""
        places = "".join(f"\n  {distance:8.3f}  {other}" for other, distance in hits)
        console.print(f"{name}: {num_frames} frames{dropped}{places}", markup=False)
    if out:
        embedded.write(out)
        console.print(f"{len(embedded.names)} embeddings in {out}", markup=False)
    write_json(json, dataclasses.asdict(embedded) | {"nearest": nearest if known else None})
