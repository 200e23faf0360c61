"""`benchmarks/config.py` with a tiny config: what it measures, prints and writes, and what it refuses."""

import json
import pathlib

import numpy as np
import pytest
from measuring import Alternative, Measurements

TOYS = pathlib.Path(__file__).parent / "toy_alternatives.py"
CONFIG = """
model:
  name: gaitset  # it is traced and compiled fastest
  arguments: {channels: [2, 4, 8], bins: [1, 4], embedding_channels: 8}
training: {steps: 10}
"""
TINY = ("--walks", 4, "--frames", 4, "--rounds", 1)


@pytest.fixture
def config(tmp_path):
    (tmp_path / "tiny.yaml").write_text(CONFIG)
    return tmp_path / "tiny.yaml"


@pytest.mark.slow
def test_a_training_step_is_measured_next_to_a_rival(call, config, tmp_path, monkeypatch):
    peak = {"gflop_per_second": 100.0, "library": "numpy", "size": 2048}
    monkeypatch.setattr("config.matmul_peak", lambda threads: peak)  # it has its own tests
    numbers = ("--json", tmp_path / "numbers.json")
    code, out, _ = call("config", config, *TINY, "--step", "train", "--against", f"{TOYS}:step", *numbers)
    assert code == 0 and "matrix product" in out
    (table,) = json.loads((tmp_path / "numbers.json").read_text())["tables"]
    rival, own = table["rows"]
    assert own["name"] == "tf3dlocal" and table["base"] == rival["name"] and not table["absent"]
    assert rival["median"] >= 0.008 and "gflop" not in rival["facts"]
    assert own["facts"]["gflop"] == pytest.approx(3 * 4 * table["conditions"]["forward_gflop_per_walk"], rel=0.05)
    assert own["first_seconds"] > own["median"] > 0  # tracing


@pytest.mark.slow
def test_growth_is_fitted_and_drawn(call, config, tmp_path, monkeypatch):
    def toy(step, *, options, compiled, name, frames):
        arguments = {"walks": options.walks, "frames": frames, "step": step, "compiled": compiled}
        return Alternative(name, function=f"{TOYS}:step", arguments=arguments)

    monkeypatch.setattr("config.own", toy)
    outputs = ("--plot", tmp_path / "growth.png", "--json", tmp_path / "growth.json")
    code, out, _ = call("config", config, *TINY, "--step", "inference", "--grow", "frames", "--sizes", "8,32", *outputs)
    assert code == 0
    growth = json.loads((tmp_path / "growth.json").read_text())["growth"]["inference"]
    assert growth["sizes"] == [8, 32] and len(growth["seconds"]) == 2
    assert growth["exponent"] == pytest.approx(1, abs=0.6)  # a busy machine disturbs even a toy
    assert f"power {growth['exponent']:.2f}" in out
    assert (tmp_path / "growth.png").read_bytes()[1:4] == b"PNG"


@pytest.mark.slow
def test_a_step_is_one_step_of_the_optimizer_with_the_losses_of_the_config():
    from measuring.steps import training_step

    step = training_step(CONFIG, walks=4, frames=4, compiled=False)
    for count in (1, 2, 3):
        step()
        assert int(step.model.optimizer.iterations) == count
    assert step.facts == {"walks": 4, "frames": 4, "parameters": step.model.count_params(), "compiled": False}
    assert {metric.name for metric in step.model.metrics} >= {"loss"}


@pytest.mark.slow
def test_inference_gives_the_same_embeddings_with_and_without_xla():
    from measuring.steps import inference_step

    plain, compiled = (inference_step(CONFIG, walks=2, frames=4, compiled=choice) for choice in (None, True))
    assert (plain.facts["compiled"], compiled.facts["compiled"]) == (False, True)
    assert plain().shape == (2, 10, 8)
    np.testing.assert_allclose(plain(), compiled(), atol=1e-5)  # the same seed gives the same weights


def test_an_empty_table_is_an_error(call, config, monkeypatch):
    absent = [{"name": "tf3dlocal", "reason": "gone", "details": ""}]
    monkeypatch.setattr("config.measure", lambda options: [Measurements("tiny: train", rows=[], absent=absent)])
    code, _, _ = call("config", config, "--step", "train")
    assert "No alternative gave numbers for tiny: train" in code


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (("--sizes", "4,8"), "--sizes"),
        (("--plot", "g.png"), "--plot"),
        (("--grow", "frames", "--sizes", "few"), "few"),
        (("--grow", "frames", "--sizes", "8,8"), "two different sizes"),
        (("--grow", "frames", "--sizes", "0,8"), "positive"),
        (("--grow", "pixels"), "pixels"),
        (("--grow", "frames", "--xla", "both"), "--xla"),
        (("--precision", "both", "--xla", "both"), "--precision"),
        (("--against", "rival.py:step"), "--step"),
        (("--step", "sleep"), "sleep"),
    ],
)
def test_wrong_usage_is_explained(call, config, arguments, named):
    code, _, err = call("config", config, *arguments)
    assert code == 2 and named in err


def test_a_mistake_in_the_config_is_reported_before_any_process_starts(call, config, tmp_path, monkeypatch):
    monkeypatch.setattr("config.facts_of", lambda alternative: pytest.fail("a process was started"))
    missing, mistyped = (tmp_path / "nowhere.yaml",), (config, "--set", "training.sede=3")
    for arguments, named in ((missing, "nowhere.yaml"), (mistyped, "training.seed")):
        code, _, _ = call("config", *arguments)
        assert code.startswith("error: ") and named in code
