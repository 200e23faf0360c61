"""The whole comparison on blobs: trained once, kept, resumed, and written in one report."""

import importlib
import json
import shutil

import pytest
from coarse_model import coarse, write_configs

import tf3dlocal
from tf3dlocal.comparison import compare, equal_terms, kept_results
from tf3dlocal.comparison.kept_results import cost_of_training
from tf3dlocal.config import ConfigError
from tf3dlocal.models import MODELS
from tf3dlocal.training import RunFolder

pytestmark = pytest.mark.slow  # trainings of several models

story = importlib.import_module("tf3dlocal.comparison.compare")


@pytest.fixture(autouse=True, scope="module")
def coarse_model_by_name():
    MODELS["coarse"] = coarse
    yield
    del MODELS["coarse"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory, small_walks_folder):
    """A finished comparison: two configs, one of them with two seeds, killed once in the middle of a training."""
    folder = tmp_path_factory.mktemp("comparison")
    write_configs(folder)
    append_log = RunFolder.append_log

    def die_in_the_second_run(self, record):
        append_log(self, record)
        if self.path.name == "wide-seed-0" and record["step"] == 1:
            raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(RunFolder, "append_log", die_in_the_second_run)
        with pytest.raises(KeyboardInterrupt):
            call(folder, small_walks_folder)
    (folder / "killed.md").write_text((folder / "out" / "report.md").read_text())
    (folder / "killed.json").write_text(json.dumps(time_of_model(folder, "narrow-seed-0")))
    (folder / "found.json").write_text(json.dumps(call(folder, small_walks_folder)))
    return folder


def call(folder, data, configs=None, **settings):
    configs = configs or [f"Small={folder / 'narrow.yaml'}", folder / "wide.yaml"]
    settings = {
        "data": data,
        "protocol": str(folder / "small.yaml"),
        "seeds_for": {"wide": [0, 1]},
        "out": folder / "out",
        "progress": False,
        "command": "tf3dlocal it",
        **settings,
    }
    return compare(configs, **settings)


def time_of_model(folder, run):
    return (folder / "out" / "runs" / run / "model.keras").stat().st_mtime_ns


@pytest.fixture
def nothing_is_computed(monkeypatch):
    """Training, testing or building a model fails."""

    def fail(*arguments, **more):
        raise AssertionError("computed again")

    monkeypatch.setattr(story, "run_experiment", fail)
    monkeypatch.setattr(equal_terms, "prepare_model", fail)
    for name in ("evaluate", "evaluate_gait_energy", "load_model"):
        monkeypatch.setattr(kept_results, name, fail)


def test_the_runs_are_ordinary_run_folders(folder):
    assert sorted(path.name for path in (folder / "out" / "runs").iterdir()) == [
        "narrow-seed-0",
        "wide-seed-0",
        "wide-seed-1",
    ]
    run = folder / "out" / "runs" / "wide-seed-1"
    assert (run / "model.keras").is_file() and "seed: 1" in (run / "config.yaml").read_text()
    assert [json.loads(line)["step"] for line in (run / "log.jsonl").read_text().splitlines()] == [1, 2]


def test_a_killed_call_leaves_a_report_of_the_finished_runs_and_the_next_one_resumes(folder):
    assert "**Not finished: 1 of 3 runs are in this report.**" in (folder / "killed.md").read_text()
    assert json.loads((folder / "killed.json").read_text()) == time_of_model(folder, "narrow-seed-0")
    log = (folder / "out" / "runs" / "wide-seed-0" / "log.jsonl").read_text()
    assert [json.loads(line)["step"] for line in log.splitlines()] == [1, 2]
    assert "Not finished" not in (folder / "out" / "report.md").read_text()


