"""Files that are there whole or not at all."""

import os
import pathlib
import secrets


def write_whole_file(path, write):
    """Call `write(temporary path)`, then rename to `path`: a reader sees the old file or the new one, never half.

    Args:
        path: the folder above is made if absent.
        write: function of a path with the same suffix, by which writers of pictures choose the format.

    Returns:
        pathlib.Path, the file.

    Example:
        >>> import tempfile
        >>> file = write_whole_file(tempfile.mkdtemp() + "/new/note", lambda unfinished: unfinished.write_text("done"))
        >>> file.read_text(), len(list(file.parent.iterdir()))
        ('done', 1)
    """
    path = pathlib.Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{secrets.token_hex(4)}-{path.name}")
    try:
        write(unfinished)
        os.replace(unfinished, path)
    finally:
        unfinished.unlink(missing_ok=True)
    return path
