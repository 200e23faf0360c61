"""The matrix products behind the distances: what is done once per embedding, and what once per pair.

With a and b measured from a common centre, |a - b|^2 is the product of two longer vectors,

    (a, |a|^2, 1) . (-2b, 1, |b|^2)

so one matrix product per part gives the squared distances of all pairs, and only the root is left to take. The longer
vectors are made once per embedding: a gallery met by many blocks of probes is centred once.
"""

import numpy as np

# Below this share of |a|^2 + |b|^2 the difference |a|^2 + |b|^2 - 2ab has lost too many of float32's seven digits.
_CANCELLATION = 1e-3
_ROWS_AT_ONCE = 512  # read and centred together: a memory-mapped file is never in memory as a whole
_COLUMNS_AT_ONCE = 1024  # of a result that is worked on while it lies in the processor's cache
_VALUES_AT_ONCE = 1 << 17


def mean_embedding(embeddings, rows=None) -> np.ndarray:
    """The mean of some embeddings, float32 [parts, channels]: the centre that both factors are measured from.

    Args:
      embeddings: [walks, parts, channels], an array or a memory-mapped file, of any type of number.
      rows: int [n], the walks to take; None for all.
    """
    total, count = np.zeros(embeddings.shape[1:], np.float64), 0
    for chunk in _chunks(embeddings, rows):
        total += chunk.sum(axis=0, dtype=np.float64)
        count += len(chunk)
    return (total / max(1, count)).astype(np.float32)


def probe_factor(embeddings, centre, as_one_part: bool = False, rows=None) -> np.ndarray:
    """The left factor (a, |a|^2, 1), float32 [parts, n, channels + 2]; arguments as in `gallery_factor`."""
    factor = _centred(embeddings, centre, as_one_part, rows)
    factor[..., -2] = np.einsum("pnc,pnc->pn", factor[..., :-2], factor[..., :-2])
    factor[..., -1] = 1
    return factor


def gallery_factor(embeddings, centre, as_one_part: bool = False, rows=None) -> np.ndarray:
    """The right factor (-2b, 1, |b|^2), one row per embedding.

    Args:
      embeddings: [walks, parts, channels], an array or a memory-mapped file.
      centre: float32 [parts, channels], see `mean_embedding`.
      as_one_part: take the parts as one long vector (the flattened distance).
      rows: int [n], the walks to take, in this order; None for all.

    Returns: float32 [parts, n, channels + 2].
    """
    factor = _centred(embeddings, centre, as_one_part, rows)
    factor[..., -2] = 1
    factor[..., -1] = np.einsum("pnc,pnc->pn", factor[..., :-2], factor[..., :-2])
    factor[..., :-2] *= -2
    return factor


def distances_by_products(probes: np.ndarray, gallery: np.ndarray) -> np.ndarray:
    """Mean over the parts of the distances between all pairs.

    Args:
      probes, gallery: the two factors, about the same centre.

    Returns: float32 [probes, gallery].

    Example:
      >>> a, b = np.array([[[0.0, 0.0]]]), np.array([[[3.0, 4.0]], [[0.0, 1.0]]])
      >>> centre = mean_embedding(b)
      >>> distances_by_products(probe_factor(a, centre), gallery_factor(b, centre)).tolist()
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


def _squared_distances(a, b, squared) -> None:
    """Write |a_i - b_j|^2 into float32 [n, m]; a, b: the two factors of one part."""
    np.matmul(a, b.T, out=squared)
    # A bound per row is one comparison per pair; which of the pairs below it are too close is asked of those alone.
    below = squared < _CANCELLATION * (a[:, -2:-1] + b[:, -1].max())
    if not below.any():  # many times faster than to list where
        return
    rows, columns = np.divmod(np.flatnonzero(below), len(b))
    close = squared[rows, columns] < _CANCELLATION * (a[rows, -2] + b[columns, -1])
    rows, columns = rows[close], columns[close]
    step = max(1, _VALUES_AT_ONCE // a.shape[1])
    for start in range(0, len(rows), step):
        i, j = rows[start : start + step], columns[start : start + step]
        difference = a[i, :-2] + b[j, :-2] / 2  # half of -2b is -b to the last digit
        squared[i, j] = np.einsum("kc,kc->k", difference, difference)


def _centred(embeddings, centre, as_one_part, rows):
    """float32 [parts, n, channels + 2]; the last two channels are not yet filled."""
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


def _chunks(embeddings, rows):
    """Some rows at a time, as float32."""
    for start in range(0, len(embeddings if rows is None else rows), _ROWS_AT_ONCE):
        chosen = slice(start, start + _ROWS_AT_ONCE) if rows is None else rows[start : start + _ROWS_AT_ONCE]
        yield np.asarray(embeddings[chosen], np.float32)
