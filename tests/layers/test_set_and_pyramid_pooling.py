"""Maps that stand for a whole walk, and strips at several scales."""

import numpy as np
import pytest

from tf3dlocal.layers import HorizontalPooling, HorizontalPyramidPooling, SetPooling


def random_maps(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


def test_a_set_is_told_by_the_largest_value_of_every_cell_over_all_frames():
    volume = random_maps(2, 5, 4, 3, 2)
    np.testing.assert_array_equal(SetPooling()(volume), volume.max(axis=1))
    np.testing.assert_array_equal(SetPooling(keep_frames=True)(volume), volume.max(axis=1, keepdims=True))


def test_the_order_of_the_frames_and_their_repetition_change_nothing():
    volume = random_maps(1, 5, 4, 3, 2)
    shuffled = volume[:, [3, 1, 4, 0, 2, 2, 1]]
    np.testing.assert_array_equal(SetPooling()(shuffled), SetPooling()(volume))


def test_every_strip_of_every_scale_is_its_mean_plus_its_maximum():
    maps = random_maps(2, 8, 3, 5)
    expected = []
    for bins in (4, 1, 2):
        for rows in np.split(maps, bins, axis=1):
            expected.append(rows.mean(axis=(1, 2)) + rows.max(axis=(1, 2)))
    # Sums of 24 numbers of order one.
    np.testing.assert_allclose(HorizontalPyramidPooling((4, 1, 2))(maps), np.stack(expected, axis=1), rtol=0, atol=1e-6)


def test_a_pyramid_of_one_scale_is_horizontal_pooling_of_one_frame():
    maps = random_maps(2, 8, 3, 5)
    np.testing.assert_array_equal(HorizontalPyramidPooling((4,))(maps), HorizontalPooling(4)(maps[:, None])[:, 0])


@pytest.mark.parametrize(
    ("bins", "complaint"),
    [
        ((1, 2, 3), r"bins \[3\] do not divide a map of 8 rows"),
        ((), r"bins \(\) do not divide a map of 8 rows"),
    ],
)
def test_scales_that_do_not_divide_the_map_are_named(bins, complaint):
    with pytest.raises(ValueError, match=complaint):
        HorizontalPyramidPooling(bins)(random_maps(1, 8, 3, 5))
