"""The plot of growing cost draws each point at its place."""

import importlib
import pathlib
import sys

import numpy as np
import pytest

BENCHMARKS = pathlib.Path(__file__).resolve().parents[2] / "benchmarks"
sys.path.insert(0, str(BENCHMARKS))
plot_cost_growth = importlib.import_module("_cost_growth_picture").plot_cost_growth
sys.path.remove(str(BENCHMARKS))

SERIES = {
    "train, auto": {
        "sizes": [10, 20, 40],
        "seconds": [(0.9, 1.0, 1.4), (1.9, 2.0, 2.1), (3.8, 4.0, 4.4)],
        "peak_mb": [900, 1200, 1900],
        "factor": 0.1,
        "exponent": 1.0,
    },
    "inference, auto": {
        "sizes": [10, 20],
        "seconds": [(0.2, 0.3, 0.4), (0.4, 0.5, 0.6)],
        "peak_mb": [None, 700],
        "factor": 0.05,
        "exponent": 0.74,
    },
}


def test_seconds_and_memory_are_drawn_over_the_sizes_with_the_fitted_power(tmp_path):
    figure = plot_cost_growth(SERIES, size_label="frames", path=tmp_path / "growth.png")
    seconds, memory = figure.axes
    lines = {line.get_label(): line.get_xydata() for line in seconds.get_lines()}
    np.testing.assert_allclose(lines["train, auto: size to the 1.00"], [[10, 1], [20, 2], [40, 4]])
    np.testing.assert_allclose(lines["in proportion"], [[10, 1], [20, 2], [40, 4]])
    assert {"inference, auto: size to the 0.74"} < set(lines)
    np.testing.assert_allclose(memory.get_lines()[1].get_xydata(), [[20, 700]])
    assert seconds.get_xscale() == seconds.get_yscale() == "log"
    assert memory.get_xscale() == memory.get_yscale() == "linear" and memory.get_ylim()[0] == 0
    assert [label.get_text() for label in seconds.get_xticklabels()] == ["10", "20", "40"]
    assert (tmp_path / "growth.png").exists()


def test_without_memory_there_is_one_panel():
    series = {"a": SERIES["train, auto"] | {"peak_mb": [None] * 3}}
    assert len(plot_cost_growth(series).axes) == 1


@pytest.mark.parametrize("series", [{}, {"a": SERIES["train, auto"] | {"sizes": [10]}}])
def test_nothing_to_plot_raises_an_error(series):
    with pytest.raises(ValueError, match="no series|lists of the same length"):
        plot_cost_growth(series)
