"""One walk of one person, seen by one camera or by several at once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import cv2
import numpy as np

from tf3dlocal.data.walkers.body import dress
from tf3dlocal.data.walkers.camera import FRAME_RATE, VIEWS_DEGREES, follow, project, view_camera
from tf3dlocal.data.walkers.conditions import carry, equip, parse_condition
from tf3dlocal.data.walkers.outlines import link_outlines
from tf3dlocal.data.walkers.person import draw_person, vary
from tf3dlocal.data.walkers.randomness import stream
from tf3dlocal.data.walkers.segmentation_noise import draw_noise, spoil
from tf3dlocal.data.walkers.skeleton import turn_z, walk_skeleton

_SUBPIXEL_BITS = 4


def draw_walk(
    seed: int,
    subject: int,
    condition: str,
    view_degrees: int,
    frames: int = 30,
    image_size: tuple[int, int] = (240, 320),
) -> np.ndarray:
    """A synthetic person walking through the picture, as 0/255 silhouettes.

    Args:
        seed: The data set's seed.
        subject: Any number from 1 on; each stands for another person.
        condition: As in CASIA-B: "nm-01", "bg-02", "cl-01"; each is another walk.
        view_degrees: One of 0, 18, .. 180.
        frames: At 25 a second; one gait cycle takes about 27.
        image_size: Height and width in pixels.

    Returns:
        uint8 [frames, height, width].

    Raises:
        ValueError: If an argument is out of range; the message names it.

    Example:
        >>> walk = draw_walk(seed=0, subject=1, condition="nm-01", view_degrees=90, frames=5)
        >>> walk.shape, sorted(set(walk.ravel().tolist()))
        ((5, 240, 320), [0, 255])
    """
    return next(draw_views(seed, subject, condition, (view_degrees,), frames, image_size))


def draw_views(
    seed: int,
    subject: int,
    condition: str,
    views_degrees: Sequence[int] = VIEWS_DEGREES,
    frames: int = 30,
    image_size: tuple[int, int] = (240, 320),
) -> Iterator[np.ndarray]:
    """One walk as all cameras see it at the same time: yields what `draw_walk` gives, view by view."""
    check_walk(subject, condition, views_degrees, frames, image_size)
    random = stream(seed, "walk", subject, condition)
    person = carry(vary(draw_person(seed, subject), random), condition)
    phase = random.uniform() + person.habits["cadence"] / FRAME_RATE * np.arange(frames)
    skeleton = walk_skeleton(person, phase)
    body = dress(person, skeleton)
    equip(body, person, skeleton, condition, random)
    noise = draw_noise(random)
    heading = turn_z(np.radians(2.5 * random.standard_normal(1)))[0]
    path = skeleton.joints["pelvis"][:, 0]
    middle = np.stack([follow(path), np.zeros(frames), np.zeros(frames)], axis=1)
    if frames == 1:
        middle[:, 0] = path
    centres = (body.centres() - middle[:, None]) @ heading.T
    squares = heading @ body.squares() @ heading.T
    for view in views_degrees:
        places, ellipses = project(view_camera(seed, view), centres, squares, image_size)
        grown = noise.swelling * image_size[0] / 240
        outlines = link_outlines(places, ellipses, body.links(), grown)
        yield _fill(outlines, image_size, noise, stream(seed, "noise", subject, condition, view))


def check_walk(subject: int, condition: str, views_degrees: Sequence[int], frames: int, image_size: tuple[int, int]):
    """Raises a ValueError that names what cannot be drawn."""
    parse_condition(condition)
    if subject < 1:
        raise ValueError(f"subject must be 1 or more, not {subject}")
    if frames < 1:
        raise ValueError(f"frames must be 1 or more, not {frames}")
    for view in views_degrees:
        if view not in VIEWS_DEGREES:
            raise ValueError(
                f"view {view} is unknown: the cameras stand at {', '.join(map(str, VIEWS_DEGREES))} degrees"
            )
    if len(image_size) != 2 or min(image_size) < 32:
        raise ValueError(f"image_size must be (height, width) of at least 32 pixels each, not {image_size}")


def _fill(outlines: np.ndarray, image_size: tuple[int, int], noise, random: np.random.Generator) -> np.ndarray:
    """Polygons [frames, links, corners, 2] to uint8 [frames, height, width]."""
    height, width = image_size
    walk = np.zeros((len(outlines), height, width), "uint8")
    # Corners 0, 6, 12 and 18 of each outline are its furthest to the right, down, to the left and up.
    low = np.stack([outlines[:, :, 12, 0].min(axis=1), outlines[:, :, 18, 1].min(axis=1)], axis=1)
    high = np.stack([outlines[:, :, 0, 0].max(axis=1), outlines[:, :, 6, 1].max(axis=1)], axis=1)
    low = np.clip(np.floor(low), 0, (width, height)).astype(int)
    high = np.clip(np.ceil(high) + 1, 0, (width, height)).astype(int)
    corners = np.round(outlines * (1 << _SUBPIXEL_BITS)).astype("int32")
    for index, frame in enumerate(walk):
        for polygon in corners[index]:
            cv2.fillConvexPoly(frame, polygon, 255, cv2.LINE_8, _SUBPIXEL_BITS)
        spoil(frame, (*map(int, low[index]), *map(int, high[index])), noise, random)
    return walk
