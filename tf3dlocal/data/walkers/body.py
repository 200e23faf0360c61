"""The body's surface: ellipsoids at and between the joints, and links that span the convex hull of a few of them.

Two balls of different size linked are a tapered limb; three or four ellipsoids linked are a part of the trunk, a foot,
or a coat's skirt over both thighs. Seen from any side, the outline of a link is the convex hull of its balls' outlines.
"""

from __future__ import annotations

import itertools

import numpy as np

from tf3dlocal.data.walkers.person import Person
from tf3dlocal.data.walkers.skeleton import Skeleton

MAX_BALLS_A_LINK = 4


class Body:
    """A growing list of named ellipsoids and the links between them.

    Args:
        num_frames: Frames of the walk.

    Example:
        >>> body = Body(num_frames=2)
        >>> body.ball("top", np.zeros((2, 3)), 0.1)
        >>> body.ball("bottom", np.ones((2, 3)), 0.05)
        >>> body.link("top", "bottom")
        >>> body.centres().shape, body.squares().shape, body.links().tolist()
        ((2, 2, 3), (2, 2, 3, 3), [[0, 1, 1, 1]])
    """

    def __init__(self, num_frames: int):
        self.num_frames = num_frames
        self._index: dict[str, int] = {}
        self._centres: list[np.ndarray] = []
        self._squares: list[np.ndarray] = []
        self._links: list[list[int]] = []

    def ball(self, name: str, centre: np.ndarray, radius, frame: np.ndarray | None = None) -> None:
        """Adds an ellipsoid.

        Args:
            centre: [frames, 3] metres.
            radius: Metres; three of them are the half axes along the frame's forward, left and up.
            frame: [frames, 3, 3] with those axes as columns; needed with three radii.
        """
        self._index[name] = len(self._centres)
        self._centres.append(np.asarray(centre, "float64"))
        if frame is None:
            square = np.broadcast_to(np.eye(3) * float(radius) ** 2, (self.num_frames, 3, 3))
        else:
            scaled = frame * np.asarray(radius, "float64")  # columns times half axes
            square = scaled @ scaled.transpose(0, 2, 1)
        self._squares.append(square)

    def link(self, *names: str) -> None:
        """Adds the convex hull of one to four balls."""
        indices = [self._index[name] for name in names]
        self._links.append(indices + [indices[-1]] * (MAX_BALLS_A_LINK - len(indices)))

    def chain(self, *names: str) -> None:
        """Links each ball with the next."""
        for first, second in itertools.pairwise(names):
            self.link(first, second)

    def centres(self) -> np.ndarray:
        """[frames, balls, 3] metres."""
        return np.stack(self._centres, axis=1)

    def squares(self) -> np.ndarray:
        """[frames, balls, 3, 3] square metres: half axes times their transpose, summed over the three axes."""
        return np.stack(self._squares, axis=1)

    def links(self) -> np.ndarray:
        """int [links, 4]: balls of each link, the last one repeated."""
        return np.array(self._links)


def dress(person: Person, skeleton: Skeleton) -> Body:
    """The body in its everyday clothes (condition NM).

    Example:
        >>> from tf3dlocal.data.walkers.person import draw_person
        >>> from tf3dlocal.data.walkers.skeleton import walk_skeleton
        >>> person = draw_person(0, 1)
        >>> dress(person, walk_skeleton(person, np.linspace(0, 1, 5))).centres().shape[0]
        5
    """
    body = Body(len(skeleton.pelvis))
    _add_head(body, person, skeleton)
    _add_trunk(body, person, skeleton)
    for side in ("left", "right"):
        _add_leg(body, person, skeleton, side)
        _add_arm(body, person, skeleton, side)
    return body


def _add_head(body: Body, person: Person, skeleton: Skeleton) -> None:
    shape, frame = person.shape, skeleton.head
    skull = skeleton.joints["skull"]
    half = 0.5 * shape["head"]
    hair = shape["hair"]
    body.ball(
        "skull",
        skull + 0.012 * frame[:, :, 2],
        (0.80 * half + hair, 0.66 * half + hair, 0.92 * half + 0.6 * hair),
        frame,
    )
    body.ball("jaw", skull + 0.030 * frame[:, :, 0] - 0.60 * half * frame[:, :, 2], 0.40 * half)
    body.ball("nose", skull + 0.86 * half * frame[:, :, 0] - 0.10 * half * frame[:, :, 2], 0.016)
    throat = 0.052 * (0.5 + 0.5 * shape["trunk_girth"])
    body.ball("neck", skeleton.joints["collar"] + 0.01 * skeleton.trunk[:, :, 2], throat * 1.15)
    body.ball("nape", skull - 0.55 * half * frame[:, :, 2] - 0.012 * frame[:, :, 0], throat)
    back = skull - 0.030 * frame[:, :, 0] - (0.3 * half + shape["hair_length"]) * frame[:, :, 2]
    body.ball("hair", back, (0.045 + hair, 0.055 + hair, 0.05), frame)
    body.link("skull", "jaw")
    body.link("skull", "nose")
    body.chain("neck", "nape", "skull")
    if shape["hair_length"] > 0.03:
        body.link("skull", "hair")


