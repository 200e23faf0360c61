"""EER and TAR at FAR: by hand on four walks, equal to scikit-learn's curve, and honest where they do not exist."""

import re

import numpy as np
import pytest
from sklearn.metrics import roc_curve

from tf3dlocal.evaluation import open_set, verification
from tf3dlocal.evaluation.details.error_curve import choose_thresholds, equal_error, miss_at

TWO = {"probe_subjects": ["anna", "ben"], "gallery_subjects": ["anna", "ben"]}


def people(num_subjects=8, walks=6, spread=1.0, seed=0):
    """Distances of walks of some people, with their subjects; every second walk is in the gallery."""
    rng = np.random.default_rng(seed)
    subjects = np.repeat(np.arange(num_subjects), walks)
    places = rng.normal(size=(num_subjects, 3))[subjects] + spread * rng.normal(size=(len(subjects), 3))
    probes, gallery = np.arange(0, len(subjects), 2), np.arange(1, len(subjects), 2)
    distances = np.linalg.norm(places[probes][:, None] - places[gallery], axis=2)
    return distances, {"probe_subjects": subjects[probes], "gallery_subjects": subjects[gallery]}


@pytest.mark.parametrize(
    ("distances", "eer", "threshold"),
    [
        ([[1, 5], [6, 2]], 0.0, 2.0),  # both own pairs (1, 2) before both others (5, 6)
        ([[1, 4], [2, 3]], 0.5, 2.0),  # own 1 and 3, others 4 and 2: at threshold 2 one of two is wrong on each side
        ([[5, 1], [2, 6]], 1.0, 2.0),  # the wrong way round
        ([[3, 3], [3, 3]], 0.5, 3.0),  # all tied: no better than a coin
    ],
)
def test_the_equal_error_rate_of_four_walks_is_that_by_hand(distances, eer, threshold):
    result = verification(distances, **TWO)
    assert result.eer.value == pytest.approx(eer, abs=1e-12)
    assert result.eer_threshold == pytest.approx(threshold)
    assert (result.num_genuine, result.num_impostor, result.num_subjects) == (2, 2, 2)


def test_a_pair_at_the_threshold_is_accepted():
    result = verification([[1, 2], [3, 2]], **TWO)  # own 1 and 2, others 2 and 3
    assert result.thresholds.tolist() == [1, 2, 3]
    assert result.fmr.tolist() == [0, 0.5, 1] and result.fnmr.tolist() == [0.5, 0, 0]


@pytest.mark.parametrize("digits", [1, 6], ids=["ties", "no ties"])
def test_the_rates_are_those_of_scikit_learn(digits):
    distances, columns = people(num_subjects=12, walks=10)
    distances = np.round(distances, digits)
    result = verification(distances, **columns, fars=(0.001, 0.01, 0.1), num_resamples=0)
    same = columns["probe_subjects"][:, None] == columns["gallery_subjects"]
    false_positive, true_positive, thresholds = roc_curve(same.ravel(), -distances.ravel())
    for far, tar in result.tar_at_far.items():
        assert tar.value == pytest.approx(np.interp(far, false_positive, true_positive), abs=1e-12)
        assert result.threshold_at_far[far] >= -thresholds[np.flatnonzero(false_positive <= far)[-1]]
        accepted = distances <= result.threshold_at_far[far]
        assert accepted[~same].mean() <= far
    fine = np.linspace(0, 1, 1_000_001)
    miss = 1 - np.interp(fine, false_positive, true_positive)
    assert result.eer.value == pytest.approx(fine[np.argmax(fine >= miss)], abs=1e-5)


def test_pairs_that_are_not_compared_do_not_count():
    compared = [[True, False], [True, True]]
    result = verification([[1, np.nan], [5, 2]], **TWO, compared=compared)
    assert (result.num_genuine, result.num_impostor) == (2, 1)


def test_no_threshold_accepts_an_infinite_distance():
    result = verification([[np.inf, 5], [4, 2]], **TWO, num_resamples=0)  # own: infinity and 2, others: 5 and 4
    assert result.fnmr.tolist() == [0.5, 0.5, 0.5] and result.fmr.tolist() == [0, 0.5, 1]
    assert result.eer.value == 0.5


