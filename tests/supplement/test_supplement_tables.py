"""The supplement's tables say what the layers, the files and the priors say."""

import csv
import io
import json

import keras
import pytest
import rich.console
from small_local_model import small_model

from tf3dlocal.cli import main
from tf3dlocal.layers import PAPER_PARTS, LocalizationNetwork, localization_rows
from tf3dlocal.models import ThreeDLocal
from tf3dlocal.supplement import SupplementTable, table_1, table_2, table_3


def call(*arguments):
    with pytest.raises(SystemExit) as ended:
        main([str(argument) for argument in arguments])
    return ended.value.code or 0


@pytest.mark.parametrize("options", [{}, {"geometry": "release", "num_outputs": 7}, {"per_frame": True}], ids=str)
@pytest.mark.parametrize("frames", [30, 11])
def test_the_shapes_of_table_1_follow_from_kernel_stride_and_pad(options, frames):
    network = LocalizationNetwork(8, **options)
    network.build((None, frames, 16, 11, 32))
    rows = localization_rows(network, volume_shape=(frames, 16, 11, 32))
    for before, row in zip(rows, rows[1:], strict=False):
        if row.kernel is None:
            continue
        numbers = zip(before.output, row.kernel, row.stride, row.pad, strict=False)
        assert row.output[:3] == tuple((n + 2 * pad - k) // stride + 1 for n, k, stride, pad in numbers)
        assert row.output[3] == (row.filters or before.output[3])
    assert rows[-1].output[-1] == network.num_outputs
    assert sum(row.parameters for row in rows) == network.count_params()


def test_table_1_of_the_paper_has_the_rows_of_the_supplement():
    network = LocalizationNetwork(32, clip_length=30)
    network.build((None, 30, 16, 11, 128))
    found = {row.layer: (row.kernel, row.stride, row.pad, row.filters) for row in localization_rows(
        network, volume_shape=(30, 16, 11, 128)
    )}  # fmt: skip
    pool = (3,) * 3, (2,) * 3, (1,) * 3, None
    assert [found[f"Pool{number}"] for number in (0, 3, 5)] == [pool] * 3
    assert found["Conv1"] == ((1,) * 3, (1,) * 3, (0,) * 3, 32)  # C / 4
    assert found["Conv2"] == found["Conv4"] == ((3,) * 3, (1,) * 3, (1,) * 3, 32)


def test_table_1_of_a_run_reads_the_map_of_its_block(run):
    rows = {row["layer"]: row["output"] for row in table_1(run.path).values}
    assert rows["Input"] == [8, 16, 11, 4] and rows["Fc6"] == [8]
    assert table_1(run.path, block="block_2", frames=5).values[0]["output"] == [5, 32, 22, 2]


def test_table_3_of_the_paper_is_that_of_the_supplement(make_run):
    run = make_run("paper", ThreeDLocal(channels=(2, 2, 4), local_blocks=(3,), num_strips=4, embedding_channels=3))
    table = table_3(run.path)
    assert table.rows[1] == ["left arm", "3/16", "3/11", "2/3", "3/10", "1/2", "1/2"]
    assert [row["path"] for row in table.values] == [part.name for part in PAPER_PARTS]
    assert list(table.notes) == ["All values are those of the supplement."]


def test_table_3_names_what_differs_from_the_supplement(run):
    notes = " ".join(table_3(run.path).notes)
    assert "Not in the supplement: legs." in notes and "In the supplement only: left_arm" in notes
    assert "p_H differs from the supplement, whose value is in brackets: head 1/4 (1/8)." in notes


def evaluation(protocol="casia-b-st"):
    """What `evaluate` writes, as far as Table 2 reads it."""
    groups = {"NM": ["nm-05", "nm-06"], "BG": ["bg-01", "bg-02"]}
    return {
        "method": "mine",
        "protocol": {"name": protocol, "gallery": ["nm-01"], "probes": groups, "identical_views": "exclude"},
        "groups": list(groups),
        "views": [0, 90],
        "probes_without_gallery": "keep",
        "rank1": {group: {"by_probe_view": [12.34, None], "mean": 12.34} for group in groups},
        "details": {"data": "my walks"},
    }


def written(folder, **changes):
    """Write such a file with changes, and make the table from it."""
    (folder / "evaluation.json").write_text(json.dumps(evaluation() | changes))
    return table_2(folder)


ALL_VIEWS = list(range(0, 181, 18))


def test_table_2_has_the_published_rows_before_the_own_one(tmp_path):
    scores = {group: {"by_probe_view": [12.34] * 10 + [None], "mean": 12.34} for group in ("NM", "BG")}
    table = written(tmp_path, views=ALL_VIEWS, rank1=scores)
    assert table.rows[0][:3] == ["NM (nm-05, nm-06)", "GaitSet", "64.6"] and table.rows[0][-1] == "79.5"
    assert table.rows[5] == ["", "mine", *["12.3"] * 10, "-", "12.3"]
    assert table.rows[10][-1] == "76.0 [77.53]"  # the printed mean is not that of its row
    assert list(table.own_rows) == [5, 11]
    assert "my walks. Scores of different data sets cannot be compared" in table.notes[0]


def test_table_2_with_fewer_views_compares_means_over_the_same_views(tmp_path):
    table = written(tmp_path)
    assert table.rows[10][1:] == ["3DLocal", "66.4", "68.8", "67.6"]
    assert "All means are over the 2 views shown; the papers print means over more views." in table.notes


def test_table_2_with_identical_views_has_no_published_rows(tmp_path):
    table = written(tmp_path, protocol=evaluation()["protocol"] | {"identical_views": "include"})
    assert [row[1] for row in table.rows] == ["mine", "mine"]
    assert "This test has included them, so none is shown." in table.notes[0]


def test_table_2_repeats_what_the_test_has_noticed_and_who_was_missing(tmp_path):
    table = written(tmp_path, notices=["A notice."], num_test_subjects=4, missing_test_subjects=["005"] * 96)
    assert table.notes[-2:] == ["4 of the protocol's 100 test subjects are in my walks.", "A notice."]


def test_table_2_of_another_protocol_has_the_own_rows_alone(tmp_path):
    (tmp_path / "evaluation.json").write_text(json.dumps(evaluation(protocol="own")))
    table = table_2(tmp_path)
    assert [row[1] for row in table.rows] == ["mine", "mine"]
    assert table.notes == ["Nothing is published for the protocol own: the rows are all of my walks."]


def test_table_2_of_a_comparison_has_all_its_methods_with_their_spread(tmp_path):
    found = evaluation()
    found["methods"] = []
    for name, spread in (("A", None), ("B", 0.25)):
        means = {"by_probe_view": [1.0, 2.0], "mean": 1.5, "spread": spread}
        found["methods"].append({"method": name, "rank1": dict.fromkeys(found["groups"], means)})
    (tmp_path / "report.json").write_text(json.dumps(found))
    assert [row[1:] for row in table_2(tmp_path).rows][5:7] == [
        ["A", "1.0", "2.0", "1.5"],
        ["B", "1.0", "2.0", "1.5 ± 0.2"],
    ]


@pytest.mark.bad_input
def test_a_run_that_was_not_tested_is_named_with_the_command(tmp_path):
    (tmp_path / "model.keras").write_bytes(b"")
    with pytest.raises(FileNotFoundError, match="has no evaluation.json. Write it with `tf3dlocal evaluate"):
        table_2(tmp_path)
    with pytest.raises(FileNotFoundError, match="There is no .*nowhere"):
        table_2(tmp_path / "nowhere")


@pytest.mark.bad_input
@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("model.keras", "model.keras is a file. Table 2 is made from the folder of a run"),
        (".", "has no evaluation.json and no report.json. Table 2 is made from the folder of a run"),
        ("prepared", "prepared is a prepared data set. Table 2 is made from the folder of a run"),
    ],
)
def test_what_is_no_folder_of_a_test_is_named_with_what_is(tmp_path, name, told):
    (tmp_path / "prepared").mkdir()
    for file in ("prepared/dataset.json", "prepared/report.json"):
        (tmp_path / file).write_text("{}")
    if name == "model.keras":
        (tmp_path / name).write_bytes(b"")
    with pytest.raises((ValueError, FileNotFoundError), match=told):
        table_2(tmp_path / name)


