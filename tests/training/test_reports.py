"""What a training tells while it runs: lines on the screen and in log.txt, numbers in TensorBoard."""

import doctest
import re

import pytest
import tensorflow as tf

from tf3dlocal.training import reports
from tf3dlocal.training.run.run_folder import RunFolder

pytestmark = pytest.mark.slow  # trainings that speak

HELD_OUT = ["training.held_out_subjects=2", "training.evaluate_every=3"]
REPORT = r"step {} of 6: loss \d+\.\d{{4}}, active triplets \d+\.\d %, learning rate 0.01, \d+\.\d\d steps/s"


def lines_of(folder):
    return RunFolder(folder).text_log.read_text().splitlines()


def steps_in_tensorboard(folder):
    """Steps of each number, by its name."""
    names = {}
    for file in (folder / "tensorboard").iterdir():
        for record in tf.data.TFRecordDataset(str(file)):
            event = tf.compat.v1.Event.FromString(record.numpy())
            for value in event.summary.value:
                names.setdefault(value.tag, []).append(event.step)
    return names


def test_each_report_is_one_plain_line_without_a_terminal_and_the_same_in_the_log(train, tmp_path, capfd):
    train(tmp_path, *HELD_OUT, progress=True)
    told, logged = capfd.readouterr().err, lines_of(tmp_path)
    assert "\x1b" not in told and "\r" not in told and "━" not in told
    assert [line for line in told.splitlines() if line in logged] == logged
    assert re.fullmatch(REPORT.format(2), logged[-5]) and re.fullmatch(REPORT.format(4), logged[-3])
    rank_1 = r"step 3 of 6: rank-1 of the held-out subjects \d+\.\d % \(NM \d+\.\d, CL \d+\.\d\)"
    assert re.fullmatch(rank_1, logged[-4]) and logged[-1].startswith("step 6 of 6: rank-1")
    assert logged[-6].startswith("step 0 of 6: rank-1")  # what the training begins with
    assert "first step compiles" in logged[-7] and "about a minute" in logged[-7]


def test_without_progress_nothing_is_shown_and_the_log_is_written(train, tmp_path, capfd):
    train(tmp_path, "training.steps=2")
    assert "step 2 of 2" not in capfd.readouterr().err and lines_of(tmp_path)[-1].startswith("step 2 of 2: loss")


def test_a_resumed_training_cuts_the_lines_that_it_repeats(train, tmp_path, killed_after):
    with killed_after(5):
        train(tmp_path, "training.report_every=1")
    with open(tmp_path / "log.txt", "a") as log:
        log.write("step 6 of 6: lo")
    train(tmp_path, "training.report_every=1")
    reported = [line.partition(":")[0] for line in lines_of(tmp_path) if line.startswith("step")]
    assert reported == [f"step {step} of 6" for step in range(1, 7)]
    assert any("resumes from step 4 of 6" in line for line in lines_of(tmp_path))


def test_a_training_killed_before_its_first_checkpoint_measures_step_0_anew(train, tmp_path, killed_after):
    with killed_after(2):
        train(tmp_path, *HELD_OUT)
    train(tmp_path, *HELD_OUT)
    assert [record["step"] for record in RunFolder(tmp_path).read_log()] == [0, 2, 3, 4, 6, 6]
    assert sum(line.startswith("step 0 of 6") for line in lines_of(tmp_path)) == 1
    assert steps_in_tensorboard(tmp_path)["rank_1"] == [0, 3, 6]


def test_rank_1_of_the_held_out_subjects_goes_to_tensorboard(train, tmp_path):
    train(tmp_path, *HELD_OUT)
    names = steps_in_tensorboard(tmp_path)
    assert names["rank_1"] == names["rank_1_NM"] == [0, 3, 6] and names["loss"] == [2, 4, 6]


def test_the_start_says_what_trains_what_does_not_and_what_is_repeated(train, tmp_path):
    train(
        tmp_path,
        *HELD_OUT,
        "data.walks_per_subject=40",
        "data.clip_length=14",
        "data.window=[14, 18]",
        "training.steps=1",
    )
    text = "\n".join(lines_of(tmp_path))
    assert re.search(r"\d+ of the 120 walks of 'small walks' train, of 2 subjects, with silhouettes of 64 x 44", text)
    assert re.search(r"Walks that do not train: \d+ of the 2 held-out subjects, for rank-1", text)
    assert re.search(
        r"\d+ of the walks that train are shorter than a clip of data.clip_length = 14 frames \(the shortest has", text
    )
    assert "2 of the 2 subjects that train have fewer walks than data.walks_per_subject = 40" in text


def test_the_walks_that_a_rule_removes_are_counted(train, tmp_path, prepared):
    train(tmp_path, "data.min_frames=12", "data.exclude_subjects=[004]", "training.steps=1")
    text = "\n".join(lines_of(tmp_path))
    assert re.search(
        r"30 of the excluded subjects 004; \d+ shorter than data.min_frames = 12 \(the shortest has \d+ frames\)", text
    )


def test_the_examples_run():
    assert doctest.testmod(reports).failed == 0
