"""`tf3dlocal embed`: embeddings of walks, and the nearest walks of a gallery."""

import dataclasses
import os
from pathlib import Path
from typing import Annotated, Literal

import typer

from tf3dlocal.cli.app import Json, Trust, app, keep_apart, writable
from tf3dlocal.cli.console import frame_notes, say, say_next, start_tensorflow, write_numbers
from tf3dlocal.io import printable


@app.command()
def embed(
    model: Annotated[Path, typer.Argument(metavar="MODEL", help="Exported model: OUT or OUT/VERSION of `export`.")],
    walks: Annotated[
        list[str], typer.Argument(metavar="WALK...", help="Folder with the frames of one walk, or NAME=FOLDER.")
    ],
    out: Annotated[
        Path | None,
        typer.Option(metavar="FILE.npz", help="Write names and embeddings to FILE.npz, a gallery.", callback=writable),
    ] = None,
    gallery: Annotated[
        Path | None, typer.Option(metavar="FILE.npz", help="Find the nearest embeddings of this gallery.")
    ] = None,
    top: Annotated[int, typer.Option(min=1, help="How many of the nearest to print.")] = 3,
    frames: Annotated[
        Literal["auto", "raw", "aligned"], typer.Option(help="auto: the size of the pictures decides.")
    ] = "auto",
    invert: Annotated[bool, typer.Option("--invert", help="The bodies are black on white.")] = False,
    trust: Trust = False,
    json: Json = None,
) -> None:
    """Compute the embeddings of walks, and find the nearest walks of a gallery.

    A walk is a folder with the pictures of one person who passes one camera once, body white on black, in the order of
    their names. Raw frames are aligned first; photographs are refused. A training is exported first: tf3dlocal export.

    A SavedModel is a program that can read and write your files. MODEL is loaded only if its model card is one of
    tf3dlocal and the checksums in it match. They show damage and changes, and not who made the model.

    \b
    Examples:
      tf3dlocal embed saved alice=walks/alice-1 bob=walks/bob-1 --out gallery.npz
      tf3dlocal embed saved walks/unknown --gallery gallery.npz
    """
    _check_files(gallery=gallery, out=out, json=json)
    for option, file in {"--out": out, "--json": json}.items():
        keep_apart(file, option=option, the_exported_model=model)
    start_tensorflow()
    from tf3dlocal.serving import ExportedModel, WalkEmbeddings

    named = [_name_and_folder(walk) for walk in walks]
    known = WalkEmbeddings.read(gallery) if gallery else None
    embedder = ExportedModel(model, trust=trust)
    embedded = WalkEmbeddings.of_folders(named, embedder=embedder, frames=frames, invert=invert)
    nearest = embedded.nearest(known, count=top) if known else [[]] * len(named)
    if out:
        embedded.write(out)
    write_numbers(json, values=dataclasses.asdict(embedded) | {"nearest": nearest if known else None})
    for row, hits in enumerate(nearest):
        places = "".join(f"\n  {distance:8.3f}  {printable(other)}" for other, distance in hits)
        notes = "".join(f"\n  {note}" for note in frame_notes(embedded.changes[row], left_out=embedded.left_out[row]))
        say(f"{printable(embedded.names[row])}: {embedded.num_frames[row]} frames{notes}{places}")
    if out:
        say(f"{len(embedded.names)} embeddings written to {out}.")
        say_next(["embed", model, "FOLDER", "--gallery", out])
    elif not gallery:
        say_next(["embed", model, "NAME=FOLDER", "--out", "gallery.npz"])


def _check_files(**options: Path | None) -> None:
    """Refuse one file for two options: --out would replace the gallery by the walks that were looked up in it."""
    options_of = {}
    for option, file in options.items():
        if file is not None and (other := options_of.setdefault(os.path.realpath(file), option)) != option:
            raise typer.BadParameter(
                f"{str(file)!r} is the file of --{other} too, and would be overwritten. Give another name.",
                param_hint=f"'--{option}'",
            )


def _name_and_folder(walk: str) -> tuple[str, str]:
    """Split NAME=FOLDER; a folder that exists is not split, and one whose name has a "=" is found.

    Example:
        >>> _name_and_folder("alice=walks/alice-1"), _name_and_folder("walks/a=b")
        (('alice', 'walks/alice-1'), ('walks/a=b', 'walks/a=b'))
    """
    name, equals, folder = walk.partition("=")
    if os.path.exists(walk) or not equals or ("/" in name and not os.path.exists(folder)):
        return walk, walk
    if not name or not folder:
        raise typer.BadParameter(f"{walk!r} is neither a folder nor NAME=FOLDER.", param_hint="WALK")
    return name, folder
