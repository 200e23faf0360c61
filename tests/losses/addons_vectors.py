"""Write the losses and gradients of tensorflow-addons 0.23, the last release, to a file.

tensorflow-addons requires TensorFlow below 2.16 and Keras 2, so it has a separate environment (Python 3.11, about 2
GB). `make test-addons` makes it, runs this script there with a new seed, and compares:

    python tests/losses/addons_vectors.py [FILE.npz [SEED]]

Without arguments it writes `addons_vectors.npz` next to this file, which the other tests read.
"""

import pathlib
import sys

import numpy as np
import tensorflow as tf
import tensorflow_addons as tfa


def cases(seed):
    """Yield labels and embeddings by name: plain, normalised as its documentation recommends, and edge cases."""
    rng = np.random.default_rng(seed)
    three_by_four = np.repeat(np.arange(3), 4)
    plain = rng.normal(size=[12, 8])
    yield "plain", three_by_four, plain
    yield "unit_length", three_by_four, plain / np.linalg.norm(plain, axis=1, keepdims=True)
    centres = 4.0 * rng.normal(size=[3, 8])
    yield "separated", three_by_four, centres[three_by_four] + 0.5 * plain
    duplicates = plain.copy()
    duplicates[1] = duplicates[0]
    duplicates[5] = duplicates[0]
    yield "duplicates", three_by_four, duplicates
    yield "collapsed", three_by_four, np.ones([12, 8])
    yield "one_alone", np.array([0, 0, 0, 1, 1, 1, 2]), plain[:7]
    yield "all_alone", np.arange(6), plain[:6]
    yield "one_class", np.zeros(6, int), plain[:6]
    some_zero = plain.copy()
    some_zero[[0, 4, 5]] = 0
    yield "some_zero", three_by_four, some_zero
    yield "all_zero", three_by_four, np.zeros([12, 8])
    yield "float16", three_by_four, plain.astype("float16")
    for number, (batch, classes, channels) in enumerate([(16, 4, 16), (24, 12, 3), (9, 2, 64)]):
        yield f"random_{number}", rng.integers(0, classes, batch), rng.normal(size=[batch, channels])


def losses():
    """Yield losses by name: each metric, and the soft form of batch-hard."""
    for metric in ("L2", "squared-L2", "angular"):
        yield f"hard/{metric}", lambda y, x, m=metric: tfa.losses.triplet_hard_loss(y, x, distance_metric=m)
        yield f"soft/{metric}", lambda y, x, m=metric: tfa.losses.triplet_hard_loss(y, x, soft=True, distance_metric=m)
        yield f"semihard/{metric}", lambda y, x, m=metric: tfa.losses.triplet_semihard_loss(y, x, distance_metric=m)


def main(path=None, seed="20"):
    found = {}
    for case, labels, embeddings in cases(int(seed)):
        embeddings = embeddings if embeddings.dtype == "float16" else embeddings.astype("float32")
        found[f"{case}/labels"], found[f"{case}/embeddings"] = labels.astype("int32"), embeddings
        for name, loss in losses():
            variable = tf.Variable(embeddings)
            with tf.GradientTape() as tape:
                value = loss(tf.constant(labels, tf.int32), variable)
            found[f"{case}/{name}/loss"] = value.numpy()
            found[f"{case}/{name}/gradient"] = tape.gradient(value, variable).numpy()
    found["versions"] = np.array([tfa.__version__, tf.__version__])
    np.savez_compressed(path or pathlib.Path(__file__).with_suffix(".npz"), **found)


if __name__ == "__main__":
    main(*sys.argv[1:])