@pytest.mark.bad_input
@pytest.mark.parametrize("key", ["groups", "views"])
def test_a_test_without_groups_or_views_has_no_table(tmp_path, key):
    with pytest.raises(ValueError, match="evaluation.json has no groups of probes or no views"):
        written(tmp_path, **{key: []})


@pytest.mark.bad_input
@pytest.mark.parametrize("frames", [0, -1, 10**11, 2.5, "30"])
@pytest.mark.slow
def test_table_1_names_a_number_of_frames_that_is_none(run, frames):
    with pytest.raises(ValueError, match=f"frames must be a whole number from 1 to 1000, not {frames!r}"):
        table_1(run.path, frames=frames)


def test_notices_on_error_rates_are_not_repeated_below_a_table_without_any(tmp_path):
    assert "EER" not in " ".join(written(tmp_path, notices=["verification, NM: no EER."]).notes)


@pytest.mark.parametrize("width", [200, 80, 60])
def test_a_table_fits_the_terminal_and_no_cell_is_cut(tmp_path, width):
    text = io.StringIO()
    table = written(tmp_path)
    table.print(rich.console.Console(file=text, width=width))
    lines = text.getvalue().splitlines()
    assert max(map(len, lines)) <= width and "…" not in text.getvalue()
    for row in table.rows:
        assert all(cell in text.getvalue() for cell in row[1:])


