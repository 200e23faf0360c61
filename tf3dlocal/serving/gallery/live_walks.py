"""Walks whose frames are still being written: an answer after each window, in bounded memory."""

import dataclasses
import os
import pathlib
import time
from collections import deque
from collections.abc import Iterator

import numpy as np

from tf3dlocal.data import natural_key
from tf3dlocal.io import user_path
from tf3dlocal.io.types import PathLike
from tf3dlocal.serving.exported_model import ExportedModel
from tf3dlocal.serving.gallery.answers import Answer, identify
from tf3dlocal.serving.gallery.embedded_walk import EmbeddedWalk, check_frame_rate
from tf3dlocal.serving.gallery.gallery import Gallery
from tf3dlocal.serving.gallery.windows import WindowRule
from tf3dlocal.serving.walk_folder import SUFFIXES, read_frames

SECONDS_TO_SETTLE = 0.25  # after which a file that nobody writes any more is complete
FRAMES_AT_ONCE = 128


@dataclasses.dataclass(frozen=True, kw_only=True)
class LiveAnswer:
    """An answer about a walk that may go on.

    Attributes:
        answer: Who it is, by all windows so far.
        num_windows: How many these are.
        is_final: Whether no frame came for a while, so that the walk is taken as ended.
    """

    answer: Answer
    num_windows: int
    is_final: bool


class LiveWalk:
    """The mean of the embeddings of a growing walk's windows; the last frames of it are kept, and no others.

    Args:
        embedder: The model.
        rule: Windows.
        frame_rate: Frames per second of the walk, if known.
        wanted_rate: Frames per second of the gallery, if known.

    Attributes:
        num_frames: Number of silhouettes so far.
        num_windows: Number of windows so far.
    """

    def __init__(
        self,
        *,
        embedder: ExportedModel,
        rule: WindowRule,
        frame_rate: float | None = None,
        wanted_rate: float | None = None,
    ):
        self.num_frames = self.num_windows = 0
        self._embedder, self._rule = embedder, rule
        self._share = frame_rate / wanted_rate if frame_rate and wanted_rate else 1.0
        self._last: deque[np.ndarray] = deque(maxlen=rule.length)
        self._num_taken = self._num_waiting = 0  # frames at the gallery's rate; those since the last window
        self._total: np.ndarray | float = 0.0

    def add(self, silhouette: np.ndarray) -> bool:
        """Take one silhouette, uint8 [height, width]; return whether a window became complete."""
        before = self.num_windows
        while int(self._num_taken * self._share + 1e-9) == self.num_frames:
            self._num_taken += 1
            self._num_waiting += 1
            self._last.append(silhouette)
            wanted = self._rule.length if self.num_windows == 0 else self._rule.step
            if self._num_waiting == wanted:
                self._take_window()
        self.num_frames += 1
        return self.num_windows > before

    def end(self) -> None:
        """Use the frames after the last window: with them, the embedding is that of the whole walk."""
        if self._num_waiting and self._last:
            self._take_window()

    def embedding(self) -> np.ndarray:
        """Return the mean over the windows so far, float32 [...]."""
        return np.asarray(self._total / self.num_windows, np.float32)

    def _take_window(self) -> None:
        frames = np.stack(self._last)
        window = frames[np.arange(self._rule.length) % len(frames)]
        self._total = self._total + self._embedder.embed(window[None])[0].astype(np.float64)
        self.num_windows, self._num_waiting = self.num_windows + 1, 0


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
) -> Iterator[LiveAnswer]:
    """Watch a folder in which another program writes the frames of walks, and say who walks.

    The frames of one walk lie in the folder itself, or in a folder in it for each walk. They come in the natural order
    of their names.

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

    Yields:
        A `LiveAnswer` after each window, and one when a walk has ended.

    Raises:
        FileNotFoundError: There is no such folder.
        ValueError: The pictures are no silhouettes.
    """
    check_frame_rate(frame_rate)
    folder = user_path(folder)
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder} is not a folder. Give the folder in which frames will appear.")
    begin = time.monotonic()
    open_walks: dict[pathlib.Path, _OpenWalk] = {}
    last_names: dict[pathlib.Path, str] = {}  # of the frames that were read
    settings = {"embedder": embedder, "rule": gallery.rule, "frame_rate": frame_rate, "wanted_rate": gallery.frame_rate}
    while True:
        is_over = seconds is not None and time.monotonic() - begin >= seconds
        places = _places(folder)
        last_names = {place: name for place, name in last_names.items() if place in places}
        for place in places:
            paths = _new_frames(place, after=last_names.get(place))
            if paths:
                last_names[place] = paths[-1].name
                walk = open_walks.setdefault(
                    place, _OpenWalk(place, live=LiveWalk(**settings), frames=frames, invert=invert)
                )
                if walk.read(paths, embedder=embedder):
                    yield walk.answer(gallery, count=count)
        for place, walk in list(open_walks.items()):
            if is_over or time.monotonic() - walk.last_seen >= seconds_to_end:
                del open_walks[place]
                walk.live.end()
                if walk.live.num_windows:
                    yield walk.answer(gallery, count=count, is_final=True)
        if is_over:
            return
        time.sleep(seconds_between)


class _OpenWalk:
    def __init__(self, folder: pathlib.Path, *, live: LiveWalk, frames: str, invert: bool):
        self.folder, self.live, self.frames, self.invert = folder, live, frames, invert
        self.last_seen = time.monotonic()

    def read(self, paths: list[pathlib.Path], *, embedder: ExportedModel) -> bool:
        """Take new frames; return whether a window became complete."""
        self.last_seen = time.monotonic()
        size = {"height": embedder.height, "width": embedder.width}
        found = read_frames(paths, source=str(self.folder), frames=self.frames, invert=self.invert, **size)
        if self.frames == "auto" and len(found.silhouettes):
            self.frames = "aligned" if found.was_aligned else "raw"  # one walk is of one kind
        return any([self.live.add(silhouette) for silhouette in found.silhouettes])

    def answer(self, gallery: Gallery, *, count: int, is_final: bool = False) -> LiveAnswer:
        walk = EmbeddedWalk(
            source=str(self.folder),
            embedding=self.live.embedding(),
            num_frames=self.live.num_frames,
            frame_rate=None,
            digest="",
            model=gallery.model.fingerprint,
        )
        (answer,) = identify(gallery, walks=[walk], count=count)
        return LiveAnswer(answer=answer, num_windows=self.live.num_windows, is_final=is_final)


def _places(folder: pathlib.Path) -> list[pathlib.Path]:
    """Return the folder and the folders in it, in natural order."""
    with os.scandir(folder) as entries:
        inside = [entry.name for entry in entries if entry.is_dir() and not entry.name.startswith(".")]
    return [folder, *(folder / name for name in sorted(inside, key=natural_key))]


def _new_frames(folder: pathlib.Path, *, after: str | None) -> list[pathlib.Path]:
    """Return the frames that come after a name and are completely written, at most `FRAMES_AT_ONCE`, in order."""
    last, found, now = natural_key(after) if after else None, [], time.time()
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                is_frame = os.path.splitext(entry.name)[1].lower() in SUFFIXES and not entry.name.startswith(".")
                if is_frame and (last is None or natural_key(entry.name) > last):
                    found.append((natural_key(entry.name), entry.name, entry.stat().st_mtime))
    except FileNotFoundError:  # the writer has removed it
        return []
    paths = []
    for _, name, written in sorted(found)[:FRAMES_AT_ONCE]:
        if now - written < SECONDS_TO_SETTLE:
            break
        paths.append(folder / name)
    return paths
