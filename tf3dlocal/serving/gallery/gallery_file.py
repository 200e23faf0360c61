"""A gallery on disk: one .npz file, replaced as a whole, with one writer at a time. Nothing in it is unpickled."""

import dataclasses
import json
import os
import pathlib
import stat
import time
import unicodedata
from collections.abc import Callable
from typing import Any

import numpy as np

from tf3dlocal.io import (
    UnreadableError,
    check_writable,
    file_lock,
    lock_holder,
    read_npz,
    readable,
    user_path,
    write_file,
)
from tf3dlocal.io.types import PathLike
from tf3dlocal.serving.gallery.calibration import Calibration
from tf3dlocal.serving.gallery.gallery import Gallery, GalleryModel
from tf3dlocal.serving.gallery.gallery_facts import COLUMNS, check_columns, check_facts
from tf3dlocal.serving.gallery.windows import WindowRule

FORMAT, VERSION = "tf3dlocal-gallery", 1
SOLUTION = "`tf3dlocal enroll GALLERY NAME WALK... --model MODEL` makes a gallery."
DAMAGED = "Copy the file again from a backup, or enroll again into a new gallery."
NEWER = "A newer tf3dlocal wrote it. Update this one: `pip install --upgrade tf3dlocal`."
PRIVATE = 0o600  # permissions of a new gallery: it is about people
SECONDS_TO_WAIT, SECONDS_BETWEEN = 60.0, 0.05  # for another writer


def read_gallery(path: PathLike) -> Gallery:
    """Read a gallery.

    Args:
        path: The file.

    Raises:
        FileNotFoundError: There is no such file.
        UnreadableError: The file is damaged, or no gallery.
    """
    path = user_path(path)
    if path.is_dir():
        raise UnreadableError(f"{path} is a folder, and a gallery is a file. {SOLUTION}")
    if not path.exists():
        raise FileNotFoundError(f"There is no gallery {path}. {SOLUTION}")
    facts = _facts(path)
    arrays = read_npz(path, keys=tuple(COLUMNS), solution=DAMAGED)
    with readable(path, solution=DAMAGED):
        check_facts(facts)
        check_columns(arrays)
        return Gallery(
            model=GalleryModel(**facts["model"]),
            rule=WindowRule(**facts["windows"]),
            frame_rate=facts["frame_rate"],
            calibration=None if facts["calibration"] is None else _calibration(facts["calibration"]),
            embeddings=arrays["embeddings"],
            num_frames=tuple(arrays["num_frames"].tolist()),
            frame_rates=tuple(rate or None for rate in arrays["frame_rates"].tolist()),
            names=tuple(unicodedata.normalize("NFC", name) for name in arrays["names"].tolist()),
            **{column: tuple(arrays[column].tolist()) for column in ("digests", "sources")},
        )


def write_gallery(gallery: Gallery, *, path: PathLike) -> None:
    """Write a gallery, completely or not at all; use `change_gallery` where other programs may write too.

    A new file is readable by its owner only. A file that is replaced keeps its permissions.
    """
    facts = {
        "format": FORMAT,
        "version": VERSION,
        "model": dataclasses.asdict(gallery.model),
        "windows": dataclasses.asdict(gallery.rule),
        "frame_rate": gallery.frame_rate,
        "calibration": None if gallery.calibration is None else dataclasses.asdict(gallery.calibration),
    }

    def save(temporary):
        with temporary.open("wb") as file:  # given a name, numpy would add a suffix to it
            np.savez(
                file,
                facts=np.array(json.dumps(facts, allow_nan=False)),
                names=np.array(gallery.names, dtype=str),
                embeddings=gallery.embeddings,
                num_frames=np.array(gallery.num_frames, np.int64),
                frame_rates=np.array([rate or 0 for rate in gallery.frame_rates], np.float64),
                digests=np.array(gallery.digests, dtype=str),
                sources=np.array(gallery.sources, dtype=str),
            )

    write_file(_through_links(path), save, mode=PRIVATE)


