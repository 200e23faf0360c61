"""`tf3dlocal enroll`: walks of a known person, added to a gallery."""

import os
from pathlib import Path
from typing import Annotated

import typer

from tf3dlocal.cli.app import FrameRate, Frames, GalleryFile, Invert, Json, Trust, app, keep_apart
from tf3dlocal.cli.console import fps_words, frame_notes, say, say_next, start_tensorflow, write_numbers


@app.command()
def enroll(
    gallery: GalleryFile,
    name: Annotated[str, typer.Argument(metavar="NAME", help="The person.")],
    walks: Annotated[list[str], typer.Argument(metavar="WALK...", help="Folders with the frames of one walk each.")],
    model: Annotated[
        Path | None,
        typer.Option(metavar="MODEL", help="Exported model: OUT or OUT/VERSION of `export`. A new gallery needs it."),
    ] = None,
    fps: FrameRate = None,
    frames: Frames = "auto",
    invert: Invert = False,
    trust: Trust = False,
    json: Json = None,
) -> None:
    """Add walks of a known person to a gallery; a new gallery is made.

    A walk is a folder with the pictures of one person who passes one camera once, as for `embed`. Several walks make a
    person easier to find: other clothes, a bag, other views. Walks are cut into windows of one length, and the mean of
    the windows' embeddings is kept. The pictures are not. All walks are added or, after an error, none.

    \b
    Examples:
      tf3dlocal enroll people.npz anna walks/anna-1 walks/anna-2 --model saved --fps 25
      tf3dlocal enroll people.npz ben walks/ben-1 --fps 25
    """
    for option, file in {"GALLERY": gallery, "--json": json}.items():
        keep_apart(file, option=option, the_exported_model=model, the_frames_of_a_walk=walks)
    keep_apart(json, option="--json", the_gallery=gallery)
    holds_walks = any(Path(os.path.realpath(walk)).is_relative_to(os.path.realpath(name)) for walk in walks)
    if os.path.isdir(name) and os.path.basename(name) == name and not holds_walks:
        raise typer.BadParameter(
            f"{name!r} is a folder. Give the person's name before the walks, such as anna. If it is the name, rename "
            "the folder, or call from another one.",
            param_hint="NAME",
        )
    start_tensorflow()
    from tf3dlocal.serving.gallery import enroll as add_walks
    from tf3dlocal.serving.gallery import named_model

    keep_apart(json, option="--json", the_model_of_the_gallery=named_model(gallery))
    settings = {"model": model, "frame_rate": fps, "frames": frames, "invert": invert, "trust": trust}
    known, embedded = add_walks(gallery, name=name, walks=walks, **settings)
    for walk in embedded:
        notes = frame_notes(walk.changes, left_out=walk.left_out)
        say(f"{name}: {walk.source}, {walk.num_frames} frames" + "".join(f"\n  {note}" for note in notes))
    say(f"{gallery}: {known}.")
    write_numbers(json, values={"people": known.people, "frame_rate": known.frame_rate})
    if len(known.people) > 1 and known.calibration is None:
        say_next(["calibrate", gallery, "--data", "DIR"])
    else:
        say_next(["identify", gallery, "WALK", *fps_words(fps)])
