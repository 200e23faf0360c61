"""Distances between embeddings of several parts, by matrix products.

Two definitions of the Euclidean distance are in use, and they rank differently:

- part_mean (OpenGait): d(a, b) = mean over parts p of |a_p - b_p|
- flattened (GaitSet, the authors' release): d(a, b) = |a - b| on the concatenation of all parts

For an embedding of one part they are equal.

With a and b measured from a common centre, |a - b|^2 is the product of two longer vectors,

    (a, |a|^2, 1) . (-2b, 1, |b|^2)

so one matrix product per part gives the squared distances of all pairs. The longer vectors, called factors below, are
made once per embedding: a gallery that many blocks of probes are compared with is centred once.
"""

from collections.abc import Iterator

import numpy as np

from tf3dlocal.io.types import Tensor

DISTANCES = ("part_mean", "flattened")

# Below this share of |a|^2 + |b|^2 the difference |a|^2 + |b|^2 - 2ab has lost too many of float32's seven digits.
_CANCELLATION = 1e-3
_ROWS_AT_ONCE = 512  # read and centred together: a memory-mapped file is never in memory as a whole
_COLUMNS_AT_ONCE = 1024  # of a result that is worked on while it is in the processor's cache
_VALUES_AT_ONCE = 1 << 17
# Squared distances are at most 16 times that and stay below the largest float32, 3.4e38.
_LARGEST_SQUARE = 1e37


def pairwise_distances(probes: Tensor, gallery: Tensor, *, distance: str = "part_mean") -> np.ndarray:
    """Compute the distance of every probe to every gallery embedding.

    |a - b|^2 = |a|^2 + |b|^2 - 2ab, with one matrix product per part in float32, about the mean of the gallery so that
    a common offset costs no digits. The few pairs that are still too close for that are computed directly, so each
    distance is exact to about 1e-3 of itself. The caller chooses blocks: memory is about the size of the result plus
    one centred copy of both arguments.

    Args:
        probes: float [probes, parts, channels], or [probes, channels] for one part.
        gallery: float [gallery, parts, channels], or [gallery, channels].
        distance: "part_mean" or "flattened".

    Returns:
        float32 [probes, gallery].

    Raises:
        ValueError: If the distance is unknown, the shapes do not fit each other, or an embedding is not finite: its
            distances would be NaN, which is smaller than nothing and larger than nothing.

    Example:
        >>> a, b = np.zeros((1, 2, 2)), np.array([[[3.0, 4.0], [0.0, 1.0]]])
        >>> pairwise_distances(a, b).item(), round(pairwise_distances(a, b, distance="flattened").item(), 4)
        (3.0, 5.099)
    """
    check_distance(distance)
    probes, gallery = as_parts(probes), as_parts(gallery)
    if probes.shape[1:] != gallery.shape[1:]:
        raise ValueError(
            f"The probe embeddings have [parts, channels] {list(probes.shape[1:])}, the gallery embeddings "
            f"{list(gallery.shape[1:])}. Embed both with the same model."
        )
    for name, embeddings in (("probe", probes), ("gallery", gallery)):
        usable = usable_rows(embeddings)
        if not usable.all():
            raise ValueError(
                f"{int((~usable).sum())} of {len(usable)} {name} embeddings are not finite, or too large for distances "
                f"in float32. The first is in row {int(np.flatnonzero(~usable)[0])}. Check its walk and the model."
            )
    if len(probes) == 0 or len(gallery) == 0:
        return np.zeros((len(probes), len(gallery)), np.float32)
    settings = {"centre": mean_embedding(gallery), "as_one_part": distance == "flattened"}
    return distances_by_products(probe_factor(probes, **settings), gallery_factor(gallery, **settings))


def check_distance(distance: str) -> None:
    """Raise a ValueError that names the known distances if `distance` is not one of them."""
    if distance not in DISTANCES:
        raise ValueError(f"distance is {distance!r}. Use one of {', '.join(DISTANCES)}.")


def as_parts(embeddings: Tensor) -> np.ndarray:
    """View embeddings as an array [walks, parts, channels]; [walks, channels] becomes one part. Nothing is copied."""
    embeddings = np.asarray(embeddings)
    if embeddings.dtype.kind not in "fiub":
        raise ValueError(f"The embeddings are of type {embeddings.dtype}. Give numbers.")
    if embeddings.ndim == 2:
        embeddings = embeddings[:, None, :]
    if embeddings.ndim != 3:
        raise ValueError(
            f"The embeddings have shape {list(embeddings.shape)}. Give [walks, parts, channels] or [walks, channels]."
        )
    if 0 in embeddings.shape[1:]:
        raise ValueError(f"The embeddings have shape {list(embeddings.shape)}: without numbers, all are the same.")
    return embeddings


def usable_rows(embeddings: np.ndarray) -> np.ndarray:
    """Find the embeddings [walks, parts, channels] that are finite and small enough for float32: bool [walks]."""
    usable = np.ones(len(embeddings), bool)
    for start in range(0, len(embeddings), _ROWS_AT_ONCE):
        rows = np.asarray(embeddings[start : start + _ROWS_AT_ONCE], np.float64)
        with np.errstate(over="ignore", invalid="ignore"):
            usable[start : start + _ROWS_AT_ONCE] = np.einsum("npc,npc->n", rows, rows) < _LARGEST_SQUARE
    return usable


