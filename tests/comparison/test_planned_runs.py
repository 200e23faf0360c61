"""Which trainings are planned, and what is refused before any of them."""

import pytest
from coarse_model import write_configs, write_finished_run

from tf3dlocal.comparison.planned_runs import plan_runs
from tf3dlocal.config import ConfigError


@pytest.fixture
def configs(tmp_path):
    return write_configs(tmp_path)


def plan(*configs, **settings):
    return plan_runs(configs, out="out", **settings)


def test_every_method_has_its_first_seed_before_any_has_its_second(configs):
    runs = plan(*configs, seeds=[0, 3])
    assert [run.name for run in runs] == ["narrow-seed-0", "wide-seed-0", "narrow-seed-3", "wide-seed-3"]
    assert [run.config.training.seed for run in runs] == [0, 0, 3, 3]
    assert str(runs[0].folder) == "out/runs/narrow-seed-0"


def test_one_config_may_have_other_seeds(configs):
    runs = plan(*configs, seeds=[0], seeds_for={"wide": [0, 1]})
    assert [run.name for run in runs] == ["narrow-seed-0", "wide-seed-0", "wide-seed-1"]


def test_changes_reach_every_config(configs):
    runs = plan(*configs, overrides=["training.steps=7", "data.clip_length=3"])
    assert {(run.config.training.steps, run.config.data.clip_length) for run in runs} == {(7, 3)}


def test_a_method_is_called_by_the_words_that_identify_it_or_by_the_given_name(configs, tmp_path):
    narrow, wide = configs
    long = [path.rename(tmp_path / f"{path.stem}_blobs_st.yaml") for path in (narrow, wide)]
    assert [run.label for run in plan(*long)] == ["narrow", "wide"]
    assert [run.label for run in plan(f"Small={long[0]}", long[1])] == ["Small", "wide"]
    assert [run.label for run in plan(long[0])] == ["narrow_blobs_st"]


def test_a_run_folder_keeps_its_config_and_joins_the_seeds_of_its_method(configs, tmp_path):
    folder = write_finished_run(tmp_path / "old" / "narrow-seed-5", configs[0], seed=5)
    runs = plan(configs[0], folder)
    assert [(run.name, run.taken, run.is_finished) for run in runs] == [
        ("narrow-seed-0", False, False),
        ("narrow-seed-5", True, True),
    ]


@pytest.fixture
def fast(monkeypatch):
    """Function that sets what this machine computes fast."""

    def be(precision):
        monkeypatch.setattr("tf3dlocal.training.precision.fast_precision", lambda: (precision, "I say so"))

    return be


def test_a_config_that_leaves_the_precision_to_the_machine_is_planned_in_the_fast_one(configs, fast):
    fast("mixed_bfloat16")
    chosen, named = plan(configs[0], overrides=["training.precision=auto"]) + plan(configs[0])
    assert chosen.config.training.precision == "mixed_bfloat16" and named.config.training.precision == "float32"
    assert chosen.chosen_precision == "Precision: mixed_bfloat16, since I say so." and named.chosen_precision is None


def test_all_seeds_of_a_method_keep_the_precision_of_the_first_that_began(configs, fast, tmp_path):
    begun = write_finished_run(tmp_path / "runs" / "narrow-seed-1", configs[0], seed=1)  # in float32
    fast("mixed_bfloat16")
    settings = {"out": tmp_path, "seeds": [0, 1], "overrides": ["training.precision=auto"]}
    runs = plan_runs([configs[0], configs[1]], **settings)
    assert [(run.name, run.config.training.precision) for run in runs] == [
        ("narrow-seed-0", "float32"),
        ("wide-seed-0", "mixed_bfloat16"),
        ("narrow-seed-1", "float32"),
        ("wide-seed-1", "mixed_bfloat16"),
    ]
    assert f"float32, in which the training in {begun} began" in runs[0].chosen_precision
    (taken,) = plan_runs([begun], out=tmp_path / "out", overrides=["training.precision=auto"])
    assert taken.config.training.precision == "float32"


def test_a_longer_training_is_not_finished_by_the_model_of_the_shorter_one(configs, tmp_path):
    folder = write_finished_run(tmp_path / "runs" / "narrow-seed-0", configs[0])
    (run,) = plan_runs([configs[0]], out=tmp_path, overrides=["training.steps=3"])
    assert run.folder == folder and not run.is_finished
    (run,) = plan_runs([configs[0]], out=tmp_path)
    assert run.is_finished


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"seeds": [0, 0]}, r"--seeds: seeds must be different whole numbers from 0.*\[0, 0\]"),
        ({"seeds": []}, "--seeds"),
        ({"seeds": [-1]}, r"they are \[-1\]"),
        ({"seeds_for": {"other": [1]}}, "--seeds-for: there is no config 'other'. Known names: 'narrow', 'wide'"),
        ({"seeds_for": {"wide": [1, 1]}}, "wide: seeds must be different"),
        ({"overrides": ["training.seed=3"]}, "by --seeds or --seeds-for"),
        ({"overrides": ["training.stepps=3"]}, "id you mean .?training.steps"),
    ],
)
def test_wrong_seeds_and_changes_are_named(configs, settings, message):
    with pytest.raises(ConfigError, match=message):
        plan(*configs, **settings)


def test_two_methods_must_not_share_a_name(configs, tmp_path):
    (tmp_path / "other").mkdir()
    other = tmp_path / "other" / "narrow.yaml"
    other.write_text(configs[0].read_text())
    with pytest.raises(ConfigError, match=r"narrow.yaml and .*narrow.yaml have the same name.*Rename one"):
        plan(configs[0], other)
    with pytest.raises(ConfigError, match="Two methods have the same name in the report: x, x"):
        plan(f"x={configs[0]}", f"x={configs[1]}")


def test_a_missing_config_is_named(configs, tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere.yaml"):
        plan(configs[0], tmp_path / "nowhere.yaml")
    with pytest.raises(FileNotFoundError, match="is a folder without config.yaml"):
        plan(tmp_path)
    with pytest.raises(ConfigError, match="at least one config"):
        plan()


def test_an_unfinished_run_is_refused(configs, tmp_path):
    folder = write_finished_run(tmp_path / "narrow", configs[0], steps=1)
    with pytest.raises(ConfigError, match="narrow is not finished: there is no model of its 2 steps"):
        plan(folder)
    write_finished_run(tmp_path / "wide", configs[1])
    (tmp_path / "wide" / "model.keras").unlink()
    with pytest.raises(ConfigError, match="wide is not finished"):
        plan(tmp_path / "wide")


def test_a_run_that_is_trained_cannot_be_changed(configs, tmp_path):
    folder = write_finished_run(tmp_path / "old", configs[0])
    with pytest.raises(ConfigError, match="--set changes data.flip_probability of .*old, which is trained already"):
        plan(folder, overrides=["data.flip_probability=0"])
    plan(folder, overrides=["training.report_every=7", "training.steps=2"])  # changes nothing of what was learned


def test_different_methods_of_one_name_are_refused(configs, tmp_path):
    folder = write_finished_run(tmp_path / "old" / "narrow-seed-1", configs[1], seed=1)
    with pytest.raises(ConfigError, match="both called narrow and are not the same method: .*channels is 2 and 4"):
        plan(configs[0], folder)


def test_a_seed_twice_is_refused(configs, tmp_path):
    folder = write_finished_run(tmp_path / "old" / "narrow", configs[0])
    with pytest.raises(ConfigError, match="narrow has the seed 0 twice: .*runs/narrow-seed-0 and .*old/narrow"):
        plan(configs[0], folder)
