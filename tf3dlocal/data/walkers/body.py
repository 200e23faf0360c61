"""Surface of the body: ellipsoids at and between the joints, and links, the convex hulls of a few ellipsoids.

A link of two balls of different size is a tapered limb. A link of three or four ellipsoids is a part of the trunk, a
foot, or the skirt of a coat over both thighs. From any view, the outline of a link is the convex hull of its
ellipsoids' outlines.
"""

import itertools
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from tf3dlocal.data.walkers.person import Person
from tf3dlocal.data.walkers.skeleton import SOLE_SHARES, Skeleton

MAX_BALLS_PER_LINK = 4


class Body:
    """Named ellipsoids ("balls") and the links between them.

    Args:
        num_frames: Frames of the walk.

    Example:
        >>> body = Body(num_frames=2)
        >>> body.ball("top", np.zeros((2, 3)), radius=0.1)
        >>> body.ball("bottom", np.ones((2, 3)), radius=0.05)
        >>> body.link(["top", "bottom"])
        >>> body.centres().shape, body.squares().shape, body.links().tolist()
        ((2, 2, 3), (2, 2, 3, 3), [[0, 1, 1, 1]])
    """

    def __init__(self, num_frames: int):
        self.num_frames = num_frames
        self._index: dict[str, int] = {}
        self._centres: list[np.ndarray] = []
        self._squares: list[np.ndarray] = []
        self._links: list[list[int]] = []

    def ball(self, name: str, centre: np.ndarray, *, radius: ArrayLike, frame: np.ndarray | None = None) -> None:
        """Add an ellipsoid.

        Args:
            name: Its name, for `link`.
            centre: float [frames, 3] metres.
            radius: Metres; with `frame`, the three half axes along its forward, left and up.
            frame: float [frames, 3, 3] with those axes as columns; None for a sphere.
        """
        self._index[name] = len(self._centres)
        self._centres.append(np.asarray(centre, "float64"))
        if frame is None:
            square = np.broadcast_to(np.eye(3) * float(radius) ** 2, (self.num_frames, 3, 3))
        else:
            scaled = frame * np.asarray(radius, "float64")  # columns times half axes
            square = scaled @ scaled.transpose(0, 2, 1)
        self._squares.append(square)

    def link(self, names: Sequence[str]) -> None:
        """Add the convex hull of one to four balls."""
        indices = [self._index[name] for name in names]
        self._links.append(indices + [indices[-1]] * (MAX_BALLS_PER_LINK - len(indices)))

    def chain(self, names: Sequence[str]) -> None:
        """Link each ball with the next."""
        for pair in itertools.pairwise(names):
            self.link(pair)

    def centres(self) -> np.ndarray:
        """Return the centres, float64 [frames, balls, 3] metres."""
        return np.stack(self._centres, axis=1)

    def squares(self) -> np.ndarray:
        """Return sums of half axis times its transpose, over the three axes, float64 [frames, balls, 3, 3] m^2."""
        return np.stack(self._squares, axis=1)

    def links(self) -> np.ndarray:
        """Return the balls of each link, the last one repeated, int [links, 4]."""
        return np.array(self._links)


def dress(person: Person, skeleton: Skeleton) -> Body:
    """Build the body in everyday clothes (condition NM).

    Example:
        >>> from tf3dlocal.data.walkers.person import draw_person
        >>> from tf3dlocal.data.walkers.skeleton import walk_skeleton
        >>> person = draw_person(0, subject=1)
        >>> dress(person, walk_skeleton(person, phase=np.linspace(0, 1, 5))).centres().shape[0]
        5
    """
    body = Body(len(skeleton.pelvis))
    _add_head(body, person, skeleton)
    _add_trunk(body, person, skeleton)
    for side in ("left", "right"):
        _add_leg(body, person, skeleton, side=side)
        _add_arm(body, person, skeleton, side=side)
    return body


def _add_head(body: Body, person: Person, skeleton: Skeleton) -> None:
    shape, frame = person.shape, skeleton.head
    skull = skeleton.joints["skull"]
    half = 0.5 * shape["head"]
    hair = shape["hair"]
    body.ball(
        "skull",
        skull + 0.012 * frame[:, :, 2],
        radius=(0.80 * half + hair, 0.66 * half + hair, 0.92 * half + 0.6 * hair),
        frame=frame,
    )
    body.ball("jaw", skull + 0.030 * frame[:, :, 0] - 0.60 * half * frame[:, :, 2], radius=0.40 * half)
    body.ball("nose", skull + 0.86 * half * frame[:, :, 0] - 0.10 * half * frame[:, :, 2], radius=0.016)
    throat = 0.052 * (0.5 + 0.5 * shape["trunk_girth"])
    body.ball("neck", skeleton.joints["collar"] + 0.01 * skeleton.trunk[:, :, 2], radius=throat * 1.15)
    body.ball("nape", skull - 0.55 * half * frame[:, :, 2] - 0.012 * frame[:, :, 0], radius=throat)
    back = skull - 0.030 * frame[:, :, 0] - (0.3 * half + shape["hair_length"]) * frame[:, :, 2]
    body.ball("hair", back, radius=(0.045 + hair, 0.055 + hair, 0.05), frame=frame)
    body.link(["skull", "jaw"])
    body.link(["skull", "nose"])
    body.chain(["neck", "nape", "skull"])
    if shape["hair_length"] > 0.03:
        body.link(["skull", "hair"])


