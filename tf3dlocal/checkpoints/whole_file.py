"""Files that are there whole or not at all."""

import os
import pathlib
import secrets


def check_free(out, overwrite, suffixes):
    """The path to write to; raises ValueError for another suffix, FileExistsError for a file that is to be kept."""
    out = pathlib.Path(out)
    if not out.name.endswith(suffixes):
        raise ValueError(f"{out}: the name of what is written ends in {' or '.join(suffixes)}")
    if out.is_dir() or (out.exists() and not overwrite):
        raise FileExistsError(
            f"{out} is there already; give another name" + ("" if out.is_dir() else ", or --overwrite")
        )
    return out


def write_whole(out, write):
    """Call `write(temporary path)` beside `out`, then rename: what is read there is the old file or the new one."""
    out.parent.mkdir(parents=True, exist_ok=True)
    unfinished = out.with_name(f".{secrets.token_hex(4)}-{out.name}")
    try:
        write(unfinished)
        os.replace(unfinished, out)
    finally:
        unfinished.unlink(missing_ok=True)
