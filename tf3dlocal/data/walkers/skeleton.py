"""From joint angles to joint positions, with the feet planted on the ground.

The body's own axes are x forwards, y to the body's left, z upwards, in metres. The walker goes along +x.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from tf3dlocal.data.walkers.gait import angle_at
from tf3dlocal.data.walkers.person import Person

_SIDES = ("left", "right")
_GRID = 96  # phases per cycle on which the planting is solved


@dataclasses.dataclass(frozen=True)
class Skeleton:
    """Joints and turned frames of one walk.

    Attributes:
        joints: Name -> float64 [frames, 3] metres; limbs carry the prefix ``left_`` or ``right_``.
        pelvis, trunk, head: float64 [frames, 3, 3], columns are the part's forward, left and up axes.
        stride: Metres that one cycle goes forwards.
    """

    joints: dict[str, np.ndarray]
    pelvis: np.ndarray
    trunk: np.ndarray
    head: np.ndarray
    stride: float


def walk_skeleton(person: Person, phase: np.ndarray) -> Skeleton:
    """Where every joint of a person is at each phase of the walk.

    The pelvis is not moved by a curve of its own: it goes where the legs put it. Its height is the one at which the
    lowest point of both feet touches z = 0; forwards and sideways it moves against the foot that stands, so that a
    standing foot stays where it is whatever the person's joint curves are.

    Args:
        person: See `draw_person`.
        phase: float [frames], the left leg's phase in cycles, growing.

    Returns:
        A `Skeleton`; x = 0 is where the pelvis stands at phase 0.

    Example:
        >>> from tf3dlocal.data.walkers.person import draw_person
        >>> walk_skeleton(draw_person(0, 1), np.linspace(0, 1, 30)).joints["left_knee"].shape
        (30, 3)
    """
    phase = np.asarray(phase, "float64")
    grid = np.arange(_GRID) / _GRID
    lifts = _swing_lifts(person, grid)
    path, stride = _plant(person, grid, lifts)
    joints, pelvis = _legs(person, phase, lifts)
    cycle = phase % 1
    around = np.append(grid, 1.0)
    shift = np.stack([np.interp(cycle, around, np.append(p, p[0])) for p in path.T], axis=1)  # [frames, 3]
    shift[:, 0] += stride * phase
    joints["pelvis"] = np.zeros((len(phase), 3))
    trunk, head = _upper_body(person, phase, joints)
    return Skeleton({name: points + shift for name, points in joints.items()}, pelvis, trunk, head, stride)


def _legs(person: Person, phase: np.ndarray, lifts: np.ndarray) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Joints of both legs relative to the middle of the hips, and the pelvis frame [frames, 3, 3]."""
    shape, habits = person.shape, person.habits
    yaw = -_radians(person, "pelvis_rotation", 0, phase)
    roll = _radians(person, "pelvis_obliquity", 0, phase)
    pelvis = turn_z(yaw) @ turn_x(roll)
    joints = {}
    for side, name in enumerate(_SIDES):
        own = phase + 0.5 * side
        sign = 1 - 2 * side
        lift = np.radians(lifts[side]) * np.exp(-((((own - 0.77 + 0.5) % 1 - 0.5) / 0.075) ** 2))  # about mid-swing
        thigh = _radians(person, "hip", side, own) + 0.4 * lift
        shank = thigh - np.maximum(_radians(person, "knee", side, own), 0.01) - lift
        pitch = shank + _radians(person, "ankle", side, own) + 0.8 * lift
        spread = sign * (np.radians(habits["leg_spread"]) + _radians(person, "hip_abduction", side, own))
        outwards = sign * np.radians(habits["toe_out"])
        hip = 0.5 * sign * shape["hip_width"] * pelvis[:, :, 1]
        knee = hip + shape["thigh"] * hanging(thigh, spread)
        # The shank hangs straighter than the thigh: knees come in, feet do not cross.
        ankle = knee + shape["shank"] * hanging(shank, 0.6 * spread)
        forwards = level(pitch, outwards)
        upwards = level(pitch + np.pi / 2, outwards)
        sole = 0.040 * shape["height"] - shape["shoe"]
        heel = ankle - 0.20 * shape["foot"] * forwards - sole * upwards
        ball = ankle + 0.42 * shape["foot"] * forwards - (sole + 0.004) * upwards
        toe = ball + 0.22 * shape["foot"] * level(np.where(pitch < 0, 0.35 * pitch, pitch), outwards)
        joints |= {
            f"{name}_hip": hip,
            f"{name}_knee": knee,
            f"{name}_ankle": ankle,
            f"{name}_heel": heel,
            f"{name}_ball": ball,
            f"{name}_toe": toe,
        }
    return joints, pelvis


