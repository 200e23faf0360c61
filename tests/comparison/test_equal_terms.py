"""What must be equal in all rows of one table."""

import pytest
from coarse_model import write_configs, write_finished_run
from small_walks import write_small_walks

from tf3dlocal.comparison.equal_terms import check_equal_terms, check_trained_on, claim_data_set
from tf3dlocal.comparison.planned_runs import plan_runs
from tf3dlocal.config import ConfigError
from tf3dlocal.data import data_fingerprint, open_walks
from tf3dlocal.evaluation import load_protocol
from tf3dlocal.io import UnreadableError


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
    assert check_equal_terms(plan_runs(configs, out="out", seeds=[0, 1]), protocol=protocol) == []


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
def test_an_unequal_budget_is_refused_with_run_and_key_or_named_in_the_report(configs, protocol, old, new, key, values):
    change(configs[1], old, new)
    runs = plan_runs(configs, out="out")
    first, second = values
    with pytest.raises(
        ConfigError, match=f"{key} is {first} in narrow-seed-0 and {second} in wide-seed-0.*--allow-different"
    ):
        check_equal_terms(runs, protocol=protocol)
    (sentence,) = check_equal_terms(runs, protocol=protocol, allow_different=[key])
    assert (
        f"budgets are not equal: {key} is" in sentence
        and "narrow-seed-0; " in sentence
        and "not a fair comparison" in sentence
    )


def test_the_last_and_the_best_model_are_not_on_equal_terms(configs, protocol):
    for path, kept in zip(configs, ("last", "best"), strict=True):
        change(path, "steps: 2", f"steps: 2, evaluate_every: 1, held_out_subjects: 2, keep_model: {kept}")
    with pytest.raises(ConfigError, match='training.keep_model is "last" in narrow-seed-0 and "best" in wide-seed-0'):
        check_equal_terms(plan_runs(configs, out="out"), protocol=protocol)


def test_an_allowed_key_that_is_equal_is_not_named(configs, protocol):
    assert check_equal_terms(plan_runs(configs, out="out"), protocol=protocol, allow_different=["training.steps"]) == []


def test_only_keys_of_the_budget_may_differ_on_request(configs, protocol):
    with pytest.raises(
        ConfigError, match="--allow-different: there is no key of the budget 'data.protocol'. Known names: 'training"
    ):
        check_equal_terms(plan_runs(configs, out="out"), protocol=protocol, allow_different=["data.protocol"])


def test_a_training_by_another_protocol_is_refused(configs, protocol, tmp_path):
    change(configs[1], str(tmp_path / "small.yaml"), "casia-b-st")
    with pytest.raises(
        ConfigError, match="wide-seed-0: data.protocol is casia-b-st, and the comparison tests by small"
    ):
        check_equal_terms(plan_runs(configs, out="out"), protocol=protocol)


def test_a_copy_of_the_protocol_is_the_same_protocol(configs, protocol, tmp_path):
    (tmp_path / "copy.yaml").write_text((tmp_path / "small.yaml").read_text())
    change(configs[1], str(tmp_path / "small.yaml"), str(tmp_path / "copy.yaml"))
    assert check_equal_terms(plan_runs(configs, out="out"), protocol=protocol) == []


def walks_and_fingerprint(walks):
    return {"walks": walks, "fingerprint": data_fingerprint(walks)}


@pytest.fixture(scope="module")
def other_walks(tmp_path_factory):
    folder = tmp_path_factory.mktemp("other")
    write_small_walks(folder, subjects=("001", "002", "003", "005"))
    return folder


def test_a_folder_of_runs_belongs_to_one_data_set(configs, small_walks, other_walks, tmp_path):
    runs = plan_runs(configs, out=tmp_path)
    for _ in range(2):
        assert claim_data_set(tmp_path, runs=runs, **walks_and_fingerprint(small_walks)) == []
    with pytest.raises(ConfigError, match="trained on the data set 'small walks' of 120 walks.*Use another --out"):
        claim_data_set(tmp_path, runs=runs, **walks_and_fingerprint(open_walks(other_walks)))


def test_the_report_says_that_the_data_set_of_an_older_run_is_assumed(configs, small_walks, tmp_path):
    write_finished_run(tmp_path / "out" / "runs" / "wide-seed-0", configs[1])
    (tmp_path / "out" / "runs" / "wide-seed-0" / "checkpoints" / "step-000002.keras").touch()
    runs = plan_runs(configs, out=tmp_path / "out")
    for _ in range(2):
        (sentence,) = claim_data_set(tmp_path / "out", runs=runs, **walks_and_fingerprint(small_walks))
        assert sentence.startswith("wide-seed-0 was not trained by this command") and "assumed" in sentence


def test_a_run_from_elsewhere_must_have_the_same_data_set_as_far_as_it_is_recorded(
    configs, small_walks, small_walks_folder, other_walks, tmp_path
):
    fingerprint = data_fingerprint(small_walks)
    # a run of another comparison, whose folder has the record
    home = tmp_path / "home"
    folder = write_finished_run(home / "runs" / "narrow-seed-0", configs[0])
    runs = plan_runs([folder], out=tmp_path / "out")
    (sentence,) = check_trained_on(runs, fingerprint=fingerprint)  # nothing is recorded yet
    assert "assumed" in sentence
    claim_data_set(home, runs=[], **walks_and_fingerprint(small_walks))
    assert check_trained_on(runs, fingerprint=fingerprint) == []
    with pytest.raises(ConfigError, match="narrow-seed-0: the run .* was trained on another data set than --data"):
        check_trained_on(runs, fingerprint=data_fingerprint(open_walks(other_walks)))
    # a run of `tf3dlocal train`, whose config may name the folder
    change(configs[1], "data: {", f"data: {{folder: {other_walks}, ")
    folder = write_finished_run(tmp_path / "train" / "wide", configs[1])
    with pytest.raises(ConfigError, match="recorded in its config, data.folder"):
        check_trained_on(plan_runs([folder], out=tmp_path / "out"), fingerprint=fingerprint)


