"""Each probe's place among the gallery walks of one view at a time; distances come and go block by block.

Without sorting: let d be the distance to the nearest walk of the own subject; before the probe's own walk stand the
walks of other subjects at distance <= d. A tie counts against the probe.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import threadpoolctl

from tf3dlocal.evaluation.distance_products import distances_by_products, gallery_factor, mean_embedding, probe_factor
from tf3dlocal.evaluation.progress import progress_bar

NOT_THERE = -1

_GALLERY_BYTES = 1 << 28  # of the gallery walks that are held ready for all blocks of probes; at least one view
_PATIENCE = 2.0  # seconds without a bar


def places(
    embeddings: np.ndarray,
    subject_numbers: np.ndarray,
    probes: np.ndarray,
    galleries: list[np.ndarray],
    as_one_part: bool = False,
    block_size: int = 512,
    workers: int | None = None,
    progress: bool = False,
) -> np.ndarray:
    """How many walks of others are at least as near as the nearest own one, in each of several galleries.

    Args:
      embeddings: [walks, parts, channels], an array or a memory-mapped file of any type of float; read in chunks.
      subject_numbers: int [walks].
      probes: int [probes], numbers of walks.
      galleries: for each view the numbers of its gallery walks.
      as_one_part: the flattened distance in place of the mean over parts.
      block_size: probes at a time.
      workers: threads; None takes one for each core that this process may use. They change no digit of the result.
      progress: show a bar where it takes longer than two seconds.

    Returns: int32 [probes, galleries]; NOT_THERE (-1) without a walk of the own subject. A probe that is in the gallery
      is not compared with itself.

    Example:
      >>> embeddings = np.array([0.0, 9.0, 1.0, 4.0])[:, None, None]  # two gallery walks, two probes
      >>> places(embeddings, np.array([7, 8, 7, 8]), np.array([2, 3]), [np.array([0, 1])]).tolist()
      [[0], [1]]
    """
    if block_size < 1:
        raise ValueError(f"block_size is {block_size}: give the number of probes at a time, such as 512")
    found = np.full((len(probes), len(galleries)), NOT_THERE, np.int32)
    blocks = range(0, len(probes), block_size)
    groups = _groups(embeddings, subject_numbers, galleries)
    workers = max(1, min(workers or _num_cores(), len(blocks)))
    pool = ThreadPoolExecutor(workers)
    # One thread of the matrix products per worker: beside them the comparisons of other blocks run, which have only one.
    limits = threadpoolctl.threadpool_limits(1, user_api="blas") if workers > 1 else contextlib.nullcontext()
    with progress_bar("comparing walks", len(groups) * len(blocks), progress, _PATIENCE) as advance, limits:
        try:
            for views in groups:
                rows = np.concatenate([view.rows for view in views])
                centre = mean_embedding(embeddings, rows)
                gallery = gallery_factor(embeddings, centre, as_one_part, rows)

                def compare(start, views=views, centre=centre, gallery=gallery):
                    block, end = probes[start : start + block_size], 0
                    factor = probe_factor(embeddings, centre, as_one_part, block)
                    for view in views:
                        begin, end = end, end + len(view.rows)
                        distances = distances_by_products(factor, gallery[:, begin:end])
                        before = _walks_before_own(distances, block, subject_numbers[block], view)
                        found[start : start + block_size, view.column] = before

                for _ in pool.map(compare, blocks):
                    advance(1)
        finally:
            pool.shutdown(cancel_futures=True)  # an interrupt does not wait for all blocks that are left
    return found


@dataclasses.dataclass(frozen=True)
class _View:
    """The gallery walks of one view, sorted by subject."""

    column: int
    rows: np.ndarray
    subjects: np.ndarray


def _num_cores() -> int:
    """The cores that this process may use, which in a container are fewer than the machine has."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _groups(embeddings, subject_numbers, galleries):
    """Views whose gallery walks are held ready together."""
    bytes_per_walk = 4 * max(1, int(np.prod(embeddings.shape[1:])))
    groups, held = [], 0
    for column, rows in enumerate(galleries):
        if len(rows) == 0:
            continue
        rows = rows[np.argsort(subject_numbers[rows], kind="stable")]
        held += len(rows) * bytes_per_walk
        if not groups or held > _GALLERY_BYTES:
            groups.append([])
            held = len(rows) * bytes_per_walk
        groups[-1].append(_View(column, rows, subject_numbers[rows]))
    return groups


def _walks_before_own(distances, block, subjects, view) -> np.ndarray:
    """int [probes]; the own walks of a probe stand side by side in a view's gallery, so only they are looked up."""
    begin = np.searchsorted(view.subjects, subjects, "left")
    counts = np.searchsorted(view.subjects, subjects, "right") - begin
    rows = np.repeat(np.arange(len(block)), counts)
    columns = np.arange(len(rows)) + np.repeat(begin - np.cumsum(counts) + counts, counts)
    own = distances[rows, columns]
    others = view.rows[columns] != block[rows]  # than the probe itself
    nearest = np.full(len(block), np.inf, np.float32)
    np.minimum.at(nearest, rows[others], own[others])
    before = np.count_nonzero(distances <= nearest[:, None], axis=1)
    before -= np.bincount(rows[own <= nearest[rows]], minlength=len(block))
    there = np.bincount(rows[others], minlength=len(block)) > 0
    return np.where(there, before, NOT_THERE)
