"""The plot of what the parts do has one line per part, and one panel per number and block."""

import numpy as np
import pytest

from tf3dlocal.visualization import plot_part_lines
from tf3dlocal.visualization.part_styles import part_styles

PARTS = ["block_2 head", "block_2 left_leg", "block_3 head", "block_3 left_leg"]
NUMBERS = ["center_x", "center_t", "confidence"]
VIEWS = [0, 90, 180]
MEAN = np.arange(36).reshape(4, 3, 3) / 36


def test_a_panel_has_the_lines_of_its_block_and_the_parts_keep_their_colours():
    figure = plot_part_lines(MEAN, parts=PARTS, numbers=NUMBERS, along=VIEWS)
    assert [axes.get_ylabel() for axes in figure.axes] == ["centre, x", "", "confidence", ""]
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["block 2", "block 3", "", ""]
    (head, leg), (other_head, other_leg) = ([line for line in axes.get_lines()][:2] for axes in figure.axes[:2])
    np.testing.assert_allclose(head.get_ydata(), MEAN[0, :, 0])
    np.testing.assert_allclose(other_leg.get_ydata(), MEAN[3, :, 0])
    assert head.get_color() == other_head.get_color() != leg.get_color() == other_leg.get_color()
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["head", "left leg"]


def test_a_band_is_the_deviation_and_the_share_that_the_view_explains_is_written():
    explained = np.array([[0.1, 0, np.nan], [0.4, 0, np.nan], [0.5, 0, np.nan], [0.5, 0, np.nan]])
    figure = plot_part_lines(
        MEAN, parts=PARTS, numbers=NUMBERS, along=VIEWS, deviation=np.full(MEAN.shape, 0.1), explained=explained
    )
    corners = figure.axes[0].collections[0].get_paths()[0].vertices
    np.testing.assert_allclose([corners[:, 1].min(), corners[:, 1].max()], [-0.1, MEAN[0, 2, 0] + 0.1])
    told = [axes.get_title(loc="right") for axes in figure.axes]
    assert told == ["the view explains 10% to 40%", "the view explains 50%", "constant", "constant"]


def test_steps_can_be_drawn_and_the_picture_is_written(tmp_path):
    figure = plot_part_lines(
        MEAN, parts=PARTS, numbers=NUMBERS, along=[100, 200, 300], label="step", path=tmp_path / "a.png", title="Parts"
    )
    assert (tmp_path / "a.png").stat().st_size > 5000
    assert figure.axes[-1].get_xlabel() == "step" and figure.get_suptitle() == "Parts"


def test_with_priors_and_a_picture_size_the_lines_are_pixels_from_the_prior_and_up_is_up():
    names = ["center_x", "center_y", "length"]
    figure = plot_part_lines(
        MEAN, parts=PARTS, numbers=names, along=VIEWS, priors=MEAN[:, 0], picture_size=(64, 44), drawn=names[:2]
    )
    assert [axes.get_ylabel() for axes in figure.axes[::2]] == [
        "pixels right of\nthe prior",
        "pixels above\nthe prior",
    ]
    right, above = (axes.get_lines()[0].get_ydata() for axes in figure.axes[::2])
    np.testing.assert_allclose(right, 44 * (MEAN[0, :, 0] - MEAN[0, 0, 0]))
    np.testing.assert_allclose(above, 64 * (MEAN[0, 0, 1] - MEAN[0, :, 1]))  # y points down in the map
    plain = plot_part_lines(MEAN, parts=PARTS, numbers=names, along=VIEWS)
    assert plain.axes[2].yaxis_inverted() and not plain.axes[0].yaxis_inverted()


def test_a_part_has_the_colour_that_it_has_in_all_pictures_whatever_the_order():
    order = [1, 0, 3, 2]
    one, other = (
        plot_part_lines(MEAN, parts=[PARTS[at] for at in places], numbers=NUMBERS, along=VIEWS).axes[0].get_lines()
        for places in (range(4), order)
    )
    assert one[0].get_color() == other[1].get_color() == part_styles(["head"])["head"].color


@pytest.mark.bad_input
def test_priors_of_another_shape_and_unknown_numbers_are_named():
    with pytest.raises(ValueError, match=r"priors must have the shape \[parts, numbers\], \(4, 3\); got \(3, 4\)"):
        plot_part_lines(MEAN, parts=PARTS, numbers=NUMBERS, along=VIEWS, priors=np.zeros((3, 4)))
    with pytest.raises(ValueError, match="drawn: there is no number 'centre_x'. Did you mean 'center_x'"):
        plot_part_lines(MEAN, parts=PARTS, numbers=NUMBERS, along=VIEWS, drawn=["centre_x"])


@pytest.mark.bad_input
def test_other_shapes_are_refused_with_the_shape_that_is_needed():
    with pytest.raises(ValueError, match=r"\[parts, views, numbers\], \(4, 2, 3\); got \(4, 3, 3\)"):
        plot_part_lines(MEAN, parts=PARTS, numbers=NUMBERS, along=[0, 90])
