"""`tf3dlocal protocol`: who trains, who is tested, which walks are compared."""

import importlib.resources
from pathlib import Path
from typing import Annotated

import typer

from tf3dlocal.cli.app import app, writable
from tf3dlocal.cli.console import say, say_next


@app.command()
def protocol(
    name: Annotated[
        str | None, typer.Argument(metavar="[NAME]", help="Protocol of this package to print, such as casia-b-st.")
    ] = None,
    new: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.yaml", help="Write a commented protocol to fill in; no file is replaced.", callback=writable
        ),
    ] = None,
) -> None:
    """Print a protocol of this package, or write a new one to fill in.

    A protocol is a YAML file that says which subjects train and which are tested, which walks are gallery and which are
    probes, and how views are compared. Without NAME and --new the known names are printed.

    \b
    Examples:
      tf3dlocal protocol casia-b-st
      tf3dlocal protocol --new own.yaml
    """
    from tf3dlocal.evaluation import protocol_names, protocol_template
    from tf3dlocal.io import near_names, write_text

    if name is not None and new is not None:
        raise typer.BadParameter("give NAME or --new, not both.", param_hint="NAME")
    if new is not None:
        if new.exists():
            raise FileExistsError(f"{new} exists and is not replaced. Choose another name.")
        write_text(new, protocol_template())
        say(f"{new} is a protocol to fill in.")
        say_next(["evaluate", "RUN", "--data", "DIR", "--protocol", new])
    elif name is not None:
        if name not in protocol_names():
            raise ValueError(f"There is no protocol {name!r}. {near_names(name, protocol_names())}")
        shipped = importlib.resources.files("tf3dlocal.evaluation") / "protocols" / f"{name}.yaml"
        say(shipped.read_text(encoding="utf-8").rstrip(), soft_wrap=True)
    else:
        say("\n".join(protocol_names()))
