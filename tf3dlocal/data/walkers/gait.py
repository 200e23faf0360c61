"""Joint angles of normal human walking, as Fourier series that each person modifies.

One gait cycle lasts from one foot's contact with the ground to the next contact of the same foot; `phase` counts
cycles, so phase 0.5 is half a cycle after the contact. The other side runs half a cycle later.

The tables hold the angle in degrees at 0, 5, ..., 95 % of the cycle. They are typical values for adults at a
comfortable speed, rounded by this project, with the shape, the extremes and the timing that these books describe:

* D. A. Winter, "The Biomechanics and Motor Control of Human Gait", 2nd ed., Waterloo 1991
  (knee and ankle in the sagittal plane; hip abduction);
* J. Perry and J. M. Burnfield, "Gait Analysis: Normal and Pathological Function", 2nd ed., Slack 2010
  (the thigh from about 25 degrees before to 20 behind the vertical; the two knee waves of about 20 and 60 degrees;
  three ankle rockers; about 5 degrees of pelvic rotation to each side and 4 of drop; shoulder from 24 degrees
  backwards to 8 forwards; elbow from 20 to 45 degrees).

They serve to draw walkers and are not a clinical reference.
"""

import numpy as np
from numpy.typing import ArrayLike

NUM_HARMONICS = 6

NORMAL_DEGREES = {
    # Thigh forwards from the vertical.
    "hip": [21, 20.5, 18.5, 15, 10.5, 5.5, 0.5, -5, -10, -14.5, -18, -18.5, -14, -5.5, 4.5, 13.5, 20.5, 24.5, 25, 23],
    # Flexion of the shank backwards from the thigh.
    "knee": [5, 11, 17, 19, 17.5, 14.5, 11, 8.5, 7, 8, 13, 23, 38, 52, 60.5, 61, 53, 38, 20, 7],
    # Toes upwards from the right angle between shank and foot.
    "ankle": [0, -4.5, -3, 0.5, 3.5, 5.5, 7, 8.5, 10, 10, 7.5, 0, -12, -17, -13, -7, -2.5, 0, 1, 1],
    # Leg outwards from the vertical.
    "hip_abduction": [-0.5, -2, -3.5, -3.5, -3, -3, -2.5, -2.5, -2.5, -2, -0.5, 1.5, 3.5, 4, 3.5, 2.5, 1.5, 1, 0.5, 0],
    # Upper arm forwards; it swings with the leg of the other side.
    "shoulder": [-24, -23.5, -22, -19, -15, -10, -5, 0, 4, 7, 8, 7.5, 6, 3, -1, -5.5, -10, -15, -19, -22.5],
    # Forearm forwards from the upper arm.
    "elbow": [20, 20, 20.5, 22, 25, 29, 34, 38.5, 42, 44.5, 45, 44.5, 42.5, 39.5, 35.5, 31, 27, 24, 22, 20.5],
    # Pelvis about the vertical, relative to the left leg: positive moves the left hip forwards.
    "pelvis_rotation": [5, 5, 4, 2.5, 1, -0.5, -2, -3.5, -4.5, -5, -5, -5, -4, -2.5, -1, 0.5, 2, 3.5, 4.5, 5],
    # Pelvis sideways, relative to the left leg: positive lifts the left hip.
    "pelvis_obliquity": [0, 2, 3.5, 4, 3.5, 2.5, 1.5, 1, 0.5, 0.5, 0, -2, -3.5, -4, -3.5, -2.5, -1.5, -1, -0.5, -0.5],
}


def fourier_coefficients(samples: ArrayLike, *, num_harmonics: int = NUM_HARMONICS) -> np.ndarray:
    """Compute the Fourier coefficients of one cycle sampled at equal steps.

        angle(phase) = Re(sum_k c_k exp(2 pi i k phase)), k = 0 .. num_harmonics

    Args:
        samples: float [samples] over one cycle, more than twice as many as harmonics.
        num_harmonics: Number of harmonics to keep.

    Returns:
        complex128 [num_harmonics + 1].

    Example:
        >>> fourier_coefficients([1.0, 0.0, -1.0, 0.0], num_harmonics=1).round(6)
        array([0.+0.j, 1.+0.j])
    """
    samples = np.asarray(samples, "float64")
    coefficients = np.fft.rfft(samples)[: num_harmonics + 1] / len(samples)
    coefficients[1:] *= 2
    return coefficients


def angle_at(coefficients: np.ndarray, phase: np.ndarray) -> np.ndarray:
    """Evaluate a Fourier series at each phase, in the unit of the coefficients.

    Args:
        coefficients: complex [harmonics + 1].
        phase: float [frames], in cycles.

    Returns:
        float64 [frames].

    Example:
        >>> float(angle_at(NORMAL_CURVES["knee"], np.array([0.7]))[0]) > 55
        True
    """
    waves = np.exp(2j * np.pi * np.outer(phase, np.arange(len(coefficients))))  # [frames, harmonics + 1]
    return (waves @ coefficients).real


NORMAL_CURVES = {name: fourier_coefficients(samples) for name, samples in NORMAL_DEGREES.items()}
