"""The models of the shipped configs can be built, and a loss trains every layer of them."""

import pathlib
import re
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


FULL = [path for path in CONFIGS if path.parent == ROOT / "configs" and "walkers" not in path.stem]


@pytest.mark.parametrize("path", FULL, ids=lambda path: path.stem)
def test_the_memory_in_the_head_of_a_full_config_is_counted_for_its_own_settings(path):
    head = " ".join(line.removeprefix("#").strip() for line in path.read_text().splitlines() if line.startswith("#"))
    size, words = re.search(r"Memory: +([\d.]+) GB by count.*?\(python benchmarks/memory\.py ([^)]*)\)", head).groups()
    options = dict(re.findall(r"--([\w-]+) ([\w. ]+?)(?= --|$)", words))
    config = Experiment.from_yaml(path)
    training, arguments = config.training, config.model.arguments
    counted = 0 if not training.recompute and training.accumulation_steps == 1 else training.accumulation_steps
    assert options.get("model", "three_d_local") == config.model.name
    assert options.get("preset", "paper") == arguments["preset"]
    assert options["precision"] == training.precision
    assert int(options["accumulation-steps"]) == counted
    assert int(options.get("batch", 128)) == config.data.subjects_per_batch * config.data.walks_per_subject
    assert [int(number) for number in options.get("channels", "").split()] == arguments.get("channels", [])
    assert 1.2 * float(size) < 25.7  # GB: a card of 24 GB, with room for workspaces and the allocator


@pytest.mark.parametrize("path", FULL, ids=lambda path: path.stem)
def test_a_full_config_measures_rank_1_on_training_subjects_that_do_not_train(path):
    training = Experiment.from_yaml(path).training
    assert 0 < training.evaluate_every <= training.steps // 4 and 2 <= training.held_out_subjects
    assert training.keep_model == "last"
    first_phase = path.with_name(path.name.replace("_phase_2", ""))
    assert training.held_out_subjects == Experiment.from_yaml(first_phase).training.held_out_subjects
    assert "--set training.evaluate_every=0" in path.read_text()


@pytest.mark.parametrize("path", [path for path in FULL if path.stem.startswith("gaitset")], ids=lambda path: path.stem)
def test_the_head_of_gaitset_says_which_preset_goes_back_to_opengait(path):
    head = " ".join(line.removeprefix("#").strip() for line in path.read_text().splitlines() if line.startswith("#"))
    assert "OpenGait: weights of this preset" in head and "--set model.arguments.preset=opengait" in head
