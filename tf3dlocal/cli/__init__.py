"""The command line: one file per command, and every command is one call into the library.

Heavy imports are inside the commands, so that `--help` answers at once.
"""

import contextlib
import importlib
import signal
import sys
import threading
from collections.abc import Iterator, Sequence

__all__ = ["COMMANDS", "app", "main"]

INTERRUPTED = 130  # exit code of a program that Ctrl-C ended, as typer and shells have it


@contextlib.contextmanager
def _interrupt_after_imports() -> Iterator[None]:
    """Keep Ctrl-C until a block of imports is done, and end then: an import that is interrupted prints a traceback."""
    is_default = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if not is_default or threading.current_thread() is not threading.main_thread():
        yield
        return
    interrupts: list[int] = []
    signal.signal(signal.SIGINT, lambda number, _: interrupts.append(number))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if interrupts:
        sys.exit(INTERRUPTED)


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

with _interrupt_after_imports():
    from tf3dlocal.cli.app import app
    from tf3dlocal.cli.console import run

    for _command in COMMANDS:  # each module adds its command to the application; the order is that of the help
        importlib.import_module(f"{__name__}.{_command.replace('-', '_')}")


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the `tf3dlocal` command.

    Args:
        arguments: Command line without the program's name; that of the process by default.
    """
    try:
        run(app, arguments=arguments)
    except KeyboardInterrupt:  # before typer takes the command line, or after it has given it back
        sys.exit(INTERRUPTED)
