"""The paper's geometry treats left and right alike in every block, and no raw number makes a gradient infinite."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tf3dlocal.layers import PAPER_PARTS, LocalPath
from tf3dlocal.models import ThreeDLocal

MIRRORED = {
    "head": "head",
    "torso": "torso",
    "left_arm": "right_arm",
    "right_arm": "left_arm",
    "left_leg": "right_leg",
    "right_leg": "left_leg",
}
BLOCKS = (1, 2, 3)


def model_that_treats_left_and_right_alike():
    """3DLocal whose global path has mirror-symmetric kernels, whose parts are on their priors, and without fusion.

    The volumes are sampled from every block's input; the fusion lets only the global map through, so that all of them
    see a symmetric path.
    """
    model = ThreeDLocal(channels=(2, 3, 4), embedding_channels=4, seed=0)
    for block in BLOCKS:
        for number in (1, 2):
            kernel = model.get_layer(f"block_{block}_convolution_{number}").kernel
            kernel.assign((kernel.numpy() + kernel.numpy()[:, :, ::-1]) / 2)
        for part in MIRRORED:
            fc6 = model.get_layer(f"block_{block}_{part}").localization.fc6
            fc6.kernel.assign(np.zeros(fc6.kernel.shape))
        fusion = model.get_layer(f"block_{block}_fusion").kernel
        fusion.assign(fusion.numpy() * (np.arange(fusion.shape[-2]) < (2, 3, 4)[block - 1])[:, None])
    return model


@pytest.fixture(scope="module")
def volumes():
    """Function of walks [batch, frames, 64, 44, 1] that gives {(block, part): sampled volume}."""
    model = model_that_treats_left_and_right_alike()
    outputs = {
        f"{block} {part}": model.get_layer(f"block_{block}_{part}").outputs["volume"]
        for block in BLOCKS
        for part in MIRRORED
    }
    inner = keras.Model(model.input, outputs)

    def sample(walks):
        found = {tuple(name.split(" ")): value.numpy() for name, value in inner(walks).items()}
        return {(int(block), part): value for (block, part), value in found.items()}

    return sample


def random_walk(frames=6):
    return np.random.default_rng(0).uniform(size=(1, frames, 64, 44, 1)).astype("float32")


@pytest.mark.slow
def test_a_mirrored_body_gives_mirrored_volumes_in_all_blocks(volumes):
    walk = random_walk()
    own, mirrored = volumes(walk), volumes(walk[:, :, :, ::-1])
    for (block, part), volume in own.items():
        found = mirrored[block, MIRRORED[part]]
        np.testing.assert_allclose(found, volume[:, :, :, ::-1], rtol=0, atol=1e-5, err_msg=f"block {block}, {part}")


def test_a_walk_backwards_gives_volumes_backwards_in_all_blocks(volumes):
    walk = random_walk()
    own, backwards = volumes(walk), volumes(walk[:, ::-1])
    for where, volume in own.items():
        np.testing.assert_allclose(backwards[where], volume[:, ::-1], rtol=0, atol=1e-5, err_msg=str(where))


def test_a_symmetric_body_is_read_equally_by_both_arms_and_by_both_legs(volumes):
    half = random_walk()
    found = volumes((half + half[:, :, :, ::-1]) / 2)
    for block in BLOCKS:
        for limb in ("arm", "leg"):
            left, right = (float(found[block, f"{side}_{limb}"].sum()) for side in ("left", "right"))
            assert left == pytest.approx(right, rel=1e-5), (block, limb)


def test_upside_down_a_part_in_the_middle_gives_its_volume_upside_down():
    part = ("middle", 0.5, 0.5, 0.5, 0.5, 0.5, 0.5)
    path = LocalPath(part, channels=0, hidden_channels=1, sampler="gaussian")
    volume = random_walk()[..., :11, :]

    def sampled(volume):
        return path.read(volume, path.decode(np.zeros((1, 8), "float32"), volume.shape[1:4]))["volume"].numpy()

    path.build(volume.shape, volume.shape)
    np.testing.assert_allclose(sampled(volume[:, :, ::-1]), sampled(volume)[:, :, ::-1], rtol=0, atol=1e-5)


EXTREME = [-1e4, -1e2, -60.0, -8.0, 8.0, 60.0, 1e2, 1e4]


@pytest.mark.parametrize("policy", ["float32", "mixed_float16", "mixed_bfloat16"])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"sampler": "gaussian"},
        {"sampler": "trilinear"},
        {"registered": True},
        {"per_frame": True},
        {"registered": True, "per_frame": True},
    ],
    ids=str,
)
def test_volumes_and_gradients_are_finite_for_any_raw_number(options, policy):
    """Each of the eight numbers in turn at every extreme, and all of them together."""
    path = LocalPath(PAPER_PARTS[1], channels=2, hidden_channels=1, dtype=policy, seed=0, **options)
    raw = np.concatenate([*(value * np.eye(8) for value in EXTREME), *np.multiply.outer(EXTREME, np.ones((1, 8)))])
    if options.get("per_frame"):
        raw = np.repeat(raw[:, None], 3, axis=1)
    volume = tf.constant(np.random.default_rng(0).uniform(size=(len(raw), 3, 16, 11, 2)), path.compute_dtype)
    path.build(volume.shape, volume.shape)
    raw = tf.constant(raw, tf.float32)
    with tf.GradientTape() as tape:
        tape.watch([raw, volume])
        outputs = path.read(volume, path.decode(raw, (3, 16, 11)))
        loss = tf.reduce_sum(tf.cast(outputs["features"], tf.float32) * 1e-2)
    assert np.isfinite(outputs["volume"]).all() and np.isfinite(outputs["features"]).all()
    for gradient in tape.gradient(loss, [raw, volume, *(each.kernel.value for each in path.convolutions)]):
        assert np.isfinite(tf.cast(gradient, tf.float32)).all()
