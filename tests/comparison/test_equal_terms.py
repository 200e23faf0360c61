"""What must be equal before numbers may stand in one table."""

import json

import pytest
from coarse_model import write_configs, write_finished_run
from small_walks import write_small_walks

from tf3dlocal.comparison.data_set import check_trained_on, claim_data_set
from tf3dlocal.comparison.equal_terms import check_equal_terms
from tf3dlocal.comparison.planned_runs import plan_runs
from tf3dlocal.config import ConfigError
from tf3dlocal.data import data_fingerprint, open_walks
from tf3dlocal.evaluation import load_protocol


@pytest.fixture
def configs(tmp_path):
    return write_configs(tmp_path)


@pytest.fixture
def protocol(configs):
    return load_protocol(configs[0].with_name("small.yaml"))


def change(path, old, new):
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_two_configs_of_one_budget_may_be_compared(configs, protocol):
    assert check_equal_terms(plan_runs(configs, "out", seeds=[0, 1]), protocol) == []


@pytest.mark.parametrize(
    ("old", "new", "key", "values"),
    [
        ("steps: 2", "steps: 3", "training.steps", ("2", "3")),
        ("subjects_per_batch: 2", "subjects_per_batch: 3", "data.subjects_per_batch", ("2", "3")),
        ("walks_per_subject: 2", "walks_per_subject: 4", "data.walks_per_subject", ("2", "4")),
        ("clip_length: 4", "clip_length: 3", "data.clip_length", ("4", "3")),
        ("[4, 5]", "[4, 6]", "data.window", (r"\[4, 5\]", r"\[4, 6\]")),
        ("clip_length: 4", "clip_length: 4, exclude_subjects: [005]", "data.exclude_subjects", (r"\[\]", r'\["005"\]')),
        ("clip_length: 4", "clip_length: 4, min_frames: 15", "data.min_frames", ("1", "15")),
        ("steps: 2", "steps: 2, held_out_subjects: 2", "training.held_out_subjects", ("0", "2")),
        ("steps: 2", "steps: 2, start_from: runs/x", "training.start_from", ("null", '"runs/x"')),
    ],
)
def test_an_unequal_budget_is_refused_with_run_and_key_or_told_in_the_report(configs, protocol, old, new, key, values):
    change(configs[1], old, new)
    runs = plan_runs(configs, "out")
    first, second = values
    with pytest.raises(
        ConfigError, match=f"{key} is {first} in narrow-seed-0 and {second} in wide-seed-0.*--allow-different"
    ):
        check_equal_terms(runs, protocol)
    (sentence,) = check_equal_terms(runs, protocol, allow_different=[key])
    assert (
        f"budgets are not equal: {key} is" in sentence
        and "narrow-seed-0; " in sentence
        and "no fair comparison" in sentence
    )


def test_the_last_model_and_the_best_one_are_no_equal_terms(configs, protocol):
    for path, kept in zip(configs, ("last", "best"), strict=True):
        change(path, "steps: 2", f"steps: 2, evaluate_every: 1, held_out_subjects: 2, keep_model: {kept}")
    with pytest.raises(ConfigError, match='training.keep_model is "last" in narrow-seed-0 and "best" in wide-seed-0'):
        check_equal_terms(plan_runs(configs, "out"), protocol)


def test_what_is_allowed_and_equal_all_the_same_is_not_told(configs, protocol):
    assert check_equal_terms(plan_runs(configs, "out"), protocol, allow_different=["training.steps"]) == []


def test_only_keys_of_the_budget_may_differ_knowingly(configs, protocol):
    with pytest.raises(
        ConfigError, match="--allow-different data.protocol: the keys that may differ knowingly are training"
    ):
        check_equal_terms(plan_runs(configs, "out"), protocol, allow_different=["data.protocol"])


def test_who_trains_by_another_protocol_is_refused(configs, protocol, tmp_path):
    change(configs[1], str(tmp_path / "small.yaml"), "casia-b-st")
    with pytest.raises(
        ConfigError, match="wide-seed-0: data.protocol is casia-b-st, and the comparison tests by small"
    ):
        check_equal_terms(plan_runs(configs, "out"), protocol)


