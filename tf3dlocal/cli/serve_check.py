"""`tf3dlocal serve-check`: whether a server answers as the export does."""

import dataclasses
from pathlib import Path
from typing import Annotated

import typer

from tf3dlocal.cli.app import Json, app, keep_apart
from tf3dlocal.cli.console import say, start_tensorflow, write_numbers


@app.command("serve-check")
def serve_check(
    url: Annotated[str, typer.Argument(metavar="URL", help="http://HOST:8501 (REST) or grpc://HOST:8500 (gRPC).")],
    name: Annotated[str, typer.Option(help="Name of the model on the server.")] = "model",
    model: Annotated[
        Path | None,
        typer.Option(metavar="EXPORT", help="The same export on this machine, to compare the answers with."),
    ] = None,
    version: Annotated[int | None, typer.Option(min=0, help="Version on the server; default: its newest.")] = None,
    label: Annotated[str | None, typer.Option(help="Label of a version instead, such as stable.")] = None,
    timeout: Annotated[
        float, typer.Option(min=0.001, help="Seconds to wait for a server that starts, and for each request.")
    ] = 30.0,
    requests: Annotated[int, typer.Option(min=1, help="How many requests to measure.")] = 10,
    latency: Annotated[
        float | None, typer.Option(min=0, metavar="MS", help="Milliseconds that their median may take.")
    ] = None,
    json: Json = None,
) -> None:
    """Check a TF Serving: send a drawn walk, and compare what comes back.

    Checked are the state of the model, its signatures, the shape of the embedding and finite numbers. With --model also
    that the version is that of the export, and that every signature answers what the export answers here, within 1e-4
    of its largest number; another model is found by that. Two walks of different lengths in one request must get the
    answers that each gets alone. The time is that of one walk of 30 frames.

    A server that does not listen yet, or loads the model, is asked again until --timeout is over.

    Exit codes: 0 everything is as expected; 1 something is not, or there is no usable answer; 2 wrong usage. It
    writes nothing to the server and needs no account, so it can serve as a health check after every start.

    \b
    Examples:
      tf3dlocal serve-check http://127.0.0.1:8501 --name walkers --model saved_models/walkers_wide
      tf3dlocal serve-check grpc://gait.example:8500 --name walkers --label stable --latency 200
    """
    keep_apart(json, option="--json", the_exported_model=model)
    if model is not None or url.startswith("grpc"):
        start_tensorflow()
    from tf3dlocal.serving import Client, check_server

    with Client(url, name=name, version=version, label=label, timeout=timeout) as client:
        checked = check_server(client, export=model, num_requests=requests, most_ms=latency)
    say(f"{checked.server}, model {checked.model!r}, version {checked.version}")
    widest = max(len(fact.name) for fact in checked.facts)
    for fact in checked.facts:
        say(f"  {'ok    ' if fact.passed else 'WRONG '} {fact.name:{widest}}  {fact.found}", soft_wrap=True)
    write_numbers(json, values=dataclasses.asdict(checked) | {"passed": checked.passed})
    failed = sum(not fact.passed for fact in checked.facts)
    if failed:
        say(f"{failed} of {len(checked.facts)} checks failed.")
        raise typer.Exit(1)
    say(f"All {len(checked.facts)} checks passed.")
