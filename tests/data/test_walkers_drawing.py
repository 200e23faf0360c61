"""What a drawn walk looks like from the eleven cameras."""

import numpy as np
import pytest

from tf3dlocal.data.silhouettes import align_silhouette
from tf3dlocal.data.walkers import VIEWS_DEGREES, draw_views, draw_walk


def _middle(frame):
    return np.nonzero(frame)[1].mean()


def _rows(frame):
    rows = np.flatnonzero(frame.any(axis=1))
    return rows[-1] - rows[0] + 1


def test_a_walk_has_the_size_asked_for_and_two_values():
    walk = draw_walk(0, 1, "nm-01", 36, frames=4, image_size=(120, 200))
    assert walk.shape == (4, 120, 200) and walk.dtype == np.uint8
    assert set(np.unique(walk)) == {0, 255}


def test_the_same_arguments_draw_the_same_walk_and_others_another():
    arguments = {"seed": 3, "subject": 2, "condition": "nm-02", "view_degrees": 54, "frames": 5}
    walk = draw_walk(**arguments)
    assert np.array_equal(walk, draw_walk(**arguments))
    for change in ({"seed": 4}, {"subject": 3}, {"condition": "nm-03"}, {"condition": "cl-02"}, {"view_degrees": 72}):
        assert not np.array_equal(walk, draw_walk(**{**arguments, **change})), change


def test_a_view_drawn_alone_equals_the_same_view_among_all():
    together = list(draw_views(0, 4, "bg-01", VIEWS_DEGREES, frames=3))
    for view in (0, 90, 180):
        assert np.array_equal(together[VIEWS_DEGREES.index(view)], draw_walk(0, 4, "bg-01", view, frames=3))


def test_from_the_side_the_walker_goes_to_the_right():
    for subject in (1, 2, 3):
        walk = draw_walk(0, subject, "nm-01", 90)
        assert _middle(walk[-1]) - _middle(walk[0]) > 50


def test_the_walker_grows_towards_the_front_camera_and_shrinks_from_the_back_one():
    towards, away = draw_walk(0, 1, "nm-01", 0), draw_walk(0, 1, "nm-01", 180)
    assert _rows(towards[-1]) > 1.08 * _rows(towards[0])
    assert _rows(away[0]) > 1.08 * _rows(away[-1])


def test_nobody_touches_the_edge_of_the_picture_in_short_or_long_walks():
    for subject in (1, 6, 9):
        for frames in (30, 110):
            for walk in draw_views(0, subject, "bg-02", (0, 54, 90, 180), frames):
                seen = walk.any(axis=0)
                assert not (seen[0].any() or seen[-1].any() or seen[:, 0].any() or seen[:, -1].any())


def test_every_frame_survives_alignment_and_stands_upright():
    for walk in draw_views(0, 5, "cl-01", VIEWS_DEGREES, frames=6):
        for frame in walk:
            aligned = align_silhouette(frame)
            assert aligned is not None
            assert 0.12 < (aligned > 127).mean() < 0.45


def test_silhouettes_have_faults_now_and_then():
    holes = [
        ((frame[60:180, :] == 0) & (np.maximum.accumulate(frame[60:180, :], axis=1) > 0)).any()
        for subject in (1, 2)
        for frame in draw_walk(0, subject, "nm-01", 90)
    ]
    assert any(holes)


@pytest.mark.parametrize(
    "change, named",
    [
        ({"view_degrees": 45}, "view 45"),
        ({"condition": "nm"}, "condition 'nm'"),
        ({"subject": 0}, "subject"),
        ({"frames": 0}, "frames"),
        ({"image_size": (8, 8)}, "image_size"),
        ({"seed": -1}, "seed"),
    ],
)
def test_an_argument_out_of_range_is_named(change, named):
    arguments = {"seed": 0, "subject": 1, "condition": "nm-01", "view_degrees": 90, "frames": 2}
    with pytest.raises(ValueError, match=named):
        draw_walk(**{**arguments, **change})


def test_one_frame_is_a_walk_too():
    assert draw_walk(0, 1, "nm-01", 90, frames=1).any()
