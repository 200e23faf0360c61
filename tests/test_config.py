"""Configs: strict, complete, and every mistake named with its place and its fix."""

import pathlib
import re
import shlex
import types
import typing

import pytest

from tf3dlocal.config import ConfigError, Experiment
from tf3dlocal.config.errors import ALIASES, FORMS
from tf3dlocal.evaluation import published_names

FOLDER = pathlib.Path(__file__).parents[1] / "configs"
CONFIGS = [path for path in sorted(FOLDER.rglob("*.yaml")) if path.parent.name != "protocols"]
MINIMAL = "training: {steps: 10}"


def flat_keys(values, prefix=""):
    """Dotted keys of nested dicts, without those inside model.arguments."""
    for key, value in values.items():
        yield prefix + key
        if isinstance(value, dict) and prefix + key != "model.arguments":
            yield from flat_keys(value, f"{prefix}{key}.")


@pytest.mark.parametrize(
    ("text", "overrides", "message"),
    [
        (
            "training:\n  stepz: 10",
            [],
            "exp.yaml, line 2: there is no key 'training.stepz'; did you mean 'training.steps'?",
        ),
        ("training:\n  stepz: 10", [], "exp.yaml, line 1: the key 'training.steps' is missing; it has no default."),
        (
            MINIMAL,
            ["training.stepz=3"],
            "--set training.stepz=3: there is no key 'training.stepz'; did you mean 'training.steps'?",
        ),
        (
            MINIMAL + "\nclip_length: 30",
            [],
            "exp.yaml, line 2: there is no key 'clip_length'; did you mean 'data.clip_length'?",
        ),
        (MINIMAL, ["model.argument.x=3"], "there is no key 'model.argument'; did you mean 'model.arguments'?"),
        (
            MINIMAL + "\ndata: {order: sorted}",
            [],
            "exp.yaml, line 2: 'data.order' is 'sorted': .*'unordered' or 'resampled'",
        ),
        (
            MINIMAL + "\ndata:\n  window: [30, x]",
            [],
            r"exp.yaml, line 3: 'data.window' is \[30, 'x'\], and it takes \[shortest, longest\]",
        ),
        (MINIMAL, ["training.steps=many"], "--set training.steps=many: 'training.steps' is 'many': .*integer"),
        (MINIMAL, ["data.flip_probability=2"], "'data.flip_probability' is 2: .*less than or equal to 1"),
        (MINIMAL, ["training.steps"], "--set training.steps: write KEY=VALUE"),
        (MINIMAL, ["training.steps.more=1"], "'steps' is 10, a value that holds no keys"),
        (MINIMAL, ["training.steps=[1"], "--set training.steps=.1, line 1, column 3: this is not YAML"),
        (MINIMAL, ["training.strategy=many"], "'training.strategy' is 'many': .*'multi_worker' or 'tpu'"),
        (
            MINIMAL + "\ndata: {clip_length: 4}",
            ["data.window=[40, 30]"],
            r"exp.yaml, line 2 with --set data.window=\[40, 30\]: data: window is .* it is \[40, 30\]",
        ),
        (MINIMAL, ["data.clip_length=50"], "window begins at 30 frames, fewer than clip_length, which is 50"),
        (MINIMAL, ["losses.triplet.weight=0"], "both have weight 0"),
        (
            MINIMAL,
            [f"optimizer.rates.{group}=0" for group in ("global_path", "local_paths", "localization", "head")],
            "--set optimizer.rates.head=0: optimizer.rates: all rates are 0, so nothing would be learned",
        ),
        (MINIMAL, ["schedule.name=piecewise"], "milestones belong to the schedule piecewise"),
        (
            MINIMAL,
            ["schedule.name=piecewise", "schedule.milestones=[20, 10]"],
            r"milestones must rise, and they are \[20, 10\]",
        ),
        (
            MINIMAL,
            ["schedule.name=warmup_cosine", "schedule.warmup_steps=10"],
            "schedule.warmup_steps is 10, and training.steps is 10; the cosine .* needs at least one step",
        ),
        (
            MINIMAL,
            ["schedule.warmup_steps=5"],
            "warmup_steps belongs to the schedule warmup_cosine, and name is 'constant'",
        ),
        (MINIMAL, ["data.walks_per_subject=1"], "data.walks_per_subject is 1, and a triplet needs two walks"),
        (MINIMAL, ["data.walks_per_subject=9999"], "is 2,399,760 frames in one batch; 1,000,000 are the limit"),
        (MINIMAL, ["training=null"], "'training' is None, and it is a section: write its keys below it"),
        (MINIMAL, ["training.evaluate_every=5"], "evaluate_every needs held_out_subjects"),
        (MINIMAL, ["training.keep_model=best"], "training: keep_model: best needs evaluate_every"),
        ("training: {steps: [", [], "exp.yaml, line 1, column 20: this is not YAML"),
        ("training: {steps: !!python/name:os.system }", [], "exp.yaml, line 1: tags such as"),
        (MINIMAL + "\ntraining: {steps: 20}", [], "exp.yaml, line 2, training: the key is given twice"),
        ("just a line", [], "exp.yaml has no keys"),
    ],
)
def test_a_mistake_is_named_with_its_place_and_the_fix(text, overrides, message):
    with pytest.raises(ConfigError, match=message.replace("?", r"\?")):
        Experiment.from_text(text, overrides=overrides, source="exp.yaml")


