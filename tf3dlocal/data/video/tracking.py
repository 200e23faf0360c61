"""People followed from frame to frame by the overlap of their boxes; people who touch are followed no further."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

import cv2
import numpy as np

from tf3dlocal.data.video.ranges import MOST_FRAMES
from tf3dlocal.data.video.regions import Box, Region
from tf3dlocal.data.video.source import Frame

SAME = 0.3  # share of the smaller box that two boxes of one person have in common
STEP = 0.5  # of the height: a person is at most so far from where the last two frames predict
BODY_SHARE, BODY_HEIGHT = 0.25, 0.6  # of the area and height of a region: what comes off it is another person
MEMBER_HEIGHT, GROWN = 0.4, 1.2  # of a region of two people: it is larger than each was
JUMP_HEIGHT, JUMP_AREA, RECENT = 1.3, 1.6, 9  # a person who is so much larger than in the last frames met somebody
FEW_FRAMES = 4  # what was seen in fewer is no person yet; people who touch and look like one for so long are one
LOST_SECONDS = 0.3  # a person who is not seen for so long has left

LEFT, TOUCHED, SEPARATED, FULL, END = "left", "touched another", "separated", "full", "end of the video"


class Sight(NamedTuple):
    """One person in one frame.

    Attributes:
        number: The frame.
        seconds: Its time.
        box: Place of the person.
        area: Pixels of the silhouette.
        png: The silhouette in its box.
        reason: Why it cannot be used; "" if it can.
    """

    number: int
    seconds: float
    box: Box
    area: int
    png: bytes
    reason: str

    def mask(self) -> np.ndarray:
        """Decode the silhouette: uint8 [box.height, box.width]."""
        return cv2.imdecode(np.frombuffer(self.png, np.uint8), cv2.IMREAD_GRAYSCALE)


@dataclass
class Track:
    """What is followed: one person, or several who touch.

    Attributes:
        name: Number from 1.
        num_people: 1, or how many have met; such frames are never used.
        num_single: For how many frames several people have looked like one.
        sights: The frames.
        ending: Why it ended; "" while it lasts.
    """

    name: int
    num_people: int = 1
    num_single: int = 0
    sights: list[Sight] = field(default_factory=list)
    ending: str = ""

    def predicted(self, seconds: float) -> Box:
        """Return where the last frames let expect the person at a time."""
        last = self.sights[-1]
        before = self.sights[max(-4, -len(self.sights))]
        span = last.seconds - before.seconds
        if span <= 0:
            return last.box
        share = (seconds - last.seconds) / span
        x, y = (now - then for now, then in zip(last.box.middle, before.box.middle, strict=True))
        return last.box.moved(x * share, y * share)


class Tracker:
    """Follows the regions of a video.

    Args:
        reject: Function of a region and the size of the picture: why the region cannot be used, "" if it can.
    """

    def __init__(self, reject: Callable[[Region, tuple[int, int]], str]):
        self.tracks: list[Track] = []
        self._reject = reject
        self._num_tracks = 0

    def update(self, frame: Frame, regions: list[Region]) -> list[Track]:
        """Take the regions of the next frame, and return the tracks that ended."""
        predicted = [track.predicted(frame.seconds) for track in self.tracks]
        near = [[_is_near(box, region.box) for region in regions] for box in predicted]
        ended: list[Track] = []
        free = set(range(len(regions)))
        groups = [[row for row in range(len(self.tracks)) if near[row][column]] for column in range(len(regions))]
        for column, rows in enumerate(groups):
            if len(rows) > 1 and self._is_meeting(rows, column, near=near, regions=regions):
                people = [self.tracks[row] for row in rows if not self.tracks[row].ending]
                if len(people) < 2:
                    continue
                for track in people:
                    track.ending = TOUCHED
                self._begin(frame, regions[column], num_people=sum(track.num_people for track in people))
                free.discard(column)
        for row, track in enumerate(list(self.tracks[: len(near)])):
            if track.ending:
                continue
            columns = [column for column in free if near[row][column]]
            if self._comes_apart(track, [regions[column] for column in columns]):
                track.ending = SEPARATED
            elif columns:
                best = max(columns, key=lambda column: _closeness(predicted[row], regions[column].box))
                if self._is_one_again(track, frame, regions[best]):
                    track.ending = SEPARATED  # and the region begins a track, as in the next case
                    continue
                if track.num_people == 1 and _has_grown(track, regions[best]):
                    track.ending = TOUCHED
                    continue
                self._see(track, frame, regions[best])
                free.discard(best)
            elif frame.seconds - track.sights[-1].seconds > LOST_SECONDS:
                track.ending = LEFT
            if len(track.sights) >= MOST_FRAMES:
                track.ending = FULL
        for column in sorted(free):
            self._begin(frame, regions[column])
        ended = [track for track in self.tracks if track.ending]
        self.tracks = [track for track in self.tracks if not track.ending]
        return ended

    def finish(self) -> list[Track]:
        """End all tracks."""
        ended, self.tracks = self.tracks, []
        for track in ended:
            track.ending = END
        return ended

    def _is_meeting(self, rows: list[int], column: int, *, near: list[list[bool]], regions: list[Region]) -> bool:
        """Return whether the region is several people: some track near it has no other region to be."""
        region = regions[column]
        lasts = {row: self.tracks[row].sights[-1] for row in rows}
        alone = [
            row
            for row in rows
            if sum(near[row]) == 1
            and lasts[row].box.height >= MEMBER_HEIGHT * region.box.height
            and len(self.tracks[row].sights) >= FEW_FRAMES
        ]
        return len(alone) > 1 and region.area > GROWN * max(last.area for last in lasts.values())

    @staticmethod
    def _comes_apart(track: Track, regions: list[Region]) -> bool:
        """Return whether what was one region is now two bodies, and no body with a part torn off."""
        last = track.sights[-1]
        bodies = [
            region
            for region in regions
            if region.area >= BODY_SHARE * last.area and region.box.height >= BODY_HEIGHT * last.box.height
        ]
        return len(bodies) > 1 and sum(region.area for region in bodies) < 1.5 * last.area

    def _is_one_again(self, track: Track, frame: Frame, region: Region) -> bool:
        """Return whether people who touched have looked like one for a while: the others have left."""
        if track.num_people == 1:
            return False
        is_single = not self._reject(region, frame.image.shape[:2]) and region.area * GROWN < track.sights[0].area
        track.num_single = track.num_single + 1 if is_single else 0
        return track.num_single >= FEW_FRAMES

    def _begin(self, frame: Frame, region: Region, *, num_people: int = 1) -> None:
        self._num_tracks += 1
        track = Track(self._num_tracks, num_people=num_people)
        self.tracks.append(track)
        self._see(track, frame, region)

    def _see(self, track: Track, frame: Frame, region: Region) -> None:
        reason = "people touch" if track.num_people > 1 else self._reject(region, frame.image.shape[:2])
        png = b"" if reason else cv2.imencode(".png", region.mask)[1].tobytes()
        place = {"number": frame.number, "seconds": frame.seconds, "box": region.box}
        track.sights.append(Sight(**place, area=region.area, png=png, reason=reason))


def _has_grown(track: Track, region: Region) -> bool:
    """Return whether a region is suddenly larger than what was followed: by another person, or no longer covered."""
    recent = track.sights[-RECENT:]
    height, area = np.median([[sight.box.height, sight.area] for sight in recent], axis=0)
    return len(recent) >= FEW_FRAMES and (region.box.height > JUMP_HEIGHT * height or region.area > JUMP_AREA * area)


def _is_near(box: Box, other: Box) -> bool:
    return box.common_share(other) >= SAME or _closeness(box, other) > -STEP


def _closeness(box: Box, other: Box) -> float:
    """Return minus the distance of the middles, in heights of the larger box."""
    (x, y), (other_x, other_y) = box.middle, other.middle
    return -float(np.hypot(x - other_x, y - other_y)) / max(box.height, other.height)
