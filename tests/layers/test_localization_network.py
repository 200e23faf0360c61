"""The localization network against supplement Table 1, layer by layer and at any number of frames; its gradients."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from layer_tools import randomize, relative_error
from references.layer_loops import (
    adaptive_maximum_by_hand,
    convolution_by_hand,
    halving_maximum_by_hand,
    normalized_by_hand,
    smoothed_by_hand,
)

from tf3dlocal.layers import PAPER_PARTS, LocalizationNetwork, decode_location
from tf3dlocal.layers.local.localization_network import smooth_over_frames

HEIGHT, WIDTH, CHANNELS, HIDDEN = 16, 11, 16, 4  # a map of block 3, with an eighth of its channels


def random_maps(frames, batch=2, seed=0, size=(HEIGHT, WIDTH)):
    return np.random.default_rng(seed).normal(size=(batch, frames, *size, CHANNELS)).astype("float32")


def network(**options):
    """A network with random weights, whose raw numbers are of the order of one."""
    net = LocalizationNetwork(HIDDEN, **options)
    net.build((None, None, HEIGHT, WIDTH, CHANNELS))
    return randomize(net)


def relu(values):
    return np.maximum(values, 0)


def table_1_by_hand(net, clip, geometry="paper", halve_frames=True, time_bins=4):
    """One clip [frames, height, width, channels] through supplement Table 1, with BN and ReLU as the main paper says.

    Returns the raw numbers, [8] or [frames, 8], and the size of the map after every pooling.
    """
    x = halving_maximum_by_hand(relu(normalized_by_hand(clip, net.pool0)), halve_frames)  # Pool0
    sizes = [x.shape[:3]]
    x = relu(normalized_by_hand(convolution_by_hand(x, net.conv1.kernel.numpy()), net.norm1))  # Conv1
    x = relu(normalized_by_hand(convolution_by_hand(x, net.conv2.kernel.numpy()), net.norm2))  # Conv2
    x = halving_maximum_by_hand(x, halve_frames)  # Pool3
    sizes.append(x.shape[:3])
    x = convolution_by_hand(x, net.conv4.kernel.numpy())  # Conv4
    if geometry == "release":  # no BN after Conv4, 2 x 2 x 2 bins instead of Pool5, BN after Fc6
        x = relu(x)
        for axis in range(3):
            x = adaptive_maximum_by_hand(x, 2, axis)
    else:
        x = halving_maximum_by_hand(relu(normalized_by_hand(x, net.norm4)), halve_frames)  # Pool5
    sizes.append(x.shape[:3])
    if halve_frames and geometry == "paper":
        x = adaptive_maximum_by_hand(x, time_bins, axis=0)
    flat = x.reshape(len(x), -1) if not halve_frames else x.reshape(-1)
    raw = flat @ net.fc6.kernel.numpy().astype("float64") + net.fc6.bias.numpy()  # Fc6
    return (normalized_by_hand(raw, net.output_norm) if geometry == "release" else raw), sizes


# Sums of up to 512 products of numbers near one, layer after layer in float32, against double precision.
CLOSE = {"rtol": 0, "atol": 2e-5}


def test_at_the_training_length_it_is_supplement_table_1_and_nothing_else():
    net, maps = network(), random_maps(30)
    for clip, raw in zip(maps, net(maps).numpy(), strict=True):
        # There are as many time bins as frames left: the adaptive maximum after Pool5 is the identity.
        expected, sizes = table_1_by_hand(net, clip, time_bins=4)
        assert sizes == [(15, 8, 6), (8, 4, 3), (4, 2, 2)]
        np.testing.assert_allclose(raw, expected, **CLOSE)


@pytest.mark.parametrize("frames", [1, 2, 7, 33, 120])
@pytest.mark.parametrize("geometry", ["paper", "release"])
def test_any_number_of_frames_fits(geometry, frames):
    net, maps = network(geometry=geometry), random_maps(frames)
    expected = [table_1_by_hand(net, clip, geometry)[0] for clip in maps]
    np.testing.assert_allclose(net(maps), expected, **CLOSE)


def test_the_release_network_emits_seven_numbers_too():
    net, maps = network(geometry="release", num_outputs=7), random_maps(30)
    np.testing.assert_allclose(net(maps), [table_1_by_hand(net, clip, "release")[0] for clip in maps], **CLOSE)


@pytest.mark.parametrize(("clip_length", "time_bins"), [(8, 1), (9, 2), (30, 4), (40, 5)])
def test_the_time_bins_are_the_frames_that_table_1_leaves_of_a_training_clip(clip_length, time_bins):
    assert network(clip_length=clip_length).fc6.kernel.shape[0] == time_bins * 2 * 2 * HIDDEN


@pytest.mark.parametrize(
    ("size", "cells"), [((64, 44), 8 * 6), ((32, 22), 4 * 3), ((16, 11), 2 * 2), ((128, 88), 16 * 11)]
)
def test_fc6_reads_the_cells_that_table_1_leaves_of_a_map(size, cells):
    net = LocalizationNetwork(HIDDEN)
    net.build((None, None, *size, CHANNELS))
    assert net.fc6.kernel.shape == (4 * cells * HIDDEN, 8)


def test_per_frame_it_emits_smoothed_offsets_and_one_time_for_the_clip():
    net, maps = network(per_frame=True), random_maps(6)
    for clip, raw in zip(maps, net(maps).numpy(), strict=True):
        expected, sizes = table_1_by_hand(net, clip, halve_frames=False)
        assert sizes == [(6, 8, 6), (6, 4, 3), (6, 2, 2)]
        expected[:, :2] = smoothed_by_hand(expected[:, :2])  # dx, dy
        expected[:, [2, 5]] = expected[:, [2, 5]].mean(axis=0)  # dt, delta_t
        np.testing.assert_allclose(raw, expected, **CLOSE)


def test_per_frame_seven_numbers_have_their_time_stride_one_place_earlier():
    raw = network(per_frame=True, num_outputs=7)(random_maps(6)).numpy()
    assert [bool(np.ptp(raw[..., index], axis=1).max() < 1e-6) for index in range(7)] == [
        False,
        False,
        True,
        False,
        True,
        False,
        False,
    ]


@pytest.mark.parametrize("frames", [1, 2, 5])
def test_smoothing_equals_a_loop_over_frames(frames):
    raw = np.random.default_rng(0).normal(size=(2, frames, 3))
    np.testing.assert_allclose(smooth_over_frames(raw), [smoothed_by_hand(clip) for clip in raw], rtol=1e-15)


def test_no_gradient_of_smoothing_reaches_the_preceding_frames():
    raw = tf.random.stateless_normal([2, 5, 3], seed=(0, 0))
    with tf.GradientTape() as tape:
        tape.watch(raw)
        last = tf.reduce_sum(smooth_over_frames(raw)[:, -1])
    np.testing.assert_array_equal(tape.gradient(last, raw)[0, :, 0], [0, 0, 0, 0, 1])


@pytest.mark.parametrize("options", [{}, {"geometry": "release"}, {"per_frame": True}], ids=str)
def test_no_gradient_flows_into_the_map_which_still_learns_from_elsewhere(options):
    net = network(**options)
    maker = keras.layers.Conv3D(CHANNELS, 1)
    images = random_maps(9)
    maker.build(images.shape)

    def gradients_of(loss_of):
        with tf.GradientTape() as tape:
            loss = loss_of(maker(images))
        own = net.trainable_variables
        found = tape.gradient(loss, [maker.kernel.value, *[variable.value for variable in own]])
        return found[0], found[1:]

    from_localization, within = gradients_of(lambda made: tf.reduce_sum(net(made)))
    assert from_localization is None
    assert all(np.any(gradient) for gradient in within)
    from_both, _ = gradients_of(lambda made: tf.reduce_sum(made**2) + tf.reduce_sum(net(made)))
    from_elsewhere, _ = gradients_of(lambda made: tf.reduce_sum(made**2))
    assert np.any(from_elsewhere)
    np.testing.assert_array_equal(from_both, from_elsewhere)


@pytest.mark.parametrize("training", [False, True])
def test_before_any_training_every_part_is_on_its_prior(training):
    net = LocalizationNetwork(CHANNELS // 4, seed=0)
    raw = net(random_maps(30, batch=4), training=training)
    # Fc6 starts with weights of 0.001 on 64 numbers of up to three: raw numbers near 0.001 x 8 x 3, or five times that.
    assert np.abs(raw).max() < 0.12
    head = decode_location(raw, PAPER_PARTS[0], (30, HEIGHT, WIDTH))
    np.testing.assert_allclose(head.center_x, WIDTH / 2 - 0.5, atol=0.12 * WIDTH / 2)
    np.testing.assert_allclose(head.center_y, HEIGHT / 16 - 0.5, atol=0.12 * HEIGHT / 2)
    np.testing.assert_allclose(head.stride_x, 3 / 11, rtol=0.13)


def test_raw_numbers_of_the_release_have_unit_variance_over_a_training_batch():
    net = network(geometry="release")
    net.output_norm.gamma.assign(np.ones(8))
    raw = net(random_maps(8, batch=16), training=True).numpy()
    # Fc6's own variance is above 1e-3, between clips as like as random ones; BN's epsilon, 1e-5, is a hundredth of it.
    np.testing.assert_allclose(raw.var(axis=0), 1, rtol=1e-2)


def test_training_moves_the_statistics_of_every_normalization():
    net = LocalizationNetwork(HIDDEN, geometry="release")
    maps = random_maps(8) + 1
    net(maps, training=False)
    before = [variable.numpy() for variable in net.non_trainable_variables]
    net(maps, training=True)
    assert len(before) == 2 * 4  # mean and variance of the input, Conv1, Conv2 and Fc6
    assert all(np.any(old != new.numpy()) for old, new in zip(before, net.non_trainable_variables, strict=True))


@pytest.mark.parametrize("options", [{}, {"geometry": "release"}, {"per_frame": True}], ids=str)
@pytest.mark.parametrize("mode", ["graph", "xla"])
@pytest.mark.slow
def test_every_mode_gives_the_same_and_batch_and_frames_may_be_unknown(mode, options):
    net = network(**options)
    signature = [tf.TensorSpec([None, None, HEIGHT, WIDTH, CHANNELS])]
    run = tf.function(net, input_signature=signature, jit_compile=mode == "xla")
    for batch, frames in ((1, 3), (2, 17)):
        maps = random_maps(frames, batch)
        np.testing.assert_allclose(run(maps), net(maps), **CLOSE)


def test_half_precision_emits_single_precision_numbers_near_those_of_single_precision():
    maps = random_maps(30)
    full, half = LocalizationNetwork(HIDDEN, seed=1), LocalizationNetwork(HIDDEN, seed=1, dtype="mixed_float16")
    expected = full(maps).numpy()
    found = half(maps)
    assert found.dtype == "float32"
    assert relative_error(found, expected) < 10 * 2.0**-11  # the roundings on a number's way through ten operations


def test_initial_convolutions_differ_and_the_same_seed_gives_the_same_weights():
    first, second = (LocalizationNetwork(HIDDEN, seed=3) for _ in range(2))
    for net in (first, second):
        net.build((None, None, HEIGHT, WIDTH, CHANNELS))
    assert np.abs(first.conv2.kernel - first.conv4.kernel).max() > 0.01
    for own, other in zip(first.weights, second.weights, strict=True):
        np.testing.assert_array_equal(own, other)


@pytest.mark.bad_input
@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"geometry": "seed"}, "geometry must be .paper. or .release.; got 'seed'"),
        ({"clip_length": 0}, "clip_length must be a whole number of at least 1; got 0"),
        ({"clip_length": 30.0}, "clip_length must be a whole number of at least 1; got 30.0"),
        ({"num_outputs": 6}, "num_outputs must be 8, or 7 .*; got 6"),
        ({"geometry": "release", "per_frame": True}, "per frame need geometry=.paper."),
    ],
)
def test_wrong_arguments_raise(options, message):
    with pytest.raises(ValueError, match=message):
        LocalizationNetwork(HIDDEN, **options)
