"""Drawing of one walk of one person, seen by one camera or by several at the same time."""

from collections.abc import Iterator, Sequence

import cv2
import numpy as np

from tf3dlocal.data.walkers.body import dress
from tf3dlocal.data.walkers.camera import (
    FRAME_RATE,
    VIEWS_DEGREES,
    follow,
    link_outlines,
    project,
    roaming_camera,
    view_camera,
)
from tf3dlocal.data.walkers.conditions import carry, equip, parse_condition
from tf3dlocal.data.walkers.joints import turn_z
from tf3dlocal.data.walkers.person import change_clothes, draw_person, random_stream, vary
from tf3dlocal.data.walkers.segmentation_noise import (
    SegmentationNoise,
    cast_shadows,
    coarsen,
    draw_noise,
    draw_strong_noise,
    spoil,
)
from tf3dlocal.data.walkers.skeleton import walk_skeleton
from tf3dlocal.io import check_whole

# What differs in addition between the walks of one person, or is worse than usual.
ASPECTS = ("clothes", "cameras", "speeds", "faults")
VARIETIES = {"mild": (), "wide": ASPECTS}
_SUBPIXEL_BITS = 4
MOST_BYTES = 2**30  # of one walk, which is drawn in memory


def draw_walk(
    seed: int,
    *,
    subject: int,
    condition: str,
    view_degrees: int,
    frames: int = 30,
    image_size: tuple[int, int] = (240, 320),
    variety: str = "mild",
) -> np.ndarray:
    """Draw a synthetic person walking through the picture, as 0/255 silhouettes.

    Args:
        seed: The seed of the data set.
        subject: Number of the person, at least 1.
        condition: Name of the walk as in CASIA-B: "nm-01", "bg-02", "cl-01".
        view_degrees: One of 0, 18, ..., 180.
        frames: Number of frames, at 25 per second; one gait cycle takes about 27.
        image_size: Height and width in pixels.
        variety: "mild", "wide", or some of the four aspects of "wide", joined by "+": "clothes" (others in each walk),
            "cameras" (one for each walk), "speeds" (as if the frame rate were between 16 and 32 frames per second) and
            "faults" (the shadows, torn bodies and coarse pixels of background subtraction on real videos).

    Returns:
        uint8 [frames, height, width].

    Raises:
        ValueError: An argument is out of range; the message names it.

    Example:
        >>> walk = draw_walk(0, subject=1, condition="nm-01", view_degrees=90, frames=5)
        >>> walk.shape, sorted(set(walk.ravel().tolist()))
        ((5, 240, 320), [0, 255])
    """
    views = {"views_degrees": (view_degrees,), "frames": frames, "image_size": image_size, "variety": variety}
    return next(draw_views(seed, subject=subject, condition=condition, **views))


def draw_views(
    seed: int,
    *,
    subject: int,
    condition: str,
    views_degrees: Sequence[int] = VIEWS_DEGREES,
    frames: int = 30,
    image_size: tuple[int, int] = (240, 320),
    variety: str = "mild",
) -> Iterator[np.ndarray]:
    """Draw one walk as several cameras see it at the same time.

    Args:
        seed: As in `draw_walk`, like the other arguments.
        subject: Number of the person.
        condition: Name of the walk.
        views_degrees: The views.
        frames: Number of frames.
        image_size: Height and width in pixels.
        variety: As in `draw_walk`.

    Yields:
        The result of `draw_walk` for each view.
    """
    check_walk(subject=subject, condition=condition, views_degrees=views_degrees, frames=frames, image_size=image_size)
    random = random_stream(seed, names=("walk", subject, condition))
    aspects = parse_variety(variety)
    person = draw_person(seed, subject=subject)
    if "clothes" in aspects:
        person = change_clothes(person, random=random)
    person = carry(vary(person, random=random), condition=condition)
    frame_rate = FRAME_RATE * (random.uniform(0.65, 1.3) if "speeds" in aspects else 1)
    phase = random.uniform() + person.habits["cadence"] / frame_rate * np.arange(frames)
    skeleton = walk_skeleton(person, phase=phase)
    body = dress(person, skeleton)
    equip(body, person=person, skeleton=skeleton, condition=condition, random=random)
    noise = draw_strong_noise(random) if "faults" in aspects else draw_noise(random)
    heading = turn_z(np.radians(2.5 * random.standard_normal(1)))[0]
    path = skeleton.joints["pelvis"][:, 0]
    middle = np.stack([follow(path), np.zeros(frames), np.zeros(frames)], axis=1)
    if frames == 1:
        middle[:, 0] = path
    centres = (body.centres() - middle[:, None]) @ heading.T
    squares = heading @ body.squares() @ heading.T
    for view in views_degrees:
        random = random_stream(seed, names=("noise", subject, condition, view))
        roams = "cameras" in aspects
        camera = roaming_camera(random, view_degrees=view) if roams else view_camera(seed, view_degrees=view)
        centres_2d, squares_2d = project(camera, centres=centres, squares=squares, image_size=image_size)
        margin = noise.swelling * image_size[0] / 240
        outlines = link_outlines(centres_2d, squares=squares_2d, links=body.links(), margin=margin)
        yield _fill(outlines, image_size, noise=noise, is_strong="faults" in aspects, random=random)


