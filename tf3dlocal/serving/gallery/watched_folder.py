"""One folder in which another program writes the frames of a walk, and then perhaps of the next one."""

import dataclasses
import itertools
import os
import pathlib
import time
from collections.abc import Iterator
from typing import NamedTuple

from tf3dlocal.data import natural_key
from tf3dlocal.serving.exported_model import ExportedModel
from tf3dlocal.serving.gallery.answers import Answer, identify
from tf3dlocal.serving.gallery.embedded_walk import EmbeddedWalk
from tf3dlocal.serving.gallery.gallery import Gallery
from tf3dlocal.serving.gallery.live_walk import LiveWalk
from tf3dlocal.serving.walk_folder import SUFFIXES, read_frames

SECONDS_TO_SETTLE = 0.25  # after which a file that nobody writes any more is complete
SECONDS_OF_OTHER_CLOCK = 60.0  # by which the clock of the writer may be ahead
FRAMES_AT_ONCE = 128


@dataclasses.dataclass(frozen=True, kw_only=True)
class LiveAnswer:
    """An answer about a walk that may go on.

    Attributes:
        answer: Who it is, by all windows so far.
        num_windows: How many these are.
        is_final: Whether no frame came for a while, so that the walk is taken as ended.
        left_out: (file, reason) of the frames that could not be used.
        changes: What was done to frames, in words, to their number.
    """

    answer: Answer
    num_windows: int
    is_final: bool
    left_out: list[tuple[str, str]] = dataclasses.field(default_factory=list)
    changes: dict[str, int] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True, kw_only=True)
class LiveRefusal:
    """A walk that gets no answer; the others are watched further.

    Attributes:
        source: The walk.
        refused: Why, in a sentence.
    """

    source: str
    refused: str


class _Frame(NamedTuple):
    key: list
    name: str
    stamp: tuple[int, int]  # another one if a file of this name is written again
    is_complete: bool


@dataclasses.dataclass(kw_only=True)
class _Walk:
    live: LiveWalk
    frames: str
    is_refused: bool = False
    last: _Frame | None = None
    last_seen: float = 0.0
    left_out: list[tuple[str, str]] = dataclasses.field(default_factory=list)
    changes: dict[str, int] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(kw_only=True)
