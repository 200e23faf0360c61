"""`tf3dlocal convert`: weights from PyTorch, and back."""

import dataclasses
from pathlib import Path
from typing import Annotated, Literal

import typer

from tf3dlocal.cli.app import Json, app, keep_apart, writable
from tf3dlocal.cli.console import console, say_next, start_tensorflow, write_numbers


@app.command()
def convert(
    weights: Annotated[
        Path,
        typer.Argument(metavar="IN", help=".pt, .pth or .pth.tar file; with --to torch a .keras file or run folder."),
    ],
    out: Annotated[
        Path,
        typer.Argument(
            metavar="OUT", help="The .keras file to write; with --to torch the .pt file.", callback=writable
        ),
    ],
    source: Annotated[Literal["release", "opengait"], typer.Option(help="The 3DLocal authors' code, or OpenGait.")],
    model: Annotated[str, typer.Option(metavar="NAME", help="three_d_local, gaitset, gaitpart or gln.")],
    settings: Annotated[
        list[str], typer.Option("--set", metavar="ARGUMENT=VALUE", help="Argument of the model's builder; repeatable.")
    ] = (),
    to: Annotated[Literal["keras", "torch"], typer.Option(help="torch: convert back to PyTorch.")] = "keras",
    vectors: Annotated[
        Path | None,
        typer.Option(metavar="FILE.npz", help="Silhouettes and the original's embedding of them, to compare with."),
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace OUT if it exists.")] = False,
    json: Json = None,
) -> None:
    """Convert PyTorch weights of the 3DLocal release or OpenGait to Keras, and report every tensor.

    If a tensor does not fit, the conversion fails and names all tensors that do not fit. Nothing in the PyTorch file is
    executed. Needs torch: pip install 'tf3dlocal[convert]'. With --to torch, the model must be built with the preset of
    the source: a GaitSet that is to go to OpenGait is trained with model.arguments.preset: opengait.

    \b
    Examples:
      tf3dlocal convert GaitSet-40000.pt gaitset.keras --source opengait --model gaitset
      tf3dlocal convert 3dlocal.pth.tar local.keras --source release --model three_d_local --set sampler=trilinear
      tf3dlocal convert GLN-40000.pt gln.keras --source opengait --model gln --set "input_shape=[null,128,88,1]"
      tf3dlocal convert gaitset.keras gaitset.pt --source opengait --model gaitset --to torch
    """
    if weights.is_file():
        keep_apart(out, option="OUT", the_weights=weights)
    start_tensorflow()
    from tf3dlocal import load_model, pytorch_weights

    arguments = pytorch_weights.parse_settings(settings)
    shared = {"out": out, "source": source, "model": model, "vectors": vectors, "overwrite": overwrite}
    if to == "torch":
        if arguments:
            raise typer.BadParameter("--set is for building a model; a .keras file contains its arguments.")
        report = pytorch_weights.write_torch(load_model(weights, keras_only=True), name=str(weights), **shared)
    else:
        report = pytorch_weights.convert(weights, arguments=arguments, **shared)
    write_numbers(json, values=dataclasses.asdict(report))
    report.print(console)
    if to == "keras":
        say_next(["evaluate", out, "--data", "DIR", "--protocol", "NAME"])
