"""A large product of two float32 matrices, to see what the machine can do at best."""

import numpy as np

SEED = 0


def numpy_matmul(size=2048):
    """A callable that multiplies two size x size matrices with NumPy; its facts say how many GFLOP that is."""
    left, right = _matrices(size)
    out = np.empty_like(left)

    def call():
        np.matmul(left, right, out=out)

    call.facts = {"gflop": 2 * size**3 / 1e9, "size": size}
    return call


def tensorflow_matmul(size=None):
    """The same with TensorFlow on its default device; size None is 2048 on a CPU and 8192 on a GPU."""
    import tensorflow as tf

    gpus = tf.config.list_physical_devices("GPU")
    size = size or (8192 if gpus else 2048)
    left, right = map(tf.constant, _matrices(size))

    def call():
        tf.linalg.matmul(left, right)[0, 0].numpy()  # a number read on this side is one that was computed

    call.facts = {"gflop": 2 * size**3 / 1e9, "size": size, "device": gpus[0].name if gpus else "CPU"}
    return call


def _matrices(size):
    random = np.random.default_rng(SEED)
    return tuple(random.standard_normal((size, size), np.float32) for _ in range(2))
