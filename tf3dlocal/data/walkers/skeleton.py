"""Motion of a skeleton along a path, with the feet planted on the ground.

The axes are x forwards, y to the body's left, z upwards, in metres. The walker moves along +x.
"""

import dataclasses

import numpy as np

from tf3dlocal.data.walkers.joints import SIDES, leg_joints, upper_body_joints
from tf3dlocal.data.walkers.person import Person

SOLE_SHARES = (("heel", 1.0), ("ball", 0.85), ("toe", 0.7))  # height of the point above the ground, in shoe heights
_GRID = 96  # phases per cycle at which the planting is solved


@dataclasses.dataclass(frozen=True, kw_only=True)
class Skeleton:
    """Joints and body frames of one walk.

    Attributes:
        joints: Name -> float64 [frames, 3] metres; limbs have the prefix ``left_`` or ``right_``.
        pelvis: float64 [frames, 3, 3]; columns are the forward, left and up axes of the pelvis.
        trunk: The same for the trunk.
        head: The same for the head.
        stride: Metres per cycle.
    """

    joints: dict[str, np.ndarray]
    pelvis: np.ndarray
    trunk: np.ndarray
    head: np.ndarray
    stride: float


def walk_skeleton(person: Person, *, phase: np.ndarray) -> Skeleton:
    """Compute the position of every joint of a person at each phase of the walk.

    The pelvis has no curve of its own; the legs determine its position. In height, the lowest point of both feet
    touches z = 0. Forwards and sideways, the pelvis moves relative to the standing foot, so that a standing foot stays
    in place for any joint curves.

    Args:
        person: See `draw_person`.
        phase: float [frames], the left leg's phase in cycles, ascending.

    Returns:
        The skeleton; x = 0 is the position of the pelvis at phase 0.

    Example:
        >>> from tf3dlocal.data.walkers.person import draw_person
        >>> skeleton = walk_skeleton(draw_person(0, subject=1), phase=np.linspace(0, 1, 30))
        >>> skeleton.joints["left_knee"].shape
        (30, 3)
    """
    phase = np.asarray(phase, "float64")
    grid = np.arange(_GRID) / _GRID
    lifts = _swing_lifts(person, grid)
    path, stride = _plant(person, grid, lifts)
    legs, pelvis = leg_joints(person, phase=phase, lifts=lifts)
    upper_body, trunk, head = upper_body_joints(person, phase=phase)
    cycle = phase % 1
    around = np.append(grid, 1.0)
    shift = np.stack([np.interp(cycle, around, np.append(p, p[0])) for p in path.T], axis=1)  # [frames, 3]
    shift[:, 0] += stride * phase
    joints = {"pelvis": np.zeros((len(phase), 3)), **legs, **upper_body}
    joints = {name: points + shift for name, points in joints.items()}
    return Skeleton(joints=joints, pelvis=pelvis, trunk=trunk, head=head, stride=stride)


def _plant(person: Person, grid: np.ndarray, lifts: np.ndarray) -> tuple[np.ndarray, float]:
    """Compute the periodic path of the pelvis [phases, 3] and the length of one stride."""
    soles, bottoms = _soles(person, grid, lifts)
    lowest = bottoms.min(axis=1)
    # A soft choice of the standing point (about a centimetre) changes smoothly from heel to toe and from foot to foot.
    # Only a foot in its stance can carry: the swinging toes of some people pass close above the ground.
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
    """Compute heel, ball and toe of both feet [phases, 6, 3] and the height of the sole under each [phases, 6]."""
    joints, _ = leg_joints(person, phase=grid, lifts=lifts)
    soles = np.stack([joints[f"{side}_{point}"] for side in SIDES for point, _ in SOLE_SHARES], axis=1)
    shares = np.array([share for _, share in SOLE_SHARES] * 2)
    return soles, soles[:, :, 2] - person.shape["shoe"] * shares


def _swing_lifts(person: Person, grid: np.ndarray) -> np.ndarray:
    """Compute the additional degrees of knee bend in mid-swing that keep the toes off the ground, [2 sides].

    Curves drawn per joint ignore the ground; a real walker clears it by a centimetre or two.
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
    """Compute how much weight a foot can carry at its own phase: 1 in its stance, 0 in its swing.

    The stance is the first 62 % of the cycle. Some people land slightly early, so the weight changes gradually.
    """
    from_middle = np.abs((phase - 0.305 + 0.5) % 1 - 0.5)
    return np.clip((0.355 - from_middle) / 0.05, 0, 1)


def _smooth(cycle: np.ndarray) -> np.ndarray:
    """Remove what is faster than eight waves per cycle from a periodic curve, so that the head does not jerk."""
    waves = np.fft.rfft(cycle)
    waves[9:] = 0
    return np.fft.irfft(waves, len(cycle))
