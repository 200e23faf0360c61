"""The scripts explain themselves, and everything that they name exists."""

import importlib
import pathlib
import subprocess
import sys

import pytest

BENCHMARKS = pathlib.Path(__file__).resolve().parents[2] / "benchmarks"


@pytest.fixture(autouse=True)
def scripts_on_the_path(monkeypatch):
    monkeypatch.syspath_prepend(BENCHMARKS)


def run(script, *arguments):
    command = [sys.executable, str(BENCHMARKS / f"{script}.py"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)


@pytest.mark.parametrize("script", ["models", "parts", "preparation"])
def test_a_script_explains_itself(script):
    done = run(script, "--help")
    assert done.returncode == 0
    assert all(option in done.stdout for option in ("--quick", "--json", "--out"))


def test_a_table_that_there_is_not_is_wrong_usage():
    done = run("models", "resnet-training")
    assert done.returncode == 2 and "resnet-training" in done.stderr and "release-training" in done.stderr


def test_every_system_has_a_config_and_a_twin_with_both_steps():
    models = importlib.import_module("models")
    for config, twin, _ in models.SYSTEMS.values():
        assert (BENCHMARKS.parent / "configs" / config).is_file()
        text = (BENCHMARKS / "torch_twins" / twin).read_text()
        assert "def training_step(" in text and "def inference(" in text
    assert set(models.DEFAULT) <= set(models.tables(8, 30))
    assert {f"{system}-{step}" for system in models.SYSTEMS for step in ("training", "inference")} < set(models.tables(8, 30))


def test_every_part_has_a_name_in_the_worker_and_known_forms():
    from tf3dlocal.layers.forms import FORMS

    table, worker = importlib.import_module("parts").TABLES, importlib.import_module("_parts")
    for name, (_, part, _, forms, others) in table.items():
        assert {part, *others} <= set(worker.PARTS), name
        assert {form for form, _ in forms} <= {*FORMS, "masks"}, name


def test_the_plain_triplet_loss_that_ours_is_measured_against_is_the_same():
    import numpy as np

    worker = importlib.import_module("_parts")
    ours, (features,) = worker.triplets(2, 1, "auto")
    plain, _ = worker.triplets(2, 1, "masks")
    assert float(np.max(ours(features))) > 0
    np.testing.assert_allclose(ours(features), plain(features), rtol=1e-5)
