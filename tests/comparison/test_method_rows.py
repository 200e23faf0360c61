"""Means and spread of numbers chosen by hand, and how the report, the CSV and the JSON show them."""

import csv
import io
import math

import numpy as np
import pytest

from tf3dlocal.comparison import print_comparison
from tf3dlocal.comparison.comparison import Comparison, method_row, spread_of
from tf3dlocal.comparison.numbers import comparison_csv, comparison_json
from tf3dlocal.comparison.report import comparison_markdown, spread_meaning
from tf3dlocal.evaluation import load_protocol

GROUPS = ["NM", "BG", "CL"]
VIEWS = tuple(range(0, 181, 18))


def kept(level, views=VIEWS):
    """What is kept of a run whose rank-1 is `level` in all views of NM, 10 less in BG, 20 less in CL."""
    groups = {group: level - 10 * number for number, group in enumerate(GROUPS)}
    rank1 = {group: {"by_probe_view": [value] * len(views), "mean": value} for group, value in groups.items()}
    return {"result": {"groups": GROUPS, "rank1": rank1}, "num_parameters": 1234567, "forward_flops": 2_500_000_000}


def cost(*seconds, minutes=10.0, steps=500):
    return {"steps": steps, "seconds_per_step": list(seconds), "minutes": minutes}


BASELINE = method_row("GEI", kept=[kept(30.0)])
TWO = method_row(
    "two",
    seeds=(0, 1),
    kept=[kept(60.0), kept(63.0)],
    costs=[cost(1.0, 1.2, minutes=9.0), cost(5.0, minutes=12.0)],
)
THREE = method_row("three", seeds=(0, 1, 2), kept=[kept(50.0), kept(52.0), kept(57.0)], costs=[cost(2.0)] * 3)


def comparison(*rows, **changes):
    settings = {
        "protocol": load_protocol("casia-b-st"),
        "data": "walkers124",
        "views": VIEWS,
        "rows": rows or (BASELINE, TWO),
        "runs": (
            {
                "run": "two-seed-0",
                "method": "two",
                "seed": 0,
                "folder": "o/two-seed-0",
                "taken": False,
                "mean": {"NM": 60.0, "BG": 50.0, "CL": math.nan},
            },
        ),
        "facts": {"data set": "walkers124, 110 walks", "seeds": "two 0, 1"},
        "notes": ("something to know",),
        "num_planned": 1,
        "published": False,
    }
    return Comparison(**{**settings, **changes})


def table_after(text, heading):
    """The cells of the first table after a heading, header first."""
    lines = text.split(heading, 1)[1].splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith("|"))
    table = []
    for line in lines[start:]:
        if not line.startswith("|"):
            break
        table.append([cell.strip() for cell in line.strip("|").split("|")])
    return [row for row in table if not set("".join(row)) <= set("-:")]


def test_several_seeds_give_their_mean_and_half_their_range_or_their_standard_deviation():
    assert TWO.mean("NM") == 61.5 and TWO.spread("NM") == 1.5
    assert THREE.mean("CL") == 33.0 and THREE.spread("CL") == pytest.approx(math.sqrt(13))  # (9 + 1 + 16) / 2
    assert BASELINE.mean("BG") == 20.0 and BASELINE.spread("BG") is None
    assert spread_of([7.0, 7.0]) == 0


def test_the_mean_of_a_view_is_over_the_seeds():
    one, two = kept(0.0, views=(0, 90)), kept(0.0, views=(0, 90))
    one["result"]["rank1"]["NM"]["by_probe_view"] = [10.0, None]
    two["result"]["rank1"]["NM"]["by_probe_view"] = [20.0, 40.0]
    row = method_row("x", seeds=(0, 1), kept=[one, two])
    assert row.mean_by_view("NM")[0] == 15.0
    assert math.isnan(row.mean_by_view("NM")[1])  # not a mean over other seeds than those of its neighbour


def test_the_cost_is_the_median_of_all_steps_and_the_mean_of_the_minutes():
    assert TWO.cost == {"parameters": 1234567, "gflops": 2.5, "seconds_per_step": 1.2, "minutes": 10.5, "steps": 500}
    assert BASELINE.cost == {}
    assert method_row("x", seeds=(0,), kept=[kept(1.0)], costs=[cost(minutes=None)]).cost["seconds_per_step"] is None


def test_the_report_says_which_spread_it_is():
    assert spread_meaning([BASELINE]) == ""
    assert spread_meaning([BASELINE, TWO]) == "± is half the range of its two seeds"
    assert spread_meaning([THREE]) == "± is the sample standard deviation of its three or more seeds"
    assert "half the range of its two seeds or the sample standard" in spread_meaning([TWO, THREE])


def test_the_first_table_has_the_shape_of_the_papers():
    table = table_after(comparison_markdown(comparison(BASELINE, TWO, THREE)), "## Rank-1 by probe view")
    assert table[0] == ["Probe", "Method", *(f"{view}°" for view in VIEWS), "Mean"]
    groups = [row[0] for row in table[1:]]
    assert groups == ["NM (nm-05, nm-06)", "", "", "BG (bg-01, bg-02)", "", "", "CL (cl-01, cl-02)", "", ""]
    assert [row[1] for row in table[1:4]] == ["GEI", "two", "three"]
    assert table[2][2:] == ["61.5"] * 11 + ["61.5 ± 1.5"]
    assert table[1][-1] == "30.0"


