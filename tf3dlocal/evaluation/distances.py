"""Distances between embeddings of several parts, by blocks and with matrix products.

Two readings of "Euclidean" are in use and they rank differently:

- part_mean (OpenGait): d(a, b) = mean over parts p of |a_p - b_p|
- flattened (GaitSet, the authors' release): d(a, b) = |a - b| on the concatenation of all parts

For an embedding of one part they are the same.
"""

import numpy as np

from tf3dlocal.evaluation.distance_products import distances_by_products, gallery_factor, mean_embedding, probe_factor

DISTANCES = ("part_mean", "flattened")


def pairwise_distances(probes, gallery, distance: str = "part_mean") -> np.ndarray:
    """Distance of every probe to every gallery embedding.

    |a - b|^2 = |a|^2 + |b|^2 - 2ab, one matrix product per part in float32, about the mean of the gallery so that a
    common offset costs no digits; the few pairs that are still too close for that are computed again directly, so each
    distance is right to about 1e-3 of itself. The caller chooses blocks: memory is about the result's size and one
    centred copy of both arguments.

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
    if len(probes) == 0 or len(gallery) == 0:
        return np.zeros((len(probes), len(gallery)), np.float32)
    centre = mean_embedding(gallery)
    as_one = distance == "flattened"
    return distances_by_products(probe_factor(probes, centre, as_one), gallery_factor(gallery, centre, as_one))


def check_distance(distance: str) -> None:
    """Raise a ValueError that names the known distances if `distance` is none of them."""
    if distance not in DISTANCES:
        raise ValueError(f"there is no distance '{distance}'; take one of {', '.join(DISTANCES)}")


def as_parts(embeddings) -> np.ndarray:
    """Embeddings as an array [walks, parts, channels]; [walks, channels] becomes one part. Nothing is copied."""
    embeddings = np.asarray(embeddings)
    if embeddings.dtype.kind not in "fiub":
        raise ValueError(f"embeddings are of type {embeddings.dtype}; numbers are needed")
    if embeddings.ndim == 2:
        embeddings = embeddings[:, None, :]
    if embeddings.ndim != 3:
        raise ValueError(
            f"embeddings have shape {list(embeddings.shape)}; [walks, parts, channels] or [walks, channels] is needed"
        )
    return embeddings
