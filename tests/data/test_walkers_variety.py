"""Walkers of the variety "wide" differ between walks as people in real videos do, and stay the same people."""

import itertools

import numpy as np
import pytest

from tf3dlocal.data import align_silhouette
from tf3dlocal.data.walkers import draw_walk
from tf3dlocal.data.walkers.camera import roaming_camera
from tf3dlocal.data.walkers.person import change_clothes, draw_person
from tf3dlocal.data.walkers.segmentation_noise import SegmentationNoise, cast_shadows, draw_strong_noise

SIDE = {"view_degrees": 90, "frames": 6}
QUIET = {"hole_rate": 0.0, "shadow_rate": 0.0, "loss_rate": 0.0, "swelling": 0.0}


def figure():
    """A body of 20 x 80 pixels with a gap of 4 pixels between its legs: (frame, box)."""
    frame = np.zeros((120, 160), "uint8")
    frame[20:100, 70:90] = 255
    frame[70:100, 78:82] = 0
    return frame, (70, 20, 90, 100)


def spoiled(**faults):
    frame, box = figure()
    noise = SegmentationNoise(**QUIET, **faults)
    cast_shadows(frame, box=box, noise=noise, moment=0.5, random=np.random.default_rng(0))
    return frame


def test_mild_is_the_default():
    walk = {"subject": 1, "condition": "nm-01", **SIDE}
    assert np.array_equal(draw_walk(0, **walk), draw_walk(0, variety="mild", **walk))
    assert not np.array_equal(draw_walk(0, **walk), draw_walk(0, variety="wide", **walk))


def test_the_same_arguments_draw_the_same_wide_walk():
    walk = {"subject": 3, "condition": "cl-02", "variety": "wide", **SIDE}
    assert np.array_equal(draw_walk(5, **walk), draw_walk(5, **walk))


def test_other_clothes_leave_the_bones_and_the_way_of_walking():
    person = draw_person(0, subject=1)
    other = change_clothes(person, random=np.random.default_rng(1))
    changed = {name for name, value in person.shape.items() if other.shape[name] != value}
    assert changed == {"trousers", "shirt", "hair", "hair_length", "shoe"}
    assert other.habits == person.habits and other.curves is person.curves
    assert not np.array_equal(other.traits, person.traits), "bags and coats change as well"


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


def test_shadows_gaps_and_torn_clothes_occur_in_part_of_the_walks():
    noises = [draw_strong_noise(np.random.default_rng(seed)) for seed in range(200)]
    shares = {
        "ground": np.mean([noise.ground_shadow is not None for noise in noises]),
        "wall": np.mean([noise.wall_shadow is not None for noise in noises]),
        "closing": np.mean([noise.closing > 0 for noise in noises]),
        "torn": np.mean([bool(noise.torn) for noise in noises]),
    }
    assert shares == pytest.approx({"ground": 0.45, "wall": 0.12, "closing": 0.4, "torn": 0.3}, abs=0.1)


@pytest.mark.bad_input
@pytest.mark.parametrize("variety", ["wild", "", None, 1, ["wide"]])
def test_an_unknown_variety_is_named(variety):
    with pytest.raises(ValueError, match="variety must be one of 'mild', 'wide', not "):
        draw_walk(0, subject=1, condition="nm-01", variety=variety, **SIDE)
