"""Distances between embeddings of several parts, by blocks and with matrix products.

Two readings of "Euclidean" are in use and they rank differently:

- part_mean (OpenGait): d(a, b) = mean over parts p of |a_p - b_p|
- flattened (GaitSet, the authors' release): d(a, b) = |a - b| on the concatenation of all parts

For an embedding of one part they are the same.
"""

import numpy as np

DISTANCES = ("part_mean", "flattened")

# Below this share of |a|^2 + |b|^2 the difference |a|^2 + |b|^2 - 2ab has lost too many of float32's seven digits.
_CANCELLATION = 1e-3
_VALUES_AT_ONCE = 1 << 17


def pairwise_distances(probes, gallery, distance: str = "part_mean") -> np.ndarray:
    """Distance of every probe to every gallery embedding.

    |a - b|^2 = |a|^2 + |b|^2 - 2ab, one matrix product per part in float32, about the mean of the gallery so that a
    common offset costs no digits; the few pairs that are still too close for that are computed again directly, so each
    distance is right to about 1e-3 of itself. The caller chooses blocks: memory is about 4 arrays of the result's size
    and one centred copy of both arguments.

    Args:
      probes: float [probes, parts, channels], or [probes, channels] for one part.
      gallery: float [gallery, parts, channels], or [gallery, channels].
      distance: "part_mean" or "flattened".

    Returns: float32 [probes, gallery].

    Raises:
      ValueError: an unknown distance, or shapes that do not fit each other.

    Example:
      >>> a, b = np.zeros((1, 2, 2)), np.array([[[3.0, 4.0], [0.0, 1.0]]])
      >>> pairwise_distances(a, b).item(), round(pairwise_distances(a, b, "flattened").item(), 4)
      (3.0, 5.099)
    """
    check_distance(distance)
    probes, gallery = as_parts(probes), as_parts(gallery)
    if probes.shape[1:] != gallery.shape[1:]:
        raise ValueError(
            f"probe embeddings have [parts, channels] {list(probes.shape[1:])}, gallery embeddings "
            f"{list(gallery.shape[1:])}; embed both with the same model"
        )
    if distance == "flattened":
        probes = probes.reshape(len(probes), 1, -1)
        gallery = gallery.reshape(len(gallery), 1, -1)
    num_parts = probes.shape[1]
    total = np.zeros((len(probes), len(gallery)), np.float32)
    if total.size == 0:
        return total
    centre = gallery.mean(axis=0, dtype=np.float64).astype(np.float32)  # parts, channels
    for part in range(num_parts):
        total += _euclidean(probes[:, part] - centre[part], gallery[:, part] - centre[part])
    total /= num_parts
    return total


def _euclidean(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """|a_i - b_j| for float32 [n, channels] and [m, channels]: float32 [n, m]."""
    norms_a = np.einsum("nc,nc->n", a, a)
    norms_b = np.einsum("mc,mc->m", b, b)
    squared = a @ (-2 * b).T  # n, m
    squared += norms_a[:, None]
    squared += norms_b[None, :]
    close = squared < _CANCELLATION * (norms_a[:, None] + norms_b[None, :])
    rows, columns = np.nonzero(close)
    step = max(1, _VALUES_AT_ONCE // max(1, a.shape[1]))
    for start in range(0, len(rows), step):
        i, j = rows[start : start + step], columns[start : start + step]
        difference = a[i] - b[j]
        squared[i, j] = np.einsum("kc,kc->k", difference, difference)
    np.maximum(squared, 0, out=squared)
    return np.sqrt(squared, out=squared)


def check_distance(distance: str) -> None:
    """Raise a ValueError that names the known distances if `distance` is none of them."""
    if distance not in DISTANCES:
        raise ValueError(f"there is no distance '{distance}'; take one of {', '.join(DISTANCES)}")


def as_parts(embeddings) -> np.ndarray:
    """Embeddings as float32 [walks, parts, channels]; [walks, channels] becomes one part."""
    embeddings = np.asarray(embeddings, np.float32)
    if embeddings.ndim == 2:
        embeddings = embeddings[:, None, :]
    if embeddings.ndim != 3:
        raise ValueError(
            f"embeddings have shape {list(embeddings.shape)}; [walks, parts, channels] or [walks, channels] is needed"
        )
    return embeddings
