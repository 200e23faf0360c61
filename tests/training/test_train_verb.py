"""`tf3dlocal train` as one of several workers: the chief alone prints, draws and writes."""

import json
import pathlib

import numpy as np
import pytest

from tf3dlocal import training
from tf3dlocal.cli import main
from tf3dlocal.training.health.stop_when_diverged import DivergedError


@pytest.fixture
def call(tmp_path, monkeypatch):
    """Function that calls the verb as a worker, with `act` instead of the training; gives the exit code."""
    (tmp_path / "config.yaml").write_text("{model: {name: gaitset}, training: {steps: 1}}")

    def run(index, act):
        cluster = {"cluster": {"worker": ["a:1", "b:1"]}, "task": {"type": "worker", "index": index}}
        monkeypatch.setenv("TF_CONFIG", json.dumps(cluster))
        monkeypatch.setattr(training, "run_experiment", act)
        with pytest.raises(SystemExit) as ended:
            main(
                [
                    "train",
                    str(tmp_path / "config.yaml"),
                    "--run",
                    str(tmp_path / "run"),
                    "--json",
                    str(tmp_path / "out.json"),
                ]
            )
        return ended.value.code

    return run


@pytest.mark.parametrize(("index", "writes"), [(0, True), (1, False)])
def test_the_numbers_are_those_of_the_chief(call, tmp_path, capsys, index, writes):
    assert not call(index, lambda *_, **__: None)
    assert (tmp_path / "out.json").exists() == writes and (
        "last model, of step 1" in (told := capsys.readouterr().out)
    ) == writes
    assert told.endswith("--protocol casia-b-st\n") == writes and ("Next: tf3dlocal evaluate" in told) == writes


@pytest.mark.parametrize("index", [0, 1])
def test_every_worker_names_the_picture_of_a_bad_batch_and_the_chief_draws_it(call, tmp_path, capsys, index):
    file = pathlib.Path(tmp_path, "run", "bad_batch", "step-000003.npz")
    file.parent.mkdir(parents=True)
    silhouettes = np.zeros([1, 2, 64, 44], np.uint8)
    np.savez(file, silhouettes=silhouettes, walks=np.array(["001/nm-01/090"]), flips=np.array([False]))

    def diverge(*_, **__):
        raise DivergedError("the loss is nan", file)

    assert call(index, diverge) == 1
    picture = file.with_suffix(".png")
    assert f"as a picture: {picture}" in "".join(capsys.readouterr().err.splitlines())
    assert picture.exists() == (index == 0)
