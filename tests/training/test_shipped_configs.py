"""The models of the shipped configs can be built, and a loss trains every layer of them."""

import pathlib
import shlex

import pytest

from tf3dlocal.config import Experiment
from tf3dlocal.evaluation import load_protocol
from tf3dlocal.models import MODELS
from tf3dlocal.training import prepare_model

ROOT = pathlib.Path(__file__).parents[2]
CONFIGS = [path for path in sorted((ROOT / "configs").rglob("*.yaml")) if path.parent.name != "protocols"]
README = (ROOT / "configs" / "README.md").read_text(encoding="utf-8")
ABLATIONS = [line for line in README.splitlines() if line.startswith("--set ")]


@pytest.mark.slow
@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_the_model_of_a_config_is_built_and_all_of_it_learns(path):
    config = Experiment.from_yaml(path)
    model = prepare_model(config, num_classes=24, size=64)
    assert ("logits" in model.output) == bool(config.losses.cross_entropy.weight)
    if config.model.arguments == {"preset": "release"}:
        assert sum(weight.value.shape.num_elements() for weight in model.trainable_weights) == 4_264_862


@pytest.mark.parametrize("model", MODELS)
def test_every_model_has_a_config_for_every_data_set_and_split(model):
    wanted = {f"{model}_{place}" for place in ("casia_b_st", "casia_b_mt", "casia_b_lt", "ou_mvlp", "walkers")}
    assert wanted <= {path.stem for path in CONFIGS}


@pytest.mark.slow
@pytest.mark.parametrize("line", ABLATIONS)
def test_the_model_of_an_ablation_row_is_built(line):
    # Narrow blocks: the row is about which parts there are, not how wide they are.
    overrides = [word for word in shlex.split(line) if word != "--set"] + ["model.arguments.channels=[4, 4, 8]"]
    config = Experiment.from_yaml(ROOT / "configs" / "three_d_local_casia_b_lt.yaml", overrides=overrides)
    prepare_model(config, num_classes=24, size=64)


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_the_protocol_of_a_config_is_there(path):
    protocol = Experiment.from_yaml(path).data.protocol
    assert load_protocol(ROOT / protocol if protocol.endswith(".yaml") else protocol).probes
