"""Checks of distances and subjects that come as plain arrays."""

import numpy as np

from tf3dlocal.io.types import Tensor

_MOST_SHOWN = 80  # characters of a wrong value in a message


def as_comparisons(
    distances: Tensor, *, probe_subjects: Tensor, gallery_subjects: Tensor, compared: Tensor | None
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return distances, numbers of the probes' and gallery's subjects, and which pairs are compared, as arrays.

    Raises:
        ValueError: A value is of another kind, the shapes do not fit each other, or a compared distance is NaN.
    """
    distances = as_array(distances, name="distances", dtype=np.float64)
    subjects = [
        as_array(each, name=name, dtype=str)
        for name, each in (("probe_subjects", probe_subjects), ("gallery_subjects", gallery_subjects))
    ]
    for name, each in zip(("probe_subjects", "gallery_subjects"), subjects, strict=True):
        if each.ndim != 1:
            raise ValueError(f"{name} has shape {list(each.shape)}. Give a list with one name per walk.")
    shape = tuple(len(each) for each in subjects)
    if distances.ndim != 2 or distances.shape != shape:
        raise ValueError(
            f"distances has shape {list(distances.shape)}, and there are {shape[0]} probe_subjects and {shape[1]} "
            f"gallery_subjects. Give distances as [{shape[0]}, {shape[1]}]."
        )
    compared = np.ones(shape, bool) if compared is None else as_array(compared, name="compared", dtype=bool)
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


def as_array(values: Tensor, *, name: str, dtype: type) -> np.ndarray:
    """Return values as an array of a type.

    Raises:
        ValueError: They are of another kind: no numbers for float, no truth values for bool, or rows of unequal length.

    Example:
        >>> as_array([["no"]], name="compared", dtype=bool)
        Traceback (most recent call last):
        ValueError: compared must be an array of truth values, not [['no']].
    """
    try:
        array = np.asarray(values)
    except ValueError:
        raise ValueError(f"{name} has rows of unequal length. Give an array.") from None
    kinds, what = {np.float64: ("fiu", "numbers"), bool: ("biu", "truth values"), str: ("USiuO", "names")}[dtype]
    if array.size and array.dtype.kind not in kinds:
        shown = " ".join(repr(values).split())
        shown = shown if len(shown) <= _MOST_SHOWN else f"{shown[:_MOST_SHOWN]}..."
        raise ValueError(f"{name} must be an array of {what}, not {shown}.")
    return array.astype(dtype)
