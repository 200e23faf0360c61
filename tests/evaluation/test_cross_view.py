import numpy as np
import pytest
from references.cross_view_loops import slow_mean, slow_rank

from tf3dlocal.evaluation import Protocol, ProtocolError, cross_view


def toy_protocol(**changes):
    return Protocol(**{"name": "toy", "test": "all", "gallery": ["nm-01"], "probes": {"NM": ["nm-02"]}, **changes})


def run(walks, protocol, **keys):
    """`walks`: (number as one-dimensional embedding, subject, condition, view)."""
    numbers, *columns = zip(*walks)
    columns = dict(zip(("subjects", "conditions", "view_degrees"), columns))
    return cross_view(np.array(numbers)[:, None], **columns, protocol=protocol, **keys)


def test_four_walks_by_hand():
    # gallery: ann at 0, bob at 10; probes: ann's walk at 1 is nearer to ann, and so is bob's at 4
    walks = [(0, "ann", "nm-01", 90), (10, "bob", "nm-01", 90), (1, "ann", "nm-02", 90), (4, "bob", "nm-02", 90)]
    result = run(walks, toy_protocol(identical_views="include"))
    assert result.rank[:, 0, 0, 0].tolist() == [50, 100, 100, 100, 100]
    assert result.num_probes.tolist() == [[2]] and result.num_gallery.tolist() == [2]


def test_the_mean_excludes_or_includes_identical_views_or_uses_them_alone():
    # From view 0 ann is found in both gallery views; from view 90 only in her own view.
    walks = [
        (0, "ann", "nm-01", 0),
        (10, "bob", "nm-01", 0),
        (20, "ann", "nm-01", 90),
        (9, "bob", "nm-01", 90),
        (1, "ann", "nm-02", 0),
        (21, "ann", "nm-02", 90),
    ]
    result = run(walks, toy_protocol())
    # probe view 0: at 1, gallery 0: ann (1 < 9): found; gallery 90: ann at 19, bob at 8: not found
    # probe view 90: at 21, gallery 0: ann at 21, bob at 11: not found; gallery 90: found
    assert result.rank[0, 0].tolist() == [[100, 0], [0, 100]]
    assert result.mean().tolist() == [0]
    assert result.mean(identical_views="include").tolist() == [50]
    assert result.mean(identical_views="only").tolist() == [100]


def test_means_are_exact_without_rounding_in_between():
    # probe view 0: three probes, one found in each other view: 33.33.. in every pair
    walks = [(100 * s + v, f"{s}", "nm-01", v) for s in range(3) for v in (0, 1, 2)]
    walks += [(0.2, "0", "nm-02", 0), (0.2, "1", "nm-02", 0), (0.2, "2", "nm-02", 0)]
    result = run(walks, toy_protocol())
    assert result.mean()[0] == 100 / 3
    assert result.rank[0, 0, 0].tolist() == [100 / 3] * 3


@pytest.mark.parametrize("distance", ["part_mean", "flattened"])
@pytest.mark.parametrize("block_size", [3, 512])
def test_all_means_equal_the_slow_loops(distance, block_size):
    rng = np.random.default_rng(0)
    walks = [(s, c, v) for s in "abcde" for c in ("nm-01", "nm-02", "nm-03", "cl-01") for v in (0, 90, 180)]
    columns = dict(zip(("subjects", "conditions", "view_degrees"), zip(*walks)))
    centres = {s: rng.normal(size=(2, 3)) for s in "abcde"}
    embeddings = np.stack([centres[s] + rng.normal(size=(2, 3)) for s in columns["subjects"]])
    protocol = toy_protocol(gallery=["nm-01", "nm-02"], probes={"NM": ["nm-03"], "CL": ["cl"]})
    result = cross_view(embeddings, **columns, protocol=protocol, distance=distance, block_size=block_size)
    for g, probes in enumerate((["nm-03"], ["cl-01"])):
        settings = {**columns, "gallery": ["nm-01", "nm-02"], "probes": probes, "distance": distance}
        for rank in (1, 2, 5):
            for identical in ("exclude", "include"):
                expected = slow_mean(embeddings, rank=rank, identical_views=identical, **settings)
                assert result.mean(rank, identical_views=identical)[g] == pytest.approx(expected, abs=1e-10)
        expected = slow_rank(embeddings, probe_view=90, gallery_view=180, rank=1, **settings)
        assert result.rank[0, g, 1, 2] == pytest.approx(expected)
    assert 0 < result.mean()[0] < 100


