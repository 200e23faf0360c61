"""The motion and the body of the walkers are plausible to an observer of human gait."""

import doctest
import importlib

import cv2
import numpy as np
import pytest

from tf3dlocal.data.walkers.body import dress
from tf3dlocal.data.walkers.camera import VIEWS_DEGREES, follow, link_outlines, project, view_camera
from tf3dlocal.data.walkers.conditions import bag_of, carry, equip, parse_condition
from tf3dlocal.data.walkers.gait import NORMAL_CURVES, NORMAL_DEGREES, angle_at, fourier_coefficients
from tf3dlocal.data.walkers.person import draw_person, random_stream, vary
from tf3dlocal.data.walkers.segmentation_noise import SegmentationNoise, spoil
from tf3dlocal.data.walkers.skeleton import SOLE_SHARES, walk_skeleton

PHASE = np.linspace(0, 2, 101)
ALL_FAULTS = SegmentationNoise(hole_rate=1.0, shadow_rate=1.0, loss_rate=1.0, swelling=0.0)
PEOPLE = [draw_person(seed, subject=subject) for seed in (0, 5) for subject in range(1, 16)]


@pytest.fixture(scope="module")
def skeletons():
    return [walk_skeleton(person, phase=PHASE) for person in PEOPLE]


@pytest.mark.parametrize("name", ["gait", "person", "skeleton", "body", "conditions", "camera", "draw", "write"])
def test_the_examples_of_a_module_give_the_results_they_show(name):
    result = doctest.testmod(importlib.import_module(f"tf3dlocal.data.walkers.{name}"))
    assert result.attempted > 0 and result.failed == 0


def test_the_fourier_series_follow_the_tables_to_a_few_degrees():
    phases = np.arange(20) / 20
    for name, degrees in NORMAL_DEGREES.items():
        assert np.abs(angle_at(NORMAL_CURVES[name], phases) - degrees).max() < 2.5, name


def test_all_harmonics_reproduce_a_short_table_exactly():
    table = [3.0, -1.0, 4.0, 1.0, 5.0]
    assert np.allclose(angle_at(fourier_coefficients(table, num_harmonics=2), np.arange(5) / 5), table)


def test_knees_bend_backwards_only(skeletons):
    for skeleton in skeletons:
        for side in ("left", "right"):
            hip, knee, ankle = (skeleton.joints[f"{side}_{name}"] for name in ("hip", "knee", "ankle"))
            thigh, shank = knee - hip, ankle - knee
            bend = np.arctan2(thigh[:, 0], -thigh[:, 2]) - np.arctan2(shank[:, 0], -shank[:, 2])
            assert bend.min() > -0.02
            assert np.degrees(bend.max()) > 35


def test_elbows_bend_forwards_only(skeletons):
    for skeleton in skeletons:
        shoulder, elbow, wrist = (skeleton.joints[f"left_{name}"] for name in ("shoulder", "elbow", "wrist"))
        upper, lower = elbow - shoulder, wrist - elbow
        assert (np.arctan2(lower[:, 0], -lower[:, 2]) - np.arctan2(upper[:, 0], -upper[:, 2])).min() > 0


def test_a_standing_foot_does_not_move(skeletons):
    flat = (PHASE > 1.15) & (PHASE < 1.40)
    for skeleton in skeletons:
        foot = skeleton.joints["left_ball"][flat]
        assert np.ptp(foot[:, 0]) < 0.02 and np.ptp(foot[:, 1]) < 0.02


def test_no_sole_is_below_the_ground_and_one_always_touches_it(skeletons):
    for person, skeleton in zip(PEOPLE, skeletons):
        soles = np.stack(
            [
                skeleton.joints[f"{side}_{point}"][:, 2] - share * person.shape["shoe"]
                for side in ("left", "right")
                for point, share in SOLE_SHARES
            ]
        )
        assert np.abs(soles.min(axis=0)).max() < 0.015


def test_people_walk_forwards_at_human_speeds_and_strides(skeletons):
    for person, skeleton in zip(PEOPLE, skeletons):
        assert 0.8 < skeleton.stride < 1.9
        assert 0.6 < skeleton.stride * person.habits["cadence"] < 1.9
        assert np.diff(skeleton.joints["pelvis"][:, 0]).min() > 0


def test_arms_swing_opposite_to_the_leg_of_their_side(skeletons):
    for skeleton in skeletons:
        arm = skeleton.joints["left_wrist"][:, 0] - skeleton.joints["left_shoulder"][:, 0]
        leg = skeleton.joints["left_ankle"][:, 0] - skeleton.joints["left_hip"][:, 0]
        assert np.corrcoef(arm, leg)[0, 1] < -0.5


def test_the_motion_repeats_after_one_cycle_apart_from_the_distance_walked(skeletons):
    skeleton = skeletons[0]
    for points in skeleton.joints.values():
        assert np.allclose(points[50:] - points[:51], [skeleton.stride, 0, 0], atol=1e-6)


def test_two_walks_of_one_person_differ_less_than_two_persons():
    def features(person):
        return np.concatenate([curve.ravel() for curve in person.curves.values()])

    one, other = PEOPLE[0], PEOPLE[1]
    again = [features(vary(one, random=random_stream(0, names=("again", number)))) for number in range(8)]
    within = np.mean([np.abs(features(one) - walk).mean() for walk in again])
    assert 0 < within < np.abs(features(one) - features(other)).mean()


