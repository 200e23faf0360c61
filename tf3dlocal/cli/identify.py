"""`tf3dlocal identify`: who walks, or that nobody known does."""

import dataclasses
from typing import Annotated

import typer

from tf3dlocal.cli.app import FrameRate, Frames, GalleryFile, GalleryModel, Invert, Json, Top, Trust, app
from tf3dlocal.cli.console import frame_notes, say, say_next, start_tensorflow, write_numbers
from tf3dlocal.io import printable


@app.command()
def identify(
    gallery: GalleryFile,
    walks: Annotated[list[str], typer.Argument(metavar="WALK...", help="Folders with the frames of one walk each.")],
    top: Top = 3,
    follow: Annotated[
        bool, typer.Option("--follow", help="WALK is a folder in which frames appear, or folders of frames.")
    ] = False,
    seconds: Annotated[float | None, typer.Option(min=0, help="With --follow: when to stop. Default: never.")] = None,
    fps: FrameRate = None,
    frames: Frames = "auto",
    invert: Invert = False,
    model: GalleryModel = None,
    trust: Trust = False,
    json: Json = None,
) -> None:
    """Say who walks: the nearest people of a gallery, and "unknown" above the threshold of `calibrate`.

    With --follow, WALK is a folder in which another program writes frames, or a folder for each walk. An answer is
    printed after each window, and becomes firmer with the number of windows. Ctrl-C or --seconds ends it.

    \b
    Examples:
      tf3dlocal identify people.npz walks/unknown --fps 25
      tf3dlocal identify people.npz live --follow --fps 25 --seconds 60
    """
    if seconds is not None and not follow:
        raise typer.BadParameter("it is for --follow.", param_hint="'--seconds'")
    if follow and len(walks) != 1:
        raise typer.BadParameter(f"with --follow, give one folder; got {len(walks)}.", param_hint="WALK")
    start_tensorflow()
    from tf3dlocal.serving.gallery import EmbeddedWalk, open_model, read_gallery
    from tf3dlocal.serving.gallery import follow as watch
    from tf3dlocal.serving.gallery import identify as find

    known = read_gallery(gallery)
    embedder = open_model(known, model=model, trust=trust)
    settings = {"embedder": embedder, "frames": frames, "invert": invert, "frame_rate": fps}
    if follow:
        answers = _watched(watch(walks[0], gallery=known, seconds=seconds, count=top, **settings))
    else:
        settings |= {"rule": known.rule, "wanted_rate": known.frame_rate}
        embedded = [EmbeddedWalk.of_folder(walk, **settings) for walk in walks]
        answers = find(known, walks=embedded, count=top)
        for walk, answer in zip(embedded, answers, strict=True):
            say(f"{printable(answer.source)}: {answer}")
            for name, distance in answer.nearest:
                say(f"  {distance:8.3f}  {name}")
            for note in (*frame_notes(walk.changes, left_out=walk.left_out), *answer.notes):
                say(f"  {note}.")
    write_numbers(json, values=[dataclasses.asdict(answer) for answer in answers])
    if known.calibration is None:
        say("No threshold is set, so the nearest person is given, even for a walk of somebody unknown.")
        say_next(["calibrate", gallery, "--data", "DIR"])
    else:
        say_next(["verify", gallery, "NAME", "WALK"])


def _watched(answers) -> list:
    """Print answers as they come; return the final ones. Ctrl-C ends the watching, and not the command."""
    final = []
    try:
        for live in answers:
            windows = f"{live.num_windows} window{'s' * (live.num_windows != 1)}"
            state = "ended" if live.is_final else "so far"
            say(f"{printable(live.answer.source)}: {live.answer.num_frames} frames, {windows} {state}: {live.answer}")
            if live.is_final:
                final.append(live.answer)
    except KeyboardInterrupt:
        say("Stopped.")
    return final
