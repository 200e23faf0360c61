"""Who walks: a body, a way of walking and a wardrobe, all drawn from a seed."""

from __future__ import annotations

import dataclasses

import numpy as np

from tf3dlocal.data.walkers.gait import NORMAL_CURVES
from tf3dlocal.data.walkers.randomness import stream

# Typical value and spread (standard deviation) over persons, metres unless the name says otherwise. Lengths follow the
# segment proportions of Drillis and Contini as printed in Winter, "Biomechanics and Motor Control of Human Movement".
_SHAPE = {
    "height": (1.69, 0.085),
    "thigh": (0.245, 0.010),  # from here to `head`: in body heights
    "shank": (0.246, 0.010),
    "foot": (0.152, 0.008),
    "trunk": (0.288, 0.010),
    "hip_width": (0.100, 0.008),
    "shoulder_width": (0.222, 0.014),
    "upper_arm": (0.172, 0.008),
    "forearm": (0.150, 0.007),
    "hand": (0.095, 0.006),
    "head": (0.130, 0.006),
    "neck": (0.052, 0.008),
    "limb_girth": (1.00, 0.10),  # factors on typical radii
    "trunk_girth": (1.00, 0.10),
    "hip_girth": (1.00, 0.09),
    "chest_depth": (1.00, 0.09),
    "belly": (0.015, 0.016),  # how far it stands out
    "trousers": (0.014, 0.008),  # cloth round the shanks
    "shirt": (0.008, 0.005),  # cloth round trunk and arms
    "hair": (0.012, 0.008),
    "hair_length": (0.06, 0.07),
    "shoe": (0.030, 0.004),
}
_HABITS = {
    "cadence": (0.93, 0.065),  # cycles a second
    "trunk_lean": (3.0, 2.6),  # degrees forwards, as all from here on
    "neck_lean": (14.0, 6.0),
    "head_pitch": (2.0, 5.0),
    "arm_spread": (8.0, 3.2),
    "toe_out": (7.0, 4.0),
    "leg_spread": (3.2, 1.0),
    "shoulder_counter_turn": (1.0, 0.4),  # turn of the shoulder line, in turns of the pelvis
    "trunk_sway": (1.5, 0.9),
    "side_lean": (0.0, 0.8),
}
# How far each joint's curve may leave the normal one: factor on its swing, shift of its mean in degrees, shift in time
# in cycles. The finer shape (each harmonic) varies by `_HARMONIC_SPREAD` besides.
_CURVES = {
    "hip": (0.09, 2.0, 0.010),
    "knee": (0.08, 2.5, 0.012),
    "ankle": (0.14, 2.0, 0.010),
    "hip_abduction": (0.30, 0.8, 0.02),
    "shoulder": (0.33, 5.0, 0.020),
    "elbow": (0.32, 6.0, 0.025),
    "pelvis_rotation": (0.40, 0.0, 0.02),
    "pelvis_obliquity": (0.40, 0.0, 0.02),
}
_HARMONIC_SPREAD = 0.10
_SIDE_DIFFERENCE = 0.22  # of a person's own departure from normal, how much differs between left and right


@dataclasses.dataclass(frozen=True)
class Person:
    """One walker.

    Attributes:
        shape: Lengths in metres and girth factors by name.
        habits: Cadence and posture by name.
        curves: Joint name -> complex [2 sides (left, right), harmonics + 1], degrees; the right side's curve is
            counted from the right foot's own touch of the ground.
        traits: Standard normal numbers by name for what is chosen once per person elsewhere (bags, coats).
    """

    shape: dict[str, float]
    habits: dict[str, float]
    curves: dict[str, np.ndarray]
    traits: np.ndarray


def draw_person(seed: int, subject: int) -> Person:
    """The person that a seed and a subject number stand for.

    Example:
        >>> draw_person(0, 1).shape["height"] == draw_person(0, 1).shape["height"] != draw_person(0, 2).shape["height"]
        True
    """
    random = stream(seed, "person", subject)

    def draw(table):
        # Cut at 2.3 standard deviations: nobody should look like an error.
        return {
            name: mean + spread * float(np.clip(random.standard_normal(), -2.3, 2.3))
            for name, (mean, spread) in table.items()
        }

    shape = draw(_SHAPE)
    for name in (
        "thigh",
        "shank",
        "foot",
        "trunk",
        "hip_width",
        "shoulder_width",
        "upper_arm",
        "forearm",
        "hand",
        "head",
        "neck",
    ):
        shape[name] *= shape["height"]
    for name in ("trousers", "shirt", "hair", "hair_length", "belly"):
        shape[name] = max(shape[name], 0.0)
    habits = draw(_HABITS)
    curves = {}
    for name in _CURVES:
        both = _bend(np.stack([NORMAL_CURVES[name]] * 2), name, random, 1.0, shared=True)
        curves[name] = _bend(both, name, random, _SIDE_DIFFERENCE)
    return Person(shape, habits, curves, random.standard_normal(16))


def vary(person: Person, random: np.random.Generator, amount: float = 1.0) -> Person:
    """The same person in another walk: speed, posture, clothes and joint curves a little different.

    Args:
        random: The walk's own stream.
        amount: 1 is the difference between two walks of one person; 0 changes nothing.
    """
    shape = dict(person.shape)
    for name, spread in (("trousers", 0.004), ("shirt", 0.003), ("hair", 0.004), ("hair_length", 0.01)):
        shape[name] = max(0.0, shape[name] + amount * spread * random.standard_normal())
    for name in ("limb_girth", "trunk_girth", "hip_girth"):
        shape[name] *= 1 + amount * 0.030 * random.standard_normal()
    habits = dict(person.habits)
    for name, (_, spread) in _HABITS.items():
        habits[name] += amount * 0.52 * spread * random.standard_normal()
    pace = 1 + amount * 0.035 * random.standard_normal()  # who hurries takes longer and more frequent steps
    habits["cadence"] *= pace
    curves = {name: _bend(curve, name, random, 0.56 * amount, shared=True) for name, curve in person.curves.items()}
    for name in ("hip", "shoulder"):
        curves[name] = _swing(curves[name], pace)
    return Person(shape, habits, curves, person.traits)


def _bend(curves: np.ndarray, name: str, random: np.random.Generator, amount: float, shared: bool = False):
    """Curves [2, harmonics + 1] with swing, mean, timing and harmonics moved by random amounts."""
    swing, mean, time = (amount * spread for spread in _CURVES[name])
    rows = 1 if shared else 2
    orders = np.arange(curves.shape[1])
    factor = 1 + np.clip(swing * random.standard_normal((rows, 1)), -0.85, 2.0)
    turn = np.exp(2j * np.pi * orders * time * random.standard_normal((rows, 1)))
    fine = 1 + amount * _HARMONIC_SPREAD * (
        random.standard_normal((rows, len(orders))) + 1j * random.standard_normal((rows, len(orders)))
    )
    bent = curves * np.where(orders > 0, factor * turn * fine, 1)
    bent[:, 0] = bent[:, 0].real + mean * random.standard_normal(rows)
    return bent


def _swing(curves: np.ndarray, factor: float) -> np.ndarray:
    """Curves whose swing about their mean is multiplied."""
    scaled = curves * factor
    scaled[:, 0] = curves[:, 0]
    return scaled
