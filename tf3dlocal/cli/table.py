"""`tf3dlocal table`: the tables of the paper's supplement, from a run of one's own."""

from pathlib import Path
from typing import Annotated

import typer

from tf3dlocal.cli.app import Json, app, keep_apart, spare_own_files, spare_run, two_files
from tf3dlocal.cli.console import console, say, start_tensorflow, write_numbers

SUFFIXES = (".csv", ".md", ".json")


def _table_file(path: Path | None) -> Path | None:
    if spare_own_files(path) is not None and path.suffix.lower() not in SUFFIXES:
        raise typer.BadParameter(f"{str(path)!r}: use one of the suffixes {', '.join(SUFFIXES)}.")
    return path


@app.command()
def table(
    number: Annotated[int, typer.Argument(metavar="1|2|3", min=1, max=3, help="Number in the supplement.")],
    run: Annotated[
        Path, typer.Option(metavar="RUN", help="Run folder; of 1 and 3 also a .keras file, of 2 a comparison's folder.")
    ],
    block: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Of 1 and 3: such as block_3. Default: the last one."),
    ] = None,
    frames: Annotated[int | None, typer.Option(min=1, help="Of 1. Default: those of a training clip.")] = None,
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Also write it: .csv, .md or .json.", callback=_table_file)
    ] = None,
    json: Json = None,
) -> None:
    """Print a table of the supplement from your own run.

    1: the localization network layer by layer, with the shapes that come out of the built layers.

    2: rank-1 by probe view next to the published rows, from the evaluation.json that `tf3dlocal evaluate` writes into
    a run folder, or from the folder of `tf3dlocal compare`.

    3: the priors that the parts start from, and where they differ from the supplement.

    \b
    Examples:
      tf3dlocal table 1 --run runs/st
      tf3dlocal table 2 --run runs/st --out table_2.md
      tf3dlocal table 3 --run runs/st --block block_1
    """
    if number == 2 and block is not None:
        raise typer.BadParameter("table 2 has no blocks", param_hint="--block")
    if number != 1 and frames is not None:
        raise typer.BadParameter("only table 1 has frames", param_hint="--frames")
    for option, path in {"--out": out, "--json": json}.items():
        spare_run(path, option=option, run=run)
        keep_apart(path, option=option, the_model=run if run.is_file() else None)
    two_files(out, json=json)
    start_tensorflow()
    from tf3dlocal import supplement

    arguments = {} if number == 2 else {"block": block}
    if number == 1:
        arguments["frames"] = frames
    make = {1: supplement.table_1, 2: supplement.table_2, 3: supplement.table_3}[number]
    found = make(run, **arguments)
    try:  # a terminal may be unable to print, and a disk to be written: each result has both chances
        if out is not None:
            found.write(out)
            say(f"Written to {out}.")
        write_numbers(json, values=found.as_json())
    finally:
        found.print(console)
