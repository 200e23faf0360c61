"""`tf3dlocal benchmark` with a tiny config: what it measures, prints and keeps, and what it refuses."""

import inspect
import json
import pathlib

import pytest

from tf3dlocal.benchmark import Measurements
from tf3dlocal.cli import main

TOYS = pathlib.Path(__file__).parent / "toys.py"
CONFIG = """
model:
  name: gaitset  # the one that is traced and compiled fastest
  arguments: {channels: [2, 4, 8], bins: [1, 4], embedding_channels: 8}
training: {steps: 10}
"""
TINY = ("--batch", 2, "--frames", 4, "--rounds", 1)


@pytest.fixture
def config(tmp_path):
    (tmp_path / "tiny.yaml").write_text(CONFIG)
    return tmp_path / "tiny.yaml"


def call(capfd, *arguments):
    with pytest.raises(SystemExit) as ended:
        main(["benchmark", *map(str, arguments)])
    out, err = capfd.readouterr()
    return ended.value.code or 0, out, err


@pytest.mark.slow
def test_training_steps_of_several_forms_stand_beside_a_rival(capfd, config, tmp_path, monkeypatch):
    peak = {"gflop_per_second": 100.0, "library": "numpy", "size": 2048}  # has tests of its own
    monkeypatch.setattr("tf3dlocal.benchmark.measure_config.matmul_peak", lambda threads: peak)
    code, out, _ = call(
        capfd,
        config,
        *TINY,
        "--what",
        "train",
        "--forms",
        "auto,stacked",
        "--against",
        f"{TOYS}:step",
        "--json",
        tmp_path / "n.json",
    )
    assert code == 0
    (table,) = json.loads((tmp_path / "n.json").read_text())
    rival, auto, stacked = table["rows"]
    assert (auto["name"], stacked["name"]) == ("auto", "stacked") and table["base"] == rival["name"]
    assert not table["absent"]
    assert rival["median"] >= 0.008 and "gflop" not in rival["facts"]
    assert auto["facts"]["gflop"] == pytest.approx(3 * 2 * table["conditions"]["forward_gflop_per_walk"], rel=0.05)
    assert auto["first_seconds"] > auto["median"] > 0  # tracing
    assert auto["facts"]["form"] in ("reference", "minimal") and "form of the layers: " in out
    assert "stacked" in out and "matrix product" in out


@pytest.mark.slow
def test_growth_is_fitted_and_drawn(capfd, config, tmp_path):
    code, out, _ = call(
        capfd,
        config,
        *TINY,
        "--what",
        "inference",
        "--forms",
        "auto",
        "--grow",
        "frames",
        "--sizes",
        "4,12",
        "--plot",
        tmp_path / "g.png",
        "--json",
        tmp_path / "g.json",
    )
    assert code == 0
    growth = json.loads((tmp_path / "g.json").read_text())["inference, auto"]
    assert growth["sizes"] == [4, 12] and len(growth["seconds"]) == 2
    assert f"frames to the {growth['exponent']:.2f}" in out
    assert (tmp_path / "g.png").read_bytes()[1:4] == b"PNG"


def test_one_step_is_one_step_of_the_optimizer_and_the_losses_of_the_config():
    from tf3dlocal.benchmark.training_step import training_step

    step = training_step(CONFIG, walks=4, frames=4, form="stacked", compiled=False)
    for count in (1, 2, 3):
        step()
        assert int(step.model.optimizer.iterations) == count
    assert step.facts["form"] == "stacked" and step.facts["compiled"] is False
    assert {metric.name for metric in step.model.metrics} >= {"loss"}


def test_inference_is_compiled_or_takes_any_length():
    import numpy as np

    from tf3dlocal.benchmark.inference_step import inference_step

    open_, compiled = (
        inference_step(CONFIG, walks=2, frames=4, form="stacked", compiled=choice) for choice in (None, True)
    )
    assert (open_.facts["compiled"], compiled.facts["compiled"]) == (False, True)
    assert open_().shape == (2, 10, 8)
    np.testing.assert_allclose(open_(), compiled(), atol=1e-5)  # the same seed, so the same weights


@pytest.mark.parametrize(("compiled", "form"), [(False, "reference"), (True, "minimal")])
def test_a_row_says_what_auto_came_to(compiled, form):
    from tf3dlocal.benchmark.chosen_form import chosen_form
    from tf3dlocal.layers.forms import has_accelerator
    from tf3dlocal.onednn import has_onednn

    expected = "reference" if has_accelerator() else form
    assert chosen_form("auto", compiled) == {"form": expected, "compiled": compiled, "onednn": has_onednn()}
    assert chosen_form("sliced", compiled)["form"] == "sliced"


def test_the_forms_that_are_measured_unasked_are_two_different_ones(capfd):
    from tf3dlocal.benchmark.measure_config import measure_config

    forms = inspect.signature(measure_config).parameters["forms"].default
    assert forms == ("auto", "stacked")
    assert ",".join(forms) in call(capfd, "--help")[1]


def test_a_table_that_stays_empty_is_no_success(capfd, config, tmp_path, monkeypatch):
    tables = [Measurements("tiny: train", [], [{"name": "auto", "reason": "gone", "details": ""}])]
    monkeypatch.setattr("tf3dlocal.benchmark.measure_config.measure_config", lambda *_, **__: tables)
    code, out, err = call(capfd, config, "--what", "train", "--json", tmp_path / "n.json")
    assert code == 1 and "no alternative gave numbers for tiny: train" in err
    assert "auto (gone)" in out and json.loads((tmp_path / "n.json").read_text())[0]["absent"]


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (("--sizes", "4,8"), "--sizes"),
        (("--plot", "g.png"), "--plot"),
        (("--grow", "frames", "--sizes", "few"), "few"),
        (("--grow", "frames", "--compiled", "both"), "--compiled"),
        (("--against", "rival.py:step"), "--what"),
        (("--what", "sleep"), "sleep"),
    ],
)
def test_wrong_usage_says_what_is_wrong(capfd, config, arguments, named):
    code, _, err = call(capfd, config, *arguments)
    assert code == 2 and named in err


def test_a_mistake_in_the_config_is_told_before_anything_is_started(capfd, config, tmp_path):
    missing, mistyped = (tmp_path / "nowhere.yaml",), (config, "--set", "training.sede=3")
    for arguments, named in ((missing, "nowhere.yaml"), (mistyped, "training.seed")):
        code, _, err = call(capfd, *arguments)
        assert code == 1 and "error: " in err and named in err and "Traceback" not in err


@pytest.mark.slow
def test_a_form_that_there_is_not_is_named_with_those_that_there_are(capfd, config):
    code, _, err = call(capfd, config, "--forms", "auto,fastest")
    assert code == 1 and "'fastest'" in err and "reference" in err
