"""Checks of distances and subjects that come as plain arrays."""

import numpy as np

from tf3dlocal.io.types import Tensor


def as_comparisons(
    distances: Tensor, *, probe_subjects: Tensor, gallery_subjects: Tensor, compared: Tensor | None
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return distances, numbers of the probes' and gallery's subjects, and which pairs are compared, as arrays.

    Raises:
        ValueError: The shapes do not fit each other, or a compared distance is NaN.
    """
    distances = np.asarray(distances, np.float64)
    subjects = [np.asarray(each, str) for each in (probe_subjects, gallery_subjects)]
    shape = tuple(len(each) for each in subjects)
    if distances.ndim != 2 or distances.shape != shape:
        raise ValueError(
            f"distances has shape {list(distances.shape)}, and there are {shape[0]} probe_subjects and {shape[1]} "
            f"gallery_subjects. Give distances as [{shape[0]}, {shape[1]}]."
        )
    compared = np.ones(shape, bool) if compared is None else np.asarray(compared, bool)
    if compared.shape != shape:
        raise ValueError(
            f"compared has shape {list(compared.shape)}. Give one truth value per distance: {list(shape)}."
        )
    wrong = np.argwhere(np.isnan(distances) & compared)
    if len(wrong):
        probe, gallery = wrong[0]
        raise ValueError(
            f"{len(wrong)} of {int(compared.sum())} distances are NaN. The first is of probe {probe} (subject "
            f"{subjects[0][probe]!r}) and gallery walk {gallery} (subject {subjects[1][gallery]!r}). Check these walks "
            "and the model; leave a pair out with compared."
        )
    numbers = np.unique(np.concatenate(subjects), return_inverse=True)[1]
    return distances, numbers[: shape[0]], numbers[shape[0] :], compared