def test_the_report_has_all_that_must_accompany_the_numbers(folder):
    text = (folder / "out" / "report.md").read_text()
    for words in (
        "# Comparison: small on small walks",
        "| GEI (no training) |",
        "| Small |",
        "| wide |",
        "± is half the range",
        "NM (nm-05, nm-06)",
        "CL (cl-01, cl-02)",
        "identical views excluded",
        "![Rank-1 by probe view](report.png)",
        "- data set: small walks, 120 walks of 4 subjects",
        "- protocol: small (blobs",
        "- subjects: 4 tested",
        "- gallery walks: 48",
        "- probe walks: 48 (NM 24, CL 24)",
        "- distance: part_mean; of the gait energy images",
        "- seeds: narrow 0; wide 0, 1",
        "training.steps 2",
        "- precision: float32\n",
        "tensorflow 2",
        "CPU cores",
        "- command: `tf3dlocal it`",
    ):
        assert words in text, words
    assert "published" not in text and "synthetic" not in text
    assert (folder / "out" / "report.png").stat().st_size > 10_000


def test_the_numbers_on_disk_are_those_returned(folder):
    found = json.loads((folder / "out" / "report.json").read_text())
    assert found == json.loads((folder / "found.json").read_text())
    assert [(row["method"], row["seeds"]) for row in found["methods"]] == [
        ("GEI (no training)", []),
        ("Small", [0]),
        ("wide", [0, 1]),
    ]
    means = {run["run"]: run["mean"]["NM"] for run in found["runs"]}
    wide = found["methods"][2]["rank1"]["NM"]
    assert wide["mean"] == pytest.approx((means["wide-seed-0"] + means["wide-seed-1"]) / 2)
    assert wide["spread"] == pytest.approx(abs(means["wide-seed-0"] - means["wide-seed-1"]) / 2)
    # the only weights: 4 cells to 2 channels with bias; 4 strips of a walk
    assert found["methods"][1]["cost"]["parameters"] == 10
    assert found["methods"][1]["cost"]["gflops"] == 2 * 4 * 4 * 2 / 1e9
    assert found["methods"][1]["cost"]["steps"] == 2 and found["methods"][1]["cost"]["minutes"] > 0


def test_the_kept_result_is_that_of_evaluate(folder, small_walks):
    from tf3dlocal.evaluation import evaluate

    model = tf3dlocal.load_model(folder / "out" / "runs" / "wide-seed-1")
    expected = evaluate(model, walks=small_walks, protocol=str(folder / "small.yaml"), progress=False)
    kept = json.loads((folder / "out" / "results" / "wide-seed-1.json").read_text())
    assert kept["result"]["rank1"]["CL"]["mean"] == pytest.approx(expected.mean()[1])
    assert kept["result"]["pairs"]["hits"] == expected.hits.tolist()


def test_a_second_call_computes_nothing_and_returns_the_same(folder, small_walks_folder, nothing_is_computed):
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*.keras")}
    assert call(folder, small_walks_folder) == json.loads((folder / "found.json").read_text())
    assert before == {path: path.stat().st_mtime_ns for path in folder.rglob("*.keras")}


def test_another_distance_tests_again_but_trains_nothing(folder, small_walks_folder, tmp_path, monkeypatch):
    shutil.copytree(folder / "out", tmp_path / "out")
    monkeypatch.setattr(story, "run_experiment", None)
    one = [folder / "narrow.yaml"]
    found = call(folder, small_walks_folder, one, out=tmp_path / "out", distance="flattened", gei=False, seeds_for=None)
    assert found["facts"]["distance"] == "flattened" and [row["method"] for row in found["methods"]] == ["narrow"]
    kept = json.loads((tmp_path / "out" / "results" / "narrow-seed-0.json").read_text())
    assert kept["stamp"]["distance"] == "flattened"


def test_the_result_of_another_model_file_is_stale(folder, small_walks_folder, tmp_path):
    """The results of the two seeds are exchanged: the name alone would not show it."""
    out = shutil.copytree(folder / "out", tmp_path / "out")
    stamps = {}
    for seed in (0, 1):
        stamps[seed] = json.loads((out / "results" / f"wide-seed-{seed}.json").read_text())["stamp"]["model"]
    (out / "results" / "wide-seed-0.json").replace(out / "results" / "wide-seed-1.json")
    found = call(folder, small_walks_folder, out=out)
    assert json.loads((out / "results" / "wide-seed-1.json").read_text())["stamp"]["model"] == stamps[1] != stamps[0]
    assert found["methods"] == json.loads((folder / "found.json").read_text())["methods"]


