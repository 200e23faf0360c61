"""Eleven cameras round the walk: from the front (000) by the right-hand side view (090) to the back (180)."""

from __future__ import annotations

import dataclasses

import numpy as np

from tf3dlocal.data.walkers.randomness import stream

VIEWS_DEGREES = tuple(range(0, 181, 18))
FRAME_RATE = 25.0
_FOCAL_LENGTH = 2.15  # picture heights
_VISIBLE_METRES = 1.9  # of path; a longer walk is followed by the camera


@dataclasses.dataclass(frozen=True)
class Camera:
    """Where one view's camera stands.

    Attributes:
        view_degrees: Angle between the walking direction and the direction to the camera; 0 comes towards the camera,
            at 90 the walker goes to the right of the picture.
        distance: Metres from the middle of the path.
        height: Metres above the ground; the camera looks level.
    """

    view_degrees: float
    distance: float
    height: float


def view_camera(seed: int, view_degrees: int) -> Camera:
    """The camera of one view: the same for every walk of a data set, a little different from view to view.

    Example:
        >>> 5 < view_camera(0, 90).distance < 8
        True
    """
    random = stream(seed, "camera", view_degrees)
    return Camera(view_degrees + random.uniform(-1.5, 1.5), random.uniform(5.6, 6.8), random.uniform(1.15, 1.45))


def project(camera: Camera, centres: np.ndarray, squares: np.ndarray, image_size: tuple[int, int]):
    """Ellipsoids in metres to ellipses in pixels: perspective in size and place, each ball by its own distance.

    Args:
        camera: See `view_camera`.
        centres: [frames, balls, 3] metres, walking along +x.
        squares: [frames, balls, 3, 3], see `Body.squares`.
        image_size: Height and width in pixels.

    Returns:
        Centres [frames, balls, 2] as (x, y) pixels, and [frames, balls, 3]: the ellipse's square as (xx, xy, yy).
    """
    height, width = image_size
    angle = np.radians(camera.view_degrees)
    right = np.array([np.sin(angle), np.cos(angle), 0.0])
    towards = np.array([np.cos(angle), -np.sin(angle), 0.0])
    scale = _FOCAL_LENGTH * height / (camera.distance - centres @ towards)  # pixels a metre
    x = 0.5 * width + scale * (centres @ right)
    # The middle of a person, about 0.85 m up, stands in the middle of the picture.
    horizon = 0.5 * height - _FOCAL_LENGTH * height / camera.distance * (camera.height - 0.85)
    y = horizon - scale * (centres[:, :, 2] - camera.height)
    across = squares @ right  # [frames, balls, 3]
    flat = np.stack([across @ right, -across[:, :, 2], squares[:, :, 2, 2]], axis=2)
    return np.stack([x, y], axis=2), flat * scale[:, :, None] ** 2


def follow(path: np.ndarray) -> np.ndarray:
    """How far the camera moves along with the walker, [frames] metres: not at all for a walk that fits the picture."""
    middle = 0.5 * (path[0] + path[-1])
    length = abs(path[-1] - path[0])
    return middle + (path - middle) * max(0.0, 1 - _VISIBLE_METRES / max(length, 1e-9))
