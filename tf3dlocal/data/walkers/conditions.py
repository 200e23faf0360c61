"""Walking conditions of CASIA-B: NM (normal), BG (with a bag), CL (in a coat).

Bag and coat are traits of the person, as in recordings to which people bring their own.
"""

import dataclasses
import re

import numpy as np

from tf3dlocal.data.walkers.body import Body
from tf3dlocal.data.walkers.person import Person
from tf3dlocal.data.walkers.skeleton import Skeleton


def parse_condition(condition: str) -> tuple[str, int]:
    """Split the name of a sequence into its kind and its number.

    Raises:
        ValueError: The name does not have the form nm-01, bg-02, cl-01.

    Example:
        >>> parse_condition("bg-02")
        ('bg', 2)
    """
    match = re.fullmatch(r"(nm|bg|cl)-(\d\d)", condition) if isinstance(condition, str) else None
    if not match:
        raise ValueError(
            f"The condition {condition!r} is unknown. Write nm, bg or cl, a hyphen and two digits, as in 'bg-01'."
        )
    return match[1], int(match[2])


def bag_of(person: Person) -> tuple[str, str]:
    """Return the person's bag ("back", "shoulder" or "hand") and the side that carries it ("left" or "right")."""
    kind, side = person.traits[0], person.traits[1]
    bag = "back" if kind < -0.31 else "shoulder" if kind < 0.67 else "hand"  # 38, 37 and 25 %
    return bag, "left" if side < 0 else "right"


def carry(person: Person, *, condition: str) -> Person:
    """Change the gait of a person as the bag or the coat does.

    A back pack leans the trunk forwards. A hand bag keeps its arm still and leans the trunk to the other side. A coat
    spreads the arms and slightly shortens the swing of arms and legs.
    """
    kind, _ = parse_condition(condition)
    habits, curves = dict(person.habits), dict(person.curves)
    if kind == "bg":
        bag, side = bag_of(person)
        index = ("left", "right").index(side)
        if bag == "back":
            habits["trunk_lean"] += 3.0
        else:
            habits["side_lean"] += (1 - 2 * index) * -1.2
        if bag != "back":
            swing = curves["shoulder"].copy()
            swing[index, 1:] *= 0.35 if bag == "hand" else 0.75
            bend = curves["elbow"].copy()
            if bag == "hand":
                bend[index, 1:] *= 0.2
                bend[index, 0] *= 0.3
            curves |= {"shoulder": swing, "elbow": bend}
    if kind == "cl":
        habits["arm_spread"] += 5.0
        for joint, factor in (("shoulder", 0.85), ("hip", 0.96), ("knee", 0.96)):
            curves[joint] = curves[joint].copy()
            curves[joint][:, 1:] *= factor
    return dataclasses.replace(person, habits=habits, curves=curves)


def equip(body: Body, *, person: Person, skeleton: Skeleton, condition: str, random: np.random.Generator) -> None:
    """Add the bag or the coat to a dressed body.

    Args:
        body: See `dress`.
        person: See `draw_person`.
        skeleton: See `walk_skeleton`.
        condition: Such as "bg-01".
        random: The random stream of the walk; bag and coat differ slightly between walks.
    """
    kind, _ = parse_condition(condition)
    if kind == "bg":
        bag, side = bag_of(person)
        add_bag = {"back": _add_back_pack, "shoulder": _add_shoulder_bag, "hand": _add_hand_bag}[bag]
        size = (1 + 0.05 * random.standard_normal()) * (1 + 0.15 * np.clip(person.traits[2], -2, 2))
        add_bag(body, person, skeleton, side=side, size=size)
    if kind == "cl":
        _add_coat(body, person, skeleton, sizes=1 + 0.06 * random.standard_normal(2))


def _box(
    body: Body,
    name: str,
    centre: np.ndarray,
    *,
    frame: np.ndarray,
    half_sizes: tuple[float, float, float],
    corner: float,
) -> None:
    """Add a rounded box, the hull of four upright edges."""
    deep, wide, high = half_sizes
    names = []
    for along in (-1, 1):
        for across in (-1, 1):
            names.append(f"{name}_{along}_{across}")
            edge = centre + along * (deep - corner) * frame[:, :, 0] + across * (wide - corner) * frame[:, :, 1]
            body.ball(names[-1], edge, radius=(corner, corner, high), frame=frame)
    body.link(names)


def _add_back_pack(body: Body, person: Person, skeleton: Skeleton, *, side: str, size: float) -> None:
    trunk = skeleton.trunk
    deep = 0.085 * size
    back = 0.10 * person.shape["trunk_girth"] * person.shape["chest_depth"]
    centre = skeleton.joints["chest"] - (back + 0.8 * deep) * trunk[:, :, 0] - 0.05 * trunk[:, :, 2]
    _box(body, "pack", centre, frame=trunk, half_sizes=(deep, 0.14 * size, 0.21 * size), corner=0.05)


