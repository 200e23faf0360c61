"""The quality gate: which frames of a track are a walker's whole silhouette, and which runs of them are a pass."""

from __future__ import annotations

import collections
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

import cv2
import numpy as np

from tf3dlocal.data.connected_figures import find_figures
from tf3dlocal.data.video.regions import Region
from tf3dlocal.data.video.tracking import Sight, Track

BORDER = 2  # pixels: a body so near to the edge of the picture may be cut off
LEAST_FILL, MOST_FILL = 0.2, 0.85  # of its box; walkers have 0.3 to 0.65
NEIGHBOURS = 0.8  # seconds on each side whose median height and area a frame is compared with
HEIGHT_JUMP, AREA_JUMP = 0.12, 0.35  # relative; a walker's height changes by 5 %, the area by 20 %
GAP_SECONDS = 0.4  # a pass is cut where usable frames are farther apart
LEAST_PATH, LEAST_GROWTH = 0.5, 1.25  # in heights, and of the height: a walker moves across, or nearer or farther
# Two who walk together: wider than a walker (0.25 to 0.65 of the height), or with two heads.
WIDEST, HEAD, HEADS = 0.85, 0.05, (0.08, 0.22)  # width, and of the height: width of a head, rows in which heads are
SHARE_OF_SEVERAL = 0.25  # of the frames of a track; with more all of them show several people
LARGEST_PIECE = 0.85  # of the body, in one piece
SHAPE = 0.4  # relative difference of area by squared height to the median of the track

AT_BORDER, LOW, HOLLOW, BLOCK = "touches the border", "too low", "hollow or in pieces", "fills its box"
SEVERAL, HEIGHT, AREA, OTHER_SHAPE = "several people", "height jumps", "area jumps", "thinner or wider than usual"
FEW_FRAMES, STILL = "fewer than {} usable frames", "does not walk"
DROPPED_PASS = "of a pass that was dropped: "


class Pass(NamedTuple):
    """One person who passes the camera once.

    Attributes:
        track: Number of the track it comes from.
        sights: The usable frames.
        direction: "right", "left", "towards" or "away", as the camera sees it.
    """

    track: int
    sights: list[Sight]
    direction: str


class Refusal(NamedTuple):
    """A run of frames that is no pass: the track, the frames, and why."""

    track: int
    first: int
    last: int
    num_frames: int
    reason: str


@dataclass(frozen=True, kw_only=True)
class Gate:
    """The quality gate.

    Attributes:
        min_height: Pixels of the lowest silhouette.
        min_frames: Usable frames of the shortest pass.
    """

    min_height: int
    min_frames: int

    def fault_of(self, region: Region, size: tuple[int, int]) -> str:
        """Return why a region is no usable silhouette; "" if it is.

        Args:
            region: The region.
            size: Height and width of the picture.
        """
        left, top, width, height = region.box
        is_at_border = left < BORDER or top < BORDER
        if is_at_border or left + width > size[1] - BORDER or top + height > size[0] - BORDER:
            return AT_BORDER
        if height < self.min_height:
            return LOW
        fill = region.area / (width * height)
        if fill < LEAST_FILL:
            return HOLLOW
        if fill > MOST_FILL:
            return BLOCK
        if width > WIDEST * height or find_figures(region.mask).num_figures > 1 or _num_heads(region.mask) > 1:
            return SEVERAL
        _, _, stats, _ = cv2.connectedComponentsWithStats(region.mask, connectivity=8)
        return HOLLOW if stats[1:, cv2.CC_STAT_AREA].max() < LARGEST_PIECE * region.area else ""

    def judge(self, track: Track) -> Judgement:
        """Cut a track that ended into passes, and say why the rest of it is none."""
        judgement = Judgement()
        usable = [sight for sight in track.sights if not sight.reason]
        judgement.dropped.update(sight.reason for sight in track.sights if sight.reason)
        steady = []
        for sight, fault in zip(usable, _jumps(usable), strict=True):
            if fault:
                judgement.dropped[fault] += 1
            else:
                steady.append(sight)
        if not steady:
            (reason, _), *_ = judgement.dropped.most_common(1)
            judgement.refusals.append(_refusal(track, track.sights, reason=f"no usable frame: {reason}"))
        num_several = judgement.dropped[SEVERAL]
        is_several = num_several > SHARE_OF_SEVERAL * (num_several + len(usable))
        for run in _runs(steady):
            reason = "several people" if is_several else self._fault_of_run(run)
            if reason:
                judgement.dropped[DROPPED_PASS + reason] += len(run)
                judgement.refusals.append(_refusal(track, run, reason=reason))
            else:
                judgement.passes.append(Pass(track.name, run, _direction(run)))
        return judgement

    def _fault_of_run(self, run: list[Sight]) -> str:
        if len(run) < self.min_frames:
            return FEW_FRAMES.format(self.min_frames)
        across, growth = _movement(run)
        if abs(across) < LEAST_PATH and max(growth, 1 / growth) < LEAST_GROWTH:
            return STILL
        return ""


