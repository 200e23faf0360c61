"""`tf3dlocal evaluate`: rank-1 by a protocol."""

from pathlib import Path
from typing import Annotated

import typer

from tf3dlocal.cli.app import app
from tf3dlocal.cli.options import Distance, Json
from tf3dlocal.console import console, start_tensorflow, write_json


@app.command()
def evaluate(
    model: Annotated[
        Path,
        typer.Argument(metavar="RUN_OR_MODEL", help="Run folder, .keras file, exported model, or gei: the baseline."),
    ],
    data: Annotated[Path, typer.Option(metavar="DIR", help="Prepared data set.")],
    protocol: Annotated[
        str,
        typer.Option(metavar="NAME|FILE.yaml", help="casia-b-st, casia-b-mt, casia-b-lt, ou-mvlp, or your own file."),
    ],
    distance: Distance = "part_mean",
    min_frames: Annotated[
        int, typer.Option(min=1, help="Leave out shorter walks; the published protocols keep all.")
    ] = 1,
    published: Annotated[bool, typer.Option("--published", help="Print the papers' rows beside ours.")] = False,
    json: Json = None,
):
    """Embed the test walks and print the rank-1 table of a protocol, in per cent.

    Each probe is compared with the gallery of one view at a time. The table gives, per probe view, the mean over the
    gallery views other than its own, and their mean. In place of a model, `gei` takes the nearest gait energy image (the
    mean silhouette of a walk): no training, and what a network has to beat.

    \b
    Examples:
      tf3dlocal evaluate gei --data casia --protocol casia-b-st
      tf3dlocal evaluate runs/st --data casia --protocol casia-b-st --published
      tf3dlocal evaluate saved_models/gait --data own --protocol own.yaml --distance flattened --json own.json
    """
    start_tensorflow()
    from tf3dlocal.data import open_walks
    from tf3dlocal.evaluation import evaluate as rank
    from tf3dlocal.evaluation import evaluate_gait_energy, json_report, load_protocol, print_report, published_table
    from tf3dlocal.open_model import open_model

    if published:
        published_table(load_protocol(protocol).name)  # refuses what is not published before the walks are embedded
    if str(model) == "gei":
        result = evaluate_gait_energy(open_walks(data), protocol, min_frames=min_frames)
    else:
        facts = {"model": str(model)}
        result = rank(open_model(model), open_walks(data), protocol, distance, min_frames=min_frames, details=facts)
    print_report(result, published=published, console=console)
    write_json(json, json_report(result))
