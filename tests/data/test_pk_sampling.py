"""P x K batches: who is drawn, how often, and that only seed and step decide."""

import numpy as np
import pytest

from tf3dlocal.data import plan_batch

CLIP = {"clip_length": 5, "window": (5, 8)}


def _plan(walks, step=0, seed=0, p=3, k=4, **settings):
    return plan_batch(walks, seed=seed, step=step, subjects_per_batch=p, walks_per_subject=k, **{**CLIP, **settings})


def test_a_batch_is_p_different_subjects_with_k_different_walks_each_subject_major(small_walks):
    for step in range(20):
        plan = _plan(small_walks, step)
        subjects = small_walks.subjects[plan.walks].reshape(3, 4)
        assert len(set(subjects[:, 0])) == 3 and (subjects == subjects[:, :1]).all()
        assert len(set(plan.walks.tolist())) == 12
        assert plan.frames.shape == (12, 5) and plan.flips.shape == (12,)


def test_the_class_is_the_position_among_the_sorted_subjects(small_walks):
    chosen = small_walks.select(subjects=["002", "004"])
    plan = _plan(chosen, p=2)
    expected = {"002": 0, "004": 1}
    assert plan.classes.tolist() == [expected[name] for name in chosen.subjects[plan.walks]]
    assert plan.classes.dtype == np.int32


def test_frames_lie_within_their_walks(small_walks):
    for step in range(20):
        plan = _plan(small_walks, step)
        assert (plan.frames.max(axis=1) < small_walks.num_frames[plan.walks]).all() and plan.frames.min() >= 0


def test_the_same_seed_and_step_draw_the_same_batch_and_others_another(small_walks):
    def drawn(**where):
        plan = _plan(small_walks, **where)
        return plan.walks.tolist(), plan.frames.tolist(), plan.flips.tolist()

    assert drawn(seed=3, step=9) == drawn(seed=3, step=9)
    assert len({str(drawn(seed=seed, step=step)) for seed in range(5) for step in range(5)}) == 25


def test_no_walk_is_left_out_in_the_long_run_and_subjects_come_equally_often(small_walks):
    plans = [_plan(small_walks, step) for step in range(400)]
    counts = np.bincount(np.concatenate([plan.walks for plan in plans]), minlength=120)
    assert counts.min() > 0
    np.testing.assert_allclose(counts.reshape(4, 30).sum(axis=1) / counts.sum(), 0.25, atol=0.03)


def test_a_subject_with_fewer_than_k_walks_repeats_walks_with_separate_clips(small_walks):
    few = small_walks.select(subjects=["001"], conditions=["nm-01"])  # three walks
    plan = _plan(few, p=1, k=16)
    assert len(plan.walks) == 16 and set(plan.walks.tolist()) <= {0, 1, 2}
    same = plan.frames[plan.walks == plan.walks[0]]
    assert len({tuple(frames) for frames in same.tolist()}) > 1


def test_a_subject_with_enough_walks_repeats_none_next_to_one_with_too_few(small_walks):
    mixed = small_walks.take(np.flatnonzero((small_walks.subjects == "001") | (small_walks.conditions == "nm-01")))
    plan = _plan(mixed, p=4, k=10)
    by_subject = {mixed.subjects[row[0]]: row for row in plan.walks.reshape(4, 10).tolist()}
    assert len(set(by_subject["001"])) == 10
    assert all(len(set(by_subject[name])) <= 3 for name in ("002", "003", "004"))


def test_drawing_always_with_replacement_repeats_walks_even_where_there_are_enough(small_walks):
    drawn = [_plan(small_walks, step, k=16, replacement="always").walks.reshape(3, 16) for step in range(5)]
    assert any(len(set(row.tolist())) < 16 for plan in drawn for row in plan)


@pytest.mark.parametrize("probability", [0.0, 0.3, 1.0])
def test_as_many_clips_are_flipped_as_the_probability_says(small_walks, probability):
    flips = np.concatenate([_plan(small_walks, step, flip_probability=probability).flips for step in range(100)])
    assert abs(flips.mean() - probability) < 0.06 * (0 < probability < 1) + 1e-9


def test_the_walks_drawn_do_not_depend_on_how_clips_are_cut(small_walks):
    one, other = _plan(small_walks), _plan(small_walks, clip_length=9, window=(9, 9), order="unordered")
    np.testing.assert_array_equal(one.walks, other.walks)
    np.testing.assert_array_equal(one.flips, other.flips)


def test_more_subjects_per_batch_than_subjects_is_an_error_with_both_numbers(small_walks):
    with pytest.raises(ValueError, match=r"subjects_per_batch is 8, but the 120 walks .* of 4 subjects. .* at most 4"):
        _plan(small_walks, p=8)


@pytest.mark.bad_input
def test_a_selection_without_walks_is_an_error_that_names_the_rule_that_removed_them(small_walks):
    longest = small_walks.num_frames.max()
    with pytest.raises(
        ValueError, match=rf"no walk .*Left out: 120 walks shorter than min_frames 31 \(the longest has {longest}\)"
    ):
        _plan(small_walks.select(min_frames=31))
    with pytest.raises(
        ValueError, match="are of 2 subjects. Left out: 60 walks of other subjects. Set it to at most 2"
    ):
        _plan(small_walks.select(subjects=["001", "002"]))


@pytest.mark.bad_input
@pytest.mark.parametrize(
    "settings, complaint",
    [
        ({"p": 0}, "subjects_per_batch must be at least 1, got 0"),
        ({"k": 0}, "walks_per_subject must be at least 1, got 0"),
        ({"seed": -1}, "seed must be at least 0, got -1"),
        ({"flip_probability": 1.5}, r"flip_probability must be in 0 \.\. 1, got 1.5"),
        ({"p": 2.0}, "subjects_per_batch must be a whole number, got 2.0"),
        ({"k": "4"}, "walks_per_subject must be a whole number, got '4'"),
        ({"flip_probability": "half"}, "flip_probability must be in 0 .. 1, got 'half'"),
        ({"window": (30, None)}, "window must be two whole numbers"),
        ({"clip_length": 2.5}, "clip_length must be a whole number, got 2.5"),
        ({"replacement": "never"}, "if_short, always, got 'never'"),
        ({"order": "sorted"}, "got 'sorted'"),
    ],
)
def test_a_setting_out_of_its_range_is_named(small_walks, settings, complaint):
    with pytest.raises(ValueError, match=complaint):
        _plan(small_walks, **settings)
