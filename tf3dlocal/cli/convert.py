"""`tf3dlocal convert`: weights from PyTorch, and back."""

import dataclasses
from pathlib import Path
from typing import Annotated, Literal

import typer

from tf3dlocal.cli.app import app
from tf3dlocal.cli.options import Json
from tf3dlocal.console import console, start_tensorflow, write_json


@app.command()
def convert(
    checkpoint: Annotated[
        Path,
        typer.Argument(metavar="CHECKPOINT", help=".pt or .pth.tar file; with --to torch a .keras file or run folder."),
    ],
    out: Annotated[Path, typer.Argument(metavar="OUT", help="The .keras file to write; with --to torch the .pt file.")],
    source: Annotated[Literal["release", "opengait"], typer.Option(help="The 3DLocal authors' code, or OpenGait.")],
    model: Annotated[str, typer.Option(metavar="NAME", help="three_d_local, gaitset, gaitpart or gln.")],
    settings: Annotated[
        list[str], typer.Option("--set", metavar="ARGUMENT=VALUE", help="Argument of the model's builder; repeatable.")
    ] = (),
    to: Annotated[Literal["keras", "torch"], typer.Option(help="torch: the way back.")] = "keras",
    vectors: Annotated[
        Path | None, typer.Option(metavar="FILE.npz", help="Silhouettes, and the embedding the original gave; compare.")
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace OUT if it is there.")] = False,
    json: Json = None,
):
    """Bring PyTorch weights of the 3DLocal release or OpenGait over, and say what became of each tensor.

    Every tensor has a place or the conversion fails, with all that do not fit named. Nothing in the checkpoint is
    executed. Needs torch: pip install 'tf3dlocal[convert]'.

    \b
    Examples:
      tf3dlocal convert GaitSet-40000.pt gaitset.keras --source opengait --model gaitset
      tf3dlocal convert 3dlocal.pth.tar local.keras --source release --model three_d_local --set sampler=trilinear
      tf3dlocal convert GLN-40000.pt gln.keras --source opengait --model gln --set "input_shape=[null,128,88,1]"
      tf3dlocal convert gaitset.keras gaitset.pt --source opengait --model gaitset --to torch
    """
    start_tensorflow()
    from tf3dlocal import checkpoints
    from tf3dlocal.open_model import open_trained_model

    arguments = checkpoints.parse_settings(settings)
    if to == "torch":
        if arguments:
            raise typer.BadParameter("--set is for building a model; the .keras file knows its arguments")
        report = checkpoints.write_torch(
            open_trained_model(checkpoint), out, source, model, vectors, overwrite, name=str(checkpoint)
        )
    else:
        report = checkpoints.convert(checkpoint, out, source, model, arguments, vectors, overwrite)
    report.print(console)
    write_json(json, dataclasses.asdict(report))