def test_the_record_in_a_run_folder_counts_wherever_it_was_trained(configs, small_walks, other_walks, tmp_path):
    fingerprint = data_fingerprint(small_walks)
    data_set = {"name": "blobs", "num_walks": 120, "num_subjects": 4, "fingerprint": fingerprint}
    taken = write_finished_run(tmp_path / "train" / "narrow", configs[0], data_set=data_set)
    made = write_finished_run(tmp_path / "out" / "runs" / "wide-seed-0", configs[1], data_set=data_set)
    (made / "checkpoints" / "step-000002.keras").touch()
    runs = plan_runs([taken, configs[1]], out=tmp_path / "out")
    assert check_trained_on(runs, fingerprint=fingerprint) == []
    assert claim_data_set(tmp_path / "out", runs=runs, **walks_and_fingerprint(small_walks)) == []
    other = data_fingerprint(open_walks(other_walks))
    for run, solution in ((runs[0], "Train it again"), (runs[1], "Use another --out")):
        with pytest.raises(ConfigError, match=f"{run.name}: .* than --data .*data.json: 'blobs' of 120.*{solution}"):
            check_trained_on([run], fingerprint=other)


@pytest.mark.bad_input
def test_all_differences_are_listed_at_once_with_what_to_do(configs, protocol, tmp_path):
    change(configs[1], "steps: 2", "steps: 3, held_out_subjects: 2")
    change(configs[1], "clip_length: 4", "clip_length: 3")
    change(configs[1], str(tmp_path / "small.yaml"), "casia-b-st")
    path = str(tmp_path / "my protocols" / "small.yaml")
    with pytest.raises(ConfigError) as raised:
        check_equal_terms(
            plan_runs(configs, out="out"), protocol=protocol, protocol_given=path, allow_different=["training.step"]
        )
    text = str(raised.value)
    for words in (
        "--allow-different: there is no key of the budget 'training.step'. Did you mean 'training.steps'",
        "wide-seed-0: data.protocol is casia-b-st, and the comparison tests by small (they differ in name,",
        f"Give --set 'data.protocol={path}'.",
        "training.steps is 2 in narrow-seed-0 and 3 in wide-seed-0. Give --set training.steps=2, or",
        "training.held_out_subjects is 0 in narrow-seed-0 and 2 in wide-seed-0",
        "data.clip_length is 4 in narrow-seed-0 and 3 in wide-seed-0",
    ):
        assert words in text, words


@pytest.mark.bad_input
def test_a_published_protocol_is_given_by_its_name_in_the_solution(configs):
    with pytest.raises(ConfigError, match="Give --set data.protocol=casia-b-st"):
        check_equal_terms(plan_runs(configs, out="out"), protocol=load_protocol("casia-b-st"))


@pytest.mark.bad_input
def test_a_protocol_of_a_config_that_cannot_be_read_is_one_of_the_differences(configs, protocol, tmp_path):
    change(configs[1], str(tmp_path / "small.yaml"), str(tmp_path / "gone.yaml"))
    with pytest.raises(ConfigError, match="wide-seed-0: data.protocol is .*gone.yaml, .*There is no protocol"):
        check_equal_terms(plan_runs(configs, out="out"), protocol=protocol)


@pytest.mark.bad_input
def test_what_a_trained_run_has_is_what_the_others_are_to_take(configs, protocol, tmp_path):
    folder = write_finished_run(tmp_path / "old" / "trained", configs[0])
    change(configs[1], "clip_length: 4", "clip_length: 3")
    with pytest.raises(
        ConfigError, match="data.clip_length is 3 in .*wide.* and 4 in .*trained.* Give --set data.cl.*=4"
    ):
        check_equal_terms(plan_runs([configs[1], folder], out="out"), protocol=protocol)


@pytest.mark.bad_input
def test_every_run_of_another_data_set_is_named(configs, tmp_path):
    data_set = {"name": "x", "num_walks": 1, "num_subjects": 1, "fingerprint": "other"}
    folders = [write_finished_run(tmp_path / f.stem, f, data_set=data_set) for f in configs]
    with pytest.raises(ConfigError, match="(?s)narrow-seed-0: the run .*wide-seed-0: the run "):
        check_trained_on(plan_runs(folders, out="out"), fingerprint="this")


@pytest.mark.bad_input
@pytest.mark.parametrize(
    "content",
    [
        "",
        "{",
        "[]",
        "null",
        "{}",
        '{"fingerprint": 5}',
        '{"name": "x", "num_walks": "many", "fingerprint": "a"}',
        "[" * 9999,
    ],
    ids=range(8),
)
def test_a_damaged_record_of_the_data_set_is_named(configs, small_walks, tmp_path, content):
    (tmp_path / "data_set.json").write_text(content)
    with pytest.raises(UnreadableError, match="data_set.json cannot be read: .* or remove the file"):
        claim_data_set(tmp_path, runs=plan_runs(configs, out=tmp_path), **walks_and_fingerprint(small_walks))