def mean_embedding(embeddings: np.ndarray, *, rows: np.ndarray | None = None) -> np.ndarray:
    """Compute the mean of embeddings, float32 [parts, channels]: the centre that both factors are measured from.

    Args:
        embeddings: [walks, parts, channels] of any number type, an array or a memory-mapped file.
        rows: int [n], rows to use. Default: all.
    """
    total, count = np.zeros(embeddings.shape[1:], np.float64), 0
    for chunk in _chunks(embeddings, rows):
        total += chunk.sum(axis=0, dtype=np.float64)
        count += len(chunk)
    return (total / max(1, count)).astype(np.float32)


def probe_factor(
    embeddings: np.ndarray, *, centre: np.ndarray, as_one_part: bool = False, rows: np.ndarray | None = None
) -> np.ndarray:
    """Compute the left factor (a, |a|^2, 1), float32 [parts, n, channels + 2]; arguments as in `gallery_factor`."""
    factor = _centred(embeddings, centre=centre, as_one_part=as_one_part, rows=rows)
    factor[..., -2] = np.einsum("pnc,pnc->pn", factor[..., :-2], factor[..., :-2])
    factor[..., -1] = 1
    return factor


def gallery_factor(
    embeddings: np.ndarray, *, centre: np.ndarray, as_one_part: bool = False, rows: np.ndarray | None = None
) -> np.ndarray:
    """Compute the right factor (-2b, 1, |b|^2), one row per embedding.

    Args:
        embeddings: [walks, parts, channels], an array or a memory-mapped file.
        centre: float32 [parts, channels], see `mean_embedding`.
        as_one_part: Use the parts as one long vector (the flattened distance).
        rows: int [n], rows to use, in this order. Default: all.

    Returns:
        float32 [parts, n, channels + 2].
    """
    factor = _centred(embeddings, centre=centre, as_one_part=as_one_part, rows=rows)
    factor[..., -2] = 1
    factor[..., -1] = np.einsum("pnc,pnc->pn", factor[..., :-2], factor[..., :-2])
    factor[..., :-2] *= -2
    return factor


def distances_by_products(probes: np.ndarray, gallery: np.ndarray) -> np.ndarray:
    """Compute the mean over the parts of the distances of all pairs from the two factors.

    Args:
        probes: Left factor, float32 [parts, probes, channels + 2].
        gallery: Right factor about the same centre, float32 [parts, gallery, channels + 2].

    Returns:
        float32 [probes, gallery].

    Example:
        >>> a, b = np.array([[[0.0, 0.0]]]), np.array([[[3.0, 4.0]], [[0.0, 1.0]]])
        >>> centre = mean_embedding(b)
        >>> distances_by_products(probe_factor(a, centre=centre), gallery_factor(b, centre=centre)).tolist()
        [[5.0, 1.0]]
    """
    num_parts, num_probes, num_gallery = len(probes), probes.shape[1], gallery.shape[1]
    total = np.zeros((num_probes, num_gallery), np.float32)
    space = np.empty(num_probes * min(_COLUMNS_AT_ONCE, num_gallery), np.float32)
    for start in range(0, num_gallery, _COLUMNS_AT_ONCE):
        tile = total[:, start : start + _COLUMNS_AT_ONCE]
        squared = space[: tile.size].reshape(tile.shape)
        for part in range(num_parts):
            _squared_distances(probes[part], gallery[part, start : start + _COLUMNS_AT_ONCE], squared)
            tile += np.sqrt(squared, out=squared)
    total /= num_parts
    return total


def _squared_distances(a: np.ndarray, b: np.ndarray, squared: np.ndarray) -> None:
    """Write |a_i - b_j|^2 into `squared`, float32 [n, m]; a and b are the two factors of one part."""
    np.matmul(a, b.T, out=squared)
    # One bound per row is one comparison per pair; the exact bound is computed for the few pairs below it.
    below = squared < _CANCELLATION * (a[:, -2:-1] + b[:, -1].max())
    if not below.any():  # many times faster than listing the positions
        return
    rows, columns = np.divmod(np.flatnonzero(below), len(b))
    close = squared[rows, columns] < _CANCELLATION * (a[rows, -2] + b[columns, -1])
    rows, columns = rows[close], columns[close]
    step = max(1, _VALUES_AT_ONCE // a.shape[1])
    for start in range(0, len(rows), step):
        i, j = rows[start : start + step], columns[start : start + step]
        difference = a[i, :-2] + b[j, :-2] / 2  # half of -2b is -b to the last digit
        squared[i, j] = np.einsum("kc,kc->k", difference, difference)


def _centred(embeddings, *, centre, as_one_part, rows) -> np.ndarray:
    """Centre embeddings: float32 [parts, n, channels + 2], of which the last two channels are not filled yet."""
    num_parts, num_channels = centre.shape
    if as_one_part:
        num_parts, num_channels, centre = 1, centre.size, centre.reshape(1, -1)
    factor = np.empty((num_parts, len(embeddings if rows is None else rows), num_channels + 2), np.float32)
    start = 0
    for chunk in _chunks(embeddings, rows):
        chunk = chunk.reshape(len(chunk), num_parts, num_channels).transpose(1, 0, 2)  # p n c
        np.subtract(chunk, centre[:, None], out=factor[:, start : start + chunk.shape[1], :-2])
        start += chunk.shape[1]
    return factor


def _chunks(embeddings: np.ndarray, rows: np.ndarray | None) -> Iterator[np.ndarray]:
    """Read a limited number of rows at a time, as float32."""
    for start in range(0, len(embeddings if rows is None else rows), _ROWS_AT_ONCE):
        chosen = slice(start, start + _ROWS_AT_ONCE) if rows is None else rows[start : start + _ROWS_AT_ONCE]
        yield np.asarray(embeddings[chosen], np.float32)