@pytest.mark.bad_input
@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("training.lr", "schedule.learning_rate"),
        ("lr", "schedule.learning_rate"),
        ("optimizer.learning_rate", "schedule.learning_rate"),
        ("optimizer.lr", "schedule.learning_rate"),
        ("batch_size", "data.subjects_per_batch"),
        ("training.batch_size", "data.subjects_per_batch"),
        ("training.epochs", "training.steps"),
        ("epochs", "training.steps"),
        ("training.max_steps", "training.steps"),
        ("training.step", "training.steps"),
        ("steps", "training.steps"),
        ("seed", "training.seed"),
        ("data.frames", "data.clip_length"),
        ("data.resolution", "data.size"),
        ("data.path", "data.folder"),
        ("training.fp16", "training.precision"),
        ("training.gpus", "training.strategy"),
        ("training.log_every", "training.report_every"),
        ("training.save_every", "training.checkpoint_every"),
        ("training.warmup_steps", "schedule.warmup_steps"),
        ("losses.margin", "losses.triplet.margin"),
        ("losses.label_smoothing", "losses.cross_entropy.label_smoothing"),
        ("training.weight_decay", "optimizer.weight_decay"),
        ("optimizer.localization_rate", "optimizer.rates.localization"),
        ("optimizer.localization", "optimizer.rates.localization"),
        ("optimizer.rates.heads", "optimizer.rates.head"),
        ("optimizer.rates.local_path", "optimizer.rates.local_paths"),
        ("training.pretrained", "training.start_from"),
        ("model.backbone", "model.name"),
        ("losses.triplet.maring", "losses.triplet.margin"),
        ("training.learnig_rate", "schedule.learning_rate"),
        ("Training.steps", "training"),
    ],
)
def test_a_mistyped_key_suggests_the_one_that_is_meant(typed, meant):
    known = set(flat_keys(Experiment.from_text(MINIMAL).model_dump()))
    assert meant in known and typed not in known
    with pytest.raises(
        ConfigError, match=rf"--set {typed}=1: there is no key .*; did you mean '{meant}'\?|did you mean 'training'"
    ):
        Experiment.from_text(MINIMAL, overrides=[f"{typed}=1"])


