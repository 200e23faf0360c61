"""Outlines of links, as convex polygons in pixels."""

from __future__ import annotations

import numpy as np

NUM_CORNERS = 24
_ANGLES = 2 * np.pi * np.arange(NUM_CORNERS) / NUM_CORNERS
_DIRECTIONS = np.stack([np.cos(_ANGLES), np.sin(_ANGLES)], axis=1)  # [corners, 2]
_PRODUCTS = np.stack([_DIRECTIONS[:, 0] ** 2, 2 * _DIRECTIONS[:, 0] * _DIRECTIONS[:, 1], _DIRECTIONS[:, 1] ** 2])


def link_outlines(centres: np.ndarray, squares: np.ndarray, links: np.ndarray, margin: float = 0.0) -> np.ndarray:
    """The convex hull of each link's ellipses, by its furthest point in each of 24 directions.

    The furthest point of an ellipse with centre c and square S in direction u is ``c + S u / sqrt(u' S u)``; that of a
    hull is the furthest one of its ellipses'. So the corners come out in order, without a hull algorithm.

    Args:
        centres: [frames, balls, 2] pixels.
        squares: [frames, balls, 3] as (xx, xy, yy).
        links: int [links, n].
        margin: Pixels by which the outlines are pushed outwards.

    Returns:
        float64 [frames, links, 24, 2] pixels.

    Example:
        >>> corners = link_outlines(np.array([[[5.0, 5.0]]]), np.array([[[4.0, 0.0, 4.0]]]), np.array([[0]]))
        >>> corners[0, 0, 0].round(6)
        array([7., 5.])
    """
    root = np.sqrt(np.maximum(squares @ _PRODUCTS, 1e-12))  # [frames, balls, corners]
    xx, xy, yy = (squares[:, :, None, i] for i in range(3))
    ux, uy = _DIRECTIONS.T
    points = np.stack([xx * ux + xy * uy, xy * ux + yy * uy], axis=3) / root[..., None]
    points += centres[:, :, None, :]  # [frames, balls, corners, 2]
    reach = root + centres @ _DIRECTIONS.T
    furthest = reach[:, links].argmax(axis=2)  # [frames, links, corners]
    ball = np.take_along_axis(links[None, :, :, None], furthest[:, :, None, :], axis=2)[:, :, 0]
    frames = np.arange(len(centres))[:, None, None]
    return points[frames, ball, np.arange(NUM_CORNERS)] + margin * _DIRECTIONS
