"""Medians, ratios and the table that is made of them, from given numbers."""

import doctest
import importlib
import io

import numpy as np
import pytest
import rich.console
from measuring import Measurements, Row, fit_power, quartiles
from measuring.matmul import numpy_matmul, tensorflow_matmul
from measuring.moving_bodies import moving_bodies
from measuring.processes import HERE
from measuring.tables import bound_by, markdown, print_measurements, table_cells

WITH_EXAMPLES = [path.stem for path in sorted(HERE.glob("*.py")) if ">>> " in path.read_text()]


@pytest.mark.parametrize("name", WITH_EXAMPLES)
@pytest.mark.slow
def test_the_docstring_examples_give_what_they_show(name):
    found = doctest.testmod(importlib.import_module(f"measuring.{name}"))
    assert found.attempted > 0 and found.failed == 0


@pytest.fixture
def measured():
    """Five rounds; a disturbance makes both alternatives three times as slow in the third."""
    base = Row(
        "PyTorch",
        seconds=[4.0, 4.1, 12.0, 4.2, 3.9],
        processor_seconds=[8.0] * 5,
        first_seconds=6.0,
        peak_mb=1900.4,
        libraries_mb=200,
        facts={"walks": 8},
    )
    own = Row(
        "own",
        seconds=[2.0, 2.1, 6.6, 2.1, 2.0],
        processor_seconds=[4.0] * 5,
        first_seconds=32.1,
        peak_mb=3000,
        libraries_mb=600,
        facts={"walks": 8, "gflop": 100.0, "compiled": True},
    )
    machine = {
        "processor": "a processor",
        "cores": {"usable": 2, "machine": 4},
        "memory_gb": 8,
        "gpus": ["NVIDIA H100"],
        "python": "3.11",
        "date": "today",
        "libraries": {"keras": "3", "torch": None},
        "settings": {"OMP_NUM_THREADS": "2"},
        "matmul_peak": {"gflop_per_second": 100.0, "library": "numpy", "size": 2048},
    }
    return Measurements(
        "a step",
        rows=[base, own],
        absent=[{"name": "rival", "reason": "not here", "details": ""}],
        base="PyTorch",
        machine=machine,
        load={"before": [0.1, 0, 0], "after": [2.0, 1, 0]},
        conditions={"rounds": 5, "walks": 8},
    )


def test_median_and_quartiles_equal_numpys():
    seconds = [5.0, 1.0, 2.0, 9.0, 4.0, 3.0]
    np.testing.assert_allclose(quartiles(seconds), np.quantile(seconds, [0.25, 0.5, 0.75]))
    assert Row("a", seconds=seconds).median == 3.5


def test_the_ratio_is_the_median_of_the_ratios_of_the_rounds(measured):
    first, median, third = measured.ratio(measured.rows[1])
    assert median == pytest.approx(2.1 / 4.1)  # 0.5, 0.5122, 0.55, 0.5, 0.5128
    assert first == pytest.approx(0.5) and third == pytest.approx(2.0 / 3.9)


def test_compile_seconds_are_what_the_first_call_took_beyond_the_median(measured):
    assert measured.rows[1].compile_seconds == pytest.approx(30.0)
    assert Row("quick", seconds=[2.0], first_seconds=1.5).compile_seconds == 0


def test_the_table_has_a_column_for_every_number_that_exists(measured):
    header, rows = table_cells(measured)
    own = dict(zip(header, rows[1]))
    assert (own[""], own["XLA"], own["median s"], own["least"]) == ("own", "yes", "2.1", "2")
    assert own["times PyTorch"] == "0.51"
    assert (own["walks/s"], own["GFLOP/s"], own["of peak"], own["CPU s"]) == ("3.81", "47.6", "48 %", "4")
    assert (own["compile s"], own["peak MB"], own["libraries MB"]) == ("30.0", "3000", "600")
    assert rows[0][header.index("GFLOP/s")] == ""
    del measured.rows[1].facts["gflop"]
    measured.rows[0].facts["total_frames"] = 820
    header, rows = table_cells(measured)
    assert "GFLOP/s" not in header and [row[header.index("frames/s")] for row in rows] == ["200", ""]


def test_both_libraries_matrix_products_are_counted():
    for maker in (numpy_matmul, tensorflow_matmul):
        call = maker(16)
        call()
        assert call.facts["gflop"] == 2 * 16**3 / 1e9


def test_the_sentence_about_what_bounds_a_step_is_about_the_fastest_row_with_known_operations(measured):
    assert "own: 100 GFLOP a step at 48 % of the machine's matrix product: memory traffic" in bound_by(measured)
    measured.rows[1].seconds = [1.1] * 5
    assert "91 %" in bound_by(measured) and "products bound it" in bound_by(measured)
    measured.machine["matmul_peak"] = None
    assert bound_by(measured) is None


def test_short_times_are_in_milliseconds():
    header, rows = table_cells(Measurements("t", rows=[Row("a", seconds=[0.0123])], base="a"))
    assert header[1] == "median ms" and rows[0][1] == "12.3"


@pytest.mark.parametrize("width", [100, 140])
def test_the_printed_table_contains_everything_that_the_page_contains(measured, width):
    file = io.StringIO()
    print_measurements(measured, console=rich.console.Console(file=file, width=width))
    page, printed = markdown(measured), file.getvalue().replace("\n", " ")
    for text in ("a step", "own", "absent: rival (not here)", "a processor", "8 GB, NVIDIA H100;", "keras 3"):
        assert text in page and text in printed, text
    assert all(text in page and text in printed for text in ("OMP_NUM_THREADS=2", "100 GFLOP/s"))
    assert "torch None" not in page and "busy" not in page


@pytest.mark.parametrize(
    ("before", "others", "busy"), [(0.1, None, False), (1.7, None, True), (1.7, 0.05, False), (0.1, 0.5, True)]
)
def test_a_machine_is_busy_if_other_processes_worked_during_the_rounds(measured, before, others, busy):
    measured.load |= {"before": [before, 0, 0]} | ({} if others is None else {"others": others})
    assert ("the machine was busy" in markdown(measured)) is busy


def test_a_table_without_rows_lists_what_is_absent():
    absent = [{"name": "a", "reason": "gone", "details": ""}]
    page = markdown(Measurements("t", rows=[], absent=absent))
    assert "absent: a (gone)" in page and "|" not in page


def test_a_power_is_recovered_from_its_values():
    sizes = [5, 10, 20, 40]
    factor, exponent = fit_power(sizes, [0.3 * size**1.7 for size in sizes])
    assert (factor, exponent) == (pytest.approx(0.3), pytest.approx(1.7))
    with pytest.raises(ValueError, match="two different sizes"):
        fit_power([3, 3], [1.0, 2.0])


def test_the_batch_is_the_same_for_all_libraries_and_contains_moving_bodies():
    silhouettes, labels = moving_bodies(6, 5, height=32, width=22)
    again, _ = moving_bodies(6, 5, height=32, width=22)
    assert silhouettes.shape == (6, 5, 32, 22, 1) and silhouettes.dtype == np.float32
    assert np.array_equal(silhouettes, again) and set(np.unique(silhouettes)) == {0, 1}
    assert labels.tolist() == [0, 0, 1, 1, 2, 2]
    assert all(0.1 < walk.mean() < 0.6 for walk in silhouettes)
    assert any(not np.array_equal(silhouettes[0, 0], frame) for frame in silhouettes[0, 1:])
    with pytest.raises(ValueError, match="at least 1"):
        moving_bodies(0, 5)
