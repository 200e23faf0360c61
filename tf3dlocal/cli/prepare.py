"""`tf3dlocal prepare`: aligned silhouettes of a data set."""

from pathlib import Path
from typing import Annotated

import typer

from tf3dlocal.cli.app import Json, Workers, app, folder_to_write, keep_apart
from tf3dlocal.cli.console import say, say_next, start_tensorflow, write_numbers


@app.command()
def prepare(
    raw: Annotated[
        Path, typer.Argument(metavar="RAW", help="Folder, zip or folder of SSS.tar.gz with frames or pickles.")
    ],
    out: Annotated[
        Path,
        typer.Argument(
            metavar="OUT", help="Folder for the prepared data set; made if absent.", callback=folder_to_write
        ),
    ],
    size: Annotated[int, typer.Option(min=8, help="Height and width of an aligned silhouette, in pixels.")] = 64,
    layout: Annotated[
        str, typer.Option(metavar="auto|casia-b|ou-mvlp|opengait|FILE.yaml", help="How the paths are named.")
    ] = "auto",
    name: Annotated[str | None, typer.Option(help="Name of the data set in reports; default: the name of RAW.")] = None,
    min_frames: Annotated[int, typer.Option(min=1, help="Leave out walks with fewer usable frames.")] = 1,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace an OUT made from other files.")] = False,
    invert: Annotated[bool, typer.Option("--invert", help="The bodies are black on white.")] = False,
    workers: Workers = None,
    json: Json = None,
) -> None:
    """Align the silhouettes of a data set and store them for training and testing.

    Every frame is cut to the body, scaled to full height and centred by mass, as in GaitSet and OpenGait. Frames and
    walks that cannot be used are left out and listed in OUT/report.md, each with the reason. An interrupted call is
    resumed by repeating it; a call on a finished OUT does nothing.

    \b
    RAW is one of
      SSS/cc-nn/VVV/*.png      CASIA-B's folders (subject, condition, view in degrees)
      SSS.tar.gz ...           CASIA-B as it is distributed
      Silhouette_VVV-NN/SSSSS/*.png
                               OU-MVLP's folders
      id/type/view/*.pkl       OpenGait's pickles: their frames are aligned already and stored as they are,
                               and nothing in a pickle is executed
      a zip of any of these
      any other tree, with --layout FILE.yaml that contains a line such as
                               pattern: "{subject}/{condition}/{view}/{frame}.png"
                               and for what the paths do not name
                               condition: normal              one condition for all walks
                               view: 90                       one view, in degrees, for all walks
                               views: {front: 0, side: 90}    degrees of views that are named in words

    \b
    Examples:
      tf3dlocal prepare raw prepared
      tf3dlocal prepare GaitDatasetB-silh casia --size 128
      tf3dlocal prepare CASIA-B-pkl casia
    """
    keep_apart(json, option="--json", the_raw_data=raw, the_prepared_data=out)
    start_tensorflow()
    from tf3dlocal.data import prepare as prepare_walks

    report = prepare_walks(
        raw,
        out=out,
        size=size,
        name=name,
        layout=layout,
        min_frames=min_frames,
        invert=invert,
        workers=workers,
        overwrite=overwrite,
    )
    write_numbers(json, values=report.as_dict())
    for count, what in report.losses():
        say(f"  {count:7d} {what}")
    say_next(["train", "CONFIG.yaml", "--data", out])
