"""How the command line prints: results on standard output, one sentence for a mistake, no messages from TensorFlow."""

import collections
import contextlib
import dataclasses
import os
import re
import shlex
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import rich.console
import typer

from tf3dlocal.cli.mistakes import MISTAKE, explained
from tf3dlocal.io import keep_freed_memory, printable, write_json
from tf3dlocal.io.types import PathLike

MOST_NAMED = 5  # frames left out for one reason; --json names all
DEBUG = "TF3DLOCAL_TRACEBACK"  # environment variable; --debug sets it
WRONG_USAGE = 2  # exit code, as of typer
EMPTY_VALUE = re.compile(r"--[a-z][a-z-]*=\s*")
HOME_IN_VALUE = re.compile(r"(?P<name>(?:[^=/~\s]*=)*)(?P<path>~[^/]*/.*)")


def _occupy_closed_streams() -> None:
    """Open the null device where standard input, output or error is closed.

    Otherwise the next file that is opened gets the number 1 or 2, and what C libraries print is written into it.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # it takes the lowest free number
    sys.stdout = sys.stdout or open(os.devnull, "w", encoding="utf-8")
    sys.stderr = sys.stderr or open(os.devnull, "w", encoding="utf-8")


_occupy_closed_streams()

# A table of 11 views is wider than the 80 columns that a file or a pipe is assumed to have.
console = rich.console.Console(highlight=False, width=None if sys.stdout and sys.stdout.isatty() else 120)


def run(app: typer.Typer, *, arguments: Sequence[str] | None = None, name: str = "tf3dlocal") -> None:
    """Run a typer application and end the process with its exit code.

    An error becomes one message; `explained` gives its text and the exit code. With `--debug` anywhere in the command
    line, or if the environment variable TF3DLOCAL_TRACEBACK is set, it keeps its traceback. A path may begin with "~".
    Characters that the terminal cannot show are replaced.

    Args:
        app: The application.
        arguments: Command line without the program's name; that of the process by default.
        name: The program's name, for the help.
    """
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")
    given = list(sys.argv[1:] if arguments is None else arguments)
    debug = bool(os.environ.get(DEBUG)) or "--debug" in given
    try:
        if told := _empty_argument(given):
            _print_error(told)
            sys.exit(WRONG_USAGE)
        app([_with_home(argument) for argument in given if argument != "--debug"], prog_name=name)
    except Exception as error:
        if debug:
            raise
        if isinstance(error, BrokenPipeError):  # `tf3dlocal ... | head`: the reader has closed the pipe
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            sys.exit(MISTAKE)
        sentence, code = explained(error)
        _print_error(sentence)
        sys.exit(code)
    finally:
        _flush_output()


def _empty_argument(arguments: Sequence[str]) -> str:
    """Return a sentence on an empty argument or value, which as a path would mean the working folder; "" without one.

    Example:
        >>> _empty_argument(["evaluate", "run", "--data", ""])
        '--data is empty. Give a value, or leave it out; a shell variable in it may not be set.'
        >>> _empty_argument(["train", "a.yaml"])
        ''
    """
    help_text = "Give a value, or leave it out; a shell variable in it may not be set."
    for before, argument in zip(["", *arguments], arguments, strict=False):
        if not argument.strip():
            what = before if before.startswith("--") else "An argument"
            return f"{what} is empty. {help_text}"
        if EMPTY_VALUE.fullmatch(argument):
            return f"{argument.rstrip().removesuffix('=')} is empty. {help_text}"
    return ""


def _print_error(sentence: str) -> None:
    errors = rich.console.Console(stderr=True, highlight=False, soft_wrap=True)
    errors.print("[bold red]error:[/]", end=" ")
    errors.print(printable(sentence, keep="\n\t"), markup=False)


def _flush_output() -> None:
    """Write what standard output still holds; on a full disk say so, instead of Python's message at the very end."""
    ending = sys.exc_info()[1]
    is_told = isinstance(ending, SystemExit) and bool(ending.code)
    try:
        sys.stdout.flush()
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if not (is_told or isinstance(error, BrokenPipeError)):
            _print_error(f"The output could not be printed: {error.strerror}.")
        sys.exit(MISTAKE)


def _with_home(argument: str) -> str:
    """Replace "~/" at the beginning of a path, of the value of --option= and of NAME=PATH by the home folder.

    Example:
        >>> _with_home("--json=~/a.json") == f"--json={os.path.expanduser('~')}/a.json", _with_home("window=~")
        (True, 'window=~')
    """
    found = HOME_IN_VALUE.fullmatch(argument)
    return found["name"] + os.path.expanduser(found["path"]) if found else argument


def say(sentence: str, **style: Any) -> None:
    """Print a sentence on standard output as it is.

    Args:
        sentence: Plain text; square brackets are no markup.
        **style: Arguments of `rich.console.Console.print`.
    """
    console.print(printable(sentence, keep="\n\t"), markup=False, **style)


def say_next(command: Sequence[object]) -> None:
    """Print the command that usually follows, as it is typed in a shell.

    Args:
        command: Its words without the program's name; words in capitals are for the user to fill in.

    Example:
        >>> say_next(["export", "runs/a b", "OUT"])
        Next: tf3dlocal export 'runs/a b' OUT
    """
    say(f"Next: {shlex.join(['tf3dlocal', *map(str, command)])}", soft_wrap=True)


def fps_words(rate: float | None) -> list[str]:
    """Return the words of --fps for `say_next`, so that the next command has the rate of this one; none without it.

    Example:
        >>> fps_words(25.0), fps_words(None)
        (['--fps', '25'], [])
    """
    return [] if rate is None else ["--fps", f"{rate:g}"]


def write_numbers(path: PathLike | None, *, values: Any) -> None:
    """Write the values of --json and print where they are; do nothing without a path.

    Example:
        >>> write_numbers(None, values={"rank_1": 91.2})
    """
    if path is not None:
        write_json(path, values)
        say(f"Numbers written to {path}.")


def frame_notes(changes: Mapping[str, int], *, left_out: Sequence[tuple[str, str]]) -> list[str]:
    """Say what was done to the frames of a walk, and which were left out and why.

    Example:
        >>> frame_notes({}, left_out=[("a.png", "colour image")])
        ['1 left out, colour image: a.png']
    """
    by_reason = collections.defaultdict(list)
    for file, reason in left_out:
        by_reason[reason].append(file)
    notes = [f"{count} {what}" for what, count in changes.items()]
    for reason, files in by_reason.items():
        more = f" and {len(files) - MOST_NAMED} more" if len(files) > MOST_NAMED else ""
        notes.append(f"{len(files)} left out, {reason}: {', '.join(files[:MOST_NAMED])}{more}")
    return notes


def with_notes(answer: Any, *, walk: Any) -> dict[str, Any]:
    """Print what makes an answer about a walk doubtful, and return the values of --json.

    Args:
        answer: A dataclass with `notes`, such as an `Answer` or a `Verdict`.
        walk: What the answer is about, with `changes` and `left_out`.
    """
    notes = [*frame_notes(walk.changes, left_out=walk.left_out), *answer.notes]
    for note in notes:
        say(f"  {note}.")
    return dataclasses.asdict(answer) | {"notes": notes}


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
