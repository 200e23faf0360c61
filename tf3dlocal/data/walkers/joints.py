"""Joint positions from joint angles, relative to the middle of the hips.

The axes are x forwards, y to the body's left, z upwards, in metres.
"""

import numpy as np

from tf3dlocal.data.walkers.gait import angle_at
from tf3dlocal.data.walkers.person import Person

SIDES = ("left", "right")


def leg_joints(person: Person, *, phase: np.ndarray, lifts: np.ndarray) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Compute the joints of both legs.

    Args:
        person: See `draw_person`.
        phase: float [frames], the left leg's phase in cycles.
        lifts: float [2 sides], additional degrees of knee bend in mid-swing.

    Returns:
        Name -> float64 [frames, 3], and the frame of the pelvis, float64 [frames, 3, 3].
    """
    shape, habits = person.shape, person.habits
    yaw = -_radians(person, "pelvis_rotation", side=0, phase=phase)
    roll = _radians(person, "pelvis_obliquity", side=0, phase=phase)
    pelvis = turn_z(yaw) @ turn_x(roll)
    joints = {}
    for side, name in enumerate(SIDES):
        own = phase + 0.5 * side
        sign = 1 - 2 * side
        angles = {
            joint: _radians(person, joint, side=side, phase=own) for joint in ("hip", "knee", "ankle", "hip_abduction")
        }
        lift = np.radians(lifts[side]) * np.exp(-((((own - 0.77 + 0.5) % 1 - 0.5) / 0.075) ** 2))  # about mid-swing
        thigh = angles["hip"] + 0.4 * lift
        shank = thigh - np.maximum(angles["knee"], 0.01) - lift
        pitch = shank + angles["ankle"] + 0.8 * lift
        spread = sign * (np.radians(habits["leg_spread"]) + angles["hip_abduction"])
        outwards = sign * np.radians(habits["toe_out"])
        hip = 0.5 * sign * shape["hip_width"] * pelvis[:, :, 1]
        knee = hip + shape["thigh"] * hanging(thigh, spread)
        # The shank is closer to the vertical than the thigh: knees point inwards, feet do not cross.
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


def upper_body_joints(person: Person, *, phase: np.ndarray) -> tuple[dict[str, np.ndarray], np.ndarray, np.ndarray]:
    """Compute the joints of trunk, arms and head.

    Args:
        person: See `draw_person`.
        phase: float [frames], the left leg's phase in cycles.

    Returns:
        Name -> float64 [frames, 3], and the frames of trunk and head, float64 [frames, 3, 3].
    """
    shape, habits = person.shape, person.habits
    yaw = habits["shoulder_counter_turn"] * _radians(person, "pelvis_rotation", side=0, phase=phase)
    lean = np.radians(habits["trunk_lean"] + 0.8 * np.cos(4 * np.pi * phase))
    sway = np.radians(habits["side_lean"] - habits["trunk_sway"] * np.sin(2 * np.pi * phase))
    trunk = turn_z(yaw) @ turn_x(sway) @ turn_y(lean)
    head = turn_z(0.3 * yaw) @ turn_x(0.3 * sway) @ turn_y(0.4 * lean + np.radians(habits["head_pitch"]))
    up = trunk[:, :, 2]
    joints = {
        "waist": 0.38 * shape["trunk"] * up,
        "chest": 0.75 * shape["trunk"] * up,
        "collar": shape["trunk"] * up,
    }
    neck = turn_z(yaw) @ turn_y(lean + np.radians(habits["neck_lean"]))
    joints["skull"] = joints["collar"] + shape["neck"] * neck[:, :, 2] + 0.5 * shape["head"] * head[:, :, 2]
    for side, name in enumerate(SIDES):
        own = phase + 0.5 * side
        sign = 1 - 2 * side
        shoulder = joints["collar"] + 0.5 * sign * shape["shoulder_width"] * trunk[:, :, 1] - 0.042 * up
        upper = _radians(person, "shoulder", side=side, phase=own)
        lower = upper + np.maximum(_radians(person, "elbow", side=side, phase=own), 0.03)
        spread = sign * np.radians(habits["arm_spread"])
        elbow = shoulder + shape["upper_arm"] * hanging(upper, spread)
        # Forearms turn inwards as they move forwards.
        wrist = elbow + shape["forearm"] * hanging(lower, 0.3 * spread - sign * 0.25 * np.maximum(lower, 0))
        finger = wrist + 0.75 * shape["hand"] * hanging(0.85 * lower, -sign * 0.1 * np.maximum(lower, 0))
        joints |= {
            f"{name}_shoulder": shoulder,
            f"{name}_elbow": elbow,
            f"{name}_wrist": wrist,
            f"{name}_finger": finger,
        }
    return joints, trunk, head


def _radians(person: Person, joint: str, *, side: int, phase: np.ndarray) -> np.ndarray:
    return np.radians(angle_at(person.curves[joint][side], phase))


def hanging(forwards: np.ndarray, sideways: np.ndarray | float) -> np.ndarray:
    """Return unit vectors [frames, 3] of a hanging limb rotated forwards and then to the left, in radians."""
    sideways = np.broadcast_to(sideways, forwards.shape)
    return np.stack(
        [np.sin(forwards), np.cos(forwards) * np.sin(sideways), -np.cos(forwards) * np.cos(sideways)], axis=1
    )


def level(pitch: np.ndarray, outwards: float) -> np.ndarray:
    """Return unit vectors [frames, 3] that point forwards, pitched up and rotated to the left, in radians."""
    return np.stack([np.cos(pitch) * np.cos(outwards), np.cos(pitch) * np.sin(outwards), np.sin(pitch)], axis=1)


def turn_x(angle: np.ndarray) -> np.ndarray:
    """Return rotations [frames, 3, 3] about the forward axis; positive lifts the left side."""
    c, s, o, i = np.cos(angle), np.sin(angle), np.zeros_like(angle), np.ones_like(angle)
    return np.stack([i, o, o, o, c, -s, o, s, c], axis=1).reshape(-1, 3, 3)


def turn_y(angle: np.ndarray) -> np.ndarray:
    """Return rotations [frames, 3, 3] about the left axis; positive leans forwards."""
    c, s, o, i = np.cos(angle), np.sin(angle), np.zeros_like(angle), np.ones_like(angle)
    return np.stack([c, o, s, o, i, o, -s, o, c], axis=1).reshape(-1, 3, 3)


def turn_z(angle: np.ndarray) -> np.ndarray:
    """Return rotations [frames, 3, 3] about the vertical axis; positive turns to the left."""
    c, s, o, i = np.cos(angle), np.sin(angle), np.zeros_like(angle), np.ones_like(angle)
    return np.stack([c, -s, o, s, c, o, o, o, i], axis=1).reshape(-1, 3, 3)
