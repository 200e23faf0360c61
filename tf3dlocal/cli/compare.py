"""`tf3dlocal compare`: several configs on equal terms, one report."""

import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer

from tf3dlocal.cli.app import Distance, Json, app, folder_to_write, keep_apart, parse_integers
from tf3dlocal.cli.console import console, say, start_tensorflow, write_numbers


@app.command()
def compare(
    configs: Annotated[
        list[str], typer.Argument(metavar="[NAME=]CONFIG...", help="Configs to train, or folders of finished runs.")
    ],
    data: Annotated[Path, typer.Option(metavar="DIR", help="Prepared data set, instead of those of the configs.")],
    protocol: Annotated[
        str, typer.Option(metavar="NAME|FILE.yaml", help="Protocol of all trainings and tests; see tf3dlocal evaluate.")
    ],
    out: Annotated[
        Path,
        typer.Option(
            metavar="DIR", help="Folder for runs, results and report; made if absent.", callback=folder_to_write
        ),
    ],
    seeds: Annotated[str, typer.Option(metavar="0,1,..", help="Seeds of every config.")] = "0",
    seeds_for: Annotated[
        list[str], typer.Option(metavar="CONFIG=0,1,..", help="Other seeds for one config; repeatable.")
    ] = (),
    settings: Annotated[
        list[str], typer.Option("--set", metavar="KEY=VALUE", help="Change a key of every config; repeatable.")
    ] = (),
    distance: Distance = "part_mean",
    gei: Annotated[bool, typer.Option(help="Add a row of the gait energy image, which needs no training.")] = True,
    published: Annotated[
        bool | None, typer.Option(help="Add the rows of the papers; default: if there are any.")
    ] = None,
    allow_different: Annotated[
        list[str], typer.Option(metavar="KEY", help="A key of the budget that may differ between runs; repeatable.")
    ] = (),
    json: Json = None,
) -> None:
    """Train several configs on equal terms and write one report with the tables of the papers.

    All runs have the same data, protocol, seeds and budget (steps, batch, clips); a difference is refused. The report,
    OUT/report.md and .png, gives rank-1 by probe view with the spread over the seeds, and the cost of each method. An
    interrupted call is resumed by repeating it; finished runs and their results are not computed again.

    \b
    Examples:
      tf3dlocal compare configs/a.yaml configs/b.yaml --data casia --protocol casia-b-st --out comparisons/st
      tf3dlocal compare 3DLocal=configs/a.yaml runs/b --data casia --protocol casia-b-st --out both --seeds 0,1
    """
    every_seed = parse_integers(seeds, option="--seeds", example="0,1")
    pairs = list(map(_seeds_for, seeds_for))
    if len(dict(pairs)) < len(pairs):
        raise typer.BadParameter("a config takes all its seeds in one option, such as a=0,1", param_hint="--seeds-for")
    keep_apart(json, option="--json", the_data_set=data, the_protocol=protocol)
    start_tensorflow()
    from tf3dlocal.comparison import compare as compare_configs
    from tf3dlocal.comparison import print_comparison

    found = compare_configs(
        configs,
        data=data,
        protocol=protocol,
        out=out,
        seeds=every_seed,
        seeds_for=dict(pairs),
        overrides=settings,
        distance=distance,
        gei=gei,
        published=published,
        allow_different=allow_different,
        command=shlex.join(["tf3dlocal", *sys.argv[1:]]),
    )
    write_numbers(json, values=found)
    print_comparison(found, console=console)
    say(f"Report: {out / 'report.md'}. Picture: {out / 'report.png'}.")


def _seeds_for(text: str) -> tuple[str, list[int]]:
    config, _, seeds = text.rpartition("=")
    return config, parse_integers(seeds, option=f"--seeds-for {text}", example="0,1")
