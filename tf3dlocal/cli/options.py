"""Options that several verbs have."""

from pathlib import Path
from typing import Annotated, Literal

import typer

Distance = Annotated[
    Literal["part_mean", "flattened"],
    typer.Option(help="Euclidean per part then mean (OpenGait), or of all parts laid end to end (GaitSet)."),
]
Workers = Annotated[int | None, typer.Option(min=1, help="Processes; as many as cores if not given.")]
Json = Annotated[Path | None, typer.Option("--json", metavar="FILE", help="Write the numbers to FILE as well.")]
