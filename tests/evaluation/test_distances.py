import numpy as np
import pytest
from references.cross_view_loops import slow_distance

from tf3dlocal.evaluation import pairwise_distances
from tf3dlocal.evaluation.distances import as_parts


@pytest.mark.parametrize("distance", ["part_mean", "flattened"])
def test_the_matrix_form_equals_the_loop(distance):
    rng = np.random.default_rng(0)
    probes, gallery = rng.normal(size=(5, 3, 4)), rng.normal(size=(7, 3, 4))
    expected = [[slow_distance(a, b, distance) for b in gallery] for a in probes]
    np.testing.assert_allclose(pairwise_distances(probes, gallery, distance=distance), expected, rtol=1e-5)


def test_the_two_distances_can_rank_differently():
    probe = np.zeros((1, 2, 1))
    gallery = np.array([[[0.0], [4.0]], [[2.5], [2.5]]])  # part mean 2 and 2.5; flattened 4 and 3.54
    assert pairwise_distances(probe, gallery, distance="part_mean").argmin() == 0
    assert pairwise_distances(probe, gallery, distance="flattened").argmin() == 1


@pytest.mark.parametrize("distance", ["part_mean", "flattened"])
def test_a_large_common_offset_costs_no_digits(distance):
    rng = np.random.default_rng(1)
    probes = np.float32(1000 + rng.normal(size=(4, 2, 8)))
    gallery = np.float32(1000 + rng.normal(size=(6, 2, 8)))
    expected = [[slow_distance(a, b, distance) for b in gallery] for a in probes]
    np.testing.assert_allclose(pairwise_distances(probes, gallery, distance=distance), expected, rtol=1e-4)


@pytest.mark.parametrize("distance", ["part_mean", "flattened"])
def test_close_neighbours_far_from_the_centre_keep_their_order(distance):
    rng = np.random.default_rng(2)
    far = 100 * rng.normal(size=(40, 2, 16)).astype(np.float32)
    steps = np.float32(0.001) * np.arange(1, 41, dtype=np.float32)
    gallery = far.copy()
    gallery[:, 0, 0] += steps
    expected = [[slow_distance(a, b, distance) for b in gallery] for a in far]
    np.testing.assert_allclose(pairwise_distances(far, gallery, distance=distance), expected, rtol=1e-3)


def test_a_walk_is_at_distance_zero_from_itself():
    x = np.random.default_rng(3).normal(size=(9, 4, 8))
    assert np.diag(pairwise_distances(x, x)).tolist() == [0.0] * 9


def test_an_embedding_without_parts_is_one_part():
    x = np.random.default_rng(4).normal(size=(3, 8))
    np.testing.assert_array_equal(pairwise_distances(x, x), pairwise_distances(x[:, None], x[:, None]))
    assert as_parts(x).shape == (3, 1, 8)


def test_an_empty_gallery_gives_an_empty_matrix():
    assert pairwise_distances(np.zeros((2, 1, 3)), np.zeros((0, 1, 3))).shape == (2, 0)


def test_an_unknown_distance_is_refused_with_the_known_ones():
    with pytest.raises(ValueError, match="'cosine'. Use one of part_mean, flattened"):
        pairwise_distances(np.zeros((1, 1, 1)), np.zeros((1, 1, 1)), distance="cosine")


def test_embeddings_of_two_models_are_refused():
    with pytest.raises(ValueError, match=r"\[2, 4\].*\[2, 5\]"):
        pairwise_distances(np.zeros((1, 2, 4)), np.zeros((1, 2, 5)))


def test_embeddings_with_another_number_of_axes_are_refused():
    with pytest.raises(ValueError, match=r"shape \[3\]"):
        as_parts(np.zeros(3))


@pytest.mark.bad_input
@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf, 1e19, -1e300])
@pytest.mark.parametrize("which", ["probe", "gallery"])
@pytest.mark.parametrize("distance", ["part_mean", "flattened"])
def test_distances_to_an_embedding_that_is_not_finite_do_not_exist(wrong, which, distance):
    """A distance of NaN is neither smaller nor larger than another, so the wrong walk would have been the nearest."""
    probes, gallery = np.zeros((2, 3, 4)), np.ones((3, 3, 4))
    (probes if which == "probe" else gallery)[1, 2, 3] = wrong
    with pytest.raises(ValueError, match=f"1 of . {which} embeddings are not finite, or too large.* in row 1"):
        pairwise_distances(probes, gallery, distance=distance)