def _add_shoulder_bag(body: Body, person: Person, skeleton: Skeleton, *, side: str, size: float) -> None:
    sign = 1 if side == "left" else -1
    pelvis = skeleton.pelvis
    out = 0.15 * person.shape["hip_girth"] + 0.05 * size
    low = -0.03 + 0.04 * np.clip(person.traits[3], -2, 2)
    swing = 0.02 * np.sin(np.linspace(0, 4 * np.pi, len(pelvis)))[:, None] * pelvis[:, :, 0]
    centre = (
        skeleton.joints["pelvis"]
        + sign * out * pelvis[:, :, 1]
        + low * pelvis[:, :, 2]
        + swing
        - 0.03 * pelvis[:, :, 0]
    )
    _box(body, "bag", centre, frame=pelvis, half_sizes=(0.16 * size, 0.055 * size, 0.13 * size), corner=0.04)
    body.ball("strap_low", centre + 0.10 * size * pelvis[:, :, 2], radius=0.016)
    body.link([f"{side}_shoulder" if person.traits[4] > 1.2 else "yoke", "strap_low"])


def _add_hand_bag(body: Body, person: Person, skeleton: Skeleton, *, side: str, size: float) -> None:
    hand = skeleton.joints[f"{side}_finger"]
    upright = np.broadcast_to(np.eye(3), skeleton.pelvis.shape)  # it hangs vertically whatever the arm does
    high = 0.13 * size
    centre = hand - np.array([0, 0, high + 0.05])
    _box(body, "bag", centre, frame=upright, half_sizes=(0.17 * size, 0.05 * size, high), corner=0.035)
    body.ball("handle", hand, radius=0.02)
    body.ball("lid", hand - np.array([0, 0, 0.09]), radius=(0.08, 0.02, 0.02), frame=upright)
    body.link(["handle", "lid"])


def _add_coat(body: Body, person: Person, skeleton: Skeleton, *, sizes: np.ndarray) -> None:
    """Add a padded coat with thick sleeves and a collar, straight from chest to hips, with the hem above the knee."""
    shape, joints, trunk, pelvis = person.shape, skeleton.joints, skeleton.trunk, skeleton.pelvis
    thick = (0.034 + 0.007 * np.clip(person.traits[5], -1.6, 1.6)) * sizes[0]
    hem = np.clip(0.50 + 0.20 * person.traits[6], 0.15, 0.95) * sizes[1]  # of the thigh
    girth, deep, hips = shape["trunk_girth"], shape["chest_depth"], shape["hip_girth"]
    wide = shape["shoulder_width"] / 0.375
    up = trunk[:, :, 2]
    body.ball(
        "coat_yoke",
        joints["collar"] - 0.075 * up,
        radius=(0.078 * girth * deep + thick, 0.115 * wide + 0.8 * thick, 0.06 + 0.3 * thick),
        frame=trunk,
    )
    body.ball(
        "coat_chest",
        joints["chest"] - 0.02 * up,
        radius=(0.112 * girth * deep + thick, 0.145 * girth * wide + thick, 0.11),
        frame=trunk,
    )
    body.ball(
        "coat_seat",
        joints["pelvis"] + 0.02 * pelvis[:, :, 2],
        radius=(0.120 * hips + thick, 0.160 * hips + thick, 0.10),
        frame=pelvis,
    )
    body.ball("coat_collar", joints["collar"] + 0.045 * up - 0.01 * trunk[:, :, 0], radius=0.062 + 0.5 * thick)
    body.link(["coat_yoke", "coat_collar"])
    body.link(["coat_yoke", "coat_chest"])
    body.link(["coat_chest", "coat_seat", "belly"])
    for side in ("left", "right"):
        hip, knee = joints[f"{side}_hip"], joints[f"{side}_knee"]
        flare = 0.088 * shape["limb_girth"] + thick * (0.9 + 0.3 * np.clip(person.traits[7], -1.5, 1.5))
        body.ball(f"{side}_hem", hip + hem * (knee - hip), radius=flare)
        for name, bare, share in (("shoulder", 0.056, 0.8), ("elbow", 0.042, 0.95), ("wrist", 0.032, 0.85)):
            body.ball(
                f"{side}_sleeve_{name}", joints[f"{side}_{name}"], radius=bare * shape["limb_girth"] + share * thick
            )
        body.link(["coat_yoke", "neck", f"{side}_sleeve_shoulder"])
        body.chain([f"{side}_sleeve_{name}" for name in ("shoulder", "elbow", "wrist")])
    # The cloth spans both thighs, so the hem is one hull over both.
    body.link(["coat_seat", "left_hem", "right_hem"])
