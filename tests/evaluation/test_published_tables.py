import numpy as np
import pytest

from tf3dlocal.evaluation import load_protocol, published_names, published_table


def off(name):
    return {(row.group, row.label) for row in published_table(name).rows if row.mean_is_off}


def test_exactly_three_printed_means_of_the_small_training_table_are_off():
    assert off("casia-b-st") == {("BG", "MT3D"), ("BG", "3DLocal"), ("CL", "GLN")}


def test_the_recomputed_means_of_those_three_rows_are_known():
    rows = {(row.group, row.method): row for row in published_table("casia-b-st").rows}
    found = [round(rows[key].recomputed_mean, 2) for key in (("BG", "MT3D"), ("BG", "3DLocal"), ("CL", "GLN"))]
    assert found == [75.53, 77.53, 47.70]


def test_three_printed_means_of_the_large_training_table_are_off():
    assert off("casia-b-lt") == {("BG", "MT3D 64x44"), ("BG", "GaitPart 64x44"), ("CL", "3DLocal 64x44")}


def test_the_ou_mvlp_mean_is_that_of_its_views():
    rows = published_table("ou-mvlp").of_group("NM")
    assert [row.printed_mean for row in rows] == [87.1, 88.7, 89.2, 90.9]
    assert round(rows[-1].recomputed_mean, 2) == 90.87 and not off("ou-mvlp")
    assert [row.printed_mean for row in published_table("ou-mvlp").of_group("NM", probes_without_gallery="drop")] == [
        93.3,
        95.1,
        95.6,
        96.5,
    ]


@pytest.mark.parametrize("name", published_names())
def test_a_published_table_has_the_views_and_groups_of_its_protocol(name):
    table, protocol = published_table(name), load_protocol(name)
    assert table.views == protocol.views
    assert {row.group for row in table.rows} == set(protocol.probes)
    for row in table.rows:
        assert row.source and len(row.values) in (0, len(table.views))
        assert np.isnan(row.recomputed_mean) == (not row.values)


@pytest.mark.shared
def test_the_small_training_table_is_that_of_the_supplement(shared):
    (document,) = (shared / "supplement").glob("*.txt")
    given = [line.split("\t") for line in document.read_text(encoding="utf-8").splitlines() if line.count("\t") == 13]
    given = [
        [float(cell) for cell in cells[2:]]
        for cells in given
        if cells[1] in ("GaitSet", "GaitPart", "GLN", "MT3D", "3DLocal")
    ]
    rows = [[*row.values, row.printed_mean] for row in published_table("casia-b-st").rows]
    assert rows == given and len(given) == 15


def test_a_protocol_without_a_published_table_is_an_error_that_names_the_others():
    with pytest.raises(ValueError, match="casia-b-lt, casia-b-st, ou-mvlp"):
        published_table("casia-b-mt")
