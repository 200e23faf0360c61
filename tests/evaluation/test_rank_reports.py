import csv
import dataclasses
import io
import json

import numpy as np
import pytest
import rich.console

from tf3dlocal.evaluation import (
    cross_view,
    csv_report,
    json_report,
    load_protocol,
    markdown_report,
    print_report,
    rank_rows,
    write_reports,
)

WALKS = [
    (s, c, v)
    for s in ("025", "026", "027")
    for c in ("nm-01", "nm-02", "nm-05", "bg-01", "cl-01")
    for v in range(0, 181, 18)
]


def columns_of(walks):
    return dict(zip(("subjects", "conditions", "view_degrees"), zip(*walks)))


@pytest.fixture(scope="module")
def result():
    """Three subjects under the small-training protocol; every probe is found."""
    embeddings = np.array([[100.0 * int(s), v / 180] for s, _, v in WALKS])
    details = {"data": "toy walks", "seed": 7, "versions": {"keras": "3.15"}}
    return cross_view(embeddings, **columns_of(WALKS), protocol="casia-b-st", details=details)


@pytest.fixture(scope="module")
def poor_result():
    """Two views, one group without probes, one probe without gallery."""
    walks = [("025", "nm-01", 0), ("026", "nm-01", 18), ("025", "nm-05", 18), ("026", "nm-05", 0), ("025", "bg-01", 0)]
    return cross_view([[1.0], [2.0], [1.1], [2.0], [1.0]], **columns_of(walks), protocol="casia-b-st")


def on_terminal(result, width=120, **keys):
    console = rich.console.Console(width=width, record=True, file=io.StringIO())
    print_report(result, console=console, **keys)
    return console.export_text()


STATED = [
    "casia-b-st",
    "part_mean",
    "3 tested of 100",
    "gallery walks: 66",
    "probe walks: 99",
    "toy walks",
    "keras 3.15",
    "seed: 7",
]


@pytest.mark.parametrize("write", [on_terminal, markdown_report])
@pytest.mark.parametrize("fact", STATED)
def test_a_report_names_protocol_distance_counts_versions_and_seed(result, write, fact):
    assert fact in write(result)


def test_the_terminal_shows_eleven_views_and_the_mean_for_three_groups(result):
    lines = on_terminal(result, method="mine").splitlines()
    head = next(line for line in lines if line.split()[:2] == ["Probe", "Method"])
    assert head.split()[2:] == [f"{v}°" for v in range(0, 181, 18)] + ["Mean"]
    for group in ("NM", "BG", "CL"):
        assert any(line.split() == [group, "mine", *["100.0"] * 12] for line in lines)


@pytest.mark.parametrize("write", [on_terminal, markdown_report])
def test_published_rows_are_next_to_the_measured_ones_with_both_means_where_they_differ(result, write):
    text = write(result, published=True)
    for mean in ("84.1", "74.0 [75.53]", "76.0 [77.53]", "47.5 [47.70]"):
        assert mean in text
    assert text.count(" [") == 3 + 1  # the three rows and the sentence that explains them
    assert "supplementary material, Table 2" in text and "toy walks" in text


def test_published_rows_are_printed_on_request_only(result):
    assert "MT3D" not in markdown_report(result) + on_terminal(result) + csv_report(result)


def test_published_rows_of_a_protocol_without_any_are_refused(result):
    other = dataclasses.replace(result, protocol=load_protocol("casia-b-mt"))
    with pytest.raises(ValueError, match="Protocol 'casia-b-mt' has no published table"):
        rank_rows(other, published=True)


def test_published_rows_are_refused_next_to_another_mean(result):
    with pytest.raises(ValueError, match="identical views excluded"):
        rank_rows(result, identical_views="include", published=True)


def test_the_markdown_table_has_the_same_number_of_cells_in_every_row(result):
    tables = [line for line in markdown_report(result, published=True).splitlines() if line.startswith("|")]
    assert sorted({line.count("|") for line in tables}) == [8, 15]


def test_the_csv_has_every_rank_and_mean_in_full_precision_with_the_facts(result):
    rows = list(csv.DictReader(io.StringIO(csv_report(result, method="mine", published=True))))
    measured = [row for row in rows if row["method"] == "mine"]
    assert len(rows) - len(measured) == 15 and len(measured) == 3 * 5 * 3
    assert {row["identical_views"] for row in measured} == {"excluded", "included", "only"}
    assert all(row["distance"] == "part_mean" and row["protocol"] for row in measured)
    off = {(row["group"], row["method"]) for row in rows if row["recomputed_mean"]}
    assert off == {("BG", "MT3D"), ("BG", "3DLocal"), ("CL", "GLN")}