def test_a_tie_counts_against_the_probe_so_collapsed_embeddings_score_nothing():
    walks = [(7, "ann", "nm-01", 0), (7, "bob", "nm-01", 0), (7, "ann", "nm-02", 0), (7, "bob", "nm-02", 0)]
    result = run(walks, toy_protocol(identical_views="include"))
    assert result.mean(rank=1).tolist() == [0] and result.mean(rank=2).tolist() == [100]


WITHOUT_GALLERY = [
    (0, "ann", "nm-01", 0),
    (0, "ann", "nm-01", 90),
    (9, "bob", "nm-01", 0),
    (0, "ann", "nm-02", 0),
    (9, "bob", "nm-02", 0),
    (9, "bob", "nm-02", 90),
]


def test_a_probe_without_gallery_in_a_view_is_a_miss_there_and_counted():
    result = run(WITHOUT_GALLERY, toy_protocol())
    assert result.rank[0, 0].tolist() == [[100, 50], [100, 0]]
    assert result.num_without_gallery[0].tolist() == [[0, 1], [0, 1]]
    (notice,) = (notice for notice in result.notices if "2 pairs of a probe and a gallery view" in notice)
    assert "misses" in notice and "Subjects and views: bob (90)." in notice
    assert result.num_dropped == 0


def test_a_probe_without_gallery_is_not_counted_on_request():
    result = run(WITHOUT_GALLERY, toy_protocol(), probes_without_gallery="drop")
    np.testing.assert_array_equal(result.rank[0, 0], [[100, 100], [100, np.nan]])
    assert result.num_counted[0].tolist() == [[2, 1], [1, 0]]
    assert result.num_dropped == 2 and result.mean().tolist() == [100]
    assert any("not counted" in notice for notice in result.notices)


def test_a_subject_without_any_gallery_is_named():
    walks = [*WITHOUT_GALLERY, (5, "cat", "nm-02", 0)]
    result = run(walks, toy_protocol())
    assert any("1 probe subjects have no gallery walk in any view: cat" in notice for notice in result.notices)


def test_a_data_set_without_gallery_is_an_error_that_names_what_is_present():
    walks = [(0, "ann", "nm-02", 0), (1, "ann", "cl-01", 0), (1, "zoe", "nm-01", 0)]
    with pytest.raises(ProtocolError, match="no gallery.*expects nm-01.*have cl-01, nm-02"):
        run(walks, toy_protocol(test=["ann"]))


def test_a_data_set_without_probes_is_an_error_that_names_what_is_present():
    with pytest.raises(ProtocolError, match="no probes.*expects nm-02.*have nm-01"):
        run([(0, "ann", "nm-01", 0), (0, "zoe", "nm-02", 0)], toy_protocol(test=["ann"]))


def test_a_group_without_probes_has_no_number_and_is_named():
    protocol = toy_protocol(test=["ann", "bob"], probes={"NM": ["nm-02"], "CL": ["cl"]})
    result = run([*WITHOUT_GALLERY, (0, "zoe", "cl-01", 0)], protocol)
    assert np.isnan(result.mean()[1]) and result.mean()[0] == 75
    assert any("group CL: no probe walk (cl)" in notice for notice in result.notices)


