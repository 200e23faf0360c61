"""`kill -9` at any moment and the same call again: the training ends as one that was never stopped, to the bit."""

import io
import json
import os
import pathlib
import subprocess
import sys
import zipfile

import h5py
import numpy as np
import pytest
import tensorflow as tf

from tf3dlocal.training import make_schedule

PROGRAM = pathlib.Path(__file__).with_name("killed.py")
PRECISIONS = ("float32", "mixed_float16")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Folder with what `killed.py` wrote."""
    folder = tmp_path_factory.mktemp("killed")
    environment = {**os.environ, "TF_NUM_INTRAOP_THREADS": "1", "TF_CPP_MIN_LOG_LEVEL": "3"}
    environment["PYTHONPATH"] = os.pathsep.join([str(PROGRAM.parent), str(PROGRAM.parents[1])])
    subprocess.run([sys.executable, str(PROGRAM), str(folder), *PRECISIONS], check=True, env=environment)
    return folder


def content(file):
    """Every array and note in a .keras file: weights, optimizer, random draws, metrics."""
    found = {}
    with zipfile.ZipFile(file) as archive:
        # metadata.json has the time, config.json numbers that Python gives to objects.
        for name in set(archive.namelist()) & {"random_states.json", "metrics.json", "note.json"}:
            found[name] = archive.read(name)
        with h5py.File(io.BytesIO(archive.read("model.weights.h5"))) as weights:
            weights.visititems(
                lambda name, item: found.update({name: item[()]} if isinstance(item, h5py.Dataset) else {})
            )
    return found


def timeless_log(run):
    records = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]
    return [{key: value for key, value in record.items() if key != "seconds_per_step"} for record in records]


@pytest.mark.slow
@pytest.mark.parametrize("precision", PRECISIONS)
def test_it_was_killed_at_many_kinds_of_moments_also_in_the_middle_of_a_checkpoint(folder, precision):
    *kills, end = json.loads((folder / precision / "kills.json").read_text())
    assert [signal for _, signal, _ in kills] == [9] * 6 and end[1] == 0
    for kind, _, left in kills:
        if kind.startswith(("half ", "whole ")):  # the temporary file was there
            assert left == [kind.partition(" ")[2]]
    assert any(kind.startswith("half step-") for kind, _, _ in kills)
    output = (folder / precision / "output.txt").read_text()
    assert "killed begins with step 1 of 20" in output and "killed resumes from step " in output
    assert f"{folder / precision}/killed/model.keras is the model of step 4, the best, with rank-1" in output


@pytest.mark.slow
@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize(
    "file", ["checkpoints/step-000018.keras", "checkpoints/step-000020.keras", "best.keras", "model.keras"]
)
def test_weights_optimizer_loss_scale_draws_and_metrics_are_those_of_an_undisturbed_training(folder, precision, file):
    whole, killed = (content(folder / precision / run / file) for run in ("whole", "killed"))
    assert whole.keys() == killed.keys()
    for name, expected in whole.items():
        np.testing.assert_array_equal(killed[name], expected, err_msg=name)
    if file.endswith("20.keras"):
        assert whole["optimizer/vars/0"] == 20 or precision == "mixed_float16"
        assert {"random_states.json", "metrics.json"} <= whole.keys()  # step 20 is between two reports of every third
    if file.endswith("20.keras") and precision == "mixed_float16":
        steps_made = whole["optimizer/inner_optimizer/vars/0"]
        assert 10 < steps_made < 20, "some gradients overflowed, and the scale went down"
        *_, rate = [
            record["learning_rate"] for record in timeless_log(folder / precision / "whole") if "loss" in record
        ]
        assert rate == float(
            make_schedule("warmup_cosine", learning_rate=1e-2, steps=20)(int(steps_made) - 1)
        )  # steps left out do not count


@pytest.mark.slow
@pytest.mark.parametrize("precision", PRECISIONS)
def test_log_tensorboard_and_the_best_have_each_step_once(folder, precision):
    whole, killed = folder / precision / "whole", folder / precision / "killed"
    assert timeless_log(killed) == timeless_log(whole)
    assert (killed / "best.json").read_text() == (whole / "best.json").read_text()
    told = []
    for path in sorted((killed / "tensorboard").iterdir()):
        for record in tf.data.TFRecordDataset(str(path)):
            event = tf.compat.v1.Event.FromString(record.numpy())
            told += [(event.step, value.tag) for value in event.summary.value if value.tag in ("loss", "rank_1")]
    reported = [(record["step"], tag) for record in timeless_log(whole) for tag in ("loss", "rank_1") if tag in record]
    assert sorted(told) == sorted(reported)


@pytest.mark.slow
@pytest.mark.parametrize("precision", PRECISIONS)
def test_nothing_unfinished_is_left(folder, precision):
    for part in ("", "checkpoints"):
        names = {path.name for path in (folder / precision / "killed" / part).iterdir()}
        assert names == {path.name for path in (folder / precision / "whole" / part).iterdir()}
        assert not any(name.endswith(".unfinished") for name in names)
