"""Persons: body, way of walking and clothes, all drawn from a seed."""

import dataclasses
import zlib

import numpy as np

from tf3dlocal.data.walkers.gait import NORMAL_CURVES
from tf3dlocal.io import check_seed

# Typical value and standard deviation over persons, in metres unless the name says otherwise. Lengths follow the
# segment proportions of Drillis and Contini in Winter, "Biomechanics and Motor Control of Human Movement".
_SHAPE = {
    "height": (1.69, 0.085),
    "thigh": (0.245, 0.010),  # from here to `neck`: in body heights
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
    "limb_girth": (1.00, 0.10),  # factors of typical radii
    "trunk_girth": (1.00, 0.10),
    "hip_girth": (1.00, 0.09),
    "chest_depth": (1.00, 0.09),
    "belly": (0.015, 0.016),  # how far it protrudes
    "trousers": (0.014, 0.008),  # cloth around the shanks
    "shirt": (0.008, 0.005),  # cloth around trunk and arms
    "hair": (0.012, 0.008),
    "hair_length": (0.06, 0.07),
    "shoe": (0.030, 0.004),
}
_IN_BODY_HEIGHTS = tuple(_SHAPE)[1:12]  # thigh to neck
_HABITS = {
    "cadence": (0.93, 0.065),  # cycles per second
    "trunk_lean": (3.0, 2.6),  # degrees forwards; all below are degrees too, unless noted
    "neck_lean": (14.0, 6.0),
    "head_pitch": (2.0, 5.0),
    "arm_spread": (8.0, 3.2),
    "toe_out": (7.0, 4.0),
    "leg_spread": (3.2, 1.0),
    "shoulder_counter_turn": (1.0, 0.4),  # rotation of the shoulders as a factor of the rotation of the pelvis
    "trunk_sway": (1.5, 0.9),
    "side_lean": (0.0, 0.8),
}
# Standard deviation of each joint's curve from the normal one: factor of its swing, shift of its mean in degrees, shift
# in time in cycles. In addition, each harmonic varies by `_HARMONIC_SPREAD`.
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
_SIDE_DIFFERENCE = 0.22  # difference between left and right, as a factor of the deviation of a person from normal


def random_stream(seed: int, *, names: tuple[str | int, ...]) -> np.random.Generator:
    """Create a random generator that depends on the seed and the names only, not on earlier draws.

    So a walk is the same whether it is drawn alone, after others, or in another process.

    Args:
        seed: The seed of the data set, a whole number from 0 to 2^32 - 1.
        names: What is drawn, for example ("person", 7).

    Raises:
        ValueError: `seed` is no such number.

    Example:
        >>> first, second = (random_stream(0, names=("person", 7)) for _ in range(2))
        >>> bool(first.integers(100) == second.integers(100))
        True
    """
    return np.random.default_rng([check_seed(seed), *(zlib.crc32(str(name).encode()) for name in names)])


@dataclasses.dataclass(frozen=True, kw_only=True)
class Person:
    """One walker.

    Attributes:
        shape: Lengths in metres and girth factors by name.
        habits: Cadence and posture by name.
        curves: Joint name -> complex [2 sides (left, right), harmonics + 1], degrees. Each side's phase starts at the
            ground contact of that side's foot.
        traits: float [16], standard normal numbers for choices made once per person elsewhere (bags, coats).
    """

    shape: dict[str, float]
    habits: dict[str, float]
    curves: dict[str, np.ndarray]
    traits: np.ndarray


def draw_person(seed: int, *, subject: int) -> Person:
    """Draw the person of a seed and a subject number.

    Example:
        >>> heights = [draw_person(0, subject=subject).shape["height"] for subject in (1, 1, 2)]
        >>> heights[0] == heights[1] != heights[2]
        True
    """
    random = random_stream(seed, names=("person", subject))

    def draw(table):
        # Cut at 2.3 standard deviations, so that all persons look plausible.
        return {
            name: mean + spread * float(np.clip(random.standard_normal(), -2.3, 2.3))
            for name, (mean, spread) in table.items()
        }

    shape = draw(_SHAPE)
    for name in _IN_BODY_HEIGHTS:
        shape[name] *= shape["height"]
    for name in ("trousers", "shirt", "hair", "hair_length", "belly"):
        shape[name] = max(shape[name], 0.0)
    habits = draw(_HABITS)
    curves = {}
    for name in _CURVES:
        both = _bend(np.stack([NORMAL_CURVES[name]] * 2), name, random=random, amount=1.0, shared=True)
        curves[name] = _bend(both, name, random=random, amount=_SIDE_DIFFERENCE, shared=False)
    return Person(shape=shape, habits=habits, curves=curves, traits=random.standard_normal(16))


def vary(person: Person, *, random: np.random.Generator, amount: float = 1.0) -> Person:
    """Draw the same person in another walk, with slightly different speed, posture, clothes and joint curves.

    Args:
        person: See `draw_person`.
        random: The random stream of the walk.
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
    pace = 1 + amount * 0.035 * random.standard_normal()  # at a higher speed, steps are longer and more frequent
    habits["cadence"] *= pace
    curves = {
        name: _bend(curve, name, random=random, amount=0.56 * amount, shared=True)
        for name, curve in person.curves.items()
    }
    for name in ("hip", "shoulder"):
        curves[name] = _swing(curves[name], pace)
    return Person(shape=shape, habits=habits, curves=curves, traits=person.traits)


def change_clothes(person: Person, *, random: np.random.Generator) -> Person:
    """Draw the same person in other clothes, with other hair and, where the condition asks, another bag or coat.

    Bones, girths and the way of walking stay, but in a fifth of the walks the hands are in the pockets. Trousers,
    shirt, hair and shoes are drawn from twice the usual spread.
    """
    shape = dict(person.shape)
    for name in ("trousers", "shirt", "hair", "hair_length", "shoe"):
        mean, spread = _SHAPE[name]
        shape[name] = max(0.3 * mean, mean + 2 * spread * float(np.clip(random.standard_normal(), -1.5, 2.3)))
    traits = random.standard_normal(len(person.traits))
    curves = _hands_in_pockets(person.curves) if random.uniform() < 0.2 else person.curves
    return dataclasses.replace(person, shape=shape, traits=traits, curves=curves)


def _hands_in_pockets(curves: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Let the upper arms hang slightly backwards and the elbows stay bent; a tenth of the swing is left."""
    still = {}
    for joint, mean in (("shoulder", -12.0), ("elbow", 38.0)):
        still[joint] = 0.1 * curves[joint]
        still[joint][:, 0] = mean
    return curves | still


def _bend(curves: np.ndarray, name: str, *, random: np.random.Generator, amount: float, shared: bool) -> np.ndarray:
    """Change swing, mean, timing and harmonics of curves [2, harmonics + 1] at random, both sides alike if `shared`."""
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
    """Multiply the swing of curves about their mean."""
    scaled = curves * factor
    scaled[:, 0] = curves[:, 0]
    return scaled
