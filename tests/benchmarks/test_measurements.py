"""Medians, ratios and the table that is made of them, from numbers given by hand."""

import io

import numpy as np
import pytest
import rich.console

from tf3dlocal.benchmark import moving_bodies
from tf3dlocal.benchmark.cost_growth import cost_growth, fit_power
from tf3dlocal.benchmark.matmul import numpy_matmul, tensorflow_matmul
from tf3dlocal.benchmark.measurements import Measurements, Row, quartiles
from tf3dlocal.benchmark.print_measurements import (
    bound_by,
    markdown,
    print_measurements,
    table_cells,
)


@pytest.fixture
def measured():
    """Five rounds, of which the third was disturbed: all take three times as long in it."""
    base = Row(
        "PyTorch",
        [4.0, 4.1, 12.0, 4.2, 3.9],
        [8.0] * 5,
        first_seconds=6.0,
        peak_mb=1900.4,
        libraries_mb=200,
        facts={"walks": 8},
    )
    ours = Row(
        "ours",
        [2.0, 2.1, 6.6, 2.1, 2.0],
        [4.0] * 5,
        first_seconds=32.1,
        peak_mb=3000,
        libraries_mb=600,
        facts={"walks": 8, "gflop": 100.0, "compiled": True},
    )
    machine = {
        "processor": "a processor",
        "cores": {"usable": 2, "machine": 4},
        "memory_gb": 8,
        "python": "3.11",
        "date": "today",
        "libraries": {"keras": "3", "torch": None},
        "settings": {"OMP_NUM_THREADS": "2"},
        "matmul_peak": {"gflop_per_second": 100.0, "library": "numpy", "size": 2048},
    }
    return Measurements(
        "a step",
        [base, ours],
        [{"name": "rival", "reason": "not here", "details": ""}],
        "PyTorch",
        machine,
        {"before": [0.1, 0, 0], "after": [2.0, 1, 0]},
        {"rounds": 5, "walks": 8},
    )


def test_median_least_and_quartiles_are_those_of_numpy():
    seconds = [5.0, 1.0, 2.0, 9.0, 4.0, 3.0]
    np.testing.assert_allclose(quartiles(seconds), np.quantile(seconds, [0.25, 0.5, 0.75]))
    assert Row("a", seconds).median == 3.5


def test_the_ratio_is_the_median_of_the_rounds_ratios(measured):
    first, median, third = measured.ratio(measured.rows[1])
    assert median == pytest.approx(2.1 / 4.1)  # 0.5, 0.5122, 0.55, 0.5, 0.5128
    assert first == pytest.approx(0.5) and third == pytest.approx(2.0 / 3.9)


def test_compiling_is_what_the_first_call_took_beyond_the_median(measured):
    assert measured.rows[1].compile_seconds == pytest.approx(30.0)
    assert Row("quick", [2.0], first_seconds=1.5).compile_seconds == 0


def test_the_table_has_a_column_for_every_number_that_there_is(measured):
    header, rows = table_cells(measured)
    ours = dict(zip(header, rows[1]))
    assert (ours[""], ours["XLA"], ours["median s"], ours["least"]) == ("ours", "yes", "2.1", "2")
    assert ours["times PyTorch"] == "0.51"
    assert (ours["walks/s"], ours["GFLOP/s"], ours["of peak"], ours["CPU s"]) == ("3.81", "47.6", "48 %", "4")
    assert (ours["compile s"], ours["peak MB"], ours["libraries MB"]) == ("30.0", "3000", "600")
    assert rows[0][header.index("GFLOP/s")] == ""
    del measured.rows[1].facts["gflop"]
    assert "GFLOP/s" not in table_cells(measured)[0]


def test_frames_of_a_whole_call_are_told_by_the_second(measured):
    assert "frames/s" not in table_cells(measured)[0]
    measured.rows[0].facts["total_frames"] = 820
    header, rows = table_cells(measured)
    assert [row[header.index("frames/s")] for row in rows] == ["200", ""]


