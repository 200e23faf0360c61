"""`tf3dlocal silhouettes`: people who walk past a camera, from a video."""

from pathlib import Path
from typing import Annotated

import typer

from tf3dlocal.cli.app import Json, app, folder_to_write, keep_apart
from tf3dlocal.cli.console import say, say_next, write_numbers
from tf3dlocal.cli.mistakes import MISTAKE


@app.command()
def silhouettes(
    video: Annotated[
        str, typer.Argument(metavar="VIDEO", help="Video file, folder of frames, or index of a camera: 0 is the first.")
    ],
    out: Annotated[
        Path, typer.Argument(metavar="OUT", help="Folder to write, new or empty.", callback=folder_to_write)
    ],
    subject: Annotated[
        str | None, typer.Option(help="Who walks; default: each pass is another unknown person, pass-0001 and so on.")
    ] = None,
    condition: Annotated[str, typer.Option(help="Begin of the names of the passes: nm gives nm-01, nm-02.")] = "nm",
    view: Annotated[int, typer.Option(min=0, max=360, help="View of the camera in degrees; 90 is from the side.")] = 90,
    fps: Annotated[
        float | None,
        typer.Option(min=1, help="Frames per second. Default: what VIDEO says, and 25 if it says nothing."),
    ] = None,
    seconds: Annotated[float | None, typer.Option(help="Stop after this time; Ctrl-C stops as cleanly.")] = None,
    min_height: Annotated[int, typer.Option(min=16, help="Drop lower silhouettes, in pixels.")] = 64,
    min_frames: Annotated[int, typer.Option(min=2, help="Drop passes with fewer usable frames.")] = 20,
    longest_side: Annotated[int, typer.Option(min=64, help="Make larger frames smaller, in pixels.")] = 1280,
    segmenter: Annotated[
        str | None, typer.Option(metavar="MODULE:function", help="Segmentation network to use, as explained above.")
    ] = None,
    json: Json = None,
) -> None:
    """Cut the people who walk past a static camera out of a video, one folder of silhouettes for each pass.

    The background is the median of the frames around a frame; what differs from it, without shadows, is followed from
    frame to frame. A pass is one person from head to feet, alone, walking. It ends where people touch each other or
    the border of the picture, and after 900 frames: a longer walk becomes several passes. Everything that is dropped
    is counted with its reason.

    \b
    OUT gets
      walks/pass-0001/nm-01/090/000123.png
                          one folder for each pass; the frames have their numbers in the video
      contact_sheet.png   the last 60 passes as a network sees them: look at it first
      overlay.avi         the first 900 frames with people: green is used, orange is dropped and says why
      report.json         frame numbers and frame rate of every pass, and what was dropped
      layout.yaml         for `tf3dlocal prepare`

    It fails where the camera moves, in crowds, and for seconds after a sudden change of light. A segmentation network
    does not need a background: --segmenter people:segment calls the function `segment` of people.py in the working
    folder with uint8 [frames, height, width, 3] (red, green, blue), and it returns masks [frames, height, width].

    Exit code 1 also means that no pass was kept; OUT then has the report. Ctrl-C ends a camera with exit code 0, with
    or without a pass, and any other VIDEO with 130.

    \b
    Examples:
      tf3dlocal silhouettes corridor.mp4 corridor
      tf3dlocal silhouettes anna.mp4 anna --subject anna --condition cl
      tf3dlocal silhouettes frames/ walks --fps 25
      tf3dlocal silhouettes 0 door --seconds 3600
      tf3dlocal enroll people.npz anna corridor/walks/pass-0001/nm-01/090 --model saved --fps 25
    """
    keep_apart(json, option="--json", the_frames=None if video.isdecimal() else video, the_silhouettes=out)
    from tf3dlocal.data import extract_silhouettes

    report = extract_silhouettes(
        video,
        out=out,
        subject=subject,
        condition=condition,
        view_degrees=view,
        frames_per_second=fps,
        seconds=seconds,
        min_height=min_height,
        min_frames=min_frames,
        longest_side=longest_side,
        segmenter=segmenter,
    )
    write_numbers(json, values=report.as_dict())
    for line in report.summary():
        say(line)
    pictures = [str(path) for path in (out / "contact_sheet.png", out / "overlay.avi") if path.exists()]
    if pictures:
        say(f"Look at {' and '.join(pictures)}{' before you use the silhouettes' if report.passes else ''}.")
    if report.passes:
        rate = report.passes[0]["frames_per_second"]
        say_next(["prepare", out / "walks", "PREPARED", "--layout", out / "layout.yaml"])
        walk = out / report.passes[0]["folder"]
        say_next(["enroll", "people.npz", subject or "NAME", walk, "--model", "MODEL", "--fps", f"{rate:g}"])
        if not (report.rate_is_known or report.is_live):
            say(f"The video does not say its frame rate: {rate:g} is assumed. Repeat with --fps where you know it.")
    if report.stopped == "interrupt" and not report.is_live:
        raise typer.Exit(130)
    if not report.passes and report.stopped != "interrupt":
        raise typer.Exit(MISTAKE)