def check_walk(
    *, subject: int, condition: str, views_degrees: Sequence[int], frames: int, image_size: Sequence[int]
) -> None:
    """Raise a ValueError that names the argument that is out of range."""
    parse_condition(condition)
    check_whole(subject, name="subject", least=1)
    check_whole(frames, name="frames", least=1)
    for view in views_degrees:
        if isinstance(view, bool) or view not in VIEWS_DEGREES:
            raise ValueError(f"The view {view!r} is unknown. Use some of {', '.join(map(str, VIEWS_DEGREES))} degrees.")
    is_pair = isinstance(image_size, Sequence) and len(image_size) == 2
    if not is_pair or not all(isinstance(side, int | np.integer) and side >= 32 for side in image_size):
        raise ValueError(f"image_size must be (height, width) of at least 32 pixels each, not {image_size!r}.")
    if (num_bytes := frames * image_size[0] * image_size[1]) > MOST_BYTES:
        raise ValueError(
            f"A walk of {frames} frames of {image_size[0]} x {image_size[1]} pixels has {num_bytes / 2**30:.1f} GB, "
            f"and {MOST_BYTES / 2**30:g} GB are the limit. Draw fewer frames or smaller ones."
        )


def parse_variety(variety: str) -> tuple[str, ...]:
    """List the aspects of a variety.

    Raises:
        ValueError: There is no such variety.

    Example:
        >>> parse_variety("mild"), parse_variety("cameras+faults")
        ((), ('cameras', 'faults'))
    """
    if isinstance(variety, str):
        aspects = VARIETIES.get(variety, tuple(variety.split("+")))
        if set(aspects) <= set(ASPECTS) and len(set(aspects)) == len(aspects):
            return aspects
    raise ValueError(
        f"variety must be one of {', '.join(map(repr, VARIETIES))}, or some of {', '.join(ASPECTS)} joined by '+', as "
        f"in 'cameras+faults', not {variety!r}."
    )


def _fill(
    outlines: np.ndarray,
    image_size: tuple[int, int],
    *,
    noise: SegmentationNoise,
    is_strong: bool,
    random: np.random.Generator,
) -> np.ndarray:
    """Fill polygons [frames, links, corners, 2] and add noise: uint8 [frames, height, width]."""
    height, width = image_size
    walk = np.zeros((len(outlines), height, width), "uint8")
    # Corners 0, 6, 12 and 18 of each outline are the farthest to the right, down, to the left and up.
    low = np.stack([outlines[:, :, 12, 0].min(axis=1), outlines[:, :, 18, 1].min(axis=1)], axis=1)
    high = np.stack([outlines[:, :, 0, 0].max(axis=1), outlines[:, :, 6, 1].max(axis=1)], axis=1)
    low = np.clip(np.floor(low), 0, (width, height)).astype(int)
    high = np.clip(np.ceil(high) + 1, 0, (width, height)).astype(int)
    corners = np.round(outlines * (1 << _SUBPIXEL_BITS)).astype("int32")
    for index, frame in enumerate(walk):
        for polygon in corners[index]:
            cv2.fillConvexPoly(frame, polygon, 255, lineType=cv2.LINE_8, shift=_SUBPIXEL_BITS)
        box = (*map(int, low[index]), *map(int, high[index]))
        if is_strong:
            cast_shadows(frame, box=box, noise=noise, moment=index / len(walk), random=random)
        spoil(frame, box=box, noise=noise, random=random)
        if is_strong:
            coarsen(frame, box=box, noise=noise)
    return walk
