"""Paths as people type them."""

import errno
import os
import pathlib

from tf3dlocal.io.types import PathLike


def user_path(path: PathLike) -> pathlib.Path:
    """Return a path with a leading "~" or "~name" replaced by the home folder, as a shell does.

    Args:
        path: What a person typed; the home folder of an unknown name is left as it is.

    Raises:
        ValueError: The text is empty, which would mean the working folder, or has a character that no path has.
        OSError: It is a link that leads to itself, or lies below one.

    Example:
        >>> user_path("~/walks") == pathlib.Path.home() / "walks", str(user_path("walks/~a"))
        (True, 'walks/~a')
    """
    if path == "":
        raise ValueError("A path is empty. Give the name of a file or folder, or '.' for the working folder.")
    if "\0" in os.fspath(path):
        raise ValueError(f"{os.fspath(path)!r} is no path: it has a null character. Give the name of a file or folder.")
    found = pathlib.Path(os.path.expanduser(path))
    check_no_loop(found)
    return found


def check_no_loop(path: PathLike) -> None:
    """Refuse a link that leads to itself, directly or through others: nothing can be read or written there.

    Args:
        path: A file or folder, which need not exist.

    Raises:
        OSError: The path is such a link, or lies below one.
    """
    try:
        os.stat(path)
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise OSError(
                f"{path} is a link that leads to itself, or lies below one. Remove the link, or give another path."
            ) from None


def check_apart(out: PathLike, *, source: PathLike, what: str, outer: bool = True) -> None:
    """Refuse to write a folder into its own input, or around it; links and mounts are seen through.

    Args:
        out: The folder to write; it need not exist.
        source: The file or folder that is read.
        what: What `source` is, such as "the raw data".
        outer: Whether `source` may not be inside `out` either.

    Raises:
        ValueError: One is the other, or inside it.
        OSError: As `user_path`.

    Example:
        >>> check_apart("raw/sub", source="raw", what="the raw data")
        Traceback (most recent call last):
        ValueError: raw/sub is inside raw, which holds the raw data. Give a folder outside it.
    """
    out_path, source_path = (pathlib.Path(os.path.realpath(user_path(path))) for path in (out, source))
    out_places, source_places = _places(out_path), _places(source_path)
    if out_places[0] == source_places[0]:
        raise ValueError(f"{out} holds {what}. Give another folder.")
    if source_places[0] in out_places:
        raise ValueError(f"{out} is inside {source}, which holds {what}. Give a folder outside it.")
    if outer and out_places[0] in source_places:
        raise ValueError(f"{source}, which holds {what}, is inside {out}. Give another folder.")


def _places(path: pathlib.Path) -> list[object]:
    """Return what identifies a path and each folder above it: device and inode, or the path where nothing is."""
    places = []
    for each in (path, *path.parents):
        try:
            found = os.stat(each)
            places.append((found.st_dev, found.st_ino))
        except OSError:
            places.append(str(each))
    return places


def check_folder_name(path: PathLike) -> None:
    """Check that a folder exists or can be made, and can be written into; nothing is made.

    Args:
        path: The folder that is to be written.

    Raises:
        ValueError: It is a file, or cannot be made where it is to be; the message says what is in the way.

    Example:
        >>> import tempfile
        >>> with tempfile.NamedTemporaryFile() as file:
        ...     try:
        ...         check_folder_name(file.name)
        ...     except ValueError as error:
        ...         print(str(error).replace(file.name, "FILE"))
        FILE is a file. Give a folder.
    """
    path = user_path(path)
    for each in (path, *path.absolute().parents):
        if os.path.isdir(each):
            if not os.access(each, os.W_OK | os.X_OK):
                raise ValueError(f"{path} cannot be written: {each} is a folder without permission to write.")
            return
        if os.path.lexists(each):
            kind = "a file" if os.path.isfile(each) else "a link to nothing" if os.path.islink(each) else "no folder"
            place = f"{path} is {kind}" if each == path else f"{path} cannot be made: {each} is {kind}"
            raise ValueError(f"{place}. Give a folder.")