def test_the_second_table_has_the_cost_of_each_method():
    table = table_after(comparison_markdown(comparison()), "## Cost")
    assert table[0][1:6] == ["Parameters", "GFLOP per 30 frames", "Seconds per step", "Minutes of training", "Steps"]
    assert table[1] == ["GEI", "-", "-", "-", "-", "-", "no training"]
    assert table[2] == ["two", "1,234,567", "2.50", "1.2", "10.5", "500", "0, 1"]


def test_every_run_and_every_fact_and_note_is_in_the_report():
    text = comparison_markdown(comparison(), picture="report.png")
    assert table_after(text, "## Every run")[1] == ["two-seed-0", "0", "60.0", "50.0", "-", "`o/two-seed-0`"]
    assert "- data set: walkers124, 110 walks" in text and "- something to know" in text
    assert "![Rank-1 by probe view](report.png)" in text
    assert "Not finished" not in text and "casia-b-st on walkers124" in text and "identical views excluded" in text


def test_an_unfinished_comparison_says_so_at_the_top():
    text = comparison_markdown(comparison(num_planned=4))
    assert "**Not finished: 1 of 4 runs are in this report.**" in text.split("## Rank-1")[0]
    assert comparison_json(comparison(num_planned=4))["is_finished"] is False


def test_published_rows_have_their_own_heading_and_name_their_data_set():
    assert "GaitPart" not in comparison_markdown(comparison())
    text = comparison_markdown(comparison(published=True))
    before, section = text.split("## Next to the published rows, which are of CASIA-B")
    assert "GaitPart" not in before
    table = table_after(section, "\n")
    assert table[0][:3] == ["Probe", "Method", "Data set"]
    nm = table[1:8]
    assert [row[1:3] for row in nm] == [
        *([name, "CASIA-B"] for name in ("GaitSet", "GaitPart", "GLN", "MT3D", "3DLocal")),
        ["GEI", "walkers124"],
        ["two", "walkers124"],
    ]
    assert nm[4][3:] == ["71.2", "86.2", "93.2", "91.4", "83.5", "77.9", "84.4", "90.3", "92.4", "86.6", "68.4", "84.1"]
    assert "76.0 [77.53]" in section  # a printed mean that is not its row's
    assert "supplementary material, Table 2" in section


def test_the_csv_has_methods_runs_and_published_rows_in_full_precision():
    rows = list(csv.DictReader(io.StringIO(comparison_csv(comparison(published=True)))))
    assert {row["kind"] for row in rows} == {"baseline", "method", "run", "published"}
    (two,) = [row for row in rows if row["kind"] == "method" and row["group"] == "BG"]
    assert (two["method"], two["seeds"], two["0"], two["mean"], two["spread"]) == ("two", "0 1", "51.5", "51.5", "1.5")
    assert [row["mean"] for row in rows if row["kind"] == "run" and row["group"] == "CL"] == ["40.0", "43.0"]
    assert {row["data_set"] for row in rows if row["kind"] != "published"} == {"walkers124"}
    assert len([row for row in rows if row["kind"] == "published"]) == 15


def test_the_json_has_null_where_nothing_was_counted():
    found = comparison_json(comparison())
    assert found["runs"][0]["mean"] == {"NM": 60.0, "BG": 50.0, "CL": None}
    assert found["methods"][1]["rank1"]["NM"] == {"by_probe_view": [61.5] * 11, "mean": 61.5, "spread": 1.5}
    assert found["methods"][0]["cost"] == {} and found["is_finished"]


def test_the_terminal_shows_means_and_cost():
    import rich.console

    console = rich.console.Console(width=120, record=True, file=io.StringIO())
    print_comparison(comparison_json(comparison()), console=console)
    text = console.export_text()
    assert "61.5 ± 1.5" in text and "1,234,567" in text and "note: something to know" in text


def test_arrays_are_seeds_groups_views():
    assert np.shape(THREE.by_view) == (3, 3, 11) and np.shape(THREE.means) == (3, 3)


@pytest.mark.bad_input
@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
def test_a_terminal_that_lacks_a_character_gets_the_comparison_all_the_same(encoding):
    import rich.console

    printed = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    found = comparison_json(comparison(data="\u6b69", notes=("caf\u00e9 \x1b[2J",)))
    print_comparison(found, console=rich.console.Console(file=printed, width=120))
    printed.flush()
    text = printed.buffer.getvalue().decode(encoding)
    assert "61.5 " in text and "1.5" in text and "\x1b" not in text


@pytest.mark.bad_input
def test_control_characters_and_bars_of_names_stay_text():
    rows = (BASELINE, method_row("a|b\n# c\x1b", seeds=(0,), kept=[kept(1.0)], costs=[cost(1.0)]))
    text = comparison_markdown(comparison(*rows, notes=("x\n# y",)))
    assert "\x1b" not in text and "\n# c" not in text and "\n# y" not in text and "a\\|b" in text
