"""One sentence for what went wrong, also where TensorFlow raised it."""

import errno
import os
import re
import sys

MISTAKE, INTERNAL = 1, 3  # exit codes; typer itself uses 2 for wrong usage and 130 for an interrupt
REPORT = "This is an error inside tf3dlocal; please report it. `tf3dlocal --debug ...` shows where it was raised."

# TensorFlow puts the error of a Python function that its data pipeline called into a message of many lines.
INNER_ERROR = re.compile(r"(?:(?:tf3dlocal[\w.]*\.)\w+|(?:\w*Error)): (?P<sentence>\S.*)")
IN_GRAPH_NODE = re.compile(r"^\{\{.*?\}\} |^Graph execution error:|^Detected at node|^\d+ root error\(s\) found")
COLD = re.compile(r" \[Op:\w+\].*$")


def explained(error: Exception) -> tuple[str, int]:
    """Return the sentence that a user sees, and the exit code.

    The library reports what a user can correct as ValueError, OSError (a missing file, a full disk) or an error class
    of this package. TensorFlow's own errors tell of damaged files, full disks and too little memory as well. Anything
    else is an error of this package.

    Args:
        error: What a command raised.

    Example:
        >>> explained(FileNotFoundError(2, "No such file or directory", "gallery.npz"))
        ('There is no gallery.npz.', 1)
        >>> explained(KeyError("subject"))[0][:35], explained(KeyError("subject"))[1]
        ("Internal error: KeyError: 'subject'", 3)
    """
    is_own = type(error).__module__.split(".")[0] == __name__.split(".")[0]
    if isinstance(error, MemoryError):
        return "There is not enough memory. Close other programs, or give this one less data at a time.", MISTAKE
    if _is_of_tensorflow(error):
        return _of_tensorflow(error), MISTAKE
    if isinstance(error, OSError) and error.strerror:
        return _of_the_system(error), MISTAKE
    text = str(error).strip()
    if is_own or isinstance(error, (ValueError, OSError)):
        return text or type(error).__name__, MISTAKE
    if isinstance(error, ImportError):
        return f"{text.rstrip('.')}. Install what is missing: pip install --upgrade tf3dlocal.", MISTAKE
    first = text.splitlines()[0] if text else ""
    return f"Internal error: {type(error).__name__}{': ' * bool(first)}{first}. {REPORT}", INTERNAL


def _of_the_system(error: OSError) -> str:
    """Return the sentence of an OSError with a number, such as "No space left on device: out/001."."""
    name = "" if error.filename is None else os.fsdecode(error.filename)
    if error.errno == errno.ENOENT and name:
        return f"There is no {name}."
    return f"{error.strerror}{': ' * bool(name)}{name}."


def _is_of_tensorflow(error: Exception) -> bool:
    tensorflow = sys.modules.get("tensorflow")
    return tensorflow is not None and isinstance(error, tensorflow.errors.OpError)


def _of_tensorflow(error: Exception) -> str:
    lines = [line.strip() for line in str(error.message or error).splitlines() if line.strip()]
    inner = [match["sentence"] for line in lines if (match := INNER_ERROR.search(line))]
    if inner:
        return inner[0]
    told = [COLD.sub("", line) for line in lines if not IN_GRAPH_NODE.search(line)] or [type(error).__name__]
    reason = told[0].rstrip(". ")
    if "No space left" in reason:
        return f"{reason}. Free some space, and repeat the call."
    if type(error).__name__ == "ResourceExhaustedError":
        return f"The device has not enough memory: {reason}. Use smaller batches, models or clips."
    return f"TensorFlow stopped: {reason}. `tf3dlocal --debug ...` shows where."
