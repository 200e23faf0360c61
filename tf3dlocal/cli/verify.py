"""`tf3dlocal verify`: whether a walk is one of a certain person."""

from typing import Annotated

import typer

from tf3dlocal.cli.app import FrameRate, Frames, GalleryFile, GalleryModel, Invert, Json, Trust, app, keep_apart
from tf3dlocal.cli.console import fps_words, say, say_next, start_tensorflow, with_notes, write_numbers
from tf3dlocal.io import printable


@app.command()
def verify(
    gallery: GalleryFile,
    name: Annotated[str, typer.Argument(metavar="NAME", help="The person that the walker claims to be.")],
    walk: Annotated[str, typer.Argument(metavar="WALK", help="Folder with the frames of one walk.")],
    fps: FrameRate = None,
    frames: Frames = "auto",
    invert: Invert = False,
    model: GalleryModel = None,
    trust: Trust = False,
    json: Json = None,
) -> None:
    """Say whether a walk is one of a certain person of the gallery.

    The answer is yes up to the threshold that `calibrate` set for verification. Yes and no both end with exit code 0;
    --json has the answer for programs.

    \b
    Example:
      tf3dlocal verify people.npz anna walks/door --fps 25
    """
    keep_apart(json, option="--json", the_gallery=gallery, the_exported_model=model, the_frames_of_a_walk=walk)
    start_tensorflow()
    from tf3dlocal.serving.gallery import EmbeddedWalk, open_model, read_gallery
    from tf3dlocal.serving.gallery import verify as compare

    known = read_gallery(gallery)
    keep_apart(json, option="--json", the_model_of_the_gallery=known.model.folder or None)
    known.known_name(name, where=str(gallery))  # before the model is loaded
    settings = {"rule": known.rule, "frames": frames, "invert": invert, "frame_rate": fps}
    embedder = open_model(known, model=model, trust=trust)
    embedded = EmbeddedWalk.of_folder(walk, embedder=embedder, wanted_rate=known.frame_rate, **settings)
    verdict = compare(known, name=name, walk=embedded)
    answer = {True: "yes", False: "no", None: "no threshold is set"}[verdict.accepted]
    limit = "" if verdict.threshold is None else f", threshold {verdict.threshold:.3f}"
    say(f"{printable(walk)}: {verdict.name}? {answer}: distance {verdict.distance:.3f}{limit}")
    write_numbers(json, values=with_notes(verdict, walk=embedded))
    if verdict.threshold is None:
        say_next(["calibrate", gallery, "--data", "DIR"])
    else:
        say_next(["identify", gallery, "WALK", *fps_words(fps)])
