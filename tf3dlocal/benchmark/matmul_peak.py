"""The yardstick: how many GFLOP/s this machine reaches in one large float32 matrix product."""

from tf3dlocal.benchmark.alternative import Alternative
from tf3dlocal.benchmark.side_by_side import side_by_side


def matmul_peak(rounds=5, threads=None, libraries=("numpy", "tensorflow")):
    """Measure the product of two large float32 matrices with each library, and give the fastest.

    On a GPU TensorFlow may compute it in TF32, as it does a convolution.

    Args:
        rounds: the least of so many counts.
        threads: as in `side_by_side`.
        libraries: "numpy", "tensorflow" or both.

    Returns:
        dict "gflop_per_second", "library", "size" of the matrices; or None where nothing could be measured.

    Example:
        >>> matmul_peak(rounds=1, libraries=["numpy"])["gflop_per_second"] > 0
        True
    """
    makers = [Alternative(name, f"tf3dlocal.benchmark.matmul:{name}_matmul") for name in libraries]
    measured = side_by_side(makers, rounds, "matrix product", threads=threads, progress=False)
    found = [
        {"gflop_per_second": row.facts["gflop"] / min(row.seconds), "library": row.name, "size": row.facts["size"]}
        for row in measured.rows
    ]
    return max(found, key=lambda entry: entry["gflop_per_second"], default=None)
