"""A folder that is watched: who walks, while the frames are being written."""

import os
import pathlib
import threading
import time
from collections.abc import Iterator

from tf3dlocal.data import natural_key
from tf3dlocal.io import user_path
from tf3dlocal.io.types import PathLike
from tf3dlocal.serving.exported_model import ExportedModel
from tf3dlocal.serving.gallery.embedded_walk import check_frame_rate
from tf3dlocal.serving.gallery.gallery import Gallery
from tf3dlocal.serving.gallery.watched_folder import LiveAnswer, LiveRefusal, WatchedFolder


def follow(
    folder: PathLike,
    *,
    gallery: Gallery,
    embedder: ExportedModel,
    seconds: float | None = None,
    seconds_to_end: float = 3.0,
    seconds_between: float = 0.2,
    count: int = 3,
    frames: str = "auto",
    invert: bool = False,
    frame_rate: float | None = None,
    stop: threading.Event | None = None,
) -> Iterator[LiveAnswer | LiveRefusal]:
    """Watch a folder in which another program writes the frames of walks, and say who walks.

    The frames of one walk lie in the folder itself, or in a folder in it for each walk. They come in the natural order
    of their names. Where the files are written again after a walk has ended, or have been removed, a new walk begins.

    Args:
        folder: The folder; it may be empty, and must exist.
        gallery: Known people.
        embedder: Its model.
        seconds: When to stop. Default: never.
        seconds_to_end: A walk without a new frame for so long is taken as ended.
        seconds_between: Pause between two looks into the folder.
        count: How many of the nearest people to return.
        frames: As for `read_walk_folder`.
        invert: As for `read_walk_folder`.
        frame_rate: Frames per second, if known.
        stop: When it is set, the watching ends as after `seconds`.

    Yields:
        A `LiveAnswer` after each window, and one when a walk has ended; a `LiveRefusal` for a walk whose pictures are
        no silhouettes.

    Raises:
        FileNotFoundError: There is no such folder.
        ValueError: The gallery is empty, a frame rate of no camera, or a time that is none.
    """
    gallery.check_filled()
    check_frame_rate(frame_rate, wanted=gallery.frame_rate)
    times = {"seconds": seconds, "seconds_to_end": seconds_to_end, "seconds_between": seconds_between}
    for name, time_given in times.items():
        if time_given is not None and not time_given >= 0:  # NaN neither
            raise ValueError(f"{name} must be a number of at least 0; got {time_given!r}.")
    folder, stop = user_path(folder), stop or threading.Event()
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder} is not a folder. Give the folder in which frames will appear.")
    begin = time.monotonic()
    watched: dict[pathlib.Path, WatchedFolder] = {}
    settings = {"gallery": gallery, "embedder": embedder, "seconds_to_end": seconds_to_end, "count": count}
    settings |= {"frames": frames, "invert": invert, "frame_rate": frame_rate}
    while True:
        is_over = stop.is_set() or (seconds is not None and time.monotonic() - begin >= seconds)
        for place in _places(folder):
            watched.setdefault(place, WatchedFolder(folder=place, **settings))
        for each in watched.values():
            yield from each.look(is_over=is_over)
        watched = {place: each for place, each in watched.items() if not each.is_empty}
        if is_over:
            return
        stop.wait(seconds_between)


def _places(folder: pathlib.Path) -> list[pathlib.Path]:
    """Return the folder and the folders in it, in natural order."""
    try:
        with os.scandir(folder) as entries:
            # entry.is_dir() raises an error for a link to itself; os.path.isdir says no.
            inside = [entry.name for entry in entries if os.path.isdir(entry.path) and not entry.name.startswith(".")]
    except OSError:  # removed, and may be made again; any other reason is told where its frames are read
        inside = []
    return [folder, *(folder / name for name in sorted(inside, key=natural_key))]