def test_the_json_has_the_counts_of_every_pair(result, poor_result):
    for one in (result, poor_result):
        read = json.loads(json.dumps(json_report(one), allow_nan=False))
        hits, counted = np.array(read["pairs"]["hits"]), np.array(read["pairs"]["counted"])
        assert hits.shape == one.hits.shape and counted.shape == one.hits.shape[1:]
        assert read["distance"] == "part_mean" and read["protocol"]["name"] == "casia-b-st"
    assert read["means_by_rank"]["identical_views_excluded"]["CL"] == [None] * 5


def test_a_group_without_probes_is_a_dash_and_a_note(poor_result):
    text = markdown_report(poor_result)
    assert "| CL | this run |" + " - |" * 12 in text
    assert "- group CL: no probe walk (cl-01, cl-02)." in text
    views = "36, 54, 72, 90, 108, 126, 144, 162"
    assert f"- views {views} and 1 more (9 of 11): no walk of a test subject; not part of the means." in text
    assert "\n| BG | all but the probe's view |" in text and "\n| BG | the probe's view only |" in text
    assert sum("no walk of a test subject; not" in notice for notice in poor_result.notices) == 1


def test_square_brackets_in_a_name_are_not_read_as_colours(result):
    assert "[bold]mine[/]" in on_terminal(result, method="[bold]mine[/]", width=140)


def test_the_three_files_are_written_into_a_new_folder(result, tmp_path):
    paths = write_reports(result, folder=tmp_path / "new" / "report", published=True)
    assert [path.name for path in paths] == ["rank1.md", "rank1.csv", "rank1.json"]
    assert sorted(path.name for path in (tmp_path / "new" / "report").iterdir()) == [
        "rank1.csv",
        "rank1.json",
        "rank1.md",
    ]


def test_rows_have_the_name_of_what_was_tested_unless_another_is_given(result):
    named = dataclasses.replace(result, method="st")
    assert "| NM | st |" in markdown_report(named) and "st" in on_terminal(named)
    assert json_report(named)["method"] == "st" and json_report(named, method="x")["method"] == "x"
    assert ",st," in csv_report(named) and "| NM | x |" in markdown_report(named, method="x")


@pytest.mark.bad_input
@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252", "utf-8"])
def test_a_terminal_that_lacks_a_character_gets_the_report_all_the_same(result, encoding):
    printed = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    notices = ("caf\u00e9 \u6b69 \U0001f6b6",)
    named = dataclasses.replace(result, method="\u6b69", details={"data": "\u00e9\u6b69"}, notices=notices)
    print_report(named, console=rich.console.Console(file=printed, width=120), published=True)
    printed.flush()
    text = printed.buffer.getvalue().decode(encoding)
    assert "100.0" in text and "Means (%)" in text
    assert ("\u6b69" in text) == (encoding == "utf-8")


@pytest.mark.bad_input
@pytest.mark.parametrize("write", [on_terminal, markdown_report])
def test_control_characters_and_bars_of_names_stay_text(result, write):
    named = dataclasses.replace(result, method="a\x1b[2J|b\n", notices=("x\x07\n# y",), details={"data": "\x1b]0;"})
    text = write(named)
    assert "\x1b" not in text and "\x07" not in text and "\n# y" not in text
    if write is markdown_report:
        tables = [line for line in text.splitlines() if line.startswith("|") and "Probe" not in line]
        assert all(line.replace("\\|", "").count("|") in (8, 15) for line in tables)


@pytest.mark.bad_input
def test_the_numbers_are_written_before_the_other_files(result, tmp_path):
    (tmp_path / "rank1.md").mkdir()
    with pytest.raises(OSError):
        write_reports(result, folder=tmp_path)
    assert json.loads((tmp_path / "rank1.json").read_text())["rank1"]["NM"]["mean"] == 100


@pytest.mark.bad_input
@pytest.mark.parametrize("content", [b"", b"group,method\n", b"\xff\xfe", b"group,method,0\nNM,x,y\n"])
def test_a_damaged_published_table_is_named(content, tmp_path, monkeypatch):
    from tf3dlocal.evaluation import published_table
    from tf3dlocal.io import UnreadableError

    (tmp_path / "x.csv").write_bytes(content)
    monkeypatch.setattr("tf3dlocal.evaluation.published._FOLDER", tmp_path)
    with pytest.raises(UnreadableError, match="x.csv cannot be read: .*Install tf3dlocal again"):
        published_table("x")
