"""FNIR at FPIR: by hand, equal to counting searches one by one, and honest where the rates do not exist."""

import numpy as np
import pytest

from tf3dlocal.evaluation import open_set
from tf3dlocal.evaluation.details.random_splits import enrolled_in_splits

THREE = {"probe_subjects": ["anna", "ben", "carl"], "gallery_subjects": ["anna", "ben", "carl"]}
FAR_APART = [[1, 8, 9], [8, 2, 9], [9, 9, 3]]


def people(num_subjects=10, walks=6, seed=0, digits=6):
    rng = np.random.default_rng(seed)
    subjects = np.repeat(np.arange(num_subjects), walks)
    places = rng.normal(size=(num_subjects, 3))[subjects] + 0.6 * rng.normal(size=(len(subjects), 3))
    probes, gallery = np.arange(0, len(subjects), 2), np.arange(1, len(subjects), 2)
    distances = np.linalg.norm(places[probes][:, None] - places[gallery], axis=2).round(digits)
    return distances, {"probe_subjects": subjects[probes], "gallery_subjects": subjects[gallery]}


def counted_one_by_one(distances, probe_subjects, gallery_subjects, *, enrolled, threshold):
    """FPIR and FNIR over all splits, search by search, as ISO/IEC 19795-1 words them."""
    false, strangers, missed, mated = 0, 0, 0, 0
    for known in enrolled:
        in_gallery = np.flatnonzero(known[gallery_subjects])
        for probe, subject in enumerate(probe_subjects):
            order = in_gallery[np.argsort(distances[probe, in_gallery], kind="stable")]
            nearest = distances[probe, order[0]]
            names = {gallery_subjects[row] for row in order if distances[probe, row] == nearest}
            if known[subject]:
                mated += 1
                missed += names != {subject} or nearest > threshold
            else:
                strangers += 1
                false += nearest <= threshold
    return false / strangers, missed / mated


def test_people_who_are_far_apart_are_found_and_strangers_are_refused():
    result = open_set(FAR_APART, **THREE, fpirs=(0.34,), num_splits=5)
    assert result.fnir_at_fpir[0.34].value == 0 and result.fnir_without_threshold.value == 0
    assert result.fpir[result.thresholds < 8].max() == 0  # 8 is the least distance of two people
    assert (result.num_splits, result.num_subjects, result.num_strangers) == (5, 3, 2)
    assert result.num_searches == (5, 10)


def test_rates_at_each_threshold_are_those_by_hand():
    # One of two people is enrolled in each split. Anna: own walk 1, Ben's 4. Ben: own walk 2, Anna's 3.
    people = {"probe_subjects": ["anna", "ben"], "gallery_subjects": ["anna", "ben"]}
    result = open_set([[1, 4], [3, 2]], **people, num_splits=200, fpirs=(0.5,), num_resamples=0)
    of_anna = enrolled_in_splits(2, strangers=0.5, num_splits=200, seed=0)[:, 0].mean()  # share with Anna enrolled
    assert result.thresholds.tolist() == [1, 2, 3, 4]
    assert result.fnir == pytest.approx([1 - of_anna, 0, 0, 0])
    assert result.fpir == pytest.approx([0, 0, of_anna, 1])  # Ben's search reaches Anna at 3, Anna's reaches Ben at 4


@pytest.mark.parametrize("digits", [6, 1], ids=["no ties", "ties"])
def test_the_curve_equals_counting_searches_one_by_one(digits):
    distances, columns = people(digits=digits)
    result = open_set(distances, **columns, num_splits=4, seed=3, num_resamples=0)
    enrolled = enrolled_in_splits(10, strangers=0.5, num_splits=4, seed=3)
    for i in range(0, len(result.thresholds), 7):
        expected = counted_one_by_one(distances, **columns, enrolled=enrolled, threshold=result.thresholds[i])
        assert (result.fpir[i], result.fnir[i]) == pytest.approx(expected)
    expected = counted_one_by_one(distances, **columns, enrolled=enrolled, threshold=np.inf)
    assert result.fnir_without_threshold.value == pytest.approx(expected[1])