def _plant(person: Person, grid: np.ndarray, lifts: np.ndarray) -> tuple[np.ndarray, float]:
    """Periodic path of the pelvis [phases, 3] and the length of one stride."""
    soles, bottoms = _soles(person, grid, lifts)
    lowest = bottoms.min(axis=1)
    # A soft choice of what stands (about a centimetre) hands over smoothly from heel to toe and from foot to foot.
    # Only a foot in its stance can carry: some people's swinging toes pass close above the ground.
    carries = np.stack([_stance(grid), _stance(grid + 0.5)], axis=1).repeat(3, axis=1)  # [phases, 6]
    standing = np.where(carries > 0, bottoms, np.inf).min(axis=1, keepdims=True)
    weight = carries * np.exp(-np.maximum(bottoms - standing, 0) / 0.006)
    weight /= weight.sum(axis=1, keepdims=True)
    later = np.roll(soles, -1, axis=0) - soles
    weight = 0.5 * (weight + np.roll(weight, -1, axis=0))
    steps = -np.einsum("fp,fpd->fd", weight, later[:, :, :2])  # [phases, 2]
    # A foot that lands while it still moves forwards must not push the whole body back.
    steps[:, 0] = np.maximum(steps[:, 0], 0.25 * steps[:, 0].mean())
    stride = steps[:, 0].sum()
    path = np.zeros((len(grid), 3))
    path[1:, :2] = np.cumsum(steps - steps.mean(axis=0), axis=0)[:-1]
    path[:, 1] -= path[:, 1].mean()
    path[:, 2] = -lowest
    path[:, 2] = _smooth(path[:, 2])
    return path, float(stride)


