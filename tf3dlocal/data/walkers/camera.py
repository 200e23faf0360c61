"""Eleven cameras around the walk, from the front view (000) over the side view (090) to the back view (180).

A camera projects the ellipsoids of a body to ellipses, and its links to outlines, in pixels.
"""

import dataclasses

import numpy as np

from tf3dlocal.data.walkers.person import random_stream

VIEWS_DEGREES = tuple(range(0, 181, 18))
FRAME_RATE = 25.0
_FOCAL_LENGTH = 2.15  # picture heights
_VISIBLE_METRES = 1.9  # of the path; the camera follows a longer walk

NUM_CORNERS = 24  # of an outline
_ANGLES = 2 * np.pi * np.arange(NUM_CORNERS) / NUM_CORNERS
_DIRECTIONS = np.stack([np.cos(_ANGLES), np.sin(_ANGLES)], axis=1)  # [corners, 2]
_PRODUCTS = np.stack([_DIRECTIONS[:, 0] ** 2, 2 * _DIRECTIONS[:, 0] * _DIRECTIONS[:, 1], _DIRECTIONS[:, 1] ** 2])


@dataclasses.dataclass(frozen=True, kw_only=True)
class Camera:
    """Position of the camera of one view.

    Attributes:
        view_degrees: Angle between the walking direction and the direction to the camera. At 0 the walker moves
            towards the camera, at 90 to the right of the picture.
        distance: Metres from the middle of the path.
        height: Metres above the ground; the optical axis is horizontal.
    """

    view_degrees: float
    distance: float
    height: float


def view_camera(seed: int, *, view_degrees: int) -> Camera:
    """Draw the camera of one view: the same for all walks of a data set, slightly different between views.

    Example:
        >>> 5 < view_camera(0, view_degrees=90).distance < 8
        True
    """
    random = random_stream(seed, names=("camera", view_degrees))
    return Camera(
        view_degrees=view_degrees + random.uniform(-1.5, 1.5),
        distance=random.uniform(5.6, 6.8),
        height=random.uniform(1.15, 1.45),
    )


def roaming_camera(random: np.random.Generator, *, view_degrees: int) -> Camera:
    """Draw a camera for one walk: up to 8 degrees from the view, near or far, from the hip to above the head."""
    return Camera(
        view_degrees=view_degrees + random.uniform(-8, 8),
        distance=float(np.exp(random.uniform(np.log(4.5), np.log(10)))),
        height=random.uniform(0.9, 2.3),
    )


def project(
    camera: Camera, *, centres: np.ndarray, squares: np.ndarray, image_size: tuple[int, int]
) -> tuple[np.ndarray, np.ndarray]:
    """Project ellipsoids in metres to ellipses in pixels, with the perspective scale at each centre.

    Args:
        camera: See `view_camera`.
        centres: float [frames, balls, 3] metres; the walk is along +x.
        squares: float [frames, balls, 3, 3], see `Body.squares`.
        image_size: Height and width in pixels.

    Returns:
        Centres (x, y) in pixels, [frames, balls, 2], and squares (xx, xy, yy) of the ellipses, [frames, balls, 3].
    """
    height, width = image_size
    angle = np.radians(camera.view_degrees)
    right = np.array([np.sin(angle), np.cos(angle), 0.0])
    towards = np.array([np.cos(angle), -np.sin(angle), 0.0])
    scale = _FOCAL_LENGTH * height / (camera.distance - centres @ towards)  # pixels per metre
    x = 0.5 * width + scale * (centres @ right)
    # The middle of a person, at about 0.85 m, is in the middle of the picture.
    horizon = 0.5 * height - _FOCAL_LENGTH * height / camera.distance * (camera.height - 0.85)
    y = horizon - scale * (centres[:, :, 2] - camera.height)
    across = squares @ right  # [frames, balls, 3]
    flat = np.stack([across @ right, -across[:, :, 2], squares[:, :, 2, 2]], axis=2)
    return np.stack([x, y], axis=2), flat * scale[:, :, None] ** 2


def follow(path: np.ndarray) -> np.ndarray:
    """Compute how far the camera moves with the walker: 0 for a walk that fits into the picture.

    Args:
        path: float [frames], metres along the walk.

    Returns:
        float [frames], metres.
    """
    middle = 0.5 * (path[0] + path[-1])
    length = abs(path[-1] - path[0])
    return middle + (path - middle) * max(0.0, 1 - _VISIBLE_METRES / max(length, 1e-9))


def link_outlines(centres: np.ndarray, *, squares: np.ndarray, links: np.ndarray, margin: float = 0.0) -> np.ndarray:
    """Compute the convex hull of the ellipses of each link, from its farthest point in each of 24 directions.

    In direction u, the farthest point of an ellipse with centre c and square S is ``c + S u / sqrt(u' S u)``; that of a
    hull is the farthest of those of its ellipses. So the corners are in order, without a hull algorithm.

    Args:
        centres: float [frames, balls, 2] pixels.
        squares: float [frames, balls, 3] as (xx, xy, yy).
        links: int [links, n].
        margin: Pixels by which the outlines are moved outwards.

    Returns:
        float64 [frames, links, 24, 2] pixels.

    Example:
        >>> centre, square = np.array([[[5.0, 5.0]]]), np.array([[[4.0, 0.0, 4.0]]])
        >>> corners = link_outlines(centre, squares=square, links=np.array([[0]]))
        >>> corners[0, 0, 0].round(6)
        array([7., 5.])
    """
    root = np.sqrt(np.maximum(squares @ _PRODUCTS, 1e-12))  # [frames, balls, corners]
    xx, xy, yy = (squares[:, :, None, i] for i in range(3))
    ux, uy = _DIRECTIONS.T
    points = np.stack([xx * ux + xy * uy, xy * ux + yy * uy], axis=3) / root[..., None]
    points += centres[:, :, None, :]  # [frames, balls, corners, 2]
    reach = root + centres @ _DIRECTIONS.T
    farthest = reach[:, links].argmax(axis=2)  # [frames, links, corners]
    ball = np.take_along_axis(links[None, :, :, None], farthest[:, :, None, :], axis=2)[:, :, 0]
    frames = np.arange(len(centres))[:, None, None]
    return points[frames, ball, np.arange(NUM_CORNERS)] + margin * _DIRECTIONS