def change_gallery(path: PathLike, *, change: Callable[[Gallery | None], Gallery]) -> Gallery:
    """Read a gallery, change it and write it, while no other process writes it.

    Args:
        path: The file; made if absent.
        change: Function from the gallery, or None if there is no file, to the new one. If it raises an error, the file
            stays as it is.

    Returns:
        The gallery as it was written.

    Raises:
        OSError: The file cannot be written.
        TimeoutError: Another process writes it for more than a minute.
        UnreadableError: The file is damaged, or no gallery; it stays as it is.
    """
    path = _through_links(path)
    check_gallery_place(path)
    lock = path.parent / f".{path.name}.lock"
    end = time.monotonic() + SECONDS_TO_WAIT
    while True:
        with file_lock(lock) as is_ours:
            if is_ours:
                gallery = change(read_gallery(path) if path.exists() else None)
                write_gallery(gallery, path=path)
                return gallery
        if time.monotonic() > end:
            raise TimeoutError(
                f"{path} is being written by {lock_holder(lock)} for more than {SECONDS_TO_WAIT:.0f} s. Wait for it to "
                "end, and try again."
            )
        time.sleep(SECONDS_BETWEEN)


def check_gallery_place(path: PathLike) -> None:
    """Check before the work that a gallery can be written, and that no file of another kind would be lost.

    Raises:
        OSError: The path is a folder or a read-only file, or its folder cannot be written.
        UnreadableError: The file is damaged, or no gallery.
    """
    path = _through_links(path)
    check_writable(path, kind="file")
    if not os.path.lexists(path):
        return
    if not stat.S_IMODE(path.stat().st_mode) & 0o222 or not os.access(path, os.W_OK):
        raise PermissionError(f"{path} cannot be written: the file is read-only. Change its permissions first.")
    _facts(path)


def is_gallery(path: PathLike) -> bool:
    """Return whether a file is a gallery, of this format version or of another one.

    False does not mean that the file may be overwritten: it may be a damaged gallery.
    """
    path = user_path(path)
    try:
        return path.is_file() and bool(_facts(path, any_version=True))
    except UnreadableError:
        return False


def named_model(path: PathLike) -> str | None:
    """Return the folder of the model that a gallery names; None if there is no gallery, or it names none.

    Raises:
        UnreadableError: The file is damaged, or no gallery.
    """
    path = user_path(path)
    if not path.is_file():
        return None
    facts = _facts(path)
    with readable(path, solution=DAMAGED):
        check_facts(facts)
    return facts["model"]["folder"] or None


def _through_links(path: PathLike) -> pathlib.Path:
    """Return the file that a link leads to: it is locked and replaced, so that no old content is left in it."""
    path = user_path(path)
    return pathlib.Path(os.path.realpath(path)) if path.is_symlink() else path


def _facts(path: pathlib.Path, *, any_version: bool = False) -> dict[str, Any]:
    """Return what a gallery file says about itself; refuse files of other kinds with what they are."""
    try:
        arrays = read_npz(path, keys=("facts",), solution=DAMAGED)
    except UnreadableError as error:
        if "it holds" in str(error) and "embeddings" in str(error):
            raise UnreadableError(
                f"{path} is no gallery: `tf3dlocal embed` wrote it, with embeddings of whole walks. {SOLUTION}"
            ) from None
        raise
    with readable(path, solution=DAMAGED):
        facts = json.loads(str(arrays["facts"]))
        if not isinstance(facts, dict) or facts.get("format") != FORMAT:
            raise ValueError("it is no gallery of tf3dlocal")
        version = facts.get("version")
        if any_version or version == VERSION:
            return facts
        reason = f"it is a gallery of format version {version!r}, and this tf3dlocal reads {VERSION}"
        if isinstance(version, int) and version > VERSION:
            raise UnreadableError(f"{path} cannot be read: {reason}. {NEWER}")
        raise ValueError(reason)


def _calibration(values: dict[str, Any]) -> Calibration:
    return Calibration(**values | {"notices": tuple(values["notices"])})
