"""The command line: one file per command, and every command is one call into the library.

Heavy imports are inside the commands, so that `--help` answers at once.
"""

import importlib
from collections.abc import Sequence

from tf3dlocal.cli.app import app
from tf3dlocal.cli.console import run

__all__ = ["COMMANDS", "app", "main"]

COMMANDS = (
    "walkers",
    "silhouettes",
    "prepare",
    "protocol",
    "train",
    "evaluate",
    "compare",
    "parts",
    "figure",
    "table",
    "export",
    "enroll",
    "forget",
    "calibrate",
    "identify",
    "verify",
    "embed",
    "serve-check",
    "convert",
    "demo",
)

for _command in COMMANDS:  # each module adds its command to the application; the order is that of the help
    importlib.import_module(f"{__name__}.{_command.replace('-', '_')}")


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the `tf3dlocal` command.

    Args:
        arguments: Command line without the program's name; that of the process by default.
    """
    run(app, arguments=arguments)
