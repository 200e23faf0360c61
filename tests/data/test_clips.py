"""Clips of walks: which frames are drawn, for each order."""

import numpy as np
import pytest

from tf3dlocal.data import draw_clip


def _clips(count=500, **settings):
    return [draw_clip(np.random.default_rng(seed), **settings) for seed in range(count)]


def test_an_ordered_clip_is_30_distinct_sorted_frames_within_40():
    for clip in _clips(num_frames=80):
        assert len(clip) == 30 and (np.diff(clip) > 0).all()
        assert clip[-1] - clip[0] < 40 and clip[0] >= 0 and clip[-1] < 80


def test_windows_of_every_length_from_30_to_40_are_drawn():
    extents = {int(clip[-1] - clip[0]) + 1 for clip in _clips(num_frames=80, count=2000)}
    assert extents == set(range(30, 41))


def test_a_window_of_the_clip_length_gives_consecutive_frames():
    for clip in _clips(num_frames=50, clip_length=8, window=(8, 8), count=50):
        np.testing.assert_array_equal(np.diff(clip), 1)


def test_clips_begin_anywhere_and_reach_both_ends_of_the_walk():
    clips = _clips(num_frames=50, clip_length=8, window=(8, 8))
    assert {int(clip[0]) for clip in clips} == set(range(43))


def test_a_walk_shorter_than_the_window_gives_its_whole_length_to_it():
    for clip in _clips(num_frames=32, count=50):
        assert (np.diff(clip) > 0).all() and clip[-1] < 32


def test_a_walk_of_exactly_the_clip_length_is_taken_whole():
    np.testing.assert_array_equal(draw_clip(np.random.default_rng(3), num_frames=30), np.arange(30))


def test_a_walk_shorter_than_the_clip_is_repeated_in_order():
    for clip in _clips(num_frames=20, count=100):
        wraps = np.flatnonzero(np.diff(clip) <= 0)
        assert len(clip) == 30 and len(wraps) <= 1 and clip.max() < 20
        assert np.bincount(clip, minlength=20).max() <= 2


def test_a_walk_of_one_frame_gives_a_clip_of_that_frame():
    for order in ("ordered", "unordered", "resampled"):
        np.testing.assert_array_equal(draw_clip(np.random.default_rng(0), num_frames=1, order=order), np.zeros(30))


def test_an_unordered_clip_is_distinct_frames_from_the_whole_walk_in_any_order():
    clips = _clips(num_frames=80, order="unordered", count=100)
    assert all(len(set(clip.tolist())) == 30 for clip in clips)
    assert np.mean([np.ptp(clip) for clip in clips]) > 65
    assert any((np.diff(clip) < 0).any() for clip in clips)


def test_an_unordered_clip_of_a_short_walk_uses_every_frame_as_evenly_as_it_can():
    for clip in _clips(num_frames=12, order="unordered", count=50):
        assert np.bincount(clip, minlength=12).max() <= 3


def test_a_resampled_clip_is_any_frames_of_the_walk_some_of_them_several_times():
    clips = _clips(num_frames=80, order="resampled", count=100)
    assert all(len(clip) == 30 and 0 <= clip.min() and clip.max() < 80 and clip.dtype == np.int32 for clip in clips)
    # Thirty draws of eighty have 80 (1 - (79/80)^30) = 25.1 distinct frames on average, +- 0.2 over 100 clips.
    assert 24.5 < np.mean([len(set(clip.tolist())) for clip in clips]) < 25.7
    assert any((np.diff(clip) < 0).any() for clip in clips)


def test_the_same_seed_draws_the_same_clip():
    first, second = (draw_clip(np.random.default_rng(5), num_frames=77) for _ in range(2))
    np.testing.assert_array_equal(first, second)


@pytest.mark.bad_input
@pytest.mark.parametrize(
    "settings, complaint",
    [
        ({"order": "sorted"}, "ordered, unordered, resampled, got 'sorted'"),
        ({"window": (20, 40)}, r"clip_length 30, got \(20, 40\)"),
        ({"window": (40, 30)}, r"window must .* got \(40, 30\)"),
        ({"clip_length": 0}, "clip_length must be at least 1, got 0"),
        ({"num_frames": 0}, "num_frames=0"),
    ],
)
def test_a_setting_out_of_its_range_is_named(settings, complaint):
    with pytest.raises(ValueError, match=complaint):
        draw_clip(np.random.default_rng(0), **{"num_frames": 50, **settings})
