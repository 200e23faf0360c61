"""The nearest of many embeddings are those of the plain distances, also in blocks."""

import numpy as np
import pytest

from tf3dlocal.evaluation import pairwise_distances
from tf3dlocal.serving.gallery import WalkSearch, walk_search


@pytest.mark.parametrize("distance", ["part_mean", "flattened"])
@pytest.mark.parametrize("shape", [(8,), (4, 6)])
@pytest.mark.parametrize("block", [1, 100, 1 << 24])
def test_the_nearest_are_those_of_the_plain_distances(monkeypatch, distance, shape, block):
    monkeypatch.setattr(walk_search, "BLOCK_NUMBERS", block)
    monkeypatch.setattr(walk_search, "CANDIDATES", 8)
    rng = np.random.default_rng(0)
    gallery, probes = (rng.standard_normal((rows, *shape)).astype(np.float32) for rows in (300, 7))
    rows, found = WalkSearch(gallery, distance=distance).nearest_walks(probes, count=5)
    expected = pairwise_distances(probes, gallery, distance=distance)
    np.testing.assert_array_equal(rows, np.argsort(expected, axis=1)[:, :5])
    np.testing.assert_allclose(found, np.sort(expected, axis=1)[:, :5], rtol=1e-3)


def test_equal_embeddings_are_at_distance_zero_also_far_from_the_origin():
    gallery = np.random.default_rng(0).standard_normal((50, 16)).astype(np.float32) + 100
    _, found = WalkSearch(gallery, distance="flattened").nearest_walks(gallery[:3], count=1)
    assert (found == 0).all()


def test_a_person_with_many_near_walks_does_not_hide_the_others():
    gallery = np.concatenate([np.zeros((500, 4)), np.ones((1, 4)), 2 * np.ones((1, 4))]).astype(np.float32)
    people = np.array(["many"] * 500 + ["one", "two"])
    search = WalkSearch(gallery, distance="flattened")
    (found,) = search.nearest_people(np.zeros((1, 4), np.float32), people=people, count=3)
    assert [name for name, _ in found] == ["many", "one", "two"]


@pytest.mark.bad_input
def test_an_embedding_that_is_not_finite_or_an_unknown_engine_is_refused():
    gallery = np.ones((3, 4), np.float32)
    gallery[1, 2] = np.inf
    with pytest.raises(ValueError, match=r"the walks \[1\] are not finite"):
        WalkSearch(gallery, distance="flattened")
    with pytest.raises(ValueError, match="engine must be one of exact, faiss; got 'fast'"):
        WalkSearch(gallery, distance="flattened", engine="fast")
    with pytest.raises(ValueError, match="cannot be searched among"):
        WalkSearch(gallery[:1], distance="flattened").nearest_walks(np.ones((1, 5), np.float32), count=1)


@pytest.mark.parametrize("distance", ["part_mean", "flattened"])
def test_faiss_proposes_and_the_distance_of_the_model_ranks(distance):
    pytest.importorskip("faiss", reason="faiss is not installed; it is the extra 'search'")
    rng = np.random.default_rng(0)
    people = rng.standard_normal((200, 1, 4, 8))
    gallery = (people + 0.2 * rng.standard_normal((200, 5, 4, 8))).reshape(-1, 4, 8).astype(np.float32)
    probes = (people[:50, 0] + 0.2 * rng.standard_normal((50, 4, 8))).astype(np.float32)
    exact, _ = WalkSearch(gallery, distance=distance).nearest_walks(probes, count=1)
    found, _ = WalkSearch(gallery, distance=distance, engine="faiss").nearest_walks(probes, count=1)
    assert (exact == found).mean() > 0.9