def _soles(person: Person, grid: np.ndarray, lifts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Heel, ball and toe of both feet [phases, 6, 3] and the height of the shoe's sole under each [phases, 6]."""
    joints, _ = _legs(person, grid, lifts)
    soles = np.stack([joints[f"{side}_{point}"] for side in _SIDES for point in ("heel", "ball", "toe")], axis=1)
    return soles, soles[:, :, 2] - person.shape["shoe"] * np.array([1.0, 0.85, 0.7] * 2)


def _swing_lifts(person: Person, grid: np.ndarray) -> np.ndarray:
    """Degrees by which each knee must bend more in mid-swing so that no toe drags, [2 sides].

    Curves drawn joint by joint do not know of the ground; a walker does and clears it by a centimetre or two.
    """
    tried = np.array([0.0, 6.0, 12.0, 18.0])
    clear = np.empty((len(tried), 2))
    for row, degrees in enumerate(tried):
        _, bottoms = _soles(person, grid, np.full(2, degrees))
        for side in range(2):
            swings = np.abs((grid + 0.5 * side) % 1 - 0.78) < 0.08
            foot, other = bottoms[swings, 3 * side : 3 * side + 3], bottoms[swings, 3 - 3 * side : 6 - 3 * side]
            clear[row, side] = (foot.min(axis=1) - other.min(axis=1)).min()
    return np.array(
        [np.interp(0.012, np.maximum.accumulate(clear[:, side]) + 1e-9 * tried, tried) for side in range(2)]
    )


def _stance(phase: np.ndarray) -> np.ndarray:
    """How far a foot can carry at its own phase: 1 in its stance, 0 in its swing.

    Stance is the first 62 % of the cycle; some people land a little early, so it fades in and out around that.
    """
    from_middle = np.abs((phase - 0.305 + 0.5) % 1 - 0.5)
    return np.clip((0.355 - from_middle) / 0.05, 0, 1)


def _smooth(cycle: np.ndarray) -> np.ndarray:
    """A periodic curve without what is faster than eight waves a cycle: heads do not jerk."""
    waves = np.fft.rfft(cycle)
    waves[9:] = 0
    return np.fft.irfft(waves, len(cycle))


def _upper_body(person: Person, phase: np.ndarray, joints: dict[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Adds trunk, arms and head to the joints; returns the trunk's and the head's frame."""
    shape, habits = person.shape, person.habits
    yaw = habits["shoulder_counter_turn"] * _radians(person, "pelvis_rotation", 0, phase)
    lean = np.radians(habits["trunk_lean"] + 0.8 * np.cos(4 * np.pi * phase))
    sway = np.radians(habits["side_lean"] - habits["trunk_sway"] * np.sin(2 * np.pi * phase))
    trunk = turn_z(yaw) @ turn_x(sway) @ turn_y(lean)
    head = turn_z(0.3 * yaw) @ turn_x(0.3 * sway) @ turn_y(0.4 * lean + np.radians(habits["head_pitch"]))
    up = trunk[:, :, 2]
    joints["waist"] = 0.38 * shape["trunk"] * up
    joints["chest"] = 0.75 * shape["trunk"] * up
    joints["collar"] = shape["trunk"] * up
    neck = turn_z(yaw) @ turn_y(lean + np.radians(habits["neck_lean"]))
    joints["skull"] = joints["collar"] + shape["neck"] * neck[:, :, 2] + 0.5 * shape["head"] * head[:, :, 2]
    for side, name in enumerate(_SIDES):
        own = phase + 0.5 * side
        sign = 1 - 2 * side
        shoulder = joints["collar"] + 0.5 * sign * shape["shoulder_width"] * trunk[:, :, 1] - 0.042 * up
        upper = _radians(person, "shoulder", side, own)
        lower = upper + np.maximum(_radians(person, "elbow", side, own), 0.03)
        spread = sign * np.radians(habits["arm_spread"])
        elbow = shoulder + shape["upper_arm"] * hanging(upper, spread)
        # Forearms turn inwards as they come forwards.
        wrist = elbow + shape["forearm"] * hanging(lower, 0.3 * spread - sign * 0.25 * np.maximum(lower, 0))
        finger = wrist + 0.75 * shape["hand"] * hanging(0.85 * lower, -sign * 0.1 * np.maximum(lower, 0))
        joints |= {
            f"{name}_shoulder": shoulder,
            f"{name}_elbow": elbow,
            f"{name}_wrist": wrist,
            f"{name}_finger": finger,
        }
    return trunk, head


def _radians(person: Person, joint: str, side: int, phase: np.ndarray) -> np.ndarray:
    return np.radians(angle_at(person.curves[joint][side], phase))


def hanging(forwards: np.ndarray, sideways: np.ndarray | float) -> np.ndarray:
    """Unit vectors [frames, 3] of a hanging limb turned forwards and then to the left, radians."""
    sideways = np.broadcast_to(sideways, forwards.shape)
    return np.stack(
        [np.sin(forwards), np.cos(forwards) * np.sin(sideways), -np.cos(forwards) * np.cos(sideways)], axis=1
    )


def level(pitch: np.ndarray, outwards: float) -> np.ndarray:
    """Unit vectors [frames, 3] that point forwards, pitched up and turned to the left, radians."""
    return np.stack([np.cos(pitch) * np.cos(outwards), np.cos(pitch) * np.sin(outwards), np.sin(pitch)], axis=1)


def turn_x(angle: np.ndarray) -> np.ndarray:
    """Rotations [frames, 3, 3] about the forward axis; plus lifts the left side."""
    c, s, o, i = np.cos(angle), np.sin(angle), np.zeros_like(angle), np.ones_like(angle)
    return np.stack([i, o, o, o, c, -s, o, s, c], axis=1).reshape(-1, 3, 3)


def turn_y(angle: np.ndarray) -> np.ndarray:
    """Rotations [frames, 3, 3] about the left axis; plus leans forwards."""
    c, s, o, i = np.cos(angle), np.sin(angle), np.zeros_like(angle), np.ones_like(angle)
    return np.stack([c, o, s, o, i, o, -s, o, c], axis=1).reshape(-1, 3, 3)


def turn_z(angle: np.ndarray) -> np.ndarray:
    """Rotations [frames, 3, 3] about the vertical; plus turns to the left."""
    c, s, o, i = np.cos(angle), np.sin(angle), np.zeros_like(angle), np.ones_like(angle)
    return np.stack([c, -s, o, s, c, o, o, o, i], axis=1).reshape(-1, 3, 3)