def test_a_tie_counts_against_the_person():
    distances = np.full((3, 3), 5.0)
    assert open_set(distances, **THREE, strangers=0.34).fnir_without_threshold.value == 1


def test_splits_differ_are_seeded_and_keep_the_share():
    splits = enrolled_in_splits(50, strangers=0.3, num_splits=30, seed=1)
    assert ((~splits).sum(axis=1) == 15).all() and len(np.unique(splits, axis=0)) == 30
    np.testing.assert_array_equal(splits, enrolled_in_splits(50, strangers=0.3, num_splits=30, seed=1))
    assert (enrolled_in_splits(3, strangers=0.01, num_splits=4, seed=0).sum(axis=1) == 2).all()


def test_the_interval_holds_the_value_and_widens_with_fewer_people():
    widths = []
    for num_subjects in (20, 80):
        distances, columns = people(num_subjects=num_subjects)
        rate = open_set(distances, **columns, num_resamples=200).fnir_at_fpir[0.1]
        assert rate.low <= rate.value <= rate.high
        widths.append(rate.high - rate.low)
    assert widths[0] > widths[1] > 0


def test_each_split_has_its_own_rate_around_that_of_all():
    distances, columns = people(num_subjects=20)
    result = open_set(distances, **columns, num_splits=8, num_resamples=0)
    rates = result.fnir_of_splits[0.1]
    assert rates.shape == (8,) and rates.min() <= result.fnir_at_fpir[0.1].value <= rates.max()


def test_an_enrolled_person_without_a_walk_to_compare_with_is_a_miss():
    compared = [[False, True, True], [True, True, True], [True, True, True]]
    result = open_set(FAR_APART, **THREE, compared=compared, strangers=0.34, num_splits=50)
    assert 0 < result.fnir_without_threshold.value < 1


@pytest.mark.bad_input
@pytest.mark.parametrize(
    ("probes", "gallery", "sentence"),
    [
        (["anna"], ["anna"], "There is one subject, so nobody can be a stranger, and FPIR and FNIR do not exist."),
        ([], [], "There are no subjects, so nobody can be a stranger"),
        (["anna"], ["ben"], "There is no search of an enrolled person, so FNIR does not exist."),
        (["anna", "ben"], [], "There is no search of a stranger against a gallery, so FPIR does not exist."),
    ],
    ids=["one subject", "nobody", "no own walk", "no gallery"],
)
def test_what_does_not_exist_is_nan_and_a_sentence_says_why(probes, gallery, sentence):
    distances = np.ones((len(probes), len(gallery)))
    result = open_set(distances, probe_subjects=probes, gallery_subjects=gallery)
    assert any(notice.startswith(sentence) for notice in result.notices), result.notices
    assert all(np.isnan(rate.value) for rate in result.fnir_at_fpir.values())


@pytest.mark.bad_input
def test_a_rate_that_so_few_searches_cannot_resolve_is_not_given():
    result = open_set(FAR_APART, **THREE, num_splits=500)
    assert np.isnan(result.fnir_at_fpir[0.01].value) and np.isnan(result.fnir_at_fpir[0.1].value)
    assert "FNIR at FPIR 0.1 needs at least 10 searches of strangers; there are 3." in result.notices


@pytest.mark.bad_input
@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"strangers": 1.0}, "strangers is 1.0. Give the share of people not enrolled, between 0 and 1."),
        ({"num_splits": 0}, "num_splits must be a whole number of at least 1, not 0."),
        ({"fpirs": (0,)}, "fpirs has 0. Give shares between 0 and 1"),
        ({"distances": [[np.nan] * 3] * 3}, "9 of 9 distances are NaN"),
    ],
)
def test_arguments_out_of_range_are_named(arguments, sentence):
    given = {"distances": FAR_APART, **THREE, **arguments}
    with pytest.raises(ValueError, match=sentence):
        open_set(given.pop("distances"), **given)
