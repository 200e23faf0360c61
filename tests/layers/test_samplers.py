"""The three samplers against plain loops, pictures that a person can check, and numeric derivatives."""

import functools

import numpy as np
import pytest
import tensorflow as tf
from layer_tools import MODES, relative_error
from references.sampler_loops import KINDS, grid_by_hand, rows_by_hand, sample_by_hand

from tf3dlocal.layers import (
    GaussianSampler3D,
    Location,
    MixtureSampler3D,
    TrilinearSampler3D,
    apply_filters,
)

SAMPLERS = {"gaussian": GaussianSampler3D, "trilinear": TrilinearSampler3D, "mixture": MixtureSampler3D}
SMALL, LARGE = (4, 6, 5), (2, 19, 14)


def random_volume(size, batch=2, channels=2, seed=0):
    return np.random.default_rng(seed).uniform(size=(batch, *size, channels))


def random_locations(size, places=(2,), seed=0):
    """[*places, 8]: centres on the map and beyond its borders, strides that shrink and magnify; one time per clip."""
    rng = np.random.default_rng(seed)
    frames, height, width = size
    fields = Location(
        center_x=rng.uniform(-0.5, 1.5, places) * width,
        center_y=rng.uniform(-0.5, 1.5, places) * height,
        center_t=rng.uniform(0, 1, places[:1]) * frames,
        stride_x=rng.uniform(0.2, 1.5, places),
        stride_y=rng.uniform(0.2, 1.5, places),
        stride_t=rng.uniform(0.2, 1.5, places[:1]),
        variance=rng.uniform(0.05, 2, places),
        confidence=rng.uniform(0.1, 1, places),
    )
    return np.stack(
        [np.broadcast_to(field.reshape(field.shape + (1,) * (len(places) - field.ndim)), places) for field in fields],
        axis=-1,
    )


def sample_in_double(sampler, volume, location):
    """The layer's mathematics without its cast of the location to float32 (and without rows of padding)."""
    return apply_filters(volume, *sampler.filters(location, volume.shape[1:4]))


def place(**fields):
    """One location [1, 8] that copies a map of 9 x 9 cells and 9 frames onto itself, but for the given fields."""
    same = Location(4, 4, 4, 1, 1, 1, variance=0.01, confidence=1)
    return np.array([same._replace(**fields)], "float32")


@pytest.mark.parametrize("geometry", ["paper", "release"])
@pytest.mark.parametrize("per_frame", [False, True])
@pytest.mark.parametrize("size", [SMALL, LARGE])
@pytest.mark.parametrize("kind", SAMPLERS)
def test_it_equals_plain_loops_over_the_papers_formulas(kind, size, per_frame, geometry):
    sampler = SAMPLERS[kind](geometry=geometry)
    volume = random_volume(size)
    location = random_locations(size, (2, size[0]) if per_frame else (2,))
    expected = np.stack([sample_by_hand(v, place, kind, geometry=geometry) for v, place in zip(volume, location)])
    np.testing.assert_allclose(sample_in_double(sampler, volume, location), expected, rtol=0, atol=1e-12)
    # In float32 a position near 20 is known to 2e-6 cells, and a filter weight changes by up to 1 / (sigma e^0.5) per
    # cell, with sigma = 0.22; where a row's sum nears its floor, 6 sigma outside, six times as fast.
    np.testing.assert_allclose(sampler(volume.astype("float32"), location), expected, rtol=0, atol=5e-5)


@pytest.mark.parametrize(("num_rows", "above"), [(1, 2), (2, 2), (3, 1), (5, 0), (6, 0)])
def test_rows_that_are_not_sampled_are_zeros_above_and_below(num_rows, above):
    volume, location = random_volume(SMALL), random_locations(SMALL, seed=2)
    sampled = GaussianSampler3D(num_rows=num_rows)(volume.astype("float32"), location).numpy()
    expected = np.stack([sample_by_hand(v, place, "gaussian", num_rows) for v, place in zip(volume, location)])
    np.testing.assert_allclose(sampled, expected, rtol=0, atol=2e-5)
    assert not sampled[:, :, :above].any() and not sampled[:, :, above + num_rows :].any()


