"""The scripts explain themselves, and everything that they name exists."""

import importlib
import json
import os
import pathlib
import runpy
import subprocess
import sys

import pytest

from tf3dlocal.benchmark import Measurements
from tf3dlocal.benchmark.measurements import Row

BENCHMARKS = pathlib.Path(__file__).resolve().parents[2] / "benchmarks"
SCRIPTS = sorted(path.stem for path in BENCHMARKS.glob("[!_]*.py"))


@pytest.fixture(autouse=True)
def scripts_on_the_path(monkeypatch):
    monkeypatch.syspath_prepend(BENCHMARKS)


def run(script, *arguments):
    command = [sys.executable, str(BENCHMARKS / f"{script}.py"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)


@pytest.fixture
def call(monkeypatch, capsys):
    """Runs a script in this process to an exit of its own; gives (exit code, standard output, standard error)."""

    def run_here(script, *arguments):
        monkeypatch.setattr(sys, "argv", [f"{script}.py", *arguments])
        with pytest.raises(SystemExit) as ended:
            runpy.run_path(str(BENCHMARKS / f"{script}.py"), run_name="__main__")
        return ended.value.code or 0, *capsys.readouterr()

    return run_here


@pytest.mark.parametrize("script", SCRIPTS)
def test_a_script_explains_itself(script, call):
    code, said, _ = call(script, "--help")
    assert code == 0
    assert all(option in said for option in ("--json", "--out", *(["--quick"] if script != "memory" else [])))


@pytest.mark.slow
@pytest.mark.parametrize(("script", "table"), [("data", "open"), ("evaluation", "casia-b")])
def test_a_table_is_measured_from_end_to_end(script, table, tmp_path):
    done = run(script, table, "--quick", "--rounds", "1", "--json", str(tmp_path / "n.json"))
    assert done.returncode == 0, done.stderr
    (found,) = json.loads((tmp_path / "n.json").read_text())["tables"]
    assert len(found["rows"]) >= 4 and not found["absent"]


def test_a_table_that_there_is_not_is_wrong_usage(call):
    code, _, said = call("models", "resnet-training")
    assert code == 2 and "resnet-training" in said and "release-training" in said


def test_every_system_has_a_config_and_a_twin_with_both_steps():
    models = importlib.import_module("models")
    for config, twin, _ in models.SYSTEMS.values():
        assert (BENCHMARKS.parent / "configs" / config).is_file()
        text = (BENCHMARKS / "torch_twins" / twin).read_text()
        assert "def training_step(" in text and "def inference(" in text
    assert set(models.DEFAULT) <= set(models.tables(8, 30))
    assert {f"{system}-{step}" for system in models.SYSTEMS for step in ("training", "inference")} < set(
        models.tables(8, 30)
    )


def tables_of(script, monkeypatch):
    """{table: its alternatives} of a script, with --quick."""
    module = importlib.import_module(script)
    if script == "models":
        return {name: list(module.STEPS[step](*batch)) for name, (_, step, *batch) in module.tables(4, 8).items()}
    if script == "parts":
        return {name: list(module.alternatives(*table[1:], 2, 8)) for name, table in module.TABLES.items()}
    monkeypatch.setattr(module, "write_embeddings", lambda path, subjects: None)
    return {
        name: list(alternatives) for name, (_, alternatives) in module.tables(pathlib.Path("nowhere"), True).items()
    }


def what_is_measured(alternative):
    """Function, arguments and environment, with what the library chooses on a processor written out."""
    arguments = dict(alternative.arguments)
    if arguments.get("form") == "auto":
        arguments["form"] = "minimal" if arguments["compiled"] else "reference"
    environment = {"TF_ENABLE_ONEDNN_OPTS": "1"} | alternative.environment
    return json.dumps([alternative.function, arguments, environment], sort_keys=True)


@pytest.mark.parametrize("script", ["models", "parts", "evaluation"])
def test_no_two_rows_of_a_table_measure_the_same(script, monkeypatch):
    for name, alternatives in tables_of(script, monkeypatch).items():
        measured = [what_is_measured(alternative) for alternative in alternatives]
        assert len(measured) > 1 and len(set(measured)) == len(measured), name


def test_every_row_of_a_model_tells_its_operations(monkeypatch, tmp_path):
    models = importlib.import_module("models")

    def no_measuring(alternatives, rounds, title, conditions, **others):
        machine = dict.fromkeys(("memory_gb", "processor", "python", "date"), "some")
        machine |= {"cores": {"usable": 2, "machine": 2}, "libraries": {}, "settings": {}}
        return Measurements(
            title, [Row(one.name, [2.0]) for one in alternatives], machine=machine, conditions=conditions
        )

    monkeypatch.setattr(models, "side_by_side", no_measuring)
    monkeypatch.setattr(
        models, "matmul_peak", lambda threads: {"gflop_per_second": 100.0, "library": "numpy", "size": 2048}
    )
    monkeypatch.setattr(models, "gflop_per_walk", lambda system, frames: 5.0)
    monkeypatch.setattr(sys, "argv", ["models.py", "--quick", "--out", str(tmp_path)])
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")  # so that it is put back
    models.main()
    training, inference = json.loads((tmp_path / "models.json").read_text())["tables"]
    assert [row["facts"]["gflop"] for row in training["rows"]] == [3 * 4 * 5.0] * 5
    assert [row["facts"]["gflop"] for row in inference["rows"]] == [4 * 5.0] * 4
    page = (tmp_path / "models.md").read_text()
    assert "| GFLOP/s | of peak |" in page and "30 % of the machine's matrix product" in page
    assert os.environ["CUDA_VISIBLE_DEVICES"] == "-1" and "device CPU" in page  # the twins use no GPU


def test_the_twin_that_keeps_freed_memory_asks_for_no_page_twice():
    if sys.platform != "linux":
        pytest.skip("only Linux is asked for page faults here")
    program = (
        "import resource\n"
        "def faults():\n"
        "    for _ in range(5): bytearray(2**26)\n"
        "    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt\n"
        "begin = faults(); print(faults() - begin)"
    )
    plain = {
        name: value for name, value in os.environ.items() if not name.startswith(("MALLOC_", "GLIBC_", "LD_PRELOAD"))
    }
    environment = importlib.import_module("models").FREED_MEMORY_KEPT
    usual, kept = (
        int(
            subprocess.run([sys.executable, "-S", "-c", program], env=variables, check=True, capture_output=True).stdout
        )
        for variables in (plain, plain | environment)
    )
    if usual < 100:
        pytest.skip("this allocator keeps what is freed by itself")
    assert kept < usual / 10


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
