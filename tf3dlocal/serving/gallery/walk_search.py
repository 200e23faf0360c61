"""The nearest of many embeddings: exactly, in blocks; or with faiss, an optional package, in a prepared index.

The exact search takes one matrix product per part and block of the gallery, and computes the distances of the nearest
again without cancellation. It needs no preparation but the squared lengths. docs/identify.md has the measurement.

faiss finds the nearest by one Euclidean distance. The flattened distance is that of the concatenated parts. The mean
over the parts of their distances is not a Euclidean distance of anything, but by the inequality of the means

    mean_p |a_p - b_p| <= sqrt(mean_p |a_p - b_p|^2) = flattened distance / sqrt(parts)

so faiss proposes candidates by the flattened distance, and these are ranked by the distance of the model.
"""

import math
from collections.abc import Iterator

import numpy as np

from tf3dlocal.evaluation import check_distance

BLOCK_NUMBERS = 1 << 24  # of a block of the gallery: 64 MB
CANDIDATES = 128  # that are computed again without cancellation
TRAINING_ROWS, LISTS_PER_ROOT, PROBED = 100_000, 2, 0.05  # of faiss's inverted lists
ENGINES = ("exact", "faiss")


class WalkSearch:
    """Search among the embeddings of a gallery.

    Args:
        embeddings: float32 [walks, channels] or [walks, parts, channels].
        distance: "part_mean" or "flattened".
        engine: "exact", or "faiss" (`pip install tf3dlocal[search]`): an index of inverted lists, made once; some of
            the nearest are missed.

    Raises:
        ValueError: An unknown engine or distance, or an embedding that is not finite.
        ImportError: faiss is not installed.

    Example:
        >>> search = WalkSearch(np.array([[0.0, 0.0], [3.0, 4.0]], np.float32), distance="flattened")
        >>> search.nearest_walks(np.zeros((1, 2), np.float32), count=2)
        (array([[0, 1]]), array([[0., 5.]], dtype=float32))
    """

    def __init__(self, embeddings: np.ndarray, *, distance: str, engine: str = "exact"):
        check_distance(distance)
        if engine not in ENGINES:
            raise ValueError(f"engine must be one of {', '.join(ENGINES)}; got {engine!r}.")
        self.engine, self.distance = engine, distance
        self._shape = embeddings.shape[1:]
        self._embeddings = self._as_parts(embeddings)
        self._squares = np.empty(self._embeddings.shape[:2], np.float32)
        for rows in self._blocks():
            block = self._embeddings[rows]
            self._squares[rows] = np.einsum("npc,npc->np", block, block)
        if not np.isfinite(self._squares).all():
            wrong = np.flatnonzero(~np.isfinite(self._squares).all(axis=1))
            raise ValueError(f"The embeddings of the walks {wrong[:5].tolist()} are not finite (NaN or infinite).")
        self._index = _faiss_index(self._embeddings) if engine == "faiss" and len(embeddings) else None

    def nearest_walks(self, probes: np.ndarray, *, count: int) -> tuple[np.ndarray, np.ndarray]:
        """Find the nearest walks of each probe.

        Args:
            probes: float32 [probes, ...], shaped as the embeddings.
            count: How many; all if there are fewer.

        Returns:
            Rows of the gallery, int [probes, count], and distances, float32 [probes, count]; nearest first.
        """
        probes = self._as_parts(probes)
        count = min(count, len(self._embeddings))
        candidates = self._candidates(probes, count=min(max(4 * count, CANDIDATES), len(self._embeddings)))
        rows = np.empty((len(probes), count), np.int64)
        distances = np.empty((len(probes), count), np.float32)
        for number, probe in enumerate(probes):
            found = np.sort(candidates[number][candidates[number] >= 0])
            exact = self._exact(probe, rows=found)
            order = np.argsort(exact, kind="stable")[:count]
            rows[number, : len(order)], distances[number, : len(order)] = found[order], exact[order]
            rows[number, len(order) :], distances[number, len(order) :] = -1, np.inf
        return rows, distances

    def nearest_people(self, probes: np.ndarray, *, people: np.ndarray, count: int) -> list[list[tuple[str, float]]]:
        """Find the nearest people of each probe; the distance to a person is that to their nearest walk.

        Args:
            probes: float32 [probes, ...].
            people: str [walks], the person of each walk.
            count: How many people; all if there are fewer.

        Returns:
            For each probe a list of (name, distance), nearest first.
        """
        num_people = len(np.unique(people))
        wanted, num_walks = min(count, num_people), count
        results = [[] for _ in probes]
        missing = np.arange(len(probes))
        while len(missing):
            rows, distances = self.nearest_walks(probes[missing], count=num_walks)
            for number, walks, far in zip(missing, rows, distances, strict=True):
                nearest = {}
                for row, distance in zip(walks.tolist(), far.tolist(), strict=True):
                    if row >= 0:
                        nearest.setdefault(str(people[row]), distance)
                results[number] = list(nearest.items())[:count]
            if num_walks >= len(self._embeddings):
                break
            missing = missing[[len(results[number]) < wanted for number in missing]]
            num_walks *= 4
        return results

    def _as_parts(self, embeddings: np.ndarray) -> np.ndarray:
        if embeddings.shape[1:] != self._shape:
            raise ValueError(f"Embeddings {list(embeddings.shape[1:])} cannot be searched among {list(self._shape)}.")
        if self.distance == "flattened":
            return np.ascontiguousarray(embeddings, np.float32).reshape(len(embeddings), 1, math.prod(self._shape))
        embeddings = np.asarray(embeddings, np.float32)
        return embeddings[:, None] if embeddings.ndim == 2 else embeddings

    def _blocks(self) -> Iterator[slice]:
        step = max(1, BLOCK_NUMBERS // max(1, self._embeddings[:1].size))
        for start in range(0, len(self._embeddings), step):
            yield slice(start, start + step)

    def _candidates(self, probes: np.ndarray, *, count: int) -> np.ndarray:
        """Return rows that hold the nearest, in any order: int [probes, count]; -1 where faiss found fewer."""
        if self._index is not None:
            return self._index.search(np.ascontiguousarray(probes.reshape(len(probes), -1)), count)[1]
        best = np.zeros((len(probes), 0), np.int64)
        near = np.zeros((len(probes), 0), np.float32)
        for rows in self._blocks():
            block = self._approximate(probes, rows=rows)
            if block.shape[1] > count:
                chosen = np.argpartition(block, count - 1, axis=1)[:, :count]
            else:
                chosen = np.broadcast_to(np.arange(block.shape[1]), block.shape)
            near = np.concatenate([near, np.take_along_axis(block, chosen, axis=1)], axis=1)
            best = np.concatenate([best, chosen + rows.start], axis=1)
            if near.shape[1] > count:
                kept = np.argpartition(near, count - 1, axis=1)[:, :count]
                near, best = np.take_along_axis(near, kept, axis=1), np.take_along_axis(best, kept, axis=1)
        return best

    def _approximate(self, probes: np.ndarray, *, rows: slice) -> np.ndarray:
        """Compute the sums over the parts of |a - b|, from |a|^2 - 2ab + |b|^2: float32 [probes, rows]."""
        block, total = self._embeddings[rows], None
        for part in range(block.shape[1]):
            a = probes[:, part]
            squared = a @ block[:, part].T
            squared *= -2
            squared += self._squares[rows, part]
            squared += np.einsum("nc,nc->n", a, a)[:, None]
            distances = np.sqrt(np.maximum(squared, 0, out=squared), out=squared)
            total = distances if total is None else np.add(total, distances, out=total)
        return total

    def _exact(self, probe: np.ndarray, *, rows: np.ndarray) -> np.ndarray:
        """Compute the distances of some rows from the differences."""
        difference = self._embeddings[rows].astype(np.float64) - probe
        return np.sqrt(np.einsum("npc,npc->np", difference, difference)).mean(axis=1)


def _faiss_index(embeddings: np.ndarray):
    """Return an index of inverted lists over the concatenated parts."""
    try:
        import faiss
    except ImportError:
        raise ImportError("The engine 'faiss' needs faiss. Install it: pip install 'tf3dlocal[search]'") from None
    flat = embeddings.reshape(len(embeddings), -1)
    num_lists = max(1, round(LISTS_PER_ROOT * math.sqrt(len(flat))))
    rows = np.random.default_rng(0).permutation(len(flat))[:TRAINING_ROWS]
    index = faiss.index_factory(flat.shape[1], f"IVF{num_lists},Flat")
    index.train(flat[np.sort(rows)])
    for start in range(0, len(flat), 65536):
        index.add(flat[start : start + 65536])
    index.nprobe = max(1, round(PROBED * num_lists))
    return index