def test_what_the_environment_came_to_stands_under_the_table(measured):
    measured.rows[1].facts |= {"form": "minimal", "onednn": True}
    measured.machine["gpus"] = ["NVIDIA H100"]
    page = markdown(measured)
    assert (
        "form of the layers: minimal (ours)" in page
        and "on a processor: oneDNN" in page
        and "8 GB, NVIDIA H100;" in page
    )


def test_both_libraries_products_are_measured():
    for maker in (numpy_matmul, tensorflow_matmul):
        call = maker(16)
        call()
        assert call.facts["gflop"] == 2 * 16**3 / 1e9


def test_what_bounds_a_step_is_said_of_the_fastest_that_counts_its_operations(measured):
    assert "ours: 100 GFLOP a step at 48 % of the machine's matrix product: about as much time" in bound_by(measured)
    measured.rows[1].seconds = [1.1] * 5
    assert "91 %" in bound_by(measured) and "products bound it" in bound_by(measured)
    measured.machine["matmul_peak"] = None
    assert bound_by(measured) is None


def test_short_times_are_in_milliseconds():
    header, rows = table_cells(Measurements("t", [Row("a", [0.0123])], base="a"))
    assert header[1] == "median ms" and rows[0][1] == "12.3"


@pytest.mark.parametrize("width", [100, 140])
def test_the_printed_table_says_all_that_the_page_says(measured, width):
    file = io.StringIO()
    print_measurements(measured, rich.console.Console(file=file, width=width))
    page = markdown(measured)
    for text in (
        "a step",
        "ours",
        "absent: rival (not here)",
        "a processor",
        "keras 3",
        "OMP_NUM_THREADS=2",
        "100 GFLOP/s",
    ):
        assert text in page and text in file.getvalue().replace("\n", " "), text
    assert "torch None" not in page
    assert "busy" not in page


@pytest.mark.parametrize(
    ("before", "others", "busy"), [(0.1, None, False), (1.7, None, True), (1.7, 0.05, False), (0.1, 0.5, True)]
)
def test_a_busy_machine_is_told_by_what_others_did_during_the_rounds(measured, before, others, busy):
    measured.load |= {"before": [before, 0, 0]} | ({} if others is None else {"others": others})
    assert ("the machine was busy" in markdown(measured)) is busy


def test_a_table_without_rows_names_who_is_absent():
    page = markdown(Measurements("t", [], [{"name": "a", "reason": "gone", "details": ""}]))
    assert "absent: a (gone)" in page and "|" not in page


def test_the_power_of_growth_is_found_again():
    sizes = [5, 10, 20, 40]
    factor, exponent = fit_power(sizes, [0.3 * size**1.7 for size in sizes])
    assert (factor, exponent) == (pytest.approx(0.3), pytest.approx(1.7))
    with pytest.raises(ValueError, match="two different sizes"):
        fit_power([3, 3], [1.0, 2.0])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"axis": "pixels"}, "over frames or walks"),
        ({"what": "both"}, "growth is of train or inference"),
        ({"sizes": [8]}, "two sizes"),
        ({"sizes": [0, 8]}, "at least 1"),
    ],
)
def test_a_growth_that_cannot_be_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        cost_growth("nowhere.yaml", **arguments)


def test_the_batch_is_the_same_for_everybody_and_has_bodies_in_it():
    silhouettes, labels = moving_bodies(6, 5, 32, 22)
    again, _ = moving_bodies(6, 5, 32, 22)
    assert silhouettes.shape == (6, 5, 32, 22, 1) and silhouettes.dtype == np.float32
    assert np.array_equal(silhouettes, again) and set(np.unique(silhouettes)) == {0, 1}
    assert labels.tolist() == [0, 0, 1, 1, 2, 2]
    assert all(0.1 < walk.mean() < 0.6 for walk in silhouettes)
    assert any(not np.array_equal(silhouettes[0, 0], frame) for frame in silhouettes[0, 1:])
    with pytest.raises(ValueError, match="at least one walk"):
        moving_bodies(0, 5)
