"""What moves in front of a background that does not: the background, and the foreground without its shadow.

The background is the median of samples around the time of a frame. On the two clips of docs/video.md OpenCV's MOG2 and
KNN absorb a person who stops for seconds and leave holes in dark clothes; the median leaves them whole.
"""

from __future__ import annotations

import cv2
import numpy as np

SAMPLES = 41  # odd, so that the median is a sample
RENEWED_AFTER = 10  # new samples until the median is computed again: it takes about a second for 1280 x 720
STRIP = 16  # rows at a time, so that the copies of a median stay small

# Grey levels, of the channel that differs most. Noise of a camera has a few. Where the whole picture becomes a little
# darker or brighter, half of it differs by a few more, and three times as much is foreground.
DIFFERENCE, OF_MEDIAN, MOST_MEDIAN = 18, 3, 20
# An edge is where the difference has half of its height: compression spreads a dark body over the pixels around it. On
# a drawn video in MPEG-4 this raises the intersection over union with the true mask from 0.91 to 0.94.
EDGE, EDGE_PIXELS = 0.5, 3
# A shadow darkens all channels alike: luminance falls to this share, and the shares of the colours stay.
DARKEST_SHADOW, BRIGHTEST_LIGHT, SAME_COLOUR = 0.5, 1.15, 0.03
MOST_FOREGROUND = 0.4  # of the picture; above, the light or the camera changed


class Background:
    """Background of a static camera: the median of the newest `SAMPLES` samples.

    Example:
        >>> background = Background()
        >>> for _ in range(3):
        ...     background.add(np.full((48, 64, 3), 100, np.uint8))
        >>> frame = np.full((48, 64, 3), 100, np.uint8)
        >>> frame[10:40, 20:30] = 200  # a body
        >>> frame[40:44, 20:40] = 70  # its shadow
        >>> int(background.foreground(frame)[12:38, 22:28].min()), int(background.foreground(frame)[40:, 32:].max())
        (255, 0)
    """

    def __init__(self):
        self._samples: list[np.ndarray] = []
        self._num_new = 0
        self._median: np.ndarray | None = None

    def add(self, image: np.ndarray) -> None:
        """Take a frame, uint8 [height, width, 3], as a sample; the oldest of more than `SAMPLES` is forgotten."""
        self._samples = [*self._samples[1 - SAMPLES :], _smooth(image)]
        self._num_new += 1

    def foreground(self, image: np.ndarray) -> np.ndarray | None:
        """Return what is not background: uint8 [height, width], 0 or 255; None where nearly everything changed."""
        if self._median is None or self._num_new >= RENEWED_AFTER:
            self._median, self._num_new = _median(self._samples), 0
        image = _smooth(image)
        apart = cv2.absdiff(image, self._median)
        apart = cv2.max(cv2.max(apart[:, :, 0], apart[:, :, 1]), apart[:, :, 2])
        median = float(np.median(apart[::4, ::4]))
        _, mask = cv2.threshold(apart, max(DIFFERENCE, OF_MEDIAN * median), 255, cv2.THRESH_BINARY)
        strongest = cv2.dilate(apart, np.ones((EDGE_PIXELS, EDGE_PIXELS), np.uint8))
        mask[apart < EDGE * strongest] = 0
        if median > MOST_MEDIAN or cv2.countNonZero(mask) > MOST_FOREGROUND * mask.size:
            return None
        _remove_shadow(mask, image, background=self._median)
        return mask


def _smooth(image: np.ndarray) -> np.ndarray:
    return cv2.GaussianBlur(image, (3, 3), 0)


def _median(samples: list[np.ndarray]) -> np.ndarray:
    middle = len(samples) // 2
    result = np.empty_like(samples[0])
    for top in range(0, len(result), STRIP):
        strip = np.stack([sample[top : top + STRIP] for sample in samples])
        result[top : top + STRIP] = np.partition(strip, middle, axis=0)[middle]
    return result


def _remove_shadow(mask: np.ndarray, image: np.ndarray, *, background: np.ndarray) -> None:
    """Set to 0 in `mask` what has the colour of the background and is a little darker or brighter."""
    places = np.flatnonzero(mask)
    now = image.reshape(-1, 3)[places].astype(np.float32)
    then = background.reshape(-1, 3)[places].astype(np.float32)
    light_now, light_then = now.sum(axis=1) + 1, then.sum(axis=1) + 1
    ratio = light_now / light_then
    colour = np.abs(now / light_now[:, np.newaxis] - then / light_then[:, np.newaxis]).max(axis=1)
    is_shadow = (DARKEST_SHADOW < ratio) & (ratio < BRIGHTEST_LIGHT) & (colour < SAME_COLOUR)
    mask.reshape(-1)[places[is_shadow]] = 0
