"""`tf3dlocal compare`: several configs on equal terms, one report."""

import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer

from tf3dlocal.cli.app import app
from tf3dlocal.cli.options import Distance, Json
from tf3dlocal.console import console, start_tensorflow, write_json


@app.command()
def compare(
    configs: Annotated[
        list[str], typer.Argument(metavar="[NAME=]CONFIG...", help="Configs, or run folders taken as they are.")
    ],
    data: Annotated[Path, typer.Option(metavar="DIR", help="Prepared data set, instead of the configs'.")],
    protocol: Annotated[
        str, typer.Option(metavar="NAME|FILE.yaml", help="By which all train and are tested; see tf3dlocal evaluate.")
    ],
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder for runs, results and report; made if absent.")],
    seeds: Annotated[str, typer.Option(metavar="0,1,..", help="Seeds of every config.")] = "0",
    seeds_for: Annotated[
        list[str], typer.Option(metavar="CONFIG=0,1,..", help="Other seeds for one config; repeatable.")
    ] = (),
    settings: Annotated[
        list[str], typer.Option("--set", metavar="KEY=VALUE", help="Change a key of every config; repeatable.")
    ] = (),
    distance: Distance = "part_mean",
    gei: Annotated[bool, typer.Option(help="A row of the nearest gait energy image, which needs no training.")] = True,
    published: Annotated[
        bool | None, typer.Option(help="The papers' rows beside ours; if not given, where there are some.")
    ] = None,
    allow_different: Annotated[
        list[str], typer.Option(metavar="KEY", help="A key of the budget that may differ between runs; repeatable.")
    ] = (),
    json: Json = None,
):
    """Train several configs on equal terms and write one report, shaped as the papers' tables.

    All runs have the same data, protocol, seeds and budget (steps, batch, clips); what differs is refused. OUT/report.md
    has rank-1 by probe view with the spread over the seeds, and what each method costs; OUT/report.png is its picture.
    The same call again goes on where it was; finished runs and their results are not computed again.

    \b
    Examples:
      tf3dlocal compare configs/a.yaml configs/b.yaml --data casia --protocol casia-b-st --out comparisons/st
      tf3dlocal compare 3DLocal=configs/a.yaml runs/b --data casia --protocol casia-b-st --out both --seeds 0,1
    """
    start_tensorflow()
    from tf3dlocal.comparison import compare as compare_configs
    from tf3dlocal.comparison import print_comparison

    of_some = list(map(_seeds_for, seeds_for))
    if len(dict(of_some)) < len(of_some):
        raise typer.BadParameter("a config has its seeds in one option, such as a=0,1", param_hint="--seeds-for")
    found = compare_configs(
        configs,
        data,
        protocol,
        out,
        _numbers(seeds, "--seeds"),
        dict(of_some),
        settings,
        distance,
        gei,
        published,
        allow_different,
        command=shlex.join(["tf3dlocal", *sys.argv[1:]]),
    )
    print_comparison(found, console)
    console.print(f"report in {out / 'report.md'}, picture in {out / 'report.png'}", markup=False)
    write_json(json, found)


def _seeds_for(text):
    config, _, seeds = text.rpartition("=")
    return config, _numbers(seeds, f"--seeds-for {text}")


def _numbers(text, option):
    try:
        return [int(part) for part in text.split(",")]
    except ValueError:
        raise typer.BadParameter(f"'{text}' is not a list of seeds such as 0,1", param_hint=option) from None