@pytest.mark.parametrize("kind", ["trilinear", "mixture"])
def test_a_grid_on_the_cells_copies_the_map(kind):
    # At integer positions the paper's linear weights, as printed, would give zeros.
    volume = random_volume((9, 9, 9), batch=1).astype("float32")
    np.testing.assert_allclose(SAMPLERS[kind]()(volume, place(confidence=0.5)), volume / 2, rtol=0, atol=1e-6)


@pytest.mark.parametrize("kind", SAMPLERS)
@pytest.mark.parametrize(("field", "axis"), [("center_t", 1), ("center_y", 2), ("center_x", 3)])
def test_a_shifted_centre_shifts_the_output(kind, field, axis):
    volume = random_volume((9, 9, 9), batch=1).astype("float32")
    sampler = SAMPLERS[kind]()
    here = sampler(volume, place(variance=0.3)).numpy()
    there = sampler(volume, place(variance=0.3, **{field: 6})).numpy()
    inside = np.take(there, range(7), axis), np.take(here, range(2, 9), axis)
    np.testing.assert_allclose(*inside, rtol=0, atol=1e-6)


@pytest.mark.parametrize("kind", SAMPLERS)
def test_a_bar_moved_or_turned_lands_where_a_person_expects(kind):
    sampler = SAMPLERS[kind]()
    bar = np.zeros((1, 9, 9, 9, 1), "float32")
    bar[:, :, :, 6] = 1  # upright, in column 6
    centred = sampler(bar, place(center_x=6)).numpy()
    np.testing.assert_allclose(centred[0, 4, 4, :, 0], np.eye(9)[4], atol=1e-6)
    lying = bar.transpose(0, 1, 3, 2, 4)  # turned: now in row 6
    np.testing.assert_allclose(sampler(lying, place(center_y=6)), centred.transpose(0, 1, 3, 2, 4), rtol=0, atol=1e-6)
    flash = bar.transpose(0, 3, 1, 2, 4)  # the whole frame 6 lights up
    np.testing.assert_allclose(sampler(flash, place(center_t=6))[0, :, 4, 4, 0], np.eye(9)[4], atol=1e-6)


@pytest.mark.parametrize("kind", SAMPLERS)
def test_a_stride_of_two_shrinks_a_bar_and_a_stride_of_a_half_widens_it(kind):
    bar = np.zeros((1, 9, 9, 9, 1), "float32")
    bar[:, :, :, 3:6] = 1  # columns 3, 4, 5 about the centre

    def width_of(stride):
        return SAMPLERS[kind]()(bar, place(stride_x=stride))[0, 4, 4, :, 0].numpy().sum()

    assert width_of(1.0) == pytest.approx(3, abs=1e-5)
    assert width_of(2.0) == pytest.approx(1, abs=1e-5)  # columns 2, 4, 6 are read about the centre
    assert width_of(0.5) == pytest.approx(6, abs=1e-5)  # five points on the bar, and half of each on its border


def test_every_frame_is_read_at_its_own_place_and_with_its_own_confidence():
    """A dot that walks to the right stands still when every frame's centre walks with it."""
    walk = np.zeros((1, 5, 9, 9, 1), "float32")
    walk[0, range(5), 4, range(2, 7)] = 1
    locations = np.repeat(place(center_t=2), 5, axis=0)[None]  # b t 8
    locations[0, :, 0] = range(2, 7)
    locations[0, :, 7] = [1, 1, 0.5, 1, 0]
    followed = MixtureSampler3D()(walk, locations)[0, :, :, :, 0].numpy()
    expected = np.zeros((5, 9, 9))
    expected[:, 4, 4] = [1, 1, 0.5, 1, 0]
    np.testing.assert_allclose(followed, expected, atol=1e-6)


def test_the_releases_grid_lies_half_a_stride_nearer_to_the_origin():
    volume = random_volume((9, 9, 9), batch=1).astype("float32")
    strides = {"stride_x": 0.8, "stride_y": 0.6, "stride_t": 0.4, "variance": 0.2}
    moved = place(center_x=4 - 0.4, center_y=4 - 0.3, center_t=4 - 0.2, **strides)
    release = GaussianSampler3D(geometry="release")(volume, place(**strides))
    np.testing.assert_allclose(release, GaussianSampler3D()(volume, moved), rtol=0, atol=1e-5)


