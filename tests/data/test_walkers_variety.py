"""Walkers of the variety "wide" differ between walks as people in real videos do, and stay the same people."""

import hashlib
import itertools

import numpy as np
import pytest

from tf3dlocal.data import align_silhouette
from tf3dlocal.data.walkers import draw, draw_walk
from tf3dlocal.data.walkers.camera import roaming_camera
from tf3dlocal.data.walkers.draw import ASPECTS
from tf3dlocal.data.walkers.person import change_clothes, draw_person
from tf3dlocal.data.walkers.segmentation_noise import (
    SegmentationNoise,
    cast_shadows,
    coarsen,
    draw_strong_noise,
)

SIDE = {"view_degrees": 90, "frames": 6}
QUIET = {"hole_rate": 0.0, "shadow_rate": 0.0, "loss_rate": 0.0, "swelling": 0.0}


def figure():
    """A body of 20 x 80 pixels with a gap of 4 pixels between its legs: (frame, box)."""
    frame = np.zeros((120, 160), "uint8")
    frame[20:100, 70:90] = 255
    frame[70:100, 78:82] = 0
    return frame, (70, 20, 90, 100)


def spoiled(**faults):
    return cast(seed=0, **faults)


def cast(*, seed, **faults):
    frame, box = figure()
    noise = SegmentationNoise(**QUIET, **faults)
    cast_shadows(frame, box=box, noise=noise, moment=0.5, random=np.random.default_rng(seed))
    return frame


def test_mild_is_the_default():
    walk = {"subject": 1, "condition": "nm-01", **SIDE}
    assert np.array_equal(draw_walk(0, **walk), draw_walk(0, variety="mild", **walk))
    assert not np.array_equal(draw_walk(0, **walk), draw_walk(0, variety="wide", **walk))


@pytest.mark.parametrize(
    ("walk", "checksum"),
    [
        ({"subject": 3, "condition": "nm-01", "view_degrees": 0, "frames": 5}, "3112a88813a181e5"),
        ({"subject": 1, "condition": "bg-01", "view_degrees": 90, "frames": 8}, "40a5477c24b4b46e"),
        ({"subject": 2, "condition": "cl-02", "view_degrees": 126, "frames": 8}, "b14d7265c2cdb749"),
    ],
)
def test_mild_walks_are_those_of_the_scores_in_the_docs(walk, checksum):
    """A new kind of fault may change wide walks; the demo's scores are of these."""
    assert hashlib.sha256(draw_walk(0, **walk).tobytes()).hexdigest()[:16] == checksum


def test_the_same_arguments_draw_the_same_wide_walk():
    walk = {"subject": 3, "condition": "cl-02", "variety": "wide", **SIDE}
    assert np.array_equal(draw_walk(5, **walk), draw_walk(5, **walk))


def test_other_clothes_leave_the_bones_and_the_way_of_walking():
    person = draw_person(0, subject=1)
    other = change_clothes(person, random=np.random.default_rng(1))
    changed = {name for name, value in person.shape.items() if other.shape[name] != value}
    assert changed == {"trousers", "shirt", "hair", "hair_length", "shoe"}
    assert other.habits == person.habits
    assert not np.array_equal(other.traits, person.traits), "bags and coats change as well"


def test_hands_in_pockets_still_the_arms_in_a_fifth_of_the_walks_and_leave_the_legs():
    person = draw_person(0, subject=1)
    others = [change_clothes(person, random=np.random.default_rng(seed)) for seed in range(200)]
    still = [other for other in others if other.curves is not person.curves]
    assert len(still) / len(others) == pytest.approx(0.2, abs=0.07)
    swing = {name: np.abs(still[0].curves[name][:, 1:]).sum() for name in person.curves}
    usual = {name: np.abs(person.curves[name][:, 1:]).sum() for name in person.curves}
    assert {name for name in swing if swing[name] < 0.2 * usual[name]} == {"shoulder", "elbow"}
    assert all(swing[name] == usual[name] for name in swing if name not in ("shoulder", "elbow"))