def test_the_same_protocol_under_another_path_is_the_same(configs, protocol, tmp_path):
    (tmp_path / "copy.yaml").write_text((tmp_path / "small.yaml").read_text())
    change(configs[1], str(tmp_path / "small.yaml"), str(tmp_path / "copy.yaml"))
    assert check_equal_terms(plan_runs(configs, "out"), protocol) == []


@pytest.fixture(scope="module")
def other_walks(tmp_path_factory):
    folder = tmp_path_factory.mktemp("other")
    write_small_walks(folder, subjects=("001", "002", "003", "005"))
    return folder


def test_a_folder_of_runs_belongs_to_one_data_set(configs, small_walks, other_walks, tmp_path):
    runs, ours = plan_runs(configs, tmp_path), data_fingerprint(small_walks)
    assert claim_data_set(tmp_path, runs, small_walks, ours) == []
    assert claim_data_set(tmp_path, runs, small_walks, ours) == []
    other = open_walks(other_walks)
    with pytest.raises(ConfigError, match="trained on the data set 'small walks' of 120 walks.*take another --out"):
        claim_data_set(tmp_path, runs, other, data_fingerprint(other))


def test_a_run_that_was_there_before_is_taken_on_trust_and_the_report_says_so(configs, small_walks, tmp_path):
    write_finished_run(tmp_path / "out" / "runs" / "wide-seed-0", configs[1])
    (tmp_path / "out" / "runs" / "wide-seed-0" / "checkpoints" / "step-000002.keras").touch()
    runs = plan_runs(configs, tmp_path / "out")
    for _ in range(2):
        (sentence,) = claim_data_set(tmp_path / "out", runs, small_walks, data_fingerprint(small_walks))
        assert sentence.startswith("wide-seed-0 was not trained by this command") and "on trust" in sentence


def test_a_run_from_elsewhere_must_have_seen_the_same_data_set_as_far_as_it_tells(
    configs, small_walks, small_walks_folder, other_walks, tmp_path
):
    ours = data_fingerprint(small_walks)
    # of another comparison: its folder says which data set
    home = tmp_path / "home"
    folder = write_finished_run(home / "runs" / "narrow-seed-0", configs[0])
    runs = plan_runs([folder], tmp_path / "out")
    (sentence,) = check_trained_on(runs, ours)  # nothing is noted yet
    assert "taken on trust" in sentence
    claim_data_set(home, [], small_walks, ours)
    assert check_trained_on(runs, ours) == []
    with pytest.raises(ConfigError, match="narrow-seed-0: the run .* was trained on another data set than --data"):
        check_trained_on(runs, data_fingerprint(open_walks(other_walks)))
    # of `tf3dlocal train`: its config may say
    change(configs[1], "data: {", f"data: {{folder: {other_walks}, ")
    folder = write_finished_run(tmp_path / "train" / "wide", configs[1])
    with pytest.raises(ConfigError, match="data.folder .* in its config tells"):
        check_trained_on(plan_runs([folder], tmp_path / "out"), ours)


def test_a_run_that_notes_its_data_set_is_believed_wherever_it_was_trained(configs, small_walks, other_walks, tmp_path):
    from tf3dlocal.training.run_folder import RunFolder

    ours = data_fingerprint(small_walks)
    taken = write_finished_run(tmp_path / "train" / "narrow", configs[0])
    made = write_finished_run(tmp_path / "out" / "runs" / "wide-seed-0", configs[1])
    (made / "checkpoints" / "step-000002.keras").touch()
    for folder in (taken, made):
        note = {"name": "blobs", "num_walks": 120, "num_subjects": 4, "fingerprint": ours}
        RunFolder(folder).data_file.write_text(json.dumps(note))
    runs = plan_runs([taken, configs[1]], tmp_path / "out")
    assert check_trained_on(runs, ours) == []
    assert claim_data_set(tmp_path / "out", runs, small_walks, ours) == []
    other = data_fingerprint(open_walks(other_walks))
    for run, way_out in ((runs[0], "train it again"), (runs[1], "take another --out")):
        with pytest.raises(
            ConfigError, match=f"{run.name}: .* than --data .*data.json, 'blobs' of 120 walks, tells.*{way_out}"
        ):
            check_trained_on([run], other)
