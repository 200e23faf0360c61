"""Grid, filter rows and their product with a volume: the samplers' mathematics against the paper's formulas."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from references.sampler_loops import (
    gaussian_row_by_hand,
    grid_by_hand,
    linear_row_by_hand,
    printed_linear_row,
    release_row_by_hand,
)

from tf3dlocal.layers import (
    apply_filters,
    gaussian_filter,
    linear_filter,
    sampling_grid,
)
from tf3dlocal.layers.sampling.filters import apply_in_reverse, release_coordinates

# Double precision leaves sums of up to a hundred terms near one exact to about 1e-14.
EXACT = {"rtol": 0, "atol": 1e-12}
# On cells, between cells, at the edges and outside of a map of 7 cells.
POSITIONS = np.array([0.0, 3.0, 6.0, 0.5, 2.25, 5.999, -0.5, 6.5, -1.0, 7.0, -40.0, 60.0])


@pytest.mark.parametrize(("geometry", "base"), [("paper", 1), ("release", 0.5)])
@pytest.mark.parametrize("count", [1, 4, 7])
def test_the_grid_is_that_of_equations_4_to_6(count, geometry, base):
    grid = sampling_grid(np.array([2.5, -3.0]), np.array([0.7, 1.5]), count, geometry=geometry)
    expected = [grid_by_hand(2.5, 0.7, count, base), grid_by_hand(-3.0, 1.5, count, base)]
    np.testing.assert_allclose(grid, expected, **EXACT)


def test_four_points_a_stride_of_two_apart_are_where_one_expects():
    center, stride = np.array(10.0), np.array(2.0)
    np.testing.assert_array_equal(sampling_grid(center, stride, 4), [7, 9, 11, 13])
    np.testing.assert_array_equal(sampling_grid(center, stride, 4, geometry="release"), [6, 8, 10, 12])


@pytest.mark.parametrize("variance", [0.01, 0.1, 1.0, 25.0])
def test_gaussian_rows_are_those_of_equations_7_and_8(variance):
    rows = gaussian_filter(POSITIONS, np.array(variance), 7)
    np.testing.assert_allclose(rows, [gaussian_row_by_hand(mu, variance, 7) for mu in POSITIONS], **EXACT)


def test_linear_rows_are_those_of_equation_9():
    np.testing.assert_allclose(linear_filter(POSITIONS, 7), [linear_row_by_hand(mu, 7) for mu in POSITIONS], **EXACT)


def test_linear_rows_read_the_cell_itself_where_equation_9_as_printed_reads_nothing():
    assert not any(printed_linear_row(3.0, 7))
    np.testing.assert_array_equal(linear_filter(np.array([3.0]), 7)[0], np.eye(7)[3])


def test_rescaled_coordinates_read_as_the_releases_grid_sample_does():
    rows = linear_filter(release_coordinates(POSITIONS, 7), 7)
    np.testing.assert_allclose(rows, [release_row_by_hand(mu, 7) for mu in POSITIONS], **EXACT)


@pytest.mark.parametrize("variance", [0.007, 0.1, 1.0, 25.0])
def test_gaussian_rows_of_points_on_the_map_sum_to_one(variance):
    # Below 0.00654 the two cells next to a point halfway between them weigh less than the floor, 1e-8, together.
    rows = gaussian_filter(np.linspace(0, 6, 61), np.array(variance), 7)
    np.testing.assert_allclose(np.sum(rows, axis=-1), 1, **EXACT)


def test_linear_rows_of_points_on_the_map_sum_to_one():
    np.testing.assert_allclose(np.sum(linear_filter(np.linspace(0, 6, 61), 7), axis=-1), 1, **EXACT)


def test_points_far_outside_read_nothing():
    far = np.array([-40.0, 60.0])
    assert not np.any(linear_filter(far, 7))
    assert not np.any(gaussian_filter(far, np.array(0.1), 7))


def test_a_gaussian_point_just_outside_reads_the_edge():
    np.testing.assert_allclose(gaussian_filter(np.array([-1.0]), np.array(0.1), 7)[0], np.eye(7)[0], atol=1e-6)


@pytest.mark.parametrize("size", [(3, 4, 5), (5, 16, 16), (2, 1, 300), (1, 1, 1)])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("per_frame", [False, True])
def test_the_product_is_the_sum_over_all_cells(size, channels, per_frame):
    num_frames, height, width = size
    rng = np.random.default_rng(0)
    places = (2, num_frames) if per_frame else (2,)
    volume = rng.normal(size=(2, *size, channels))
    rows, columns = rng.normal(size=(*places, 4, height)), rng.normal(size=(*places, 6, width))
    frames = rng.normal(size=(2, 5, num_frames))
    indices = "btny,btmx" if per_frame else "bny,bmx"
    expected = np.einsum(f"{indices},blt,btyxc->blnmc", rows, columns, frames, volume, optimize=True)
    np.testing.assert_allclose(apply_filters(volume, rows, columns, frames), expected, rtol=0, atol=1e-10)


@pytest.mark.parametrize("product", [apply_filters, apply_in_reverse])
@pytest.mark.parametrize("traced", [False, True])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("per_frame", [False, True])
def test_gradients_are_those_of_the_sum_although_no_step_of_the_product_is_kept(product, traced, channels, per_frame):
    rng = np.random.default_rng(0)
    places = (2, 5) if per_frame else (2,)
    shapes = [(2, 5, 6, 4, channels), (*places, 7, 6), (*places, 3, 4), (2, 5, 5)]
    factors = [tf.constant(rng.normal(size=shape)) for shape in shapes]
    weights = tf.constant(rng.normal(size=(2, 5, 7, 3, channels)))
    place = {(True, apply_filters): "t", (True, apply_in_reverse): "l"}.get((per_frame, product), "")
    indices = f"btyxc,b{place}ny,b{place}mx,blt->blnmc"

    def gradients(multiply):
        with tf.GradientTape() as tape:
            tape.watch(factors)
            total = tf.reduce_sum(weights * multiply(*factors))
        return tape.gradient(total, factors)

    by_sum = gradients(lambda *factors: tf.einsum(indices, *factors))
    by_product = (tf.function(gradients) if traced else gradients)(product)
    for one, other in zip(by_product, by_sum, strict=True):
        np.testing.assert_allclose(one, other, rtol=0, atol=1e-10)


@pytest.mark.parametrize("traced", [False, True])
def test_a_weight_may_be_sampled(traced):
    rng = np.random.default_rng(0)
    volume, *filters = (rng.normal(size=shape) for shape in [(1, 3, 4, 2, 1), (1, 5, 4), (1, 3, 2), (1, 3, 3)])
    weight = keras.Variable(volume, dtype="float64")

    def gradient():
        with tf.GradientTape() as tape:
            total = tf.reduce_sum(apply_filters(weight, *filters))
        return tape.gradient(total, weight.value)

    expected = np.einsum("bny,bmx,blt->btyx", *filters)[..., None]
    np.testing.assert_allclose((tf.function(gradient) if traced else gradient)(), expected, **EXACT)


@pytest.mark.parametrize(
    "rows_of",
    [
        lambda positions: gaussian_filter(positions, tf.constant(0.1), 7),
        lambda positions: linear_filter(positions, 7),
    ],
)
def test_gradients_stay_finite_on_cells_at_edges_and_far_outside(rows_of):
    positions = tf.constant(POSITIONS, "float32")
    with tf.GradientTape() as tape:
        tape.watch(positions)
        total = tf.reduce_sum(rows_of(positions) * tf.range(7.0))
    assert np.isfinite(tape.gradient(total, positions)).all()


@pytest.mark.parametrize("product", [apply_filters, apply_in_reverse])
def test_a_functional_model_can_be_built_of_the_product(product):
    volume, rows, columns, frames = (keras.Input(shape) for shape in ((5, 6, 4, 3), (7, 6), (3, 4), (5, 5)))
    assert product(volume, rows, columns, frames).shape == (None, 5, 7, 3, 3)