@pytest.mark.bad_input
@pytest.mark.parametrize(
    ("override", "takes"),
    [
        *(
            (f"data.window={value}", r"takes \[shortest, longest\] in frames")
            for value in (
                "[4]",
                "[]",
                "[4, 5, 6]",
                "4",
                "[0, 4]",
                "null",
                "[30.5, 40]",
                "[[30, 40], [1]]",
                "[true, 40]",
            )
        ),
        *(
            (f"data.exclude_subjects={value}", r"takes a list of names of subjects, such as \[005, 010\]")
            for value in ("[null]", "['']", "[1.5]", "005", "[[a]]", "[a, 3.5, null]", "null", "{a: 1}")
        ),
        *(
            (f"schedule.milestones={value}", "takes a list of steps that rise, whole numbers from 1")
            for value in ("[a]", "3", "[0]", "[1.5]", "[null, 3]", "{3: 4}", "null")
        ),
        *(
            (f"training.held_out_views={value}", "takes a list of views in whole degrees")
            for value in ("[a]", "[]", "90", "[1.5]", "[true]", "[0, [90]]")
        ),
        *(
            (f"training.jit_compile={value}", "takes true, false or auto")
            for value in ("yes", "1", "[1]", "Auto", "null", "'true'", "{a: true}")
        ),
        *(
            (f"model.arguments={value}", "takes arguments of the model with their values")
            for value in ("[a]", "a", "3")
        ),
    ],
)
def test_a_key_that_holds_several_values_is_named_as_a_whole(override, takes):
    key, _, value = override.partition("=")
    with pytest.raises(ConfigError, match=takes) as refused:
        Experiment.from_text(MINIMAL, overrides=[override])
    assert str(refused.value).startswith(f"--set {override}: {key!r} is ") and "\n" not in str(refused.value)


def test_every_key_that_holds_several_values_says_what_it_takes():
    """And every key of several kinds: for these pydantic names an item or a kind instead of the key."""
    for key in KEYS:
        section, kinds = Experiment, []
        for name in key.split("."):
            kinds = [section.model_fields[name].annotation]
            section = kinds[0]
        if isinstance(section, types.UnionType | typing._UnionGenericAlias):
            kinds = [kind for kind in typing.get_args(section) if kind is not type(None)]
        origins = {typing.get_origin(kind) or kind for kind in kinds}
        assert key in FORMS or not (len(kinds) > 1 or origins & {list, tuple}), key
    assert set(FORMS) <= {*KEYS, "model.arguments"}


@pytest.mark.bad_input
def test_an_argument_of_the_model_is_suggested_below_arguments():
    with pytest.raises(ConfigError, match="an argument of the model is model.arguments.channels"):
        Experiment.from_text(MINIMAL, overrides=["model.channels=[8]"])


def test_every_alias_leads_to_a_key():
    assert set(ALIASES.values()) <= set(flat_keys(Experiment.from_text(MINIMAL).model_dump()))


KEYS = [key for key in flat_keys(Experiment.from_text(MINIMAL).model_dump()) if key != "model.arguments"]
SECTIONS = {key for key in KEYS if any(other.startswith(f"{key}.") for other in KEYS)}
HOSTILE = [
    "many",
    "-1",
    "0",
    "1e300",
    "100000000000000000000",
    ".nan",
    ".inf",
    "[1]",
    "{a: 1}",
    "null",
    "''",
    "true",
    "0.5",
    "[]",
]


@pytest.mark.bad_input
@pytest.mark.parametrize("value", HOSTILE)
@pytest.mark.parametrize("key", KEYS)
def test_every_key_takes_a_hostile_value_or_names_itself(key, value):
    """Whatever is taken makes an optimizer and a schedule, and is read back as it was."""
    try:
        config = Experiment.from_text(MINIMAL, overrides=[f"{key}={value}"], source="exp.yaml")
    except ConfigError as error:
        assert key.split(".")[-1] in str(error) and str(error).endswith(".") and "--set" in str(error)
        return
    assert key not in SECTIONS and value not in ("1e300", "100000000000000000000", "-1", "{a: 1}", "''")
    assert Experiment.from_text(config.to_text()) == config
    default = key_of(Experiment.from_text(MINIMAL), key)
    if isinstance(default, (int, float)) and not isinstance(default, bool):
        assert isinstance(key_of(config, key), (int, float)) and value in ("0", "0.5")


