"""MT3D's layers: three ways to read a volume at once, and frames that become one."""

import numpy as np
import pytest
import tensorflow as tf
from layer_tools import MODES, relative_error
from references.layer_loops import convolution_by_hand

from tf3dlocal.layers import BasicBlock3D, LocalTransform


def random_volume(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


@pytest.mark.parametrize("form", ["reference", "stacked", "sliced"])
def test_a_basic_block_is_the_rectified_sum_of_three_convolutions(form):
    layer, volume = BasicBlock3D(3, form=form, seed=0), random_volume(2, 4, 6, 5, 2)
    found = layer(volume)
    assert [tuple(convolution.kernel.shape[:3]) for convolution in layer.convolutions] == [
        (3, 3, 3),
        (1, 3, 3),
        (3, 1, 1),
    ]
    for clip, own in zip(volume, found.numpy(), strict=True):
        total = sum(convolution_by_hand(clip, convolution.kernel.numpy()) for convolution in layer.convolutions)
        # Sums of 78 products of numbers near one.
        np.testing.assert_allclose(own, np.where(total > 0, total, 0.01 * total), rtol=0, atol=1e-5)


@pytest.mark.parametrize("mode", MODES)
def test_one_kernel_for_all_three_teaches_each_of_them_as_three_convolutions_do(mode):
    volume, weights = tf.constant(random_volume(2, 4, 6, 5, 2)), random_volume(2, 4, 6, 5, 3, seed=1)
    layer = BasicBlock3D(3, seed=0)
    layer.build(volume.shape)

    def one(volume):
        return layer(volume)

    def three(volume):
        return layer.activation(sum(convolution(volume) for convolution in layer.convolutions))

    def gradients(function):
        def of(volume):
            with tf.GradientTape() as tape:
                tape.watch(volume)
                loss = tf.reduce_sum(function(volume) * weights)
            return tape.gradient(loss, [volume, *(weight.value for weight in layer.trainable_weights)])

        return MODES[mode](of)(volume)

    for own, reference in zip(gradients(one), gradients(three), strict=True):
        assert relative_error(own, reference.numpy()) < 1e-5  # sums of up to 240 products


@pytest.mark.parametrize("frames", [1, 2, 3, 4, 8, 9])
def test_frames_are_fused_three_by_three_and_what_is_left_over_is_dropped(frames):
    layer, volume = LocalTransform(3, seed=0), random_volume(2, frames, 4, 3, 5)
    found = layer(volume).numpy()
    filled = np.concatenate([volume, np.zeros((2, max(0, 3 - frames), 4, 3, 5), "float32")], axis=1)
    assert found.shape == (2, max(1, frames // 3), 4, 3, 5)
    for group in range(found.shape[1]):
        expected = sum(filled[:, 3 * group + frame] @ layer.kernel.numpy()[frame] for frame in range(3))
        np.testing.assert_allclose(found[:, group], expected, rtol=0, atol=1e-5)


def test_an_unknown_number_of_frames_is_fused_in_a_graph():
    layer = LocalTransform(3, seed=0)
    layer.build((None, None, 4, 3, 5))
    graph = tf.function(layer, input_signature=[tf.TensorSpec([None, None, 4, 3, 5])])
    for frames in (1, 3, 7):
        volume = random_volume(2, frames, 4, 3, 5)
        np.testing.assert_allclose(graph(volume), layer(volume), rtol=0, atol=1e-6)


def test_a_local_transform_of_no_frames_is_refused():
    with pytest.raises(ValueError, match="at least one frame; got interval=0"):
        LocalTransform(0)