class WatchedFolder:
    """The walk that is being written into a folder; a walk after it has files that are written later.

    Attributes:
        folder: The folder.
        gallery: Known people.
        embedder: Its model.
        seconds_to_end: A walk without a new frame for so long is taken as ended.
        count: How many of the nearest people to return.
        frames: As for `read_walk_folder`.
        invert: As for `read_walk_folder`.
        frame_rate: Frames per second, if known.
    """

    folder: pathlib.Path
    gallery: Gallery
    embedder: ExportedModel
    seconds_to_end: float
    count: int
    frames: str
    invert: bool
    frame_rate: float | None
    _walk: _Walk | None = None
    _seen: dict[str, tuple[int, int]] = dataclasses.field(default_factory=dict)

    def look(self, *, is_over: bool) -> Iterator[LiveAnswer | LiveRefusal]:
        """Read the frames that are complete, a limited number of them unless the watching ends, and answer."""
        try:
            found = _frames_in(self.folder)
        except OSError as error:
            yield from self._refuse(f"{self.folder} cannot be read: {(error.strerror or str(error)).lower()}.")
            self._open().last_seen = time.monotonic()  # it is refused once, and not again and again
            found = []
        stamps = {each.name: each.stamp for each in found}
        self._seen = {name: stamp for name, stamp in self._seen.items() if name in stamps}
        new = [each for each in found if self._seen.get(each.name) != each.stamp]
        last = self._walk.last if self._walk else None
        if last and new and new[0].key < last.key and stamps.get(last.name) != last.stamp:
            yield from self._end()  # its frames were removed or replaced, and the numbers begin again
        elif last:
            new = [each for each in new if each.key > last.key]
        complete = list(itertools.takewhile(lambda each: each.is_complete, new))
        if not is_over:
            complete = complete[:FRAMES_AT_ONCE]
        for start in range(0, len(complete), FRAMES_AT_ONCE):
            yield from self._take(complete[start : start + FRAMES_AT_ONCE])
        if self._walk and (is_over or (not new and time.monotonic() - self._walk.last_seen >= self.seconds_to_end)):
            yield from self._end()

    @property
    def is_empty(self) -> bool:
        """Whether nothing of it needs to be remembered."""
        return not self._walk and not self._seen

    def _open(self) -> _Walk:
        if self._walk is None:
            rates = {"frame_rate": self.frame_rate, "wanted_rate": self.gallery.frame_rate}
            live = LiveWalk(embedder=self.embedder, rule=self.gallery.rule, **rates)
            self._walk = _Walk(live=live, frames=self.frames, last_seen=time.monotonic())
        return self._walk

    def _take(self, new: list[_Frame]) -> Iterator[LiveAnswer | LiveRefusal]:
        walk, is_longer = self._open(), False
        self._seen |= {each.name: each.stamp for each in new}
        walk.last = new[-1]
        if not walk.is_refused:
            try:
                is_longer = self._embed(walk, names=[each.name for each in new])
            except (ValueError, OSError) as error:
                yield from self._refuse(str(error))
        walk.last_seen = time.monotonic()  # after the embedding, which may take longer than the pause between walks
        if is_longer:
            yield self._answer(walk, is_final=False)

    def _embed(self, walk: _Walk, *, names: list[str]) -> bool:
        """Take new frames; return whether a window became complete."""
        size = {"height": self.embedder.height, "width": self.embedder.width}
        paths = [self.folder / name for name in names]
        found = read_frames(paths, source=str(self.folder), frames=walk.frames, invert=self.invert, **size)
        if walk.frames == "auto" and len(found.silhouettes):
            walk.frames = "aligned" if found.was_aligned else "raw"  # one walk is of one kind
        walk.left_out += found.left_out
        for what, number in found.changes.items():
            walk.changes[what] = walk.changes.get(what, 0) + number
        return any([walk.live.add(silhouette) for silhouette in found.silhouettes])

    def _refuse(self, reason: str) -> Iterator[LiveRefusal]:
        walk = self._open()
        if not walk.is_refused:
            walk.is_refused = True
            yield LiveRefusal(source=str(self.folder), refused=reason)

    def _end(self) -> Iterator[LiveAnswer | LiveRefusal]:
        walk, self._walk = self._walk, None
        if walk.is_refused:
            return
        walk.live.end()
        if walk.live.num_windows:
            yield self._answer(walk, is_final=True)
            return
        reasons = ", ".join(sorted({reason for _, reason in walk.left_out}))
        reason = f"None of the {len(walk.left_out)} pictures in {self.folder} is usable: {reasons}."
        yield LiveRefusal(source=str(self.folder), refused=reason)

    def _answer(self, walk: _Walk, *, is_final: bool) -> LiveAnswer:
        embedded = EmbeddedWalk(
            source=str(self.folder),
            embedding=walk.live.embedding(),
            num_frames=walk.live.num_frames,
            frame_rate=self.frame_rate,
            digest="",
            model=self.gallery.model.fingerprint,
            rule=self.gallery.rule,
        )
        (answer,) = identify(self.gallery, walks=[embedded], count=self.count)
        facts = {"left_out": list(walk.left_out), "changes": dict(walk.changes)}
        return LiveAnswer(answer=answer, num_windows=walk.live.num_windows, is_final=is_final, **facts)


def _frames_in(folder: pathlib.Path) -> list[_Frame]:
    """Return the pictures in a folder in natural order; none if the writer has removed it."""
    found, now = [], time.time()
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if os.path.splitext(entry.name)[1].lower() not in SUFFIXES or entry.name.startswith("."):
                    continue
                is_complete, stamp = True, (0, 0)
                try:
                    state = entry.stat()
                    is_complete = not -SECONDS_OF_OTHER_CLOCK < now - state.st_mtime < SECONDS_TO_SETTLE
                    stamp = (state.st_mtime_ns, state.st_size)
                except FileNotFoundError:  # removed since, or a link to nothing
                    continue
                except OSError:  # such as a link to itself: the reader leaves it out with the reason
                    pass
                found.append(_Frame(key=natural_key(entry.name), name=entry.name, stamp=stamp, is_complete=is_complete))
    except FileNotFoundError:
        return []
    return sorted(found)