@pytest.mark.bad_input
@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"groups": ["NM"]}'])
def test_a_damaged_evaluation_is_named(tmp_path, text):
    (tmp_path / "evaluation.json").write_text(text)
    with pytest.raises(ValueError, match=r"evaluation.json cannot be read"):
        table_2(tmp_path)


@pytest.mark.bad_input
def test_a_model_without_local_paths_has_no_tables_1_and_3(other_run, run):
    for table in (table_1, table_3):
        with pytest.raises(ValueError, match="has no local paths.*Give a run of 3DLocal"):
            table(other_run.path)
    with pytest.raises(ValueError, match="no local paths in 'block_9'"):
        table_1(run.path, block="block_9")


TABLE = SupplementTable(
    title="Numbers",
    header=["Name", "Value"],
    rows=[["a|b", "1.0"], ["c", "2.0"]],
    values=[{"name": "a|b", "value": 1.0, "shape": [1, 2]}, {"name": "c", "value": 2.0}],
    notes=["A note."],
    own_rows=[1],
)


def test_a_table_is_written_in_full_precision_by_its_suffix(tmp_path):
    assert list(csv.DictReader(io.StringIO(TABLE.write(tmp_path / "t.csv").read_text())))[0]["shape"] == "1 2"
    assert json.loads(TABLE.write(tmp_path / "t.JSON").read_text())["rows"][1] == {"name": "c", "value": 2.0}
    text = TABLE.write(tmp_path / "t.md").read_text()
    assert "| a\\|b | 1.0 |" in text and "| **c** | **2.0** |" in text and text.endswith("A note.\n")


@pytest.mark.bad_input
def test_another_suffix_is_refused(tmp_path, capfd):
    with pytest.raises(ValueError, match=r"t.xlsx: '.xlsx' is not a format of tables. Use one of .csv, .md, .json"):
        TABLE.write(tmp_path / "t.xlsx")
    assert call("table", 3, "--run", "run", "--out", tmp_path / "t.xlsx") == 2
    assert call("table", 2, "--run", "run", "--block", "block_3") == 2
    assert call("table", 3, "--run", "run", "--frames", 3) == 2
    assert capfd.readouterr().err


def test_the_command_prints_and_writes(run, tmp_path, capfd):
    assert call("table", 1, "--run", run.path, "--out", tmp_path / "t.md") == 0
    assert "Pool0" in capfd.readouterr().out and "| Pool0 |" in (tmp_path / "t.md").read_text()


def test_a_model_file_of_no_run_has_its_tables_too(tmp_path):
    model = small_model(local_blocks=(3,))
    assert isinstance(model, keras.Model)
    model.save(tmp_path / "model.keras")
    assert table_1(tmp_path / "model.keras").values[0]["output"] == [30, 16, 11, 4]
    assert [row[0] for row in table_3(tmp_path / "model.keras").rows] == ["head", "legs"]
