"""The scripts explain themselves, and everything that they name exists."""

import importlib
import json
import os
import pathlib
import re
import subprocess
import sys

import pytest
from measuring import Measurements, Row
from measuring.processes import BENCHMARKS, ROOT
from measuring.steps import read_experiment

SCRIPTS = sorted(path.stem for path in BENCHMARKS.glob("[!_]*.py"))
WITHOUT_QUICK = {"between_conditions", "memory"}
NEED_ARGUMENTS = {"between_conditions", "config", "two_checkouts", "walk_length"}


@pytest.mark.parametrize("script", SCRIPTS)
def test_a_script_explains_itself(script, call):
    code, out, _ = call(script, "--help")
    assert code == 0
    quick = [] if script in WITHOUT_QUICK else ["--quick"]
    assert all(option in out for option in ("--json", "--out", f"python benchmarks/{script}.py", *quick))


def test_make_bench_runs_every_script_that_needs_no_argument():
    targets = ("bench",)
    shown = subprocess.run(["make", "-n", "-s", *targets], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    run = set(re.findall(r"benchmarks/(\w+)\.py", shown))
    assert run == set(SCRIPTS) - NEED_ARGUMENTS


@pytest.mark.parametrize("script", sorted(NEED_ARGUMENTS))
def test_a_script_that_needs_arguments_says_so(script, call):
    code, _, err = call(script)
    assert code == 2 and f"usage: {script}.py" in err


@pytest.mark.slow
@pytest.mark.parametrize(("script", "table"), [("start", "without-tensorflow"), ("evaluation", "casia-b")])
def test_a_table_is_measured_from_end_to_end(script, table, tmp_path):
    command = [sys.executable, str(BENCHMARKS / f"{script}.py"), table, "--quick", "--rounds", "1"]
    command += ["--json", str(tmp_path / "numbers.json")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stderr
    (found,) = json.loads((tmp_path / "numbers.json").read_text())["tables"]
    assert len(found["rows"]) >= 4 and not found["absent"]


def test_the_programs_that_open_many_walks_run(tmp_path, monkeypatch):
    data, run = importlib.import_module("data"), []

    def run_here(title, *, programs, rounds, conditions):
        for program in programs.values():
            exec(program, {})
            run.append(program)

    monkeypatch.setattr(data, "fresh_processes", run_here)
    monkeypatch.setattr(data, "NUM_WALKS", 220)
    data.open_table(tmp_path, type("Options", (), {"quick": False, "rounds": 1}))
    assert len(run) == 5


@pytest.mark.parametrize("arguments", [("models", "resnet-training"), ("start", "resnet-training")])
def test_an_unknown_table_is_wrong_usage(call, arguments):
    code, _, err = call(*arguments)
    assert code == 2 and "resnet-training" in err and "Tables: " in err


def test_a_folder_without_the_package_is_no_checkout(call, tmp_path):
    code, _, err = call("two_checkouts", tmp_path, ROOT)
    assert code == 2 and str(tmp_path) in err


@pytest.mark.slow
def test_the_step_of_a_checkout_runs_and_belongs_to_it(tmp_path):
    two_checkouts = importlib.import_module("two_checkouts")
    batch = {"checkout": str(ROOT), "preset": "release", "walks": 2, "frames": 4}
    call = two_checkouts.inference(**batch)
    assert call().shape == (2, 16, 256) and call.facts["checkout"] == str(ROOT)
    with pytest.raises(ImportError, match="imported from"):
        two_checkouts.inference(**batch | {"checkout": str(tmp_path)})


def test_every_system_has_a_config_and_a_twin_with_both_steps():
    models = importlib.import_module("models")
    for config, twin, _ in models.SYSTEMS.values():
        assert (ROOT / "configs" / config).is_file()
        text = (BENCHMARKS / "torch_twins" / twin).read_text()
        assert "def training_step(" in text and "def inference(" in text
    names = set(models.tables(8, 30))
    assert set(models.DEFAULT) <= names
    assert {f"{system}-{step}" for system in models.SYSTEMS for step in ("training", "inference")} < names


def test_models_are_compared_in_float32_and_without_what_a_config_does_to_save_memory():
    import models

    for system in models.SYSTEMS:
        *_, alternative = models.own(system, step="training_step", walks=2, frames=8, xla=False)
        arguments = alternative.arguments
        training = read_experiment(arguments["config"], settings=arguments["settings"]).training
        found = (training.precision, training.recompute, training.accumulation_steps)
        assert found == ("float32", False, 1), system


def tables_of(script, monkeypatch):
    """{table: its alternatives} of a script, with --quick."""
    module = importlib.import_module(script)
    if script == "models":
        tables = module.tables(4, 8).items()
        return {
            name: list(module.STEPS[step](system, walks=walks, frames=frames, xla=True))
            for name, (_, step, system, walks, frames) in tables
        }
    if script == "parts":
        tables = module.TABLES.items()
        return {
            name: list(module.alternatives(parts, backward=backward, walks=2, frames=8))
            for name, (_, parts, backward) in tables
        }
    monkeypatch.setattr(module, "write_embeddings", lambda path, subjects: None)
    tables = module.tables(pathlib.Path("nowhere"), True).items()
    return {name: list(alternatives) for name, (_, alternatives) in tables}


@pytest.mark.parametrize("script", ["models", "parts", "evaluation"])
@pytest.mark.slow
def test_no_two_rows_of_a_table_measure_the_same(script, monkeypatch):
    for name, alternatives in tables_of(script, monkeypatch).items():
        measured = [json.dumps([one.function, one.arguments, one.environment]) for one in alternatives]
        assert len(measured) > 1 and len(set(measured)) == len(measured), name


def test_every_row_of_a_model_has_its_operations(monkeypatch, tmp_path, call):
    models = importlib.import_module("models")

    def no_measuring(alternatives, *, title, conditions, **_):
        machine = dict.fromkeys(("memory_gb", "processor", "python", "date"), "some")
        machine |= {"cores": {"usable": 2, "machine": 2}, "libraries": {}, "settings": {}}
        rows = [Row(one.name, seconds=[2.0]) for one in alternatives]
        return Measurements(title, rows=rows, machine=machine, conditions=conditions)

    peak = {"gflop_per_second": 100.0, "library": "numpy", "size": 2048}
    monkeypatch.setattr(models, "side_by_side", no_measuring)
    monkeypatch.setattr(models, "matmul_peak", lambda threads: peak)
    monkeypatch.setattr(models, "gflop_per_walk", lambda system, frames: 5.0)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")  # restored after the test
    code, _, _ = call("models", "--quick", "--out", tmp_path)
    assert code == 0
    training, inference = json.loads((tmp_path / "models.json").read_text())["tables"]
    assert [row["facts"]["gflop"] for row in training["rows"]] == [3 * 4 * 5.0] * 4
    assert [row["facts"]["gflop"] for row in inference["rows"]] == [4 * 5.0] * 3
    page = (tmp_path / "models.md").read_text()
    assert "| GFLOP/s | of peak |" in page and "30 % of the machine's matrix product" in page
    assert os.environ["CUDA_VISIBLE_DEVICES"] == "-1" and "device CPU" in page  # the twins use no GPU


def test_the_twin_that_keeps_freed_memory_requests_no_page_twice():
    if sys.platform != "linux":
        pytest.skip("Page faults are counted on Linux only.")
    program = (
        "import resource\n"
        "def faults():\n"
        "    for _ in range(5): bytearray(2**26)\n"
        "    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt\n"
        "begin = faults(); print(faults() - begin)"
    )
    settings = ("MALLOC_", "GLIBC_", "LD_PRELOAD")
    plain = {name: value for name, value in os.environ.items() if not name.startswith(settings)}

    def page_faults(environment):
        command = [sys.executable, "-S", "-c", program]
        return int(subprocess.run(command, env=environment, check=True, capture_output=True).stdout)

    usual, kept = page_faults(plain), page_faults(plain | importlib.import_module("models").FREED_MEMORY_KEPT)
    if usual < 100:
        pytest.skip("This allocator keeps freed memory by itself.")
    assert kept < usual / 10


@pytest.mark.parametrize("name", importlib.import_module("parts").TABLES)
@pytest.mark.slow
def test_every_part_runs_with_its_gradient(name):
    worker = importlib.import_module("_parts")
    for part in importlib.import_module("parts").TABLES[name][1]:
        worker.part(part, walks=2, frames=4)()
