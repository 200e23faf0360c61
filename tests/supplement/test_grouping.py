"""Silhouette score and nearest neighbours are those of the definition, and their intervals draw subjects."""

import numpy as np
import pytest
from sklearn.metrics import silhouette_score

from tf3dlocal.supplement import measure_grouping


def clusters(spread, *, subjects=6, walks=8, seed=0):
    rng = np.random.default_rng(seed)
    centers = rng.normal(size=(subjects, 1, 3, 5))
    names, views = np.repeat([f"{n:03d}" for n in range(subjects)], walks), np.tile([0, 90], subjects * walks // 2)
    points = centers + spread * rng.normal(size=(subjects, walks, 3, 5))
    return points.reshape(-1, 3, 5).astype("float32"), names, views


@pytest.mark.parametrize("spread", [0.1, 1.0, 4.0])
def test_the_silhouette_score_is_that_of_scikit_learn(spread):
    points, names, views = clusters(spread)
    found = measure_grouping(points, subjects=names, views=views)
    assert found.silhouette == pytest.approx(silhouette_score(points.reshape(len(points), -1), names), abs=1e-4)


def test_the_nearest_walk_is_looked_for_among_other_views():
    # In one dimension: a's nearest walk from the same view is a's own, and from the other view that of b.
    points = np.array([[0.0], [0.1], [5.0], [1.0], [12.0]])
    names, views = ["a", "a", "a", "b", "b"], [0, 0, 90, 90, 0]
    found = measure_grouping(points, subjects=names, views=views)
    assert found.nearest == pytest.approx(1 / 5)  # only the walk of a at 5.0 has its own subject as the nearest
    alone = measure_grouping(points[:4], subjects=["a", "a", "b", "b"], views=[0] * 4)
    assert alone.nearest == pytest.approx(3 / 4)  # with one view, among all other walks


def test_perfect_groups_have_narrow_intervals_and_mixed_ones_wide_ones():
    sharp, mixed = (measure_grouping(p, subjects=n, views=v) for p, n, v in (clusters(0.01), clusters(3.0)))
    assert sharp.nearest == 1 and sharp.silhouette > 0.95
    widths = [float(np.ptp(each.intervals()[1])) for each in (sharp, mixed)]
    assert widths[0] == 0 < widths[1]


def test_the_interval_is_that_of_drawing_subjects_not_walks():
    """One subject of eight is wrong in all its walks: walks drawn one by one would give a fifth of the spread."""
    found = measure_grouping(
        *[clusters(0.01, subjects=8)[0]], **dict(zip(("subjects", "views"), clusters(0.01, subjects=8)[1:]))
    )
    found.by_subject[0, 1] = 0
    rates = found.resampled()[:, 1]
    assert np.std(rates) == pytest.approx(np.sqrt(7 / 8 * 1 / 8 / 8), rel=0.1)


@pytest.mark.bad_input
@pytest.mark.parametrize(
    ("names", "views", "told"),
    [
        (["a"] * 4, [0, 90] * 2, "Two subjects or more.*there is 1"),
        (["a", "a", "b", "b"], [0, 90, 0, 0], "Subject b has no second walk from another view"),
        (["a", "a", "b"], [0, 90, 0], "There are 4 embeddings, 3 subjects and 3 views"),
    ],
)
def test_what_cannot_be_measured_is_named(names, views, told):
    with pytest.raises(ValueError, match=told):
        measure_grouping(np.arange(4.0)[:, None], subjects=names, views=views)
