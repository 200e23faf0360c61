"""The speed that all steps are compared with: one large float32 matrix product."""

import numpy as np

from measuring.processes import Alternative
from measuring.side_by_side import side_by_side

SEED = 0


def matmul_peak(*, rounds=5, threads=None, libraries=("numpy", "tensorflow")):
    """Measure the product of two large float32 matrices with each library, and return the fastest.

    On a GPU TensorFlow may compute it in TF32, as it does a convolution.

    Args:
        rounds: the fastest of that many rounds counts.
        threads: as in `side_by_side`.
        libraries: "numpy", "tensorflow" or both.

    Returns:
        dict "gflop_per_second", "library", "size" of the matrices; None if nothing could be measured.

    Example:
        >>> matmul_peak(rounds=1, libraries=["numpy"])["gflop_per_second"] > 0
        True
    """
    makers = [Alternative(name, function=f"measuring.matmul:{name}_matmul") for name in libraries]
    measured = side_by_side(makers, title="matrix product", rounds=rounds, threads=threads, progress=False)
    found = [
        {"gflop_per_second": row.facts["gflop"] / min(row.seconds), "library": row.name, "size": row.facts["size"]}
        for row in measured.rows
    ]
    return max(found, key=lambda entry: entry["gflop_per_second"], default=None)


def numpy_matmul(size=2048):
    """Return a callable that multiplies two size x size matrices with NumPy; its facts count the GFLOP."""
    left, right = _matrices(size)
    out = np.empty_like(left)

    def call():
        np.matmul(left, right, out=out)

    call.facts = {"gflop": 2 * size**3 / 1e9, "size": size}
    return call


def tensorflow_matmul(size=None):
    """Return the same with TensorFlow on its default device; size None is 2048 on a CPU and 8192 on a GPU."""
    import tensorflow as tf

    gpus = tf.config.list_physical_devices("GPU")
    size = size or (8192 if gpus else 2048)
    left, right = map(tf.constant, _matrices(size))

    def call():
        tf.linalg.matmul(left, right)[0, 0].numpy()  # a number that is read here has been computed

    call.facts = {"gflop": 2 * size**3 / 1e9, "size": size, "device": gpus[0].name if gpus else "CPU"}
    return call


def _matrices(size):
    random = np.random.default_rng(SEED)
    return tuple(random.standard_normal((size, size), np.float32) for _ in range(2))
