"""The regions of a mask that may be people: connected, whole and without specks."""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np

MOST_REGIONS = 64  # of a frame, the largest: a bound on time and memory
GAP_IN_BODY = 40  # pieces of one body are apart by less than the picture's height divided by this
SPECK, SMALL_HOLE = 0.02, 0.02  # of the body's area: smaller pieces are removed, smaller holes are filled
TRUNK = 0.5  # of the height: holes whose middle is above are filled whatever their size, because legs are below
CRACK = 30  # cracks in a body thinner than its height divided by this are closed


class Box(NamedTuple):
    """Place of a region in pixels."""

    left: int
    top: int
    width: int
    height: int

    @property
    def middle(self) -> tuple[float, float]:
        """X and y of its middle."""
        return self.left + self.width / 2, self.top + self.height / 2

    def moved(self, x: float, y: float) -> Box:
        """Return the box moved by x and y pixels."""
        return self._replace(left=round(self.left + x), top=round(self.top + y))

    def common_share(self, other: Box) -> float:
        """Return the common area as a share of the smaller box."""
        across = min(self.left + self.width, other.left + other.width) - max(self.left, other.left)
        down = min(self.top + self.height, other.top + other.height) - max(self.top, other.top)
        smaller = min(self.width * self.height, other.width * other.height)
        return max(across, 0) * max(down, 0) / smaller


class Region(NamedTuple):
    """A connected region of the foreground.

    Attributes:
        box: Its place.
        mask: uint8 [box.height, box.width], 0 or 255.
        area: Pixels of the mask.
    """

    box: Box
    mask: np.ndarray
    area: int


def find_regions(mask: np.ndarray, *, min_height: int) -> tuple[list[Region], int]:
    """Find the regions of a mask that are high enough to be followed.

    Args:
        mask: uint8 [height, width], 0 or 255.
        min_height: Lower regions are left out.

    Returns:
        (the regions, the largest first; how many were left out although they are half as high).

    Example:
        >>> mask = np.zeros((120, 160), np.uint8)
        >>> mask[20:90, 40:60] = 255  # a body
        >>> mask[10:18, 45:55] = 255  # its head
        >>> mask[100:103, 100:103] = 255  # a speck
        >>> regions, _ = find_regions(mask, min_height=32)
        >>> [tuple(region.box) for region in regions]
        [(40, 10, 20, 80)]
    """
    mask = cv2.morphologyEx(mask, cv2.MORPH_OPEN, cv2.getStructuringElement(cv2.MORPH_RECT, (3, 3)))
    reach = max(3, mask.shape[0] // GAP_IN_BODY) | 1
    joined = cv2.dilate(mask, cv2.getStructuringElement(cv2.MORPH_RECT, (3, reach)))
    _, labels, stats, _ = cv2.connectedComponentsWithStats(joined, connectivity=8)
    found, num_low = [], 0
    for label in 1 + np.argsort(-stats[1:, cv2.CC_STAT_AREA], kind="stable")[:MOST_REGIONS]:
        left, top, width, height, _ = map(int, stats[label])
        if height < min_height // 2:
            continue
        place = np.s_[top : top + height, left : left + width]
        region = _whole(np.where(labels[place] == label, mask[place], 0).astype(np.uint8), left, top)
        if region is None or region.box.height < min_height:
            num_low += region is not None and region.box.height >= min_height // 2
        else:
            found.append(region)
    return found, num_low


def _whole(body: np.ndarray, left: int, top: int) -> Region | None:
    """Close thin cracks, fill small holes and remove specks of one body; None where nothing is left."""
    size = max(3, len(body) // CRACK) | 1
    margin = size
    body = cv2.copyMakeBorder(body, *[margin] * 4, cv2.BORDER_CONSTANT, value=0)
    body = cv2.morphologyEx(body, cv2.MORPH_CLOSE, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size)))
    area = cv2.countNonZero(body)
    if not area:
        return None
    _remove(body, smallest=SPECK * area)
    holes = cv2.bitwise_not(body)
    _remove(holes, smallest=SMALL_HOLE * area, above=margin + TRUNK * (len(body) - 2 * margin))
    body = cv2.bitwise_not(holes)
    x, y, width, height = cv2.boundingRect(body)
    if not width:
        return None
    body = body[y : y + height, x : x + width].copy()
    box = Box(left=left + x - margin, top=top + y - margin, width=width, height=height)
    return Region(box, body, cv2.countNonZero(body))


def _remove(mask: np.ndarray, *, smallest: float, above: float = 0) -> None:
    """Set pieces of a mask to 0 that are smaller than `smallest` pixels, or whose middle is above the row `above`.

    The piece at the upper left corner stays: of holes it is the surroundings of the body.
    """
    num_labels, labels, stats, middles = cv2.connectedComponentsWithStats(mask, connectivity=4)
    is_removed = (stats[:, cv2.CC_STAT_AREA] < smallest) | (middles[:, 1] < above)
    is_removed[0] = False
    if mask[0, 0]:
        is_removed[labels[0, 0]] = False
    if is_removed.any():
        mask[is_removed[labels]] = 0
