"""`tf3dlocal embed`: embeddings of walks, and the nearest walks of a gallery."""

import dataclasses
from pathlib import Path
from typing import Annotated, Literal

import typer

from tf3dlocal.cli.app import Json, app
from tf3dlocal.cli.console import say, start_tensorflow, write_numbers


@app.command()
def embed(
    model: Annotated[Path, typer.Argument(metavar="MODEL", help="Exported model: OUT or OUT/VERSION of `export`.")],
    walks: Annotated[
        list[str], typer.Argument(metavar="WALK...", help="Folder with the frames of one walk, or NAME=FOLDER.")
    ],
    out: Annotated[
        Path | None, typer.Option(metavar="FILE.npz", help="Write names and embeddings to FILE.npz, a gallery.")
    ] = None,
    gallery: Annotated[
        Path | None, typer.Option(metavar="FILE.npz", help="Find the nearest embeddings of this gallery.")
    ] = None,
    top: Annotated[int, typer.Option(min=1, help="How many of the nearest to print.")] = 3,
    frames: Annotated[
        Literal["auto", "raw", "aligned"], typer.Option(help="auto: the size of the pictures decides.")
    ] = "auto",
    json: Json = None,
) -> None:
    """Compute the embeddings of walks, and find the nearest walks of a gallery.

    A walk is a folder with the pictures of one person who passes one camera once, body white on black, in the order of
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
    embedded = WalkEmbeddings.of_folders(named, embedder=ExportedModel(model), frames=frames)
    nearest = embedded.nearest(known, count=top) if known else [[]] * len(named)
    for name, num_frames, left_out, hits in zip(embedded.names, embedded.num_frames, embedded.left_out, nearest):
        dropped = f", {len(left_out)} left out" if left_out else ""
        places = "".join(f"\n  {distance:8.3f}  {other}" for other, distance in hits)
        say(f"{name}: {num_frames} frames{dropped}{places}")
    if out:
        embedded.write(out)
        say(f"{len(embedded.names)} embeddings written to {out}.")
    write_numbers(json, values=dataclasses.asdict(embedded) | {"nearest": nearest if known else None})
