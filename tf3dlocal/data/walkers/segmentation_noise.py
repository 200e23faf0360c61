"""Mild faults of background subtraction: uneven edges, holes, foot shadows, missing pieces."""

import dataclasses

import cv2
import numpy as np

_TILE = 512


def _make_tile() -> np.ndarray:
    """Make thresholds for a blurred picture: grains of about two pixels around one half."""
    random = np.random.default_rng(20240607)
    grain = cv2.GaussianBlur(random.standard_normal((_TILE, _TILE)).astype("float32"), (0, 0), 1.0)
    return np.clip(127 + 34 * grain / grain.std(), 12, 242).astype("uint8")


_THRESHOLDS = _make_tile()


@dataclasses.dataclass(frozen=True, kw_only=True)
class SegmentationNoise:
    """Faults of the silhouettes of one sequence.

    Attributes:
        hole_rate: Share of the frames with a hole.
        shadow_rate: Share of the frames with a shadow at a foot.
        loss_rate: Share of the frames with a missing piece.
        swelling: Pixels by which all outlines of the sequence are too wide (below 0: too narrow).
    """

    hole_rate: float
    shadow_rate: float
    loss_rate: float
    swelling: float


def draw_noise(random: np.random.Generator) -> SegmentationNoise:
    """Draw the faults of one sequence from its random stream."""
    shadow_rate = 0.5 if random.uniform() < 0.3 else 0.0
    hole_rate, swelling = random.uniform(0, 0.15), 0.35 * random.standard_normal()
    return SegmentationNoise(hole_rate=hole_rate, shadow_rate=shadow_rate, loss_rate=0.015, swelling=swelling)


def spoil(
    frame: np.ndarray, *, box: tuple[int, int, int, int], noise: SegmentationNoise, random: np.random.Generator
) -> None:
    """Add faults to one 0/255 frame, in place.

    Args:
        frame: uint8 [height, width].
        box: Left, top, right and bottom of the body in pixels; right and bottom are exclusive.
        noise: See `draw_noise`.
        random: The random stream of the sequence.
    """
    left, top, right, bottom = box
    high, wide = bottom - top, right - left
    if high < 4 or wide < 4:
        return
    draws = random.uniform(size=8)
    unit = max(high / 160, 0.3)
    if draws[0] < noise.shadow_rate:
        feet = np.flatnonzero(frame[max(bottom - 1 - int(3 * unit), 0), left:right])
        foot = feet[int(draws[1] * len(feet))] if len(feet) else wide // 2
        centre = (left + int(foot), bottom - 1 - int(unit))
        _fill_ellipse(frame, centre, (int(unit * (6 + 10 * draws[2])), int(1 + 2 * unit)), value=255)
    if draws[3] < noise.hole_rate:
        centre = (int(left + wide * (0.25 + 0.5 * draws[1])), int(top + high * (0.1 + 0.8 * draws[2])))
        _fill_ellipse(frame, centre, (int(1 + 3 * unit * draws[4]), int(1 + 4 * unit * draws[5])), value=0)
    if draws[6] < noise.loss_rate:
        centre = (int(left + wide * draws[1]), int(top + high * (0.15 + 0.7 * draws[2])))
        _fill_ellipse(frame, centre, (int(4 + 8 * unit * draws[4]), int(3 + 6 * unit * draws[5])), value=0)
    window = frame[max(top - 2, 0) : bottom + 2, max(left - 2, 0) : right + 2]
    row, column = (int(draw) for draw in random.integers(0, _TILE // 4, 2))
    thresholds = _THRESHOLDS[row : row + window.shape[0], column : column + window.shape[1]]
    if thresholds.shape != window.shape:  # pictures larger than the tile
        thresholds = np.resize(_THRESHOLDS, window.shape)
    cv2.compare(cv2.blur(window, (3, 3)), thresholds, cv2.CMP_GT, dst=window)


def _fill_ellipse(frame: np.ndarray, centre: tuple[int, int], half_axes: tuple[int, int], *, value: int) -> None:
    cv2.ellipse(frame, centre, half_axes, angle=0, startAngle=0, endAngle=360, color=value, thickness=-1)
