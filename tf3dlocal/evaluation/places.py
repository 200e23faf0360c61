"""The place of each probe in the gallery of one view at a time, computed block by block.

Without sorting: let d be the distance to the nearest walk of the probe's own subject. The walks before it are the walks
of other subjects at distance <= d. A tie counts against the probe.
"""

import contextlib
import dataclasses
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import threadpoolctl

from tf3dlocal.evaluation.distances import distances_by_products, gallery_factor, mean_embedding, probe_factor
from tf3dlocal.io import num_cores, progress_bar

NOT_THERE = -1

_GALLERY_BYTES = 1 << 28  # of the gallery walks that are prepared for all blocks of probes; at least one view
_BAR_DELAY = 2.0  # seconds without a progress bar


def places(
    embeddings: np.ndarray,
    *,
    subject_numbers: np.ndarray,
    probes: np.ndarray,
    galleries: list[np.ndarray],
    as_one_part: bool = False,
    block_size: int = 512,
    workers: int | None = None,
    progress: bool = False,
    observe: Callable[["Block"], None] | None = None,
) -> np.ndarray:
    """Count the walks of other subjects that are at least as near as the nearest own one, in each of several galleries.

    Args:
        embeddings: [walks, parts, channels] of any float type, an array or a memory-mapped file, read in chunks.
        subject_numbers: int [walks].
        probes: int [probes], rows of the probes.
        galleries: For each view the rows of its gallery walks.
        as_one_part: Use the flattened distance instead of the mean over parts.
        block_size: Number of probes at a time.
        workers: Number of threads. Default: one for each core of this process. They change no digit of the result.
        progress: Show a progress bar if the work takes longer than two seconds.
        observe: Called with every `Block` of distances, from several threads and in any order; it may overwrite them.

    Returns:
        int32 [probes, galleries]; NOT_THERE (-1) without a walk of the probe's own subject. A probe that is in the
        gallery is not compared with itself.

    Example:
        >>> embeddings = np.array([0.0, 9.0, 1.0, 4.0])[:, None, None]  # two gallery walks, two probes
        >>> galleries = [np.array([0, 1])]
        >>> places(
        ...     embeddings, subject_numbers=np.array([7, 8, 7, 8]), probes=np.array([2, 3]), galleries=galleries
        ... ).tolist()
        [[0], [1]]
    """
    if block_size < 1:
        raise ValueError(f"block_size is {block_size}. Give the number of probes at a time, such as 512.")
    found = np.full((len(probes), len(galleries)), NOT_THERE, np.int32)
    starts = range(0, len(probes), block_size)
    groups = _groups_of_views(embeddings, subject_numbers, galleries)
    workers = max(1, min(workers or num_cores(), len(starts)))
    with (
        _threads(workers) as threads,
        progress_bar("comparing walks", total=len(groups) * len(starts), shown=progress, delay=_BAR_DELAY) as advance,
    ):
        for views in groups:
            rows = np.concatenate([view.rows for view in views])
            settings = {"centre": mean_embedding(embeddings, rows=rows), "as_one_part": as_one_part}
            gallery = gallery_factor(embeddings, rows=rows, **settings)

            def compare(start, views=views, settings=settings, gallery=gallery):
                block, end = probes[start : start + block_size], 0
                factor = probe_factor(embeddings, rows=block, **settings)
                for view in views:
                    begin, end = end, end + len(view.rows)
                    distances = distances_by_products(factor, gallery[:, begin:end])
                    before = _walks_before_own(distances, view=view, block=block, subjects=subject_numbers[block])
                    found[start : start + block_size, view.column] = before
                    if observe is not None:
                        observe(
                            Block(
                                first=start,
                                probes=block,
                                column=view.column,
                                gallery=view.rows,
                                gallery_subjects=view.subjects,
                                distances=distances,
                            )
                        )

            for _ in threads.map(compare, starts):
                advance(1)
    return found


@dataclasses.dataclass(frozen=True, kw_only=True)
class Block:
    """Distances of some probes to the gallery of one view.

    Attributes:
        first: Number of the first probe among all probes.
        probes: int [n], rows of the probes.
        column: Number of the view.
        gallery: int [m], rows of the view's gallery walks, sorted by subject.
        gallery_subjects: int [m], their subject numbers, ascending.
        distances: float32 [n, m].
    """

    first: int
    probes: np.ndarray
    column: int
    gallery: np.ndarray
    gallery_subjects: np.ndarray
    distances: np.ndarray


@dataclasses.dataclass(frozen=True)
class _View:
    """Gallery walks of one view, sorted by subject."""

    column: int
    rows: np.ndarray
    subjects: np.ndarray


@contextlib.contextmanager
def _threads(workers: int) -> Iterator[ThreadPoolExecutor]:
    """Start worker threads, each with one thread for matrix products."""
    pool = ThreadPoolExecutor(workers)
    # While one block is in a matrix product, others are compared, which uses one thread only: more would compete.
    with threadpoolctl.threadpool_limits(1, user_api="blas") if workers > 1 else contextlib.nullcontext():
        try:
            yield pool
        finally:
            pool.shutdown(cancel_futures=True)  # an interrupt does not wait for the remaining blocks


def _groups_of_views(embeddings, subject_numbers, galleries) -> list[list[_View]]:
    """Group the views whose gallery walks are prepared together."""
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


def _walks_before_own(distances, *, view: _View, block, subjects) -> np.ndarray:
    """Count the walks before the nearest own one: int [probes].

    A subject's walks are adjacent in a view's gallery, so only they are looked up.
    """
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