@pytest.mark.bad_input
@pytest.mark.parametrize("key", [key for key in KEYS if key.split(".")[0] in ("optimizer", "schedule", "training")])
@pytest.mark.parametrize("number", [float("nan"), float("inf"), -1.0])
def test_numbers_of_yaml_that_are_none_are_refused_from_python_too(key, number):
    values = Experiment.from_text(MINIMAL).model_dump()
    section = values
    *path, last = key.split(".")
    for name in path:
        section = section[name]
    section[last] = number
    with pytest.raises(ValueError):
        Experiment(**values)


def key_of(config, key):
    for name in key.split("."):
        config = getattr(config, name)
    return config


def test_several_mistakes_are_all_named_at_once():
    with pytest.raises(ConfigError) as error:
        Experiment.from_text("training: {steps: 0}\ndata: {clip_lenght: 3}", source="exp.yaml")
    assert len(str(error.value).splitlines()) == 2


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere.yaml"):
        Experiment.from_yaml(tmp_path / "nowhere.yaml")


def test_numbers_are_read_as_people_write_them_and_subject_ids_stay_texts():
    config = Experiment.from_text(
        MINIMAL + "\nschedule: {learning_rate: 1e-4}\ndata: {exclude_subjects: [005, 010, 17]}",
        overrides=["optimizer.epsilon=1.5e-8", "model.arguments.channels=[16, 32, 64]", "model.arguments.dropout=1e-1"],
    )
    assert config.schedule.learning_rate == 1e-4 and config.optimizer.epsilon == 1.5e-8
    assert config.data.exclude_subjects == ["005", "010", "17"]
    assert config.model.arguments == {"channels": [16, 32, 64], "dropout": 0.1}


def test_a_config_written_out_and_read_again_is_the_same():
    config = Experiment.from_text(
        MINIMAL, overrides=["data.exclude_subjects=[005, '1e5', NO]", "schedule.learning_rate=1e-5"]
    )
    assert Experiment.from_text(config.to_text()) == config
    assert config.differences(Experiment.from_text(config.to_text(), overrides=["training.seed=3"])) == {
        "training.seed": (0, 3)
    }


def test_there_are_configs():
    assert len(CONFIGS) >= 10


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_a_shipped_config_is_valid_complete_and_says_how_it_went(path):
    config = Experiment.from_yaml(path)
    text = path.read_text(encoding="utf-8")
    head = text.split("\ndata:")[0]
    command = f"configs/{path.relative_to(FOLDER)}"
    assert f"tf3dlocal train {command}" in head and "Machine, minutes, score seen:" in head
    assert not re.search(r"SEEN|^# HEAD", head), "a head is filled in"
    if "--published" in head:
        assert config.data.protocol in published_names(), "nothing is published for this protocol"
    may_be_left_out = {
        "data.folder",
        "data.size",
        "losses.prior",
        "training.deterministic",
        "training.held_out_views",
        "training.start_from",
        "training.stop_above",
        "training.keep_model",
        "training.snapshots",
    }
    wanted = set(flat_keys(config.model_dump())) - may_be_left_out
    wanted = {key for key in wanted if not key.startswith(("optimizer.", "schedule."))}
    missing = {key for key in wanted if f"{key.split('.')[-1]}:" not in text}
    assert not missing, f"{path.name} does not say {sorted(missing)}"


def ablations():
    text = (pathlib.Path(__file__).parents[1] / "configs" / "README.md").read_text(encoding="utf-8")
    return [line for line in text.splitlines() if line.startswith("--set ")]


@pytest.mark.parametrize("line", ablations())
def test_an_ablation_row_of_the_readme_is_a_valid_change(line):
    overrides = [word for word in shlex.split(line) if word != "--set"]
    path = next(path for path in CONFIGS if path.stem == "three_d_local_casia_b_lt")
    changed = set(Experiment.from_yaml(path).differences(Experiment.from_yaml(path, overrides=overrides)))
    assert changed and all(key.startswith("model.arguments.") for key in changed)