def _add_trunk(body: Body, person: Person, skeleton: Skeleton) -> None:
    shape, joints, trunk, pelvis = person.shape, skeleton.joints, skeleton.trunk, skeleton.pelvis
    girth, deep, cloth, hips = shape["trunk_girth"], shape["chest_depth"], shape["shirt"], shape["hip_girth"]
    wide = shape["shoulder_width"] / 0.375  # a broad frame is broad further down too
    forward, up = trunk[:, :, 0], trunk[:, :, 2]
    body.ball(
        "seat",
        joints["pelvis"] - 0.020 * pelvis[:, :, 0] + 0.015 * pelvis[:, :, 2],
        (0.118 * hips, 0.160 * hips, 0.105 * hips),
        pelvis,
    )
    body.ball("waist", joints["waist"], (0.095 * girth + cloth, 0.128 * girth + cloth, 0.09), trunk)
    body.ball("belly", joints["waist"] - 0.03 * up + (0.025 + shape["belly"]) * forward, 0.080 * girth + cloth)
    body.ball(
        "chest",
        joints["chest"] - 0.025 * up + 0.006 * forward,
        (0.110 * girth * deep + cloth, 0.142 * girth * wide + cloth, 0.110),
        trunk,
    )
    body.ball(
        "yoke",
        joints["collar"] - 0.080 * up - 0.010 * forward,
        (0.075 * girth * deep + cloth, 0.112 * wide + cloth, 0.055),
        trunk,
    )
    body.link("seat", "waist")
    body.link("waist", "chest", "belly")
    body.link("seat", "belly")
    body.link("chest", "yoke")


def _add_leg(body: Body, person: Person, skeleton: Skeleton, side: str) -> None:
    shape, girth, cloth = person.shape, person.shape["limb_girth"], person.shape["trousers"]
    joint = {name: skeleton.joints[f"{side}_{name}"] for name in ("hip", "knee", "ankle", "heel", "ball", "toe")}
    shoe = shape["shoe"]
    radii = {
        "hip": 0.088 * girth * (0.5 + 0.5 * shape["hip_girth"]),
        "knee": 0.056 * girth + 0.3 * cloth,
        "ankle": 0.040 * girth + 0.9 * cloth,
    }
    for name, radius in radii.items():
        body.ball(f"{side}_{name}", joint[name], radius)
    # Feet are wider than thick; their thickness is what the planting in `skeleton` reckons with.
    level = np.broadcast_to(np.eye(3), skeleton.pelvis.shape)
    for name, thick, wide in (("heel", shoe, 1.1), ("ball", 0.85 * shoe, 1.65), ("toe", 0.7 * shoe, 1.6)):
        body.ball(f"{side}_{name}", joint[name], (thick, wide * thick, thick), level)
    # The calf bulges backwards, a quarter down the shank; the shank's back is where the knee bends to.
    shin = joint["ankle"] - joint["knee"]
    back = np.cross(shin, skeleton.pelvis[:, :, 1])
    back /= np.linalg.norm(back, axis=1, keepdims=True)
    body.ball(f"{side}_calf", joint["knee"] + 0.27 * shin + 0.014 * back, 0.056 * girth + 0.6 * cloth)
    body.chain(f"{side}_hip", f"{side}_knee", f"{side}_calf", f"{side}_ankle")
    body.link(f"{side}_ankle", f"{side}_heel", f"{side}_ball")
    body.link(f"{side}_ball", f"{side}_toe")


def _add_arm(body: Body, person: Person, skeleton: Skeleton, side: str) -> None:
    girth, cloth = person.shape["limb_girth"], person.shape["shirt"]
    radii = {"shoulder": 0.054 * girth + cloth, "elbow": 0.040 * girth + cloth, "wrist": 0.028 * girth + 0.4 * cloth}
    for name, radius in radii.items():
        body.ball(f"{side}_{name}", skeleton.joints[f"{side}_{name}"], radius)
    wrist, finger = skeleton.joints[f"{side}_wrist"], skeleton.joints[f"{side}_finger"]
    body.ball(f"{side}_palm", wrist + 0.55 * (finger - wrist), 0.036)
    body.ball(f"{side}_finger", finger, 0.022)
    body.link("yoke", "neck", f"{side}_shoulder")
    body.chain(f"{side}_shoulder", f"{side}_elbow", f"{side}_wrist", f"{side}_palm", f"{side}_finger")
