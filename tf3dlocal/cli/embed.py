"""`tf3dlocal embed`: embeddings of walks, for other programs."""

import dataclasses
import os
from pathlib import Path
from typing import Annotated, Literal

import typer

from tf3dlocal.cli.app import Json, Trust, app, keep_apart, two_files, writable
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
        typer.Option(metavar="FILE.npz", help="Write names and embeddings to FILE.npz.", callback=writable),
    ] = None,
    frames: Annotated[
        Literal["auto", "raw", "aligned"], typer.Option(help="auto: the size of the pictures decides.")
    ] = "auto",
    invert: Annotated[bool, typer.Option("--invert", help="The bodies are black on white.")] = False,
    trust: Trust = False,
    json: Json = None,
) -> None:
    """Compute the embeddings of whole walks, for other programs. `enroll` and `identify` say who walks.

    --out or --json keeps the embeddings. Without either, the walks are only read and checked.

    A walk is a folder with the pictures of one person who passes one camera once, body white on black, in the order of
    their names. Raw frames are aligned first; photographs are refused. A training is exported first: tf3dlocal export.

    A SavedModel is a program that can read and write your files. MODEL is loaded only if its model card is one of
    tf3dlocal and the checksums in it match. They show damage and changes, and not who made the model.

    \b
    Examples:
      tf3dlocal embed saved alice=walks/alice-1 bob=walks/bob-1 --out walks.npz
      tf3dlocal embed saved walks/unknown --json walk.json
    """
    two_files(out, json=json)
    named = [_name_and_folder(walk) for walk in walks]
    for option, file in {"--out": out, "--json": json}.items():
        keep_apart(file, option=option, the_exported_model=model, the_frames_of_a_walk=[path for _, path in named])
    start_tensorflow()
    from tf3dlocal.serving import ExportedModel, WalkEmbeddings

    _check_replaceable(out)
    _check_names([name for name, _ in named])
    embedder = ExportedModel(model, trust=trust)
    embedded = WalkEmbeddings.of_folders(named, embedder=embedder, frames=frames, invert=invert)
    if out:
        embedded.write(out)
    write_numbers(json, values=dataclasses.asdict(embedded))
    for row, name in enumerate(embedded.names):
        notes = "".join(f"\n  {note}" for note in frame_notes(embedded.changes[row], left_out=embedded.left_out[row]))
        say(f"{printable(name)}: {embedded.num_frames[row]} frames{notes}")
    if out:
        say(f"{len(embedded.names)} embedding{'s' * (len(embedded.names) != 1)} written to {out}.")
        say_next(["enroll", "people.npz", "NAME", "WALK", "--model", model])
    else:
        say_next(["embed", model, "NAME=FOLDER", "--out", "walks.npz"])


def _check_replaceable(out: Path | None) -> None:
    """Refuse to overwrite any file but an intact one of `embed`: it may be a gallery that cannot be read."""
    from tf3dlocal.serving import WalkEmbeddings
    from tf3dlocal.serving.gallery import is_gallery

    if out is None or not out.exists():
        return
    try:
        WalkEmbeddings.read(out)
    except (ValueError, OSError):
        what = "is a gallery of known people" if is_gallery(out) else "exists and is no intact file of `embed`"
        raise typer.BadParameter(
            f"{str(out)!r} {what}, and would be overwritten. Give another name.", param_hint="'--out'"
        ) from None


def _check_names(names: list[str]) -> None:
    """Refuse one name for two walks: a program that reads the file could not tell them apart."""
    for name in names:
        if names.count(name) > 1:
            raise typer.BadParameter(f"{name!r} is the name of two walks. Give each its own.", param_hint="WALK")


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
