"""Random splits of the tested people into enrolled people and strangers."""

import numpy as np

from tf3dlocal.io import check_whole, is_share

STRANGERS, NUM_SPLITS = 0.5, 20  # share of people not enrolled; number of splits


def enrolled_in_splits(num_subjects: int, *, strangers: float, num_splits: int, seed: int) -> np.ndarray:
    """Draw who is enrolled in each split: bool [splits, subjects]; no split for fewer than two subjects."""
    if not is_share(strangers):
        raise ValueError(f"strangers is {strangers!r}. Give the share of people not enrolled, between 0 and 1.")
    check_whole(num_splits, name="num_splits", least=1)
    if num_subjects < 2:
        return np.zeros((0, num_subjects), bool)
    num_strangers = min(max(1, round(strangers * num_subjects)), num_subjects - 1)
    rng = np.random.default_rng(seed)
    return np.array([rng.permutation(num_subjects) >= num_strangers for _ in range(num_splits)])


def nearest_in_splits(
    distances: np.ndarray, *, probes: np.ndarray, gallery: np.ndarray, enrolled: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Find the nearest own walk of each probe, and the nearest walk of another enrolled person in each split.

    Args:
        distances: float [probes, gallery]; infinity: not compared.
        probes: int [probes], numbers of the subjects.
        gallery: int [gallery], numbers of the subjects.
        enrolled: bool [splits, subjects].

    Returns:
        Distances [probes] and [splits, probes]; infinity without such a walk.
    """
    if len(gallery) == 0:
        return np.full(len(probes), np.inf), np.full((len(enrolled), len(probes)), np.inf)
    order = np.argsort(gallery, kind="stable")
    present, starts = np.unique(gallery[order], return_index=True)
    of_subject = np.minimum.reduceat(distances[:, order], starts, axis=1)  # [probes, subjects present]
    is_own = probes[:, None] == present
    own = np.where(is_own, of_subject, np.inf).min(axis=1)
    of_subject[is_own] = np.inf
    other = [of_subject[:, known].min(axis=1, initial=np.inf) for known in enrolled[:, present]]
    return own, np.array(other).reshape(len(enrolled), len(probes))