def test_above_400_distances_the_curve_is_thinned_and_stays_on_the_exact_one():
    distances, columns = people(num_subjects=20, walks=20)
    result = verification(distances, **columns, num_resamples=0)
    same = columns["probe_subjects"][:, None] == columns["gallery_subjects"]
    assert 200 < len(result.thresholds) <= 400
    for threshold, fmr, fnmr in zip(result.thresholds, result.fmr, result.fnmr):
        assert fmr == pytest.approx((distances[~same] <= threshold).mean())
        assert fnmr == pytest.approx((distances[same] > threshold).mean())


def test_thresholds_are_distances_and_resolve_small_rates():
    rng = np.random.default_rng(0)
    right, false = rng.normal(5, 1, 10_000), rng.normal(9, 1, 1_000_000)
    thresholds = choose_thresholds(right, false)
    assert len(thresholds) <= 400 and np.isin(thresholds, np.concatenate([right, false])).all()
    rates = (false <= thresholds[:, None]).mean(axis=1)
    for level in (1e-4, 1e-3, 1e-2):
        assert np.abs(rates / level - 1).min() < 0.05


@pytest.mark.slow
def test_the_interval_is_over_subjects_and_covers_the_rate_of_all_people():
    """Of 40 samples of 30 people, at least 34 intervals of 95 % hold the rate of very many people."""
    distances, columns = people(num_subjects=400, walks=4, seed=99)
    truth = verification(distances, **columns, num_resamples=0).eer.value
    covered = 0
    for seed in range(40):
        distances, columns = people(num_subjects=30, walks=4, seed=seed)
        eer = verification(distances, **columns, num_resamples=200, seed=seed).eer
        assert eer.low <= eer.high
        covered += eer.low <= truth <= eer.high
    assert covered >= 34


def test_more_walks_of_the_same_people_do_not_make_the_interval_arbitrarily_narrow():
    """A bootstrap over comparisons would shrink with the number of walks; one over people does not."""
    rng = np.random.default_rng(0)
    hard = np.arange(20) % 2  # every second person never matches
    few, many = (
        verification(
            np.where(np.eye(20).repeat(n, axis=0) > 0, np.repeat(4.0 * hard, n)[:, None], 3.0)
            + rng.random((20 * n, 20)),
            probe_subjects=np.arange(20).repeat(n),
            gallery_subjects=np.arange(20),
            fars=(0.1,),
        ).tar_at_far[0.1]
        for n in (1, 30)
    )
    assert many.high - many.low > 0.8 * (few.high - few.low) > 0.2


def test_more_than_100_people_are_drawn_in_groups_and_their_interval_shrinks_as_it_should():
    widths = {}
    for num_subjects in (100, 200):
        distances, columns = people(num_subjects=num_subjects, walks=4)
        eer = verification(distances, **columns, num_resamples=400).eer
        widths[num_subjects] = eer.high - eer.low
    assert widths[200] == pytest.approx(widths[100] / np.sqrt(2), rel=0.3)


def test_a_draw_without_a_pair_of_two_people_has_no_rate():
    unknown = miss_at(np.full((1, 3), np.nan), np.array([[1, 0.5, 0]]), levels=np.array([0.1, 0.9]))
    assert np.isnan(unknown).all()
    rate, _ = equal_error(np.full((1, 3), np.nan), np.array([[1, 0.5, 0]]))
    assert np.isnan(rate).all()


def test_the_same_seed_gives_the_same_interval():
    distances, columns = people()
    first, again, other = (verification(distances, **columns, num_resamples=50, seed=seed).eer for seed in (1, 1, 2))
    assert first == again and first != other and first.value == other.value


@pytest.mark.parametrize(
    ("probes", "gallery", "sentence"),
    [
        (["anna"], ["anna"], "There is no pair of walks of two people to compare, so FMR, EER and TAR do not exist"),
        (
            ["anna"],
            ["ben"],
            "There is no pair of two walks of one person to compare, so FNMR, EER and TAR do not exist",
        ),
        ([], ["ben"], "There is no pair of walks to compare, so EER and TAR do not exist."),
    ],
    ids=["one subject, no impostor", "no genuine pair", "no probe"],
)
@pytest.mark.bad_input
def test_what_does_not_exist_is_nan_and_a_sentence_says_why(probes, gallery, sentence):
    distances = np.ones((len(probes), len(gallery)))
    result = verification(distances, probe_subjects=probes, gallery_subjects=gallery)
    assert np.isnan(result.eer.value) and result.eer_threshold is None
    assert all(np.isnan(rate.value) for rate in result.tar_at_far.values())
    assert any(sentence in notice for notice in result.notices)


