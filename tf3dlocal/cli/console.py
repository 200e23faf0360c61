"""How the command line prints: results on standard output, one sentence for a mistake, no messages from TensorFlow."""

import contextlib
import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from typing import Any

import rich.console
import typer

from tf3dlocal.io import keep_freed_memory, write_json
from tf3dlocal.io.types import PathLike

MISTAKE = 1  # exit code; typer itself uses 2 for wrong usage and 130 for an interrupt

# A table of 11 views is wider than the 80 columns that a file or a pipe is assumed to have.
console = rich.console.Console(highlight=False, width=None if sys.stdout.isatty() else 120)


def run(app: typer.Typer, *, arguments: Sequence[str] | None = None, name: str = "tf3dlocal") -> None:
    """Run a typer application and end the process with its exit code.

    The library reports what a user can correct as ValueError, OSError (a missing file, a full disk) or an error class
    of this package; these become one message and exit code 1. Any other error is a bug in this package and keeps its
    traceback, as does every error if the environment variable TF3DLOCAL_TRACEBACK is set. Wrong usage gives 2.

    Args:
        app: The application.
        arguments: Command line without the program's name; that of the process by default.
        name: The program's name, for the help.
    """
    try:
        app(arguments, prog_name=name)
    except Exception as error:
        is_own = type(error).__module__.split(".")[0] == __name__.split(".")[0]
        if os.environ.get("TF3DLOCAL_TRACEBACK") or not (is_own or isinstance(error, (ValueError, OSError))):
            raise
        if isinstance(error, BrokenPipeError):  # `tf3dlocal ... | head`: the reader has closed the pipe
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            sys.exit(MISTAKE)
        errors = rich.console.Console(stderr=True, highlight=False, soft_wrap=True)
        errors.print("[bold red]error:[/]", end=" ")
        errors.print(str(error) or type(error).__name__, markup=False)
        sys.exit(MISTAKE)


def say(sentence: str, **style: Any) -> None:
    """Print a sentence on standard output as it is.

    Args:
        sentence: Plain text; square brackets are no markup.
        **style: Arguments of `rich.console.Console.print`.
    """
    console.print(sentence, markup=False, **style)


def write_numbers(path: PathLike | None, *, values: Any) -> None:
    """Write the values of --json and print where they are; do nothing without a path.

    Example:
        >>> write_numbers(None, values={"rank_1": 91.2})
    """
    if path is not None:
        write_json(path, values)
        say(f"Numbers written to {path}.")


def start_tensorflow() -> None:
    """Import TensorFlow and Keras without the messages about missing GPUs that bypass Python's standard error.

    Call it before anything that imports them. If the import fails, the messages are printed.
    """
    os.environ["KERAS_BACKEND"] = "tensorflow"
    if "tensorflow" in sys.modules:
        return
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    with _standard_error_held_back():
        import tensorflow as tf

        # The first look at the devices prints the messages. Logical devices must not be listed here: that would
        # initialize them, and several workers must be connected before.
        tf.config.list_physical_devices()
        keep_freed_memory()
    import keras  # noqa: F401  (part of the start)


@contextlib.contextmanager
def _standard_error_held_back() -> Iterator[None]:
    sys.stderr.flush()
    original = os.dup(2)
    with tempfile.TemporaryFile() as held:
        os.dup2(held.fileno(), 2)
        try:
            yield
        except BaseException:
            held.seek(0)
            os.write(original, held.read())
            raise
        finally:
            os.dup2(original, 2)
            os.close(original)