def _add_trunk(body: Body, person: Person, skeleton: Skeleton) -> None:
    shape, joints, trunk, pelvis = person.shape, skeleton.joints, skeleton.trunk, skeleton.pelvis
    girth, deep, cloth, hips = shape["trunk_girth"], shape["chest_depth"], shape["shirt"], shape["hip_girth"]
    wide = shape["shoulder_width"] / 0.375  # broad shoulders go with a broad chest
    forward, up = trunk[:, :, 0], trunk[:, :, 2]
    body.ball(
        "seat",
        joints["pelvis"] - 0.020 * pelvis[:, :, 0] + 0.015 * pelvis[:, :, 2],
        radius=(0.118 * hips, 0.160 * hips, 0.105 * hips),
        frame=pelvis,
    )
    body.ball("waist", joints["waist"], radius=(0.095 * girth + cloth, 0.128 * girth + cloth, 0.09), frame=trunk)
    body.ball("belly", joints["waist"] - 0.03 * up + (0.025 + shape["belly"]) * forward, radius=0.080 * girth + cloth)
    body.ball(
        "chest",
        joints["chest"] - 0.025 * up + 0.006 * forward,
        radius=(0.110 * girth * deep + cloth, 0.142 * girth * wide + cloth, 0.110),
        frame=trunk,
    )
    body.ball(
        "yoke",
        joints["collar"] - 0.080 * up - 0.010 * forward,
        radius=(0.075 * girth * deep + cloth, 0.112 * wide + cloth, 0.055),
        frame=trunk,
    )
    body.link(["seat", "waist"])
    body.link(["waist", "chest", "belly"])
    body.link(["seat", "belly"])
    body.link(["chest", "yoke"])


def _add_leg(body: Body, person: Person, skeleton: Skeleton, *, side: str) -> None:
    shape, girth, cloth = person.shape, person.shape["limb_girth"], person.shape["trousers"]
    joint = {name: skeleton.joints[f"{side}_{name}"] for name in ("hip", "knee", "ankle", "heel", "ball", "toe")}
    shoe = shape["shoe"]
    radii = {
        "hip": 0.088 * girth * (0.5 + 0.5 * shape["hip_girth"]),
        "knee": 0.056 * girth + 0.3 * cloth,
        "ankle": 0.040 * girth + 0.9 * cloth,
    }
    for name, radius in radii.items():
        body.ball(f"{side}_{name}", joint[name], radius=radius)
    # Feet are wider than thick; `skeleton` plants them by their thickness.
    level = np.broadcast_to(np.eye(3), skeleton.pelvis.shape)
    for (name, share), wide in zip(SOLE_SHARES, (1.1, 1.65, 1.6), strict=True):
        thick = share * shoe
        body.ball(f"{side}_{name}", joint[name], radius=(thick, wide * thick, thick), frame=level)
    # The calf protrudes backwards, the direction in which the knee bends, at a quarter of the shank.
    shin = joint["ankle"] - joint["knee"]
    back = np.cross(shin, skeleton.pelvis[:, :, 1])
    back /= np.linalg.norm(back, axis=1, keepdims=True)
    body.ball(f"{side}_calf", joint["knee"] + 0.27 * shin + 0.014 * back, radius=0.056 * girth + 0.6 * cloth)
    body.chain([f"{side}_hip", f"{side}_knee", f"{side}_calf", f"{side}_ankle"])
    body.link([f"{side}_ankle", f"{side}_heel", f"{side}_ball"])
    body.link([f"{side}_ball", f"{side}_toe"])


def _add_arm(body: Body, person: Person, skeleton: Skeleton, *, side: str) -> None:
    girth, cloth = person.shape["limb_girth"], person.shape["shirt"]
    radii = {"shoulder": 0.054 * girth + cloth, "elbow": 0.040 * girth + cloth, "wrist": 0.028 * girth + 0.4 * cloth}
    for name, radius in radii.items():
        body.ball(f"{side}_{name}", skeleton.joints[f"{side}_{name}"], radius=radius)
    wrist, finger = skeleton.joints[f"{side}_wrist"], skeleton.joints[f"{side}_finger"]
    body.ball(f"{side}_palm", wrist + 0.55 * (finger - wrist), radius=0.036)
    body.ball(f"{side}_finger", finger, radius=0.022)
    body.link(["yoke", "neck", f"{side}_shoulder"])
    body.chain([f"{side}_shoulder", f"{side}_elbow", f"{side}_wrist", f"{side}_palm", f"{side}_finger"])
