"""The plot of a training draws each number of the log in its panel."""

import json

import numpy as np
import pytest

from tf3dlocal.visualization import plot_training

TWO_OUTPUTS = [
    {
        "step": step,
        "loss": 3.0 / step,
        "part_features_loss": 1.0 / step,
        "logits_loss": 2.0 / step,
        "part_features_nonzero_triplets": 0.9 / step,
        "logits_accuracy": 0.1 * step,
        "learning_rate": 1e-4,
        "seconds_per_step": 0.5,
    }
    for step in (1, 2, 3)
]
RANKS = [
    {"step": 2, "rank_1": 50.0, "rank_1_NM": 60.0, "rank_1_CL": 40.0},
    {"step": 3, "rank_1": 70.0, "rank_1_NM": 80.0},
]


def lines_of(figure):
    """Return {panel: {line: [(step, value), ...]}}."""
    return {
        axes.get_ylabel(): {line.get_label(): line.get_xydata().tolist() for line in axes.get_lines()}
        for axes in figure.axes
    }


def write_log(path, records, end=""):
    path.write_text("".join(json.dumps(record) + "\n" for record in records) + end, encoding="utf-8")
    return path


def test_every_number_of_the_log_has_a_panel():
    panels = lines_of(plot_training(TWO_OUTPUTS + RANKS))
    assert {panel: list(lines) for panel, lines in panels.items()} == {
        "loss": ["total", "part features", "logits"],
        "share": ["active triplets", "accuracy"],
        "rank-1, held out": ["mean", "NM", "CL"],
        "learning rate": ["learning rate"],
    }
    np.testing.assert_allclose(panels["loss"]["logits"], [[1, 2], [2, 1], [3, 2 / 3]])
    np.testing.assert_allclose(panels["share"]["active triplets"], [[1, 0.9], [2, 0.45], [3, 0.3]])
    assert panels["rank-1, held out"]["NM"] == [[2, 60], [3, 80]]
    assert panels["rank-1, held out"]["CL"] == [[2, 40]]  # without probes there is no number and no point


def test_the_loss_of_a_single_output_is_drawn_once():
    records = [{"step": 1, "loss": 0.5, "part_features_loss": 0.5}, {"step": 2, "loss": 0.4, "part_features_loss": 0.4}]
    assert list(lines_of(plot_training(records))["loss"]) == ["total"]


def test_a_panel_without_numbers_is_left_out():
    assert list(lines_of(plot_training([{"step": 1, "loss": 0.5}]))) == ["loss"]


def test_steps_are_whole_numbers():
    ticks = plot_training(TWO_OUTPUTS[:2]).axes[-1].get_xticks()
    assert all(tick == int(tick) for tick in ticks)


def test_the_log_is_read_from_its_file_or_from_the_run_folder(tmp_path):
    write_log(tmp_path / "log.jsonl", TWO_OUTPUTS)
    expected = lines_of(plot_training(TWO_OUTPUTS))
    assert lines_of(plot_training(tmp_path / "log.jsonl")) == expected
    assert lines_of(plot_training(str(tmp_path), path=tmp_path / "training.png")) == expected
    assert (tmp_path / "training.png").exists()


@pytest.mark.parametrize("cut", ['{"step": 4, "lo', '{"step": 4, "loss": 0.1}'])
def test_an_incomplete_last_line_is_ignored(tmp_path, cut):
    log = write_log(tmp_path / "log.jsonl", TWO_OUTPUTS, end=cut)
    assert len(lines_of(plot_training(log))["loss"]["total"]) == 3


def test_the_log_of_a_run_folder_is_read_as_the_training_reads_it(tmp_path):
    from tf3dlocal.training import RunFolder
    from tf3dlocal.visualization.training_trace import read_records

    run = RunFolder(tmp_path)
    for record in TWO_OUTPUTS:
        run.append_log(record)
    with run.log_file.open("a") as file:
        file.write('{"step": 4')
    assert read_records(run.log_file) == run.read_log() == TWO_OUTPUTS


@pytest.mark.parametrize("end", ["", '{"step": 1, "lo'])
def test_a_log_without_records_raises_an_error_with_its_name(tmp_path, end):
    log = write_log(tmp_path / "log.jsonl", [], end)
    with pytest.raises(ValueError, match="log.jsonl has no numbers to plot. The training has not written"):
        plot_training(log, path=tmp_path / "training.png")
    assert list(tmp_path.iterdir()) == [log]


def test_a_missing_log_raises_an_error_with_its_name(tmp_path):
    with pytest.raises(FileNotFoundError, match="log.jsonl. A training creates it"):
        plot_training(tmp_path)


def test_an_empty_list_of_records_raises_an_error():
    with pytest.raises(ValueError, match="The list of records has no numbers"):
        plot_training([])


def test_a_damaged_line_raises_an_error_with_its_number(tmp_path):
    log = tmp_path / "log.jsonl"
    log.write_text('{"step": 1, "loss": 1.0}\nnonsense\n{"step": 3, "loss": 1.0}\n')
    with pytest.raises(ValueError, match=r"log.jsonl, line 2 is not JSON .*nonsense"):
        plot_training(log)


@pytest.mark.parametrize("record", [{"loss": 1.0}, ["step", 1]])
def test_something_other_than_a_record_raises_an_error_that_shows_it(record):
    with pytest.raises(ValueError, match=r'record must be a dict with the key "step".* not .*(loss|step)'):
        plot_training([record])
