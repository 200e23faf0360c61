"""A drawn walk looks as expected from the eleven cameras."""

import numpy as np
import pytest

from tf3dlocal.data import align_silhouette
from tf3dlocal.data.walkers import VIEWS_DEGREES, draw_views, draw_walk


def _middle(frame):
    return np.nonzero(frame)[1].mean()


def _rows(frame):
    rows = np.flatnonzero(frame.any(axis=1))
    return rows[-1] - rows[0] + 1


def test_a_walk_has_the_given_size_and_two_values():
    walk = draw_walk(0, subject=1, condition="nm-01", view_degrees=36, frames=4, image_size=(120, 200))
    assert walk.shape == (4, 120, 200) and walk.dtype == np.uint8
    assert set(np.unique(walk)) == {0, 255}


def test_the_same_arguments_draw_the_same_walk_and_others_a_different_one():
    arguments = {"seed": 3, "subject": 2, "condition": "nm-02", "view_degrees": 54, "frames": 5}
    walk = draw_walk(**arguments)
    assert np.array_equal(walk, draw_walk(**arguments))
    for change in ({"seed": 4}, {"subject": 3}, {"condition": "nm-03"}, {"condition": "cl-02"}, {"view_degrees": 72}):
        assert not np.array_equal(walk, draw_walk(**{**arguments, **change})), change


def test_a_view_drawn_alone_equals_the_same_view_drawn_among_all():
    walk = {"subject": 4, "condition": "bg-01", "frames": 3}
    together = list(draw_views(0, views_degrees=VIEWS_DEGREES, **walk))
    for view in (0, 90, 180):
        assert np.array_equal(together[VIEWS_DEGREES.index(view)], draw_walk(0, view_degrees=view, **walk))


def test_in_the_side_view_the_walker_moves_to_the_right():
    for subject in (1, 2, 3):
        walk = draw_walk(0, subject=subject, condition="nm-01", view_degrees=90)
        assert _middle(walk[-1]) - _middle(walk[0]) > 50


def test_the_walker_grows_in_the_front_view_and_shrinks_in_the_back_view():
    towards, away = draw_views(0, subject=1, condition="nm-01", views_degrees=(0, 180))
    assert _rows(towards[-1]) > 1.08 * _rows(towards[0])
    assert _rows(away[0]) > 1.08 * _rows(away[-1])


def test_no_walker_touches_the_edge_of_the_picture_in_short_or_long_walks():
    views = {"condition": "bg-02", "views_degrees": (0, 54, 90, 180)}
    for subject in (1, 6, 9):
        for frames in (30, 110):
            for walk in draw_views(0, subject=subject, frames=frames, **views):
                body = walk.any(axis=0)
                assert not (body[0].any() or body[-1].any() or body[:, 0].any() or body[:, -1].any())


def test_every_frame_can_be_aligned_and_covers_a_plausible_area():
    for walk in draw_views(0, subject=5, condition="cl-01", frames=6):
        for frame in walk:
            aligned = align_silhouette(frame)
            assert aligned is not None
            assert 0.12 < (aligned > 127).mean() < 0.45


def test_some_silhouettes_have_holes():
    holes = [
        ((frame[60:180, :] == 0) & (np.maximum.accumulate(frame[60:180, :], axis=1) > 0)).any()
        for subject in (1, 2)
        for frame in draw_walk(0, subject=subject, condition="nm-01", view_degrees=90)
    ]
    assert any(holes)


@pytest.mark.parametrize(
    "change, named",
    [
        ({"view_degrees": 45}, "The view 45"),
        ({"condition": "nm"}, "condition 'nm'"),
        ({"subject": 0}, "subject"),
        ({"frames": 0}, "frames"),
        ({"image_size": (8, 8)}, "image_size"),
        ({"image_size": 64}, "image_size"),
        ({"seed": -1}, "seed"),
        ({"seed": 2**32}, "seed must be a whole number from 0 to 4294967295"),
        ({"seed": "a"}, "seed"),
        ({"subject": "1"}, "subject must be a whole number of at least 1, not '1'"),
        ({"subject": 1.5}, "subject"),
        ({"condition": 3}, "The condition 3"),
        ({"condition": None}, "The condition None"),
        ({"frames": "5"}, "frames must be a whole number of at least 1, not '5'"),
        ({"frames": 2.5}, "frames"),
        ({"view_degrees": "90"}, "The view '90'"),
        ({"view_degrees": None}, "The view None"),
    ],
)
def test_an_argument_out_of_range_raises_an_error_that_names_it(change, named):
    arguments = {"seed": 0, "subject": 1, "condition": "nm-01", "view_degrees": 90, "frames": 2}
    with pytest.raises(ValueError, match=named):
        draw_walk(**{**arguments, **change})


def test_a_walk_may_have_one_frame():
    assert draw_walk(0, subject=1, condition="nm-01", view_degrees=90, frames=1).any()
