"""`tf3dlocal identify`: who walks, or that nobody known does."""

import dataclasses
from collections.abc import Iterable
from typing import Annotated, Any

import typer

from tf3dlocal.cli.app import FrameRate, Frames, GalleryFile, GalleryModel, Invert, Json, Top, Trust, app, keep_apart
from tf3dlocal.cli.console import fps_words, say, say_next, start_tensorflow, with_notes, write_numbers
from tf3dlocal.io import printable, stop_on_signal


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
    printed whenever new windows are found, and becomes firmer with their number. A walk without a new frame for three
    seconds has ended. Ctrl-C, SIGTERM or --seconds ends the watching.

    \b
    Examples:
      tf3dlocal identify people.npz walks/unknown --fps 25
      tf3dlocal identify people.npz live --follow --fps 25 --seconds 60
    """
    if seconds is not None and not follow:
        raise typer.BadParameter("it is for --follow.", param_hint="'--seconds'")
    if follow and len(walks) != 1:
        raise typer.BadParameter(f"with --follow, give one folder; got {len(walks)}.", param_hint="WALK")
    keep_apart(json, option="--json", the_gallery=gallery, the_exported_model=model, the_frames_of_a_walk=walks)
    start_tensorflow()
    from tf3dlocal.serving.gallery import EmbeddedWalk, open_model, read_gallery
    from tf3dlocal.serving.gallery import follow as watch
    from tf3dlocal.serving.gallery import identify as find

    known = read_gallery(gallery)
    keep_apart(json, option="--json", the_model_of_the_gallery=known.model.folder or None)
    embedder = open_model(known, model=model, trust=trust)
    settings = {"embedder": embedder, "frames": frames, "invert": invert, "frame_rate": fps}
    if follow:
        values: list[dict[str, Any]] = []
        try:
            with stop_on_signal() as stop:
                live = watch(walks[0], gallery=known, seconds=seconds, count=top, stop=stop, **settings)
                _print_live(live, values=values)
        except BaseException:  # also a second Ctrl-C
            write_numbers(json if values else None, values=values)
            raise
    else:
        settings |= {"rule": known.rule, "wanted_rate": known.frame_rate}
        embedded = [EmbeddedWalk.of_folder(walk, **settings) for walk in walks]
        values = []
        for walk, answer in zip(embedded, find(known, walks=embedded, count=top), strict=True):
            say(f"{printable(answer.source)}: {answer}")
            for name, distance in answer.nearest:
                say(f"  {distance:8.3f}  {name}")
            values.append(with_notes(answer, walk=walk))
    write_numbers(json, values=values)
    if known.calibration is None:
        say("No threshold is set, so the nearest person is given, even for a walk of somebody unknown.")
        say_next(["calibrate", gallery, "--data", "DIR"])
    else:
        say_next(["verify", gallery, "NAME", "WALK", *fps_words(fps)])


def _print_live(answers: Iterable[Any], *, values: list[dict[str, Any]]) -> None:
    """Print answers as they come, and append the final ones and the refusals to the values of --json."""
    for live in answers:
        if hasattr(live, "refused"):
            say(f"{printable(live.source)}: refused: {live.refused}")
            values.append(dataclasses.asdict(live))
            continue
        windows = f"{live.num_windows} window{'s' * (live.num_windows != 1)}"
        state = "ended" if live.is_final else "so far"
        say(f"{printable(live.answer.source)}: {live.answer.num_frames} frames, {windows} {state}: {live.answer}")
        if live.is_final:
            values.append(with_notes(live.answer, walk=live))