@pytest.mark.bad_input
def test_a_rate_that_so_few_pairs_cannot_resolve_is_not_given():
    distances, columns = people(num_subjects=4, walks=4)  # 2 x 2 x 4 x 3 = 48 pairs of two people
    result = verification(distances, **columns, fars=(0.1, 0.01), num_resamples=50)
    assert not np.isnan(result.tar_at_far[0.1].value) and np.isnan(result.tar_at_far[0.01].value)
    assert "TAR at FAR 0.01 needs at least 100 pairs of two people; there are 48." in result.notices
    assert any("The intervals rest on 4 subjects" in notice for notice in result.notices)


@pytest.mark.bad_input
@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"distances": [[1, np.nan], [3, 2]]}, "1 of 4 distances are NaN. The first is of probe 0 .*'anna'.*'ben'"),
        ({"distances": [[1, 2]]}, r"distances has shape \[1, 2\], and there are 2 probe_subjects and 2"),
        ({"compared": [True, True]}, r"compared has shape \[2\]. Give one truth value per distance: \[2, 2\]"),
        ({"fars": (1.0,)}, "fars has 1.0. Give shares between 0 and 1"),
    ],
)
def test_arguments_that_do_not_fit_are_named(arguments, sentence):
    given = {"distances": [[1, 4], [3, 2]], **TWO, **arguments}
    with pytest.raises(ValueError, match=sentence):
        verification(given.pop("distances"), **given)


@pytest.mark.bad_input
def test_two_subjects_have_no_interval():
    """Of two subjects only one draw has both pairs of one and of two people, so every interval would have no width."""
    distances, subjects = people(num_subjects=2)
    found = verification(distances, **subjects)
    assert np.isfinite(found.eer.value) and np.isnan([found.eer.low, found.eer.high]).all()


@pytest.mark.bad_input
@pytest.mark.parametrize("rates", [(verification, "fars"), (open_set, "fpirs")], ids=["verification", "open_set"])
@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"levels": []}, "LEVELS is empty. Give shares between 0 and 1, such as 0.01."),
        ({"levels": None}, "LEVELS is None, and a list is expected."),
        ({"levels": 0.1}, "LEVELS is 0.1, and a list is expected."),
        ({"levels": "0.1"}, "LEVELS is '0.1', and a list is expected."),
        ({"levels": ["a"]}, "LEVELS has 'a'."),
        ({"levels": [np.nan]}, "LEVELS has nan."),
        ({"num_resamples": -1}, "num_resamples must be a whole number of at least 0, not -1."),
        ({"num_resamples": 2.5}, "num_resamples must be a whole number of at least 0, not 2.5."),
        ({"seed": 2**32}, "seed must be a whole number from 0 to 4294967295, not 4294967296."),
        ({"seed": None}, "seed must be a whole number from 0 to 4294967295, not None."),
        ({"distances": [["x", 1], [1, 2]]}, "distances must be an array of numbers, not"),
        ({"distances": [[1, 2], [3]]}, "distances has rows of unequal length."),
        ({"distances": None}, "distances must be an array of numbers, not None."),
        ({"distances": [[1j, 2], [3, 4]]}, "distances must be an array of numbers, not"),
        ({"probe_subjects": None}, "probe_subjects has shape []. Give a list with one name per walk."),
        ({"gallery_subjects": "anna"}, "gallery_subjects has shape []."),
        ({"compared": [["no", "no"]] * 2}, "compared must be an array of truth values, not [['no', 'no']"),
        ({"compared": [[0.5, 1.0]] * 2}, "compared must be an array of truth values, not"),
    ],
)
def test_a_value_of_a_wrong_kind_is_named_and_never_a_traceback(rates, arguments, sentence):
    compute, levels = rates
    given = {"distances": [[1, 5], [6, 2]], **TWO, **arguments}
    if "levels" in given:
        given[levels] = given.pop("levels")
    with pytest.raises(ValueError, match=re.escape(sentence.replace("LEVELS", levels))):
        compute(**given)


def test_distances_that_are_all_infinite_have_no_threshold():
    result = verification(np.full((2, 2), np.inf), **TWO)
    assert result.eer_threshold is None and result.as_json()["eer"]["threshold"] is None
