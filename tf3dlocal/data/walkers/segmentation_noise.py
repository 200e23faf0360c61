"""Faults of background subtraction: uneven edges, holes, shadows, missing pieces, closed gaps."""

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
        ground_shadow: A flat copy of the body on the ground in every frame: height and shift to the right, both as a
            share of the body's height above the ground; None for none.
        wall_shadow: A copy of the body on a wall nearby: shift to the right as a share of the body's height, and the
            first and last moment that it is seen, as shares of the walk; None for none.
        closing: Width of the gaps that are filled, such as between the legs, as a share of the body's height.
        torn: Pieces that are missing in most frames, where clothes look like the background: share of the body's
            height from the top and of its width from the left, half height and half width of the piece.
        foot_shadow: Height of the shadow that joins the feet in most frames, as a share of the body's height; 0 for
            none.
        streaks: Edges of the background that stick out from the body in part of the frames, as thin bars: share of the
            body's height from the top, and reach to the right as a share of the body's height.
        pixel_rows: Height of the body in pixels of the video, if it is coarser than the picture; 0 for the picture's.
        square: Whether gaps are closed with a square instead of a disc, which leaves straight edges.
        largest_only: Whether only the largest connected piece is kept; in about 2 of 1,000 frames it is a shadow.
    """

    hole_rate: float
    shadow_rate: float
    loss_rate: float
    swelling: float
    ground_shadow: tuple[float, float] | None = None
    wall_shadow: tuple[float, float, float] | None = None
    closing: float = 0.0
    torn: tuple[tuple[float, float, float, float], ...] = ()
    foot_shadow: float = 0.0
    streaks: tuple[tuple[float, float], ...] = ()
    pixel_rows: int = 0
    square: bool = False
    largest_only: bool = False


def draw_noise(random: np.random.Generator) -> SegmentationNoise:
    """Draw the faults of one sequence from its random stream."""
    shadow_rate = 0.5 if random.uniform() < 0.3 else 0.0
    hole_rate, swelling = random.uniform(0, 0.15), 0.35 * random.standard_normal()
    return SegmentationNoise(hole_rate=hole_rate, shadow_rate=shadow_rate, loss_rate=0.015, swelling=swelling)


def draw_strong_noise(random: np.random.Generator) -> SegmentationNoise:
    """Draw the faults of one sequence as a median background and a threshold make them on real videos.

    Of the sequences, 45 % have a shadow on the ground, 35 % one that joins the feet, 12 % one on a wall, 50 % closed
    gaps, 30 % torn clothes, 15 % edges of the background, 70 % pixels of a small video; 80 % are cut to the largest
    piece.
    """
    usual = draw_noise(random)
    ground = wall = None
    if random.uniform() < 0.45:
        ground = (random.uniform(-0.04, 0.10), random.choice((-1, 1)) * random.uniform(0.1, 0.8))
    if random.uniform() < 0.12:
        start = random.uniform(-0.3, 0.7)
        wall = (random.choice((-1, 1)) * random.uniform(0.08, 0.4), start, start + random.uniform(0.3, 1.0))
    closing = random.uniform(0.01, 0.08) if random.uniform() < 0.5 else 0.0
    pieces = random.integers(1, 4) if random.uniform() < 0.3 else 0
    largest = 0.05 if random.uniform() < 0.8 else 0.12
    torn = [
        (random.uniform(0.05, 0.95), random.uniform(0.1, 0.9), *random.uniform(0.01, largest, 2)) for _ in range(pieces)
    ]
    bars = random.integers(1, 4) if random.uniform() < 0.15 else 0
    streaks = [(random.uniform(0.05, 0.95), random.choice((-1, 1)) * random.uniform(0.1, 0.4)) for _ in range(bars)]
    return dataclasses.replace(
        usual,
        swelling=float(np.clip(0.4 + random.standard_normal(), -0.8, 3)),
        loss_rate=random.uniform(0, 0.1),
        ground_shadow=ground,
        wall_shadow=wall,
        closing=closing,
        torn=tuple(torn),
        foot_shadow=random.uniform(0.02, 0.09) if random.uniform() < 0.35 else 0.0,
        streaks=tuple(streaks),
        pixel_rows=int(np.exp(random.uniform(np.log(45), np.log(110)))) if random.uniform() < 0.7 else 0,
        square=bool(random.uniform() < 0.5),
        largest_only=bool(random.uniform() < 0.8),
    )


def cast_shadows(
    frame: np.ndarray,
    *,
    box: tuple[int, int, int, int],
    noise: SegmentationNoise,
    moment: float,
    random: np.random.Generator,
) -> None:
    """Add the faults that last a whole sequence to one 0/255 frame, in place: shadows, closed gaps, torn clothes.

    Args:
        frame: uint8 [height, width].
        box: Left, top, right and bottom of the body in pixels; right and bottom are exclusive.
        noise: See `draw_strong_noise`.
        moment: Share of the walk that has passed, 0..1.
        random: The random stream of the sequence.
    """
    left, top, right, bottom = box
    high, wide = bottom - top, right - left
    draws = random.uniform(size=len(noise.torn) + len(noise.streaks) + 1)
    if high < 4 or wide < 4:
        return
    for (row, column, half_high, half_wide), draw in zip(noise.torn, draws, strict=False):
        if draw < 0.75:
            centre = (int(left + column * wide), int(top + row * high))
            _fill_ellipse(frame, centre, (max(1, int(half_wide * high)), max(1, int(half_high * high))), value=0)
    for (row, reach), draw in zip(noise.streaks, draws[len(noise.torn) :], strict=False):
        if draw < 0.4:
            _add_streak(frame, row=int(top + row * high), reach=int(reach * high), thick=max(1, high // 60))
    if noise.foot_shadow and draws[-1] < 0.75:
        feet = frame[bottom - max(2, round(noise.foot_shadow * high)) : bottom]
        columns = np.flatnonzero(feet.any(axis=0))
        if len(columns):
            feet[len(feet) // 2 :, columns[0] : columns[-1] + 1] = 255
    if noise.closing:
        size = max(2, round(noise.closing * high))
        element = cv2.getStructuringElement(cv2.MORPH_RECT if noise.square else cv2.MORPH_ELLIPSE, (size, size))
        window = frame[max(top - size, 0) : bottom + size, max(left - size, 0) : right + size]
        window[:] = cv2.morphologyEx(window, cv2.MORPH_CLOSE, element)
    _add_shadows(frame, box=box, noise=noise, moment=moment)


def _add_streak(frame: np.ndarray, *, row: int, reach: int, thick: int) -> None:
    """Add a bar from the outermost foreground of a row, outwards by `reach` pixels (below 0: to the left)."""
    columns = np.flatnonzero(frame[row])
    if len(columns):
        start = int(columns[-1] if reach > 0 else columns[0])
        first, last = sorted((start, start + reach))
        frame[row : row + thick, max(first, 0) : max(last, 0)] = 255


def _add_shadows(frame: np.ndarray, *, box: tuple[int, int, int, int], noise: SegmentationNoise, moment: float) -> None:
    left, top, right, bottom = box
    high = bottom - top
    shape = (frame.shape[1], frame.shape[0])
    body = frame.copy()
    if noise.ground_shadow:
        flat, shift = noise.ground_shadow
        # A point at height h above the ground falls to height flat * h, shifted by shift * h.
        matrix = np.array([[1, -shift, shift * bottom], [0, flat, bottom - flat * bottom]], "float64")
        frame |= cv2.warpAffine(body, matrix, shape, flags=cv2.INTER_NEAREST)
        if abs(flat) < 0.03:  # thinner than a pixel row
            reach = sorted((0, int(shift * high)))
            frame[bottom - 2 : bottom, max(left + reach[0], 0) : max(right + reach[1], 0)] = 255
    if noise.wall_shadow and noise.wall_shadow[1] <= moment <= noise.wall_shadow[2]:
        shift = noise.wall_shadow[0] * high
        matrix = np.array([[1, 0, shift], [0, 0.97, 0.03 * bottom]], "float64")
        frame |= cv2.warpAffine(body, matrix, shape, flags=cv2.INTER_NEAREST)


def coarsen(frame: np.ndarray, *, box: tuple[int, int, int, int], noise: SegmentationNoise) -> None:
    """Show one 0/255 frame in the pixels of a small video, and keep the largest piece, in place, as `noise` says.

    Args:
        frame: uint8 [height, width].
        box: Left, top, right and bottom of the body in pixels; right and bottom are exclusive.
        noise: See `draw_strong_noise`.
    """
    height, width = frame.shape
    high = box[3] - box[1]
    if 0 < noise.pixel_rows < high:
        scale = noise.pixel_rows / high
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
        small = cv2.resize(frame, size, interpolation=cv2.INTER_AREA)
        cv2.compare(small, 127, cv2.CMP_GT, dst=small)
        frame[:] = cv2.resize(small, (width, height), interpolation=cv2.INTER_NEAREST)
    if noise.largest_only:
        num_labels, labels, stats, _ = cv2.connectedComponentsWithStats(frame, connectivity=8)
        if num_labels > 2:  # the background is the first
            largest = 1 + int(stats[1:, cv2.CC_STAT_AREA].argmax())
            frame[labels != largest] = 0


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
