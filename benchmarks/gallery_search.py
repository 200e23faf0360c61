"""Measure the search in large galleries: exactly in blocks, and with faiss; recall, seconds and memory.

    python benchmarks/gallery_search.py [--walks 10000,1000000] [--shape 256] [--distance flattened] [--json FILE]

Random embeddings: 4 walks of each person around a centre. The spread of the walks is such that about a tenth of the
probes has another person's walk nearest. Recall is the share of probes whose nearest walk is that of the exact search
with 64-bit numbers. faiss is the extra `search`; without it only the exact search is measured.
"""

import argparse
import math
import resource
import time

import numpy as np
from measuring.scripts import add_outputs, console, keep_text

from tf3dlocal.serving.gallery import WalkSearch

WALKS_PER_PERSON, PROBES, SPREAD = 4, 200, 0.62


def embeddings_of(num_walks, shape):
    """Return gallery, probes: float32 [walks, *shape], [PROBES, *shape]."""
    rng = np.random.default_rng(0)
    num_people = num_walks // WALKS_PER_PERSON
    people = rng.standard_normal((num_people, *shape), np.float32)
    gallery = np.repeat(people, WALKS_PER_PERSON, axis=0)
    for start in range(0, len(gallery), 65536):
        block = gallery[start : start + 65536]
        block += SPREAD * rng.standard_normal(block.shape, np.float32)
    noise = SPREAD * rng.standard_normal((PROBES, *shape), np.float32)
    return gallery, people[rng.integers(0, num_people, PROBES)] + noise


def nearest(gallery, probes, distance):
    """Return the row of the nearest walk of each probe by the plain definition in 64 bits."""
    rows, best = np.zeros(len(probes), int), np.full(len(probes), np.inf)
    parts = gallery.reshape(len(gallery), 1, -1) if distance == "flattened" or gallery.ndim == 2 else gallery
    probes = probes.reshape(len(probes), *parts.shape[1:]).astype(np.float64)
    for start in range(0, len(parts), 16384):
        block = parts[start : start + 16384].astype(np.float64)
        total = 0.0
        for part in range(block.shape[1]):
            a, b = probes[:, part], block[:, part]
            squared = (a**2).sum(1)[:, None] - 2 * a @ b.T + (b**2).sum(1)
            total = total + np.sqrt(np.maximum(squared, 0))
        here = total.argmin(axis=1)
        values = total[np.arange(len(probes)), here]
        better = values < best
        rows[better], best[better] = here[better] + start, values[better]
    return rows


def measure(gallery, probes, *, distance, engine, right):
    """Return a row of the table."""
    before = memory()
    start = time.perf_counter()
    search = WalkSearch(gallery, distance=distance, engine=engine)
    prepared = time.perf_counter() - start
    search.nearest_walks(probes[:1], count=5)
    single = []
    for probe in probes[:20]:
        start = time.perf_counter()
        search.nearest_walks(probe[None], count=5)
        single.append(time.perf_counter() - start)
    start = time.perf_counter()
    rows, _ = search.nearest_walks(probes, count=5)
    together = (time.perf_counter() - start) / len(probes)
    return {
        "walks": len(gallery),
        "shape": list(gallery.shape[1:]),
        "distance": distance,
        "engine": engine,
        "recall": float((rows[:, 0] == right).mean()),
        "prepare_seconds": prepared,
        "one_probe_ms": 1000 * float(np.median(single)),
        "of_200_ms": 1000 * together,
        "gallery_mb": gallery.nbytes / 2**20,
        "more_mb": max(0.0, memory() - before),
    }


def memory():
    """Return the largest memory of this process so far, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10


COLUMNS = {
    "walks": "{:,}",
    "distance": "{}",
    "engine": "{}",
    "recall": "{:.3f}",
    "prepare_seconds": "{:.1f}",
    "one_probe_ms": "{:.1f}",
    "of_200_ms": "{:.1f}",
    "gallery_mb": "{:.0f}",
    "more_mb": "{:.0f}",
}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--walks", default="10000,1000000", help="sizes of the gallery, separated by commas")
    parser.add_argument("--shape", default="256", help="shape of an embedding, such as 256 or 16,64")
    parser.add_argument("--distance", default="flattened", choices=["flattened", "part_mean"])
    parser.add_argument("--quick", action="store_true", help="1,000 walks: shows that everything runs")
    add_outputs(parser)
    options = parser.parse_args()
    shape = tuple(int(size) for size in options.shape.split(","))
    rows = []
    for num_walks in [1000] if options.quick else [int(size) for size in options.walks.split(",")]:
        gallery, probes = embeddings_of(num_walks, shape)
        right = nearest(gallery, probes, options.distance)
        for engine in ("exact", "faiss"):
            try:
                rows.append(measure(gallery, probes, distance=options.distance, engine=engine, right=right))
            except ImportError as error:
                console.print(str(error), markup=False)
    lines = [f"| {' | '.join(COLUMNS)} |", f"|{'---|' * len(COLUMNS)}"]
    lines += [f"| {' | '.join(text.format(row[key]) for key, text in COLUMNS.items())} |" for row in rows]
    text = "\n".join(lines)
    title = f"{math.prod(shape)} numbers {list(shape)}"
    console.print(f"{title}\n{text}", markup=False, soft_wrap=True)
    content = {"benchmark": "gallery_search", "quick": options.quick, "rows": rows}
    keep_text("gallery_search", text=f"# {__doc__.splitlines()[0]}\n\n{text}\n", content=content, options=options)


if __name__ == "__main__":
    main()
