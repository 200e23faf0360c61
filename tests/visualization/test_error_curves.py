"""Error curves are readable in a column, in grey and where a rate is zero."""

import numpy as np
import pytest
from matplotlib.colors import to_rgb
from matplotlib.text import Text

from tf3dlocal.visualization import ErrorRates, plot_error_curves

RATES = ErrorRates(np.array([0, 0.001, 0.02, 0.3, 1]), np.array([0.9, 0.5, 0.2, 0.02, 0]))


def test_every_group_is_a_line_with_its_own_dashes_and_a_band():
    band = np.stack([RATES.miss * 0.8, np.minimum(1, RATES.miss * 1.2)])
    figure = plot_error_curves({name: RATES._replace(miss_interval=band) for name in ("NM", "BG", "CL")})
    (axes,) = figure.axes
    lines = [line for line in axes.get_lines() if not line.get_label().startswith("_")]
    assert [line.get_label() for line in lines] == ["NM", "BG", "CL"]
    assert len({str(line.get_linestyle()) + str(line._unscaled_dash_pattern) for line in lines}) == 3
    assert len({tuple(to_rgb(line.get_color())) for line in lines}) == 3 and len(axes.collections) == 3


def test_text_is_at_least_seven_points_at_the_width_of_a_column():
    figure = plot_error_curves({"NM": RATES})
    assert figure.get_figwidth() <= 3.5
    assert min(text.get_fontsize() for text in figure.findobj(Text) if text.get_text()) >= 7


def test_rates_of_zero_and_one_and_a_curve_without_false_positives_can_be_drawn(tmp_path):
    perfect = ErrorRates(np.array([0.0, 0, 1]), np.array([0.5, 0, 0]))
    figure = plot_error_curves({"perfect": perfect, "usual": RATES}, path=tmp_path / "curves.png")
    figure.canvas.draw()
    assert (tmp_path / "curves.png").stat().st_size > 1000


def test_eight_groups_have_eight_looks():
    figure = plot_error_curves({str(number): RATES for number in range(8)}, show_equal=False)
    looks = {(line.get_color(), str(line._unscaled_dash_pattern)) for line in figure.axes[0].get_lines()}
    assert len(looks) == 8


@pytest.mark.bad_input
def test_without_a_false_positive_there_is_nothing_to_draw():
    with pytest.raises(ValueError, match="No curve has a point with a false positive"):
        plot_error_curves({"NM": ErrorRates(np.zeros(2), np.ones(2))})