def test_each_walk_has_a_camera_within_8_degrees_of_its_view():
    cameras = [roaming_camera(np.random.default_rng(seed), view_degrees=90) for seed in range(50)]
    assert all(82 <= camera.view_degrees <= 98 for camera in cameras)
    assert max(camera.distance for camera in cameras) > 1.5 * min(camera.distance for camera in cameras)


def test_every_wide_walk_shows_a_person_that_prepare_can_align():
    for subject, kind in itertools.product(range(1, 6), ("nm-01", "bg-01", "cl-01")):
        walk = draw_walk(0, subject=subject, condition=kind, variety="wide", **SIDE)
        assert all(align_silhouette(frame) is not None for frame in walk)


def test_a_shadow_on_the_ground_lies_at_the_feet_and_covers_nothing_of_the_body():
    clean, _ = figure()
    frame = spoiled(ground_shadow=(0.05, 0.5))
    assert (frame >= clean).all()
    added = np.argwhere(frame > clean)
    assert len(added) > 20 and added[:, 0].min() > 90, "the lowest rows"
    assert added[:, 1].max() > 100, "to the right of the feet"


def test_a_shadow_on_a_wall_is_seen_for_a_part_of_the_walk():
    clean, _ = figure()
    assert (spoiled(wall_shadow=(0.3, 0.2, 0.8)) > clean).sum() > 500
    assert np.array_equal(spoiled(wall_shadow=(0.3, 0.6, 0.8)), clean)


def test_closed_gaps_join_the_legs():
    clean, _ = figure()
    assert not clean[85, 80] and spoiled(closing=0.06)[85, 80]


def test_torn_clothes_lack_a_piece_of_the_body():
    clean, _ = figure()
    frame = spoiled(torn=((0.5, 0.5, 0.03, 0.03),))
    assert (frame <= clean).all() and not frame[60, 80]


def test_the_shadow_that_joins_the_feet_fills_the_lowest_rows_between_them():
    clean, _ = figure()
    frame = spoiled(foot_shadow=0.05)
    assert frame[99, 80] and not clean[99, 80]
    assert not frame[90, 80], "higher up the legs stay apart"
    assert np.array_equal(frame[:, :70], clean[:, :70]) and np.array_equal(frame[:, 90:], clean[:, 90:])


def test_an_edge_of_the_background_sticks_out_from_the_body():
    clean, _ = figure()
    right = [cast(streaks=((0.5, 0.3),), seed=seed) for seed in range(20)]
    assert any(frame[60, 100] for frame in right) and any(np.array_equal(frame, clean) for frame in right)
    left = [cast(streaks=((0.5, -0.3),), seed=seed) for seed in range(20)]
    assert any(frame[60, 60] for frame in left)
    assert not any((frame[:60] != clean[:60]).any() for frame in right + left), "one row"


def test_coarse_pixels_are_squares_as_large_as_the_rows_of_the_small_video_say():
    clean, box = figure()
    frame = clean.copy()
    coarsen(frame, box=box, noise=SegmentationNoise(**QUIET, pixel_rows=20))
    squares = frame.reshape(30, 4, 40, 4)
    assert (squares == squares[:, :1, :, :1]).all(), "80 rows shown as 20"
    assert set(np.unique(frame)) == {0, 255} and frame.any()


def test_a_video_finer_than_the_picture_changes_nothing():
    clean, box = figure()
    frame = clean.copy()
    coarsen(frame, box=box, noise=SegmentationNoise(**QUIET, pixel_rows=500))
    assert np.array_equal(frame, clean)


def test_only_the_largest_piece_is_kept():
    frame, box = figure()
    body = frame.copy()
    frame[5:9, 5:9] = 255
    coarsen(frame, box=box, noise=SegmentationNoise(**QUIET, largest_only=True))
    assert np.array_equal(frame, body)