def test_the_releases_mixture_reads_a_ramp_as_pytorch_does():
    """1 .. 10 sampled on itself, measured with torch 2.13 on the authors' code: half a frame off, and halved."""
    ramp = np.arange(1, 11, dtype="float32").reshape(1, 10, 1, 1, 1)
    exact = MixtureSampler3D()(ramp, place(center_x=0, center_y=0, center_t=4.5)).numpy().ravel()
    same_points = place(center_x=0.5, center_y=0.5, center_t=5)  # the release's grid lies half a stride lower
    release = MixtureSampler3D(geometry="release")(ramp, same_points).numpy().ravel()
    np.testing.assert_allclose(exact, range(1, 11), rtol=1e-6)
    np.testing.assert_allclose(release[[0, 1, -2, -1]], [0.25, 0.81, 4.69, 2.5], atol=0.005)


def jacobian(sampler, volume, location, step=1e-5):
    """d output / d location of every clip by central differences: [batch, *output, *location]."""
    count = location[0].size
    steps = step * np.eye(count).reshape(count, 1, *location.shape[1:])
    moved = np.concatenate([location + steps, location - steps])  # 2n b ..
    many = np.tile(volume, (2 * count, 1, 1, 1, 1))
    sampled = np.asarray(sample_in_double(sampler, many, moved.reshape(-1, *location.shape[1:])))
    above, below = sampled.reshape(2, count, *volume.shape)
    return np.moveaxis((above - below) / (2 * step), 0, -1).reshape(*volume.shape, *location.shape[1:])


# Positions stay 0.02 cells away from cells, where linear interpolation has kinks; points lie on the map and outside it.
SMOOTH = np.array(
    [[2.317, 2.833, 1.637, 0.803, 0.871, 0.679, 0.4, 0.8], [4.183, 0.713, 2.541, 0.457, 0.913, 0.391, 0.9, 0.3]]
)


def smooth_location(per_frame):
    return np.repeat(SMOOTH[:, None], SMALL[0], axis=1) if per_frame else SMOOTH


@functools.cache
def numeric_derivative(kind, per_frame):
    """Of the output's weighted sum, in double precision: the weights, the derivative by location."""
    sampler, volume = SAMPLERS[kind](), random_volume(SMALL)
    weights = np.random.default_rng(4).normal(size=volume.shape)
    by_location = jacobian(sampler, volume, smooth_location(per_frame))
    return weights, np.einsum("btyxc,btyxc...->b...", weights, by_location)


@pytest.mark.parametrize("per_frame", [False, True])
@pytest.mark.parametrize("kind", SAMPLERS)
def test_the_derivative_by_location_is_the_numeric_one(kind, per_frame):
    weights, numeric = numeric_derivative(kind, per_frame)
    volume, location = random_volume(SMALL), tf.constant(smooth_location(per_frame))
    with tf.GradientTape() as tape:
        tape.watch(location)
        total = tf.reduce_sum(sample_in_double(SAMPLERS[kind](), volume, location) * weights)
    derivative = tape.gradient(total, location).numpy()
    # Central differences err by step^2 / 6 times a third derivative (tens) and by 1e-16 of the sum (tens) / step.
    np.testing.assert_allclose(derivative, numeric, rtol=0, atol=1e-8)
    without_effect = [6] if kind == "trilinear" else []  # there the variance has no effect
    assert [field for field in range(8) if not derivative[..., field].any()] == without_effect


@pytest.mark.parametrize("kind", SAMPLERS)
def test_the_jacobian_by_location_is_the_numeric_one(kind):
    sampler, volume, location = SAMPLERS[kind](), random_volume((3, 4, 3), channels=1), tf.constant(SMOOTH)
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(location)
        sampled = sample_in_double(sampler, volume, location)
    automatic = tape.batch_jacobian(sampled, location, experimental_use_pfor=False)
    np.testing.assert_allclose(automatic, jacobian(sampler, volume, SMOOTH), rtol=0, atol=1e-9)


