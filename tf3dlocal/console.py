"""How the command line speaks: results on standard output, one clear sentence for a mistake, no noise from TensorFlow."""

import contextlib
import json
import os
import pathlib
import secrets
import sys
import tempfile

import rich.console

from tf3dlocal.freed_memory import keep_freed_memory

MISTAKE = 1  # exit code; typer itself ends with 2 for wrong usage and 130 for an interrupt

# A table of 11 views is wider than the 80 columns that a file or a pipe is taken to have.
console = rich.console.Console(highlight=False, width=None if sys.stdout.isatty() else 120)


def run(app, arguments=None, name="tf3dlocal"):
    """Runs a typer application and ends the process with its exit code.

    The library reports what a user can put right as ValueError, OSError (a missing file, a full disk) or an error
    class of its own; those become one message and exit code 1. Anything else is a fault of ours and keeps its
    traceback, and so does everything when the environment variable TF3DLOCAL_TRACEBACK is set. Wrong usage gives 2.
    """
    try:
        app(arguments, prog_name=name)
    except Exception as error:
        ours = type(error).__module__.split(".")[0] == __name__.split(".")[0]
        if os.environ.get("TF3DLOCAL_TRACEBACK") or not (ours or isinstance(error, (ValueError, OSError))):
            raise
        if isinstance(error, BrokenPipeError):  # `tf3dlocal ... | head`: the reader has seen enough
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            sys.exit(MISTAKE)
        say = rich.console.Console(stderr=True, highlight=False, soft_wrap=True)
        say.print("[bold red]error:[/]", end=" ")
        say.print(str(error) or type(error).__name__, markup=False)
        sys.exit(MISTAKE)


def start_tensorflow():
    """Imports TensorFlow and Keras without the notes on missing GPUs that they write past Python's standard error.

    Call it before anything that imports them. Raises what the import raises, with those notes printed after all.
    """
    os.environ["KERAS_BACKEND"] = "tensorflow"
    if "tensorflow" in sys.modules:
        return
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    keep_freed_memory()
    with _standard_error_kept_back():
        import tensorflow as tf

        # The first look at the devices is what makes the noise. Not at the logical ones: that would start them, and several
        # workers must be joined before.
        tf.config.list_physical_devices()
    import keras  # noqa: F401


@contextlib.contextmanager
def _standard_error_kept_back():
    sys.stderr.flush()
    aside = os.dup(2)
    with tempfile.TemporaryFile() as kept:
        os.dup2(kept.fileno(), 2)
        try:
            yield
        except BaseException:
            kept.seek(0)
            os.write(aside, kept.read())
            raise
        finally:
            os.dup2(aside, 2)
            os.close(aside)


def write_json(path, values):
    """Writes `values` to a file, whole or not at all, and says so; does nothing where `path` is None.

    Example:
      >>> write_json(None, {"rank_1": 91.2})
    """
    if path is None:
        return
    path = pathlib.Path(path)
    text = json.dumps(values, indent=2, ensure_ascii=False, allow_nan=False, default=_plain) + "\n"
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        unfinished.write_text(text, encoding="utf-8")
        os.replace(unfinished, path)
    finally:
        unfinished.unlink(missing_ok=True)
    console.print(f"numbers in {path}", markup=False)


def _plain(value):
    if hasattr(value, "tolist"):
        return value.tolist()
    if isinstance(value, pathlib.PurePath):
        return str(value)
    raise TypeError(f"{type(value).__name__} has no place in a JSON file")