def test_a_view_without_gallery_is_not_part_of_the_means_and_is_named():
    walks = [(0, "ann", "nm-01", 0), (9, "bob", "nm-01", 0), (0, "ann", "nm-02", 0), (1, "ann", "nm-02", 90)]
    result = run(walks, toy_protocol())
    np.testing.assert_array_equal(result.rank[0, 0], [[100, np.nan], [100, np.nan]])
    assert result.mean().tolist() == [100]
    assert any("view 90: no gallery walk" in notice for notice in result.notices)


def test_training_subjects_and_other_views_are_not_used():
    walks = [*WITHOUT_GALLERY, (0, "zoe", "nm-01", 0), (0, "zoe", "nm-02", 0), (0, "ann", "nm-02", 33)]
    protocol = toy_protocol(train=["zoe"], test="rest", views=[0, 90])
    result = run(walks, protocol)
    assert result.num_gallery.tolist() == [2, 1] and result.split.train == ("zoe",)
    assert any("1 walks of the test subjects are from views outside the protocol (33)" in n for n in result.notices)


def test_missing_test_subjects_are_named_in_the_result():
    names = {"ann": "001", "bob": "002"}
    walks = [(number, names[subject], *rest) for number, subject, *rest in WITHOUT_GALLERY]
    result = run(walks, toy_protocol(test=["001..003"]))
    assert result.split.missing_test == ("003",)
    assert any("2 of the protocol's 3 test subjects" in notice and "003" in notice for notice in result.notices)


def test_the_views_of_a_group_are_one_gallery():
    walks = [
        (0, "ann", "d1-01", 270),
        (5, "bob", "d1-02", 90),
        (1, "ann", "d1-03", 90),
        (6, "bob", "d3-01", 270),
        (2, "ann", "d3-02", 90),
    ]
    protocol = toy_protocol(
        gallery=["d1-01", "d1-02"],
        probes={"other passes": ["d1"], "other clothes": ["d3"]},
        views=[90, 270],
        view_groups={"side": [90, 270]},
        identical_views="include",
    )
    result = run(walks, protocol)
    assert result.views == ("side",) and result.num_gallery.tolist() == [2]
    assert result.num_probes.tolist() == [[1], [2]]  # the two gallery walks of d1 are not probes
    assert result.mean().tolist() == [100, 100]


def test_a_single_view_has_no_mean_without_identical_views_and_a_notice():
    walks = [(0, "ann", "nm-01", 90), (0, "ann", "nm-02", 90)]
    result = run(walks, toy_protocol())
    assert np.isnan(result.mean()[0]) and result.mean(identical_views="include").tolist() == [100]
    assert any("only one view (90)" in notice for notice in result.notices)


def test_leave_one_out_never_compares_a_walk_with_itself():
    walks = [(0, "ann", "nm-01", 0), (8, "ann", "nm-02", 0), (1, "bob", "nm-01", 0), (2, "bob", "nm-02", 0)]
    protocol = toy_protocol(gallery=["nm"], probes={"NM": ["nm"]}, leave_one_out=True, identical_views="include")
    result = run(walks, protocol)
    assert result.num_probes.tolist() == [[4]]
    # ann's 0 has bob's 1 and 2 before her 8; ann's 8 has bob's 2, 1 before 0; bob's 1: 0 and 2 tie; bob's 2 finds his 1
    assert result.hits[:, 0, 0, 0].tolist() == [1, 2, 4, 4, 4]


def test_a_long_list_of_subjects_that_lack_a_view_is_shortened():
    walks = [(s, f"{s:03d}", "nm-01", view) for s in range(30) for view in ((0, 90) if s % 2 else (0,))]
    walks += [(s, f"{s:03d}", "nm-02", 0) for s in range(30)]
    (notice,) = (n for n in run(walks, toy_protocol()).notices if "15 pairs" in n)
    assert notice.endswith(
        "Subjects and views: " + ", ".join(f"{s:03d} (90)" for s in range(0, 16, 2)) + " and 7 more."
    )