def test_runs_from_elsewhere_are_used_without_training(folder, small_walks_folder, tmp_path, monkeypatch):
    monkeypatch.setattr(story, "run_experiment", None)
    runs = [folder / "out" / "runs" / name for name in ("wide-seed-1", "narrow-seed-0")]
    found = call(
        folder, small_walks_folder, [f"Wide={runs[0]}", runs[1]], out=tmp_path / "taken", seeds_for=None, gei=False
    )
    assert [(row["method"], row["seeds"]) for row in found["methods"]] == [("Wide", [1]), ("narrow", [0])]
    assert found["notes"] == []  # the folder they come from records their data set
    assert not (tmp_path / "taken" / "runs").exists()
    assert "trained elsewhere" in (tmp_path / "taken" / "report.md").read_text()


def test_unequal_budgets_are_refused_before_anything_is_written_unless_allowed(
    folder, small_walks_folder, tmp_path, nothing_is_computed
):
    (tmp_path / "longer.yaml").write_text((folder / "wide.yaml").read_text().replace("steps: 2", "steps: 3"))
    configs = [folder / "narrow.yaml", tmp_path / "longer.yaml"]
    with pytest.raises(ConfigError, match="training.steps is 2 in narrow-seed-0 and 3 in longer-seed-0"):
        call(folder, small_walks_folder, configs, out=tmp_path / "out", seeds_for=None)
    assert not (tmp_path / "out").exists()
    with pytest.raises(AssertionError, match="computed again"):  # after the check of the budgets
        call(
            folder,
            small_walks_folder,
            configs,
            out=tmp_path / "out",
            seeds_for=None,
            allow_different=["training.steps"],
        )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("channels: 4", "chanels: 4"), "wide: .*chanels.*id you mean .?channels"),
        (("coarse", "coarsest"), "wide: .*model.name.*'coarsest'"),
        (("learning_rate: 1e-2", "rate: 1"), "schedule.rate"),
    ],
)
def test_all_configs_are_built_before_the_first_one_trains(
    folder, small_walks_folder, tmp_path, change, message, monkeypatch
):
    monkeypatch.setattr(story, "run_experiment", None)
    text = (folder / "wide.yaml").read_text()
    assert change[0] in text
    (tmp_path / "wide.yaml").write_text(text.replace(*change))
    with pytest.raises(ConfigError, match=message):
        call(folder, small_walks_folder, [folder / "narrow.yaml", tmp_path / "wide.yaml"], out=tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_run_folder_of_another_config_is_found_before_anything_trains(
    folder, small_walks_folder, tmp_path, monkeypatch
):
    shutil.copytree(folder / "out", tmp_path / "out")
    monkeypatch.setattr(story, "run_experiment", None)
    with pytest.raises(
        ConfigError, match="narrow-seed-0 holds a training with another config:\n  schedule.learning_rate"
    ):
        call(folder, small_walks_folder, out=tmp_path / "out", overrides=["schedule.learning_rate=1e-3"])


def test_a_training_that_fails_does_not_stop_the_others(folder, small_walks_folder, tmp_path, monkeypatch):
    out = shutil.copytree(folder / "out", tmp_path / "out")
    shutil.rmtree(out / "runs" / "narrow-seed-0")

    def diverge(*arguments, **more):
        raise ValueError("the loss is nan at step 1")

    monkeypatch.setattr(story, "run_experiment", diverge)
    with pytest.raises(ValueError, match=r"1 of 3 runs failed; .*report.md has the others:\nnarrow-seed-0 failed: the"):
        call(folder, small_walks_folder, out=out)
    text = (out / "report.md").read_text()
    assert "2 of 3 runs are in" in text and "- narrow-seed-0 failed: the loss is nan at step 1" in text
    assert "| wide |" in text


def test_published_rows_need_a_protocol_that_has_them(folder, small_walks_folder, tmp_path):
    with pytest.raises(ConfigError, match="Nothing is published for the protocol small"):
        call(folder, small_walks_folder, out=tmp_path / "out", published=True)


def test_the_minutes_are_those_of_all_steps_and_an_untimed_step_counts_as_a_usual_one(tmp_path):
    records = [
        {"step": 1, "loss": 1.0},  # the step that compiles has no time
        {"step": 11, "loss": 1.0, "seconds_per_step": 3.0},
        {"step": 11, "rank_1": 50.0},
        {"step": 31, "loss": 1.0, "seconds_per_step": 6.0},
        {"step": 32, "loss": 1.0, "seconds_per_step": 3.0},
    ]
    (tmp_path / "log.jsonl").write_text("".join(json.dumps(record) + "\n" for record in records))
    cost = cost_of_training(tmp_path)
    assert cost["steps"] == 32 and cost["seconds_per_step"] == [3.0, 6.0, 3.0]
    assert cost["minutes"] == pytest.approx((3 + 30 + 120 + 3) / 60)
    assert cost_of_training(tmp_path / "nowhere") == {"steps": None, "seconds_per_step": [], "minutes": None}


def test_one_call_on_the_command_line(folder, small_walks_folder, capfd, nothing_is_computed):
    from tf3dlocal.cli import main

    verb = ["compare", f"Small={folder / 'narrow.yaml'}", folder / "wide.yaml", "--data", small_walks_folder]
    verb += ["--protocol", folder / "small.yaml", "--out", folder / "out", "--seeds-for", "wide=0,1"]
    with pytest.raises(SystemExit) as ended:
        main([str(word) for word in [*verb, "--json", folder / "numbers.json"]])
    out, err = capfd.readouterr()
    assert not ended.value.code, err
    assert "Mean rank-1 (%) and cost: small on small walks" in out and "report.png" in out
    assert "run 3 of 3: wide-seed-1, test" in err
    assert json.loads((folder / "numbers.json").read_text())["is_finished"]
    with pytest.raises(SystemExit) as ended:
        main([str(word) for word in [*verb, "--seeds", "all"]])
    assert ended.value.code == 2 and "'all' is not a list of" in capfd.readouterr().err


def test_a_row_has_the_seed_and_the_step_of_its_run(folder):
    result = json.loads((folder / "out" / "results" / "wide-seed-1.json").read_text())["result"]
    assert (result["method"], result["facts"]["seed"], result["facts"]["step"]) == ("wide", "1", "2")
    baseline = json.loads((folder / "out" / "results" / "gei.json").read_text())["result"]
    assert baseline["method"] == "gait energy images" and "nothing is trained" in baseline["facts"]["seed"]


def test_evaluate_names_a_run_and_takes_its_seed_and_step(folder, small_walks_folder, capfd, tmp_path):
    from tf3dlocal.cli import main

    run = folder / "out" / "runs" / "wide-seed-1"
    verb = ["evaluate", run, "--data", small_walks_folder, "--protocol", folder / "small.yaml"]
    with pytest.raises(SystemExit) as ended:
        main([str(word) for word in [*verb, "--json", tmp_path / "numbers.json"]])
    out, err = capfd.readouterr()
    assert not ended.value.code, err
    numbers = json.loads((tmp_path / "numbers.json").read_text())
    assert numbers["method"] == "wide-seed-1" and "this run" not in out
    assert (numbers["facts"]["seed"], numbers["facts"]["step"]) == ("1", "2")
    assert any("trained on 4 of the 4 test subjects" in notice for notice in numbers["notices"])
    with pytest.raises(SystemExit):
        main([str(word) for word in ["evaluate", "gei", *verb[2:]]])
    out, _ = capfd.readouterr()
    assert "gait energy images" in out and "this run" not in out