@pytest.mark.parametrize("kind", SAMPLERS)
def test_the_derivative_by_the_volume_is_the_transposed_filter(kind):
    """The output is linear in the map: <V(I), w> = <I, dV/dI w>."""
    sampler = SAMPLERS[kind]()
    volume, location = tf.constant(random_volume(SMALL)), tf.constant(random_locations(SMALL))
    weights = np.random.default_rng(3).normal(size=volume.shape)
    with tf.GradientTape() as tape:
        tape.watch(volume)
        total = tf.reduce_sum(sample_in_double(sampler, volume, location) * weights)
    np.testing.assert_allclose(np.sum(tape.gradient(total, volume) * volume), total, rtol=1e-12)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(
    ("kind", "per_frame"),
    [
        ("gaussian", False),
        ("trilinear", False),
        ("mixture", False),
        ("mixture", True),
    ],
)
@pytest.mark.slow
def test_output_and_derivative_are_those_of_double_precision_in_every_mode(kind, per_frame, mode):
    sampler, volume, location = SAMPLERS[kind](), random_volume(SMALL), smooth_location(per_frame)
    weights, numeric = numeric_derivative(kind, per_frame)

    def weighted_sum(volume, location):
        with tf.GradientTape() as tape:
            tape.watch(location)
            sampled = sampler(volume, location)
            total = tf.reduce_sum(sampled * tf.cast(weights, sampled.dtype))
        return sampled, tape.gradient(total, location)

    sampled, derivative = MODES[mode](weighted_sum)(tf.constant(volume, "float32"), tf.constant(location, "float32"))
    assert relative_error(sampled, sample_in_double(sampler, volume, location).numpy()) < 5e-6
    assert relative_error(derivative, numeric) < 5e-5  # sums of 480 products of either sign, each good to 1e-6


@pytest.mark.parametrize("jit_compile", [False, True])
@pytest.mark.parametrize("kind", SAMPLERS)
def test_batch_and_frames_may_be_unknown(kind, jit_compile):
    sampler = SAMPLERS[kind]()
    signature = [tf.TensorSpec([None, None, 6, 5, 2]), tf.TensorSpec([None, 8])]
    sample = tf.function(sampler, input_signature=signature, jit_compile=jit_compile)
    for batch, frames in ((1, 1), (3, 4)):
        size = (frames, 6, 5)
        volume, location = (
            random_volume(size, batch).astype("float32"),
            random_locations(size, (batch,)).astype("float32"),
        )
        np.testing.assert_allclose(sample(volume, location), sampler(volume, location), rtol=0, atol=1e-5)


@pytest.mark.parametrize("size", [SMALL, LARGE])
@pytest.mark.parametrize("kind", SAMPLERS)
def test_half_precision_comes_close_to_single_precision(kind, size):
    volume, location = random_volume(size).astype("float32"), random_locations(size).astype("float32")
    full = SAMPLERS[kind]()(volume, location).numpy()
    half = SAMPLERS[kind](dtype="mixed_float16")(volume, location)
    assert half.dtype == "float16"
    # Values up to one, each rounded to 2^-11 at most six times: the map, three filters and up to three products.
    np.testing.assert_allclose(half, full, rtol=0, atol=6 * 2.0**-11)


def test_a_location_with_names_equals_its_stacked_form():
    volume, location = random_volume(SMALL).astype("float32"), random_locations(SMALL).astype("float32")
    sampler = MixtureSampler3D()
    np.testing.assert_array_equal(sampler(volume, Location.unstack(location)), sampler(volume, location))


def test_what_cannot_be_sampled_raises_with_a_reason():
    with pytest.raises(ValueError, match="geometry must be .paper. or .release.; got 'pytorch'"):
        GaussianSampler3D(geometry="pytorch")
    volume, location = random_volume(SMALL).astype("float32"), random_locations(SMALL)
    with pytest.raises(ValueError, match="samples 29 rows, but the map has only 6"):
        GaussianSampler3D(num_rows=29)(volume, location)
    with pytest.raises(ValueError, match="8 numbers on its last axis .*; got the shape"):
        GaussianSampler3D()(volume, location[:, :7])


def window_by_hand(kind, location, size, release=False):
    """Per axis the matrix stride F^T F of one location [8]: how a map returns that was sampled and registered."""
    place_, matrices = Location.unstack(location), []
    for axis, (center, stride) in enumerate(
        ((place_.center_t, place_.stride_t), (place_.center_y, place_.stride_y), (place_.center_x, place_.stride_x))
    ):
        how = KINDS[kind][1 if axis == 0 else 0]
        rows = rows_by_hand(how, grid_by_hand(center, stride, size[axis]), place_.variance, size[axis], release)
        matrices.append(stride * rows.T @ rows)
    return matrices