def test_a_condition_that_only_others_have_is_named():
    walks = [*WITHOUT_GALLERY, (0, "zoe", "nm-03", 0), (0, "zoe", "nm-04", 0)]
    protocol = toy_protocol(test=["ann", "bob"], gallery=["nm-01", "nm-03"], probes={"NM": ["nm-02", "nm-04"]})
    notices = run(walks, protocol).notices
    assert "gallery: no walk of a test subject is nm-03." in notices
    assert "group NM: no walk of a test subject is nm-04." in notices


@pytest.mark.bad_input
@pytest.mark.parametrize("views", [["left", 0], [0.5, 0], [np.nan, 0], [np.inf, 0], [None, 0], ["0", "0"]])
def test_views_that_are_no_whole_degrees_are_refused(views):
    columns = {"subjects": ["a", "a"], "conditions": ["nm-01", "nm-02"], "view_degrees": views}
    with pytest.raises(ValueError, match="view_degrees has .*Give whole numbers of degrees"):
        cross_view(np.zeros((2, 1)), **columns, protocol=toy_protocol())


@pytest.mark.bad_input
@pytest.mark.parametrize(
    ("embeddings", "message"),
    [
        (np.zeros((2, 1, 0)), "without numbers"),
        (np.zeros((2, 0, 3)), "without numbers"),
        (np.zeros(2), "Give .walks, parts, channels"),
        (np.zeros((2, 1, 1, 1)), "Give .walks, parts, channels"),
        (np.array([["a"], ["b"]]), "Give numbers"),
        (np.full((2, 1), np.inf), "2 of 2 embeddings are not finite"),
        (np.array([[0.0], [-np.inf]]), "1 of 2 embeddings are not finite"),
        (np.array([[0.0], [np.nan]], np.float16), "1 of 2 embeddings are not finite"),
        (np.array([[0.0], [1e200]]), "1 of 2 embeddings are not finite, or too large"),
    ],
)
def test_embeddings_that_cannot_be_compared_are_refused(embeddings, message):
    columns = {"subjects": ["a", "a"], "conditions": ["nm-01", "nm-02"], "view_degrees": [0, 0]}
    with pytest.raises(ValueError, match=message):
        cross_view(embeddings, **columns, protocol=toy_protocol())


def test_embeddings_that_are_not_finite_are_refused_and_the_walk_is_named():
    walks = [(0, "ann", "nm-01", 0), (np.nan, "ann", "nm-02", 18)]
    with pytest.raises(ValueError, match="1 of 2 embeddings are not finite.*ann nm-02 018"):
        run(walks, toy_protocol())


def test_embeddings_whose_distances_overflow_are_refused():
    """A distance that is NaN would be larger than no other, and every probe a hit."""
    with pytest.raises(ValueError, match="1 of 2 embeddings are not finite, or too large .*ann nm-02 018"):
        run([(0, "ann", "nm-01", 0), (1e19, "ann", "nm-02", 18)], toy_protocol())


def test_columns_of_different_length_are_refused():
    with pytest.raises(ValueError, match=r"\[2, 1, 2, 2\]"):
        columns = {"subjects": ["a"], "conditions": ["nm-01"] * 2, "view_degrees": [0, 0]}
        cross_view(np.zeros((2, 1)), **columns, protocol=toy_protocol())


@pytest.mark.parametrize("keys", [{"distance": "cosine"}, {"probes_without_gallery": "skip"}])
def test_an_unknown_setting_is_refused(keys):
    with pytest.raises(ValueError, match="is '.*Use "):
        run(WITHOUT_GALLERY, toy_protocol(), **keys)


def test_a_rank_that_was_not_computed_is_refused():
    with pytest.raises(ValueError, match="Rank 6 was not computed. This result has rank 1 to 5"):
        run(WITHOUT_GALLERY, toy_protocol()).mean(rank=6)