@pytest.mark.parametrize(
    "fault",
    [{"foot_shadow": 0.05}, {"streaks": ((0.5, 0.3), (0.5, -0.3))}],
    ids=lambda fault: next(iter(fault)),
)
def test_a_body_at_the_border_has_the_faults_that_it_has_in_the_middle(fault):
    frame, (left, top, right, bottom) = figure()
    cut = slice(top, bottom), slice(left, right)
    noise = SegmentationNoise(**QUIET, **fault)
    changed = False
    for seed in range(10):
        whole, edge = frame.copy(), frame[cut].copy()
        boxes = (left, top, right, bottom), (0, 0, right - left, bottom - top)
        for picture, box in zip((whole, edge), boxes, strict=True):
            cast_shadows(picture, box=box, noise=noise, moment=0.5, random=np.random.default_rng(seed))
        assert np.array_equal(edge, whole[cut])
        changed |= not np.array_equal(whole, frame)
    assert changed


def test_gaps_are_closed_by_squares_or_by_discs():
    """A square of 8 pixels fits into every corner of a gap of 10 x 10. A disc of 8 does not, and fills them."""
    frame = np.full((120, 160), 255, "uint8")
    frame[50:60, 70:80] = 0
    closed = {}
    for square in (False, True):
        closed[square] = frame.copy()
        noise = SegmentationNoise(**QUIET, closing=0.07, square=square)
        cast_shadows(closed[square], box=(0, 0, 160, 120), noise=noise, moment=0, random=np.random.default_rng(0))
    assert (closed[False] > closed[True]).any() and (closed[False] >= closed[True]).all()


def test_speeds_are_those_of_16_to_32_frames_per_second(monkeypatch):
    steps = []

    def record(person, *, phase, real=draw.walk_skeleton):
        steps.append(person.habits["cadence"] / (phase[1] - phase[0]))
        return real(person, phase=phase)

    monkeypatch.setattr(draw, "walk_skeleton", record)
    for subject in range(1, 13):
        draw_walk(0, subject=subject, condition="nm-01", variety="speeds", **SIDE)
    assert 16 < min(steps) < 20 and 28 < max(steps) < 33
    steps.clear()
    draw_walk(0, subject=1, condition="nm-01", variety="clothes+cameras+faults", **SIDE)
    assert steps == [pytest.approx(25)]


def test_shadows_gaps_and_torn_clothes_occur_in_part_of_the_walks():
    noises = [draw_strong_noise(np.random.default_rng(seed)) for seed in range(200)]
    shares = {
        "ground": np.mean([noise.ground_shadow is not None for noise in noises]),
        "wall": np.mean([noise.wall_shadow is not None for noise in noises]),
        "closing": np.mean([noise.closing > 0 for noise in noises]),
        "torn": np.mean([bool(noise.torn) for noise in noises]),
        "feet": np.mean([noise.foot_shadow > 0 for noise in noises]),
        "streaks": np.mean([bool(noise.streaks) for noise in noises]),
        "coarse": np.mean([noise.pixel_rows > 0 for noise in noises]),
        "largest": np.mean([noise.largest_only for noise in noises]),
    }
    expected = {"ground": 0.45, "wall": 0.12, "closing": 0.5, "torn": 0.3}
    expected |= {"feet": 0.35, "streaks": 0.15, "coarse": 0.7, "largest": 0.8}
    assert shares == pytest.approx(expected, abs=0.1)
    rows = [noise.pixel_rows for noise in noises if noise.pixel_rows]
    assert 45 <= min(rows) and max(rows) <= 110


def test_each_aspect_of_wide_changes_the_walk_and_all_four_are_wide():
    walk = {"subject": 1, "condition": "nm-01", **SIDE}
    walks = [draw_walk(0, variety=variety, **walk) for variety in ("mild", "wide", *ASPECTS)]
    assert not any(np.array_equal(one, other) for one, other in itertools.combinations(walks, 2))
    assert np.array_equal(draw_walk(0, variety="faults+speeds+cameras+clothes", **walk), walks[1])


@pytest.mark.bad_input
@pytest.mark.parametrize("variety", ["wild", "", None, 1, ["wide"], "faults+", "faults+wide", "faults+faults"])
def test_an_unknown_variety_is_named(variety):
    with pytest.raises(ValueError, match="variety must be one of 'mild', 'wide', or some of clothes, cameras, "):
        draw_walk(0, subject=1, condition="nm-01", variety=variety, **SIDE)