def test_no_variation_leaves_the_person_unchanged():
    same = vary(PEOPLE[0], random=random_stream(0, names=("again",)), amount=0.0)
    assert same.shape == PEOPLE[0].shape and same.habits == PEOPLE[0].habits
    assert all(np.allclose(same.curves[name], curve) for name, curve in PEOPLE[0].curves.items())


def test_all_three_bags_and_both_sides_occur_among_thirty_people():
    bags = [bag_of(person) for person in PEOPLE]
    assert {bag for bag, _ in bags} == {"back", "shoulder", "hand"}
    assert {side for _, side in bags} == {"left", "right"}


def test_the_arm_that_carries_a_hand_bag_swings_less():
    person = next(person for person in PEOPLE if bag_of(person) == ("hand", "left"))
    loaded = walk_skeleton(carry(person, condition="bg-01"), phase=PHASE)
    free = walk_skeleton(person, phase=PHASE)

    def swing(skeleton):
        return np.ptp(skeleton.joints["left_elbow"][:, 0] - skeleton.joints["left_shoulder"][:, 0])

    assert swing(loaded) < 0.6 * swing(free)


def _area(person, condition):
    """Count the pixels of the first frame of a walk in all views."""
    skeleton = walk_skeleton(person, phase=PHASE[:10])
    body = dress(person, skeleton)
    equip(body, person=person, skeleton=skeleton, condition=condition, random=random_stream(0, names=("area",)))
    ellipsoids = {"centres": body.centres()[:1], "squares": body.squares()[:1], "image_size": (240, 320)}
    area = 0
    for view in VIEWS_DEGREES:
        centres, squares = project(view_camera(0, view_degrees=view), **ellipsoids)
        frame = np.zeros((240, 320), np.uint8)
        for outline in link_outlines(centres, squares=squares, links=body.links())[0]:
            cv2.fillConvexPoly(frame, np.round(outline).astype(np.int32), 1)
        area += frame.sum()
    return area


def test_bags_and_coats_enlarge_the_silhouettes_summed_over_the_views():
    for person in PEOPLE[:6]:
        plain = _area(person, "nm-01")
        assert _area(person, "bg-01") > 1.01 * plain
        assert _area(person, "cl-01") > 1.06 * plain


def test_an_unknown_condition_raises_an_error():
    for name in ("nm", "xx-01", "nm-1", "NM-01"):
        with pytest.raises(ValueError, match="condition"):
            parse_condition(name)


def test_an_outline_is_the_convex_hull_of_its_ellipses():
    random = np.random.default_rng(3)
    roots = random.normal(size=(2, 2, 2)) * 8 + 12 * np.eye(2)
    squares = roots @ roots.transpose(0, 2, 1)
    centres = np.array([[60.0, 80.0], [110.0, 60.0]])
    packed = np.stack([squares[:, 0, 0], squares[:, 0, 1], squares[:, 1, 1]], axis=1)
    outline = link_outlines(centres[None], squares=packed[None], links=np.array([[0, 1]]))[0, 0]
    angles = np.linspace(0, 2 * np.pi, 200)
    circle = np.stack([np.cos(angles), np.sin(angles)])
    points = np.concatenate([centre + (root @ circle).T for centre, root in zip(centres, roots)]).astype(np.float32)
    whole = cv2.contourArea(cv2.convexHull(points))
    area = cv2.contourArea(outline.astype(np.float32))
    assert 0.97 * whole < area < 1.001 * whole


def test_a_ball_at_half_the_distance_is_twice_as_large():
    camera = view_camera(0, view_degrees=0)
    angle = np.radians(camera.view_degrees)
    towards = camera.distance / 2 * np.array([np.cos(angle), -np.sin(angle), 0])
    centres = np.stack([np.zeros(3), towards])[None] + [0, 0, camera.height]
    balls = np.broadcast_to(0.01 * np.eye(3), (1, 2, 3, 3))
    _, ellipses = project(camera, centres=centres, squares=balls, image_size=(240, 320))
    assert np.allclose(ellipses[0, 1], 4 * ellipses[0, 0])


def test_the_left_side_of_a_walker_is_at_the_right_in_the_front_view_and_at_the_left_in_the_back_view():
    left = {"centres": np.array([[[0, 0.3, 1.0]]]), "squares": np.zeros((1, 1, 3, 3)), "image_size": (240, 320)}
    at_front, _ = project(view_camera(0, view_degrees=0), **left)
    at_back, _ = project(view_camera(0, view_degrees=180), **left)
    assert at_front[0, 0, 0] > 170 and at_back[0, 0, 0] < 150


def test_the_camera_follows_only_a_walk_that_would_leave_the_picture():
    short, long = np.linspace(0, 1.5, 30), np.linspace(0, 6, 120)
    assert np.ptp(follow(short)) == 0
    assert 1.8 < np.ptp(long - follow(long)) < 2.0


def test_segmentation_faults_keep_two_values_and_change_few_pixels():
    frame = np.zeros((240, 320), np.uint8)
    cv2.ellipse(frame, (160, 120), (30, 80), 0, 0, 360, 255, -1)
    clean = frame.copy()
    spoil(frame, box=(130, 40, 191, 201), noise=ALL_FAULTS, random=np.random.default_rng(0))
    assert set(np.unique(frame)) == {0, 255}
    assert 0 < (frame != clean).sum() < 0.15 * (clean > 0).sum()


def test_a_frame_without_a_body_gets_no_faults():
    frame = np.zeros((40, 40), np.uint8)
    spoil(frame, box=(40, 0, 40, 0), noise=ALL_FAULTS, random=np.random.default_rng(0))
    assert not frame.any()