@pytest.mark.parametrize("kind", SAMPLERS)
def test_a_volume_is_registered_by_the_transposed_filters_times_their_strides(kind):
    volume, locations = random_volume(SMALL), random_locations(SMALL)
    found = SAMPLERS[kind](registered=True)(volume.astype("float32"), locations.astype("float32"))
    for clip, location, own in zip(volume, locations, found.numpy(), strict=True):
        frames, rows, columns = window_by_hand(kind, location, SMALL)
        expected = location[7] * np.einsum("st,nx,my,tyxc->smnc", frames, columns, rows, clip)
        np.testing.assert_allclose(own, expected, rtol=0, atol=2e-5)


@pytest.mark.parametrize("stride", [1 / 3, 2 / 3, 1])
def test_a_registered_volume_is_a_window_of_the_map_as_large_as_the_samples_reach(stride):
    """A map of ones returns as nine samples of one stride each, near the centre, and as zeros away from it."""
    narrow = place(center_x=4, stride_x=stride, variance=0.1)
    registered = GaussianSampler3D(registered=True)(np.ones((1, 9, 9, 9, 1), "float32"), narrow).numpy()[0, ..., 0]
    np.testing.assert_allclose(registered.sum(), 9 * stride * 9 * 9, rtol=1e-4)
    row = registered[4, 4]
    assert np.all(row[: max(0, int(4 - 4.5 * stride - 1))] < 1e-3) and row[4] > 0.8, row


def test_a_registered_volume_of_fewer_rows_has_the_maps_height():
    volume = random_volume(SMALL).astype("float32")
    registered = GaussianSampler3D(num_rows=3, geometry="release", registered=True)(
        volume, random_locations(SMALL).astype("float32")
    )
    assert registered.shape == volume.shape


@pytest.mark.parametrize("geometry", ["paper", "release"])
def test_a_registered_grid_on_the_cells_is_a_masked_copy_of_the_map(geometry):
    """Nine points one cell apart about cell 7 reach the cells 3 to 8, those about cell 3 the cells 0 to 7."""
    volume = random_volume((9, 9, 9), batch=1).astype("float32")
    half = 0.0 if geometry == "paper" else 0.5  # the release's grid lies half a stride nearer to the origin
    there = place(center_x=7 + half, center_y=3 + half, center_t=4 + half, confidence=0.5)
    mask = np.zeros((9, 9, 9, 1))
    mask[:, :8, 3:] = 0.5
    found = GaussianSampler3D(registered=True, geometry=geometry)(volume, there)
    np.testing.assert_allclose(found[0], mask * volume[0], rtol=0, atol=1e-6)


@pytest.mark.parametrize("kind", ["gaussian", "mixture"])
def test_with_a_location_per_frame_the_mask_moves_with_the_part(kind):
    volume = random_volume((9, 9, 9), batch=1).astype("float32")
    locations = np.repeat(place(center_t=5), 9, axis=0)[None]  # b t 8; the frames 1 to 8 are read
    locations[0, :, 0] = [4, 5, 6, 7, 8, 7, 6, 5, 4]
    locations[0, :, 7] = [1, 0.5, 1, 1, 1, 1, 1, 1, 1]
    mask = np.zeros((9, 9, 9, 1))
    for frame, first in enumerate([0, 1, 2, 3, 4, 3, 2, 1, 0]):
        mask[frame, :, first:] = locations[0, frame, 7] * (frame > 0)
    found = SAMPLERS[kind](registered=True)(volume, locations)
    np.testing.assert_allclose(found[0], mask * volume[0], rtol=0, atol=1e-6)


@pytest.mark.parametrize("kind", SAMPLERS)
def test_locations_that_are_equal_in_all_frames_are_registered_as_one_per_clip(kind):
    volume, locations = random_volume(SMALL).astype("float32"), random_locations(SMALL).astype("float32")
    per_frame = np.repeat(locations[:, None], SMALL[0], axis=1)
    sampler = SAMPLERS[kind](registered=True)
    np.testing.assert_allclose(sampler(volume, per_frame), sampler(volume, locations), rtol=0, atol=2e-6)
