"""The plot of rank-1 by probe view draws the right lines, bands and names."""

import numpy as np
import pytest

from tf3dlocal.visualization import plot_rank_by_view
from tf3dlocal.visualization.rank_by_view import MOST_METHODS, spread_apart

VIEWS = [0, 90, 180]
LOCAL = {"NM": [[50, 70, 60], [54, 74, 64]], "CL": [[20, 40, 30], [20, 40, 30]]}
OTHER = {"NM": [[40, 50, 40]], "CL": [[10, 20, 10]]}


def lines(axes):
    return {line.get_label(): line for line in axes.get_lines() if not line.get_label().startswith("_")}


def test_every_group_has_a_panel_and_every_method_a_line():
    figure = plot_rank_by_view({"3DLocal": LOCAL, "other": OTHER}, views=VIEWS)
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["NM", "CL"]
    nm, cl = (lines(axes) for axes in figure.axes)
    assert set(nm) == set(cl) == {"3DLocal", "other"}
    np.testing.assert_allclose(nm["3DLocal"].get_ydata(), [52, 72, 62])  # mean over the seeds
    np.testing.assert_allclose(cl["other"].get_ydata(), [10, 20, 10])


def test_the_band_extends_from_the_lowest_to_the_highest_seed_and_one_seed_has_none():
    nm, _ = plot_rank_by_view({"3DLocal": LOCAL, "other": OTHER}, views=VIEWS).axes
    (band,) = nm.collections
    corners = band.get_paths()[0].vertices
    assert {tuple(corner) for corner in corners} >= {(0, 50), (0, 54), (1, 70), (1, 74), (2, 60), (2, 64)}


def test_the_last_position_is_the_mean_over_the_views():
    nm, _ = plot_rank_by_view({"3DLocal": LOCAL}, views=VIEWS).axes
    assert [label.get_text() for label in nm.get_xticklabels()] == ["0°", "90°", "180°", "mean"]
    (mean,) = [line for line in nm.get_lines() if len(line.get_xdata()) == 1]
    assert mean.get_ydata() == [62.0]


def test_a_baseline_is_a_grey_dotted_line_behind_the_methods():
    nm, _ = plot_rank_by_view({"3DLocal": LOCAL}, views=VIEWS, baselines={"GEI": OTHER}).axes
    found = lines(nm)
    assert found["GEI"].get_color() == "0.45" and found["GEI"].is_dashed() and not found["3DLocal"].is_dashed()
    assert found["GEI"].get_zorder() < found["3DLocal"].get_zorder()


def test_names_are_next_to_the_last_panel_in_the_order_of_the_means_and_do_not_overlap():
    methods = {f"m{n}": {"NM": [[50 + n / 10] * 3]} for n in range(8)}
    (axes,) = plot_rank_by_view(methods, views=VIEWS).axes
    heights = {text.get_text(): text.xyann[1] for text in axes.texts}
    assert list(heights) == sorted(methods, key=lambda name: methods[name]["NM"][0][0])
    assert min(np.diff(list(heights.values()))) > 2


def test_no_two_lines_look_alike():
    methods = {f"m{n}": {"NM": [[n, n, n]]} for n in range(MOST_METHODS)}
    (axes,) = plot_rank_by_view(methods, views=VIEWS).axes
    assert len({(line.get_color(), line.get_linestyle()) for line in lines(axes).values()}) == MOST_METHODS
    with pytest.raises(ValueError, match=f"{MOST_METHODS + 1} methods"):
        plot_rank_by_view({**methods, "more": {"NM": [[1, 2, 3]]}}, views=VIEWS)


def test_an_unknown_value_is_a_gap_without_a_warning(recwarn):
    unknown = {"NM": [[np.nan, 10, 20], [np.nan, 20, np.nan]], "CL": [[np.nan] * 3] * 2}
    nm, cl = plot_rank_by_view({"3DLocal": unknown, "other": OTHER}, views=VIEWS).axes
    np.testing.assert_allclose(lines(nm)["3DLocal"].get_ydata(), [np.nan, 15, 20])
    assert np.isnan(lines(cl)["3DLocal"].get_ydata()).all()
    assert [text.get_text() for text in cl.texts] == ["other"]
    assert not recwarn.list


def test_views_may_be_names():
    figure = plot_rank_by_view({"3DLocal": {"NM": [[1, 2]]}}, views=["front", "side"])
    assert [label.get_text() for label in figure.axes[0].get_xticklabels()] == ["front", "side", "mean"]


def test_the_file_and_its_folder_are_written(tmp_path):
    plot_rank_by_view({"3DLocal": LOCAL}, views=VIEWS, path=tmp_path / "new" / "ranks.png", title="blobs")
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["ranks.png"]


@pytest.mark.parametrize(
    ("methods", "baselines", "message"),
    [
        ({}, {}, "There are no methods"),
        ({"a": LOCAL}, {"a": LOCAL}, "'a' is a method and a baseline"),
        ({"a": LOCAL, "b": {"NM": [[1, 2, 3]]}}, {}, r"groups \['NM', 'CL'\]; 'b' has \['NM'\]"),
        ({"a": {"NM": [[1, 2]]}}, {}, r"'a', NM: rank-1 must have shape \[seeds, views\] with 3 views, not \[1, 2\]"),
        ({"a": {}}, {}, "at least one group"),
    ],
)
def test_arguments_that_do_not_match_raise_an_error(methods, baselines, message):
    with pytest.raises(ValueError, match=message):
        plot_rank_by_view(methods, views=VIEWS, baselines=baselines)


def test_values_are_spread_as_little_as_needed_and_within_the_limits():
    assert spread_apart([1.0, 50.0], gap=5, limits=(0, 100)) == [1.0, 50.0]
    assert spread_apart([10.0, 10.0, 10.0], gap=4, limits=(0, 100)) == [6.0, 10.0, 14.0]
    assert spread_apart([0.0, 0.0], gap=4, limits=(0, 100)) == [0.0, 4.0]
    assert spread_apart([99.0, 100.0], gap=4, limits=(0, 100)) == [96.0, 100.0]
    assert spread_apart([10.0, 13.0, 14.0, 15.0], gap=4, limits=(0, 100)) == pytest.approx([7.0, 11.0, 15.0, 19.0])
