"""The configs of the paper's ablations: one change each, models that can be built, and equal terms."""

import pathlib
import re

import pytest

from tf3dlocal.comparison.equal_terms import check_equal_terms
from tf3dlocal.comparison.planned_runs import plan_runs
from tf3dlocal.config import Experiment
from tf3dlocal.evaluation import load_protocol
from tf3dlocal.layers import PAPER_PARTS, LocalPath
from tf3dlocal.training import prepare_model

FOLDER = pathlib.Path(__file__).parents[2] / "configs" / "ablations"
BASE = FOLDER.parent / "table" / "three_d_local.yaml"
CONFIGS = sorted(FOLDER.glob("*.yaml"))
PARTS = [part.name for part in PAPER_PARTS]
BLOCK_3 = {3: PARTS}
# What each row builds: the paths after each block, the sampler, and whether the paths extract features.
ROWS = {
    "where_none": ({}, "mixture", True),
    "where_block_1": ({1: PARTS}, "mixture", True),
    "where_block_2": ({2: PARTS}, "mixture", True),
    "where_block_3": (BLOCK_3, "mixture", True),
    "where_blocks_2_3": ({2: PARTS, 3: PARTS}, "mixture", True),
    "where_blocks_1_2_3": ({1: PARTS, 2: PARTS, 3: PARTS}, "mixture", True),
    "sampler_gaussian": (BLOCK_3, "gaussian", True),
    "sampler_trilinear": (BLOCK_3, "trilinear", True),
    "paths_head": ({3: PARTS[:1]}, "mixture", False),
    "paths_head_arms": ({3: PARTS[:3]}, "mixture", False),
    "paths_head_arms_torso": ({3: PARTS[:4]}, "mixture", False),
    "paths_all_without_extraction": (BLOCK_3, "mixture", False),
}


def test_every_row_has_a_config_that_the_readme_names():
    assert [path.stem for path in CONFIGS] == sorted(ROWS)
    readme = (FOLDER / "README.md").read_text(encoding="utf-8")
    assert set(re.findall(r"`(\w+)\.yaml`", readme)) == set(ROWS)


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_a_row_differs_from_the_table_in_its_model_only_and_names_its_command(path):
    differences = Experiment.from_yaml(BASE).differences(Experiment.from_yaml(path))
    assert all(key.startswith("model.arguments.") for key in differences)
    assert bool(differences) == (path.stem != "where_block_3")
    head = path.read_text(encoding="utf-8").split("\ndata:")[0]
    assert f"tf3dlocal train configs/ablations/{path.name}" in head and "Machine, minutes, score seen:" in head


def test_every_config_is_complete():
    body = BASE.read_text(encoding="utf-8").split("\ndata:")[1]
    keys = set(re.findall(r"\b(\w+):", body))
    for path in CONFIGS:
        assert keys <= set(re.findall(r"\b(\w+):", path.read_text(encoding="utf-8"))), path.name


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
@pytest.mark.slow
def test_the_model_of_a_row_has_the_paths_that_it_names(path):
    config = Experiment.from_yaml(path)
    model = prepare_model(config, num_classes=24, size=64)
    found = {}
    paths = [layer for layer in model.layers if isinstance(layer, LocalPath)]
    for layer in paths:
        found.setdefault(int(layer.name.split("_")[1]), []).append(layer.prior)
    blocks, sampler, extracts = ROWS[path.stem]
    assert {block: [prior.name for prior in priors] for block, priors in found.items()} == blocks
    assert {layer.sampler_name for layer in paths} <= {sampler}
    assert {bool(layer.channels) for layer in paths} <= {extracts}
    known = {prior.name: prior for prior in PAPER_PARTS}
    for priors in found.values():
        for prior in priors:
            assert prior[1:] == pytest.approx(known[prior.name][1:], abs=1e-6)


def test_all_rows_are_on_equal_terms():
    assert check_equal_terms(plan_runs(CONFIGS, out="out"), protocol=load_protocol("casia-b-st")) == []
