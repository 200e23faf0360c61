"""Paths as people type them."""

import os
import pathlib

from tf3dlocal.io.types import PathLike


def user_path(path: PathLike) -> pathlib.Path:
    """Return a path with a leading "~" or "~name" replaced by the home folder, as a shell does.

    Args:
        path: What a person typed; the home folder of an unknown name is left as it is.

    Example:
        >>> user_path("~/walks") == pathlib.Path.home() / "walks", str(user_path("walks/~a"))
        (True, 'walks/~a')
    """
    return pathlib.Path(os.path.expanduser(path))