@dataclass
class Judgement:
    """What the gate says of a track: its passes, the runs that are none, and reasons to numbers of dropped frames."""

    passes: list[Pass] = field(default_factory=list)
    refusals: list[Refusal] = field(default_factory=list)
    dropped: collections.Counter[str] = field(default_factory=collections.Counter)


def _refusal(track: Track, run: list[Sight], *, reason: str) -> Refusal:
    numbers = {"first": run[0].number, "last": run[-1].number, "num_frames": len(run)}
    return Refusal(track=track.name, reason=reason, **numbers)


def _jumps(sights: list[Sight]) -> Iterator[str]:
    """Yield for each frame why it differs from its neighbours, "" if it does not."""
    heights = np.array([sight.box.height for sight in sights], float)
    areas = np.array([sight.area for sight in sights], float)
    shapes = areas / heights**2
    times = np.array([sight.seconds for sight in sights])
    begins, ends = np.searchsorted(times, times - NEIGHBOURS), np.searchsorted(times, times + NEIGHBOURS, "right")
    for place, sight in enumerate(sights):
        near = np.s_[begins[place] : ends[place]]
        if abs(sight.box.height / np.median(heights[near]) - 1) > HEIGHT_JUMP:
            yield HEIGHT
        elif abs(sight.area / np.median(areas[near]) - 1) > AREA_JUMP:
            yield AREA
        elif abs(shapes[place] / np.median(shapes) - 1) > SHAPE:
            yield OTHER_SHAPE
        else:
            yield ""


def _runs(sights: list[Sight]) -> Iterator[list[Sight]]:
    """Yield the frames in runs without a long gap."""
    begin = 0
    for place in range(1, len(sights) + 1):
        if place == len(sights) or sights[place].seconds - sights[place - 1].seconds > GAP_SECONDS:
            yield sights[begin:place]
            begin = place


def _movement(run: list[Sight]) -> tuple[float, float]:
    """Return how far a run leads to the right, in heights, and the last height by the first."""
    few = max(1, len(run) // 5)
    boxes = np.array([[*sight.box.middle, sight.box.height] for sight in run], float)
    begin, end = np.median(boxes[:few], axis=0), np.median(boxes[-few:], axis=0)
    return (end[0] - begin[0]) / np.median(boxes[:, 2]), end[2] / begin[2]


def _num_heads(mask: np.ndarray) -> int:
    """Return how many columns as wide as a head there are, apart, in the rows where heads are."""
    height = len(mask)
    rows = mask[round(HEADS[0] * height) : round(HEADS[1] * height) + 1] > 0
    is_wide = max(2, round(HEAD * height))
    counts = []
    for row in rows:
        edges = np.flatnonzero(np.diff(np.concatenate([[0], row.view(np.int8), [0]])))
        begins, ends = edges[::2], edges[1::2]
        counts.append(int(np.count_nonzero(ends - begins >= is_wide)))
    return 2 if np.count_nonzero(np.array(counts) > 1) >= max(2, len(rows) // 3) else 1


def _direction(run: list[Sight]) -> str:
    across, growth = _movement(run)
    if abs(across) >= LEAST_PATH:
        return "right" if across > 0 else "left"
    return "towards" if growth > 1 else "away"
