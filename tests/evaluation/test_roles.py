"""Which walks are gallery and which are probes, and whether anything can be measured on them."""

import itertools

import numpy as np
import pytest

from tf3dlocal.evaluation import Protocol, ProtocolError, assign_roles, cross_view, match_conditions

WALKS = [("ann", "nm-01", 0), ("ann", "nm-02", 90), ("bob", "nm-01", 90), ("bob", "nm-02", 90), ("zoe", "nm-01", 0)]


def roles(walks=WALKS, **changes):
    there = [name for name in ("ann", "bob") if name in dict(walk[:2] for walk in walks)]
    toy = {"name": "toy", "test": there, "gallery": ["nm-01"], "probes": {"NM": ["nm-02"]}, **changes}
    return assign_roles(Protocol(**toy), **columns_of(walks))


def columns_of(walks):
    return dict(zip(("subjects", "conditions", "view_degrees"), zip(*walks)))


def test_gallery_and_probes_are_walks_of_the_test_subjects_in_the_views_of_the_protocol():
    found = roles()
    assert found.gallery.tolist() == [True, False, True, False, False] and found.probes.tolist() == [1, 3]
    assert found.views == (0, 90) and [rows.tolist() for rows in found.gallery_rows()] == [[0], [2]]
    found = roles(views=[90])
    assert found.gallery.tolist() == [False, False, True, False, False] and found.num_other_views == 1


def test_a_gallery_walk_is_a_probe_only_where_one_walk_is_left_out():
    names = {"gallery": ["nm"], "probes": {"NM": ["nm"]}}
    assert roles(gallery=["nm-01"], probes={"NM": ["nm"]}).probes.tolist() == [1, 3]
    assert roles(**names, leave_one_out=True).probes.tolist() == [0, 1, 2, 3]


def test_a_condition_matches_as_a_whole_or_by_its_leading_word():
    conditions = ["d1-01", "d10-01", "d1", "d101", "nm01", "nmx-01"]
    assert match_conditions(conditions, patterns=["d1"]).tolist() == [True, False, True, False, False, False]
    found = match_conditions(conditions, patterns=["nm", "d10-01"])
    assert found.tolist() == [False, True, False, False, True, False]


@pytest.mark.parametrize(
    ("walks", "exclude", "include"),
    [
        ([("ann", "nm-01", 0), ("ann", "nm-02", 90)], True, True),
        ([("ann", "nm-01", 90), ("ann", "nm-02", 90)], False, True),  # the only pair is of one view
        ([("ann", "nm-01", 0), ("bob", "nm-02", 90)], False, False),  # the probe can only be a miss
        ([("ann", "nm-01", 0), ("ann", "nm-02", 90), ("bob", "nm-02", 0)], True, True),
    ],
)
def test_measurable_means_that_a_probe_has_a_gallery_walk_in_a_view_that_counts(walks, exclude, include):
    for identical_views, expected in (("exclude", exclude), ("include", include)):
        found = roles(walks, identical_views=identical_views)
        assert found.measurable is expected
        assert found.why_not_measurable == (
            "" if expected else "no probe (NM) has a gallery walk in a view that counts"
        )


def test_one_walk_alone_is_not_compared_with_itself():
    names = {"gallery": ["nm"], "probes": {"NM": ["nm"]}, "leave_one_out": True, "identical_views": "include"}
    assert not roles([("ann", "nm-01", 0)], **names).measurable
    assert roles([("ann", "nm-01", 0), ("ann", "nm-02", 0)], **names).measurable


def test_what_is_measurable_has_a_mean_and_what_is_not_has_none_or_no_hit():
    """All sets of up to three of six walks, under both treatments of identical views."""
    every = [
        (subject, condition, view)
        for subject, view in (("ann", 0), ("ann", 90), ("bob", 90))
        for condition in ("nm-01", "nm-02")
    ]
    for number, identical_views in itertools.product((2, 3), ("exclude", "include")):
        for walks in itertools.combinations(every, number):
            found = roles(walks, identical_views=identical_views, test="all", probes_without_gallery="drop")
            if not found.gallery.any() or not len(found.probes):
                continue
            result = cross_view(np.zeros((number, 1)), **columns_of(walks), protocol=found.protocol)
            assert found.measurable == bool(np.isfinite(result.mean()).any()), walks


def test_a_missing_gallery_is_a_reason_and_an_error_of_check():
    found = roles([("ann", "nm-02", 0)])
    assert found.why_not_measurable == (
        "protocol 'toy' has no gallery: it expects nm-01, but the walks of the test subjects have nm-02"
    )
    with pytest.raises(ProtocolError, match="In this data set protocol 'toy' has no gallery: .*Prepare"):
        found.check()
    assert "no walk at all" in roles(views=[45]).why_not_measurable
