"""What a training refuses before its first step, and that a corrected config is accepted."""

import keras
import numpy as np
import pytest
from tiny_gait import PROTOCOL

from tf3dlocal.config import ConfigError
from tf3dlocal.data import open_walks
from tf3dlocal.io import UnreadableError
from tf3dlocal.training.data import choose_walks
from tf3dlocal.training.run.checkpoint import write_checkpoint
from tf3dlocal.training.run.model_file import check_folder_version, write_model
from tf3dlocal.training.run.run_folder import RunFolder

pytestmark = pytest.mark.bad_input


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["data.exclude_subjects=[nobody]"], "data.exclude_subjects: there is no subject 'nobody'"),
        (["data.exclude_subjects=[4]"], "data.exclude_subjects: there is no subject '4'. Did you mean '004'?"),
        (["data.exclude_subjects=[001, 01, x]"], "data.exclude_subjects: there is no subject '01'.*'x'"),
        (
            ["data.exclude_subjects=[001, 002, 003]"],
            r"trains 4 of the 4 subjects of 'small walks', data.exclude_subjects leaves out 3 of them "
            r"\(001, 002, 003\): 1 is left to train, and data.subjects_per_batch is 2. To train, lower "
            "data.subjects_per_batch, exclude fewer subjects, or prepare more subjects",
        ),
        (
            ["training.held_out_subjects=3"],
            "trains 4 of the 4 subjects of 'small walks', training.held_out_subjects holds out 3: 1 is left .* lower "
            "training.held_out_subjects, or prepare",
        ),
        (["training.held_out_subjects=9"], "holds out 9: 0 are left to train"),
        (["data.subjects_per_batch=5"], "trains 4 of the 4 subjects of 'small walks': 4 are left to train"),
        (
            ["data.exclude_subjects=[001]", "training.held_out_subjects=2"],
            r"leaves out 1 of them \(001\), training.held_out_subjects holds out 2: 1 is left .*exclude few.*lower tr",
        ),
        (
            ["training.held_out_subjects=2", "training.evaluate_every=2", "training.held_out_views=[0, 45]"],
            "training.held_out_views: there is no view '45'",
        ),
        (["training.held_out_subjects=2", "training.held_out_views=[0, 45]"], "no view '45'. Known names: '0', '90'"),
        (["training.held_out_views=[360, 0, 91]"], r"no view '360', '91'.*Known names: '0', '90', '180'"),
        (
            ["data.exclude_subjects=[001, 002, 003, 004]"],
            r"data.exclude_subjects leaves out 4 of the 4 subjects \(001, 002, 003, 004\), and without them",
        ),
        (
            ["data.min_frames=100000"],
            "data.min_frames is 100000 and leaves 0 of 120 walks, of 0 of 4 training subjects .* Lower data.min_frames",
        ),
        (
            ["data.size=128"],
            "data.size is 128, and the silhouettes of 'small walks' in .* have 64 rows. .*--size 128.*null",
        ),
        (["data.size=32"], "data.size is 32"),
    ],
)
def test_data_that_do_not_fit_are_refused_before_anything_is_written(train, tmp_path, overrides, message):
    with pytest.raises(ConfigError, match=message):
        train(tmp_path / "run", *overrides)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("arguments", ["{chanels: 3}", "{nobody: 1}"])
def test_a_wrong_argument_of_the_model_is_named_before_data_are_opened(train, tmp_path, arguments):
    with pytest.raises(ValueError, match=r"model.arguments"):
        train(tmp_path / "run", f"model.arguments={arguments}", data=tmp_path / "no such data set")


CONTRADICTIONS = [
    (["model.arguments.dtype=mixed_float16"], "dtype is 'mixed_float16', and training.precision is 'float32'"),
    (["model.arguments.dtype=float32", "training.precision=mixed_bfloat16"], "training.precision is 'mixed_bfloat16'"),
    (
        ["model.arguments.seed=3"],
        "model.arguments.seed is 3, and training.seed is 0. .* leave model.arguments.seed out",
    ),
    (["model.arguments.seed=0", "training.seed=3"], "model.arguments.seed is 0, and training.seed is 3"),
    (
        ["model.arguments.num_classes=9"],
        "num_classes is 9, and 4 subjects train. .* by losses.cross_entropy.weight and the data: leave",
    ),
    (["model.arguments.num_classes=4", "losses.cross_entropy.weight=0"], "losses.cross_entropy.weight is 0: no class"),
    (["model.arguments.input_shape=[null, 128, 88, 1]"], r"this training have the shape \[None, 64, 44, 1\]"),
    (
        ["model.arguments.input_shape=[4, 64, 44, 1]"],
        r"\[4, 64, 44, 1\], and .* by data.size and the data: leave model.arguments.input_shape out",
    ),
    (["model.name=three_d_local", "model.arguments.clip_length=30"], "clip_length is 30, and data.clip_length is 4"),
    (
        ["model.name=three_d_local", "model.arguments.num_strips=63"],
        r"model.arguments.num_strips is 63 .*\(data.size\)",
    ),
    (
        ["model.name=gaitpart"],
        "losses.cross_entropy.weight adds a classifier for 4 subjects.* model.arguments.compact_channels is 0 here",
    ),
    (
        ["model.name=gaitset", "losses.cross_entropy.weight=0", "model.arguments.bins=[5]"],
        r"model.arguments.bins is \[5\] and must divide the 16 rows .*set data.size to a height",
    ),
]


@pytest.mark.parametrize(("overrides", "message"), CONTRADICTIONS, ids=str)
def test_arguments_of_the_model_that_contradict_the_training_are_refused(train, tmp_path, overrides, message):
    with pytest.raises(ConfigError, match=message):
        train(tmp_path / "run", *overrides)
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
def test_arguments_that_repeat_what_the_training_sets_are_accepted(train, tmp_path):
    arguments = "{dtype: float32, seed: 0, num_classes: 4, input_shape: [null, 64, 44, 1], synchronized: false}"
    train(tmp_path, f"model.arguments={arguments}", "training.steps=1")
    train(tmp_path / "null", "model.arguments={dtype: null, seed: null, num_classes: null}", "training.steps=1")


@pytest.mark.slow
def test_step_numbers_after_the_last_step_and_rates_of_absent_weights_are_said(train, tmp_path):
    late = ["schedule.name=piecewise", "schedule.milestones=[1, 2, 300]", "training.checkpoint_every=500"]
    late += ["training.evaluate_every=400", "optimizer.rates.local_paths=0.5"]
    train(tmp_path, *late, "training.steps=2", "training.held_out_subjects=2")
    log = RunFolder(tmp_path).text_log.read_text()
    assert "schedule.milestones has [2, 300], and training.steps is 2: the rate does not fall there.\n" in log
    assert "training.checkpoint_every is 500, and training.steps is 2: the only checkpoint is that of the last" in log
    assert (
        "training.evaluate_every is 400, and training.steps is 2: rank-1 is measured after the last step alone" in log
    )
    assert "optimizer.rates.local_paths is 0.5, and the model has no such weights: it changes nothing.\n" in log


@pytest.mark.parametrize("number", [np.nan, np.inf])
@pytest.mark.slow
def test_weights_that_are_not_finite_are_neither_resumed_from_nor_started_from(train, tmp_path, number):
    def spoil(file):
        model = keras.saving.load_model(file)
        model.weights[0].assign(np.full(model.weights[0].shape, number))
        return model

    train(tmp_path / "run", "training.steps=2")
    file = RunFolder(tmp_path / "run").last_checkpoint()[1]
    write_checkpoint(file, model=spoil(file))
    with pytest.raises(ValueError, match="step-000002.keras holds numbers that are not finite, in .*Remove the file"):
        train(tmp_path / "run", "training.steps=4")
    write_model(tmp_path / "nan.keras", model=spoil(file), note={})
    with pytest.raises(ConfigError, match="training.start_from: .*nan.keras has weights that are not finite numbers"):
        train(tmp_path / "other", f"training.start_from={tmp_path / 'nan.keras'}", "training.steps=1")
    assert not (tmp_path / "other" / "checkpoints").exists()


def one_walk_each(walks):
    return walks.take([numbers[0] for numbers in walks.walks_of_class])


def test_subjects_with_one_walk_each_are_refused_for_triplets_and_not_for_a_classifier(prepared, tmp_path):
    from tf3dlocal.config import Experiment

    (tmp_path / "small.yaml").write_text(PROTOCOL)
    text = f"data: {{protocol: {tmp_path / 'small.yaml'}, subjects_per_batch: 2}}\ntraining: {{steps: 1}}"
    walks = one_walk_each(open_walks(prepared))
    with pytest.raises(
        ConfigError, match="Each of the 4 training subjects of 'small walks' has one walk, and a triplet needs two"
    ):
        choose_walks(walks, config=Experiment.from_text(text))
    alone = ["losses.triplet.weight=0", "losses.cross_entropy.weight=1"]
    train, _ = choose_walks(walks, config=Experiment.from_text(text, overrides=alone))
    assert np.array_equal(train.subjects, ["001", "002", "003", "004"])


@pytest.mark.slow
def test_a_training_that_failed_before_its_first_checkpoint_accepts_the_corrected_config(train, tmp_path):
    with pytest.raises(ValueError, match="loss is nan"):
        train(
            tmp_path,
            "schedule.learning_rate=1e9",
            "optimizer.name=sgd",
            "training.checkpoint_every=100",
            "training.steps=30",
        )
    assert RunFolder(tmp_path).config_file.exists() and not RunFolder(tmp_path).checkpoint_steps()
    train(tmp_path, "training.steps=2")
    assert RunFolder(tmp_path).last_checkpoint()[0] == 2
    with pytest.raises(ConfigError, match="another config"):
        train(tmp_path, "training.steps=2", "schedule.learning_rate=1e-3")


def test_a_folder_without_a_checkpoint_accepts_another_data_set(train, tmp_path):
    from tf3dlocal.config import Experiment

    config = Experiment.from_text("training: {steps: 3}")
    run = RunFolder(tmp_path)
    described = {"name": "x", "num_walks": 1, "num_subjects": 1}
    run.claim(config, data_set={**described, "fingerprint": "first"})
    run.claim(config, data_set={**described, "fingerprint": "second"})
    assert run.data_set()["fingerprint"] == "second"


@pytest.mark.parametrize("content", ['"0.2"', "[1]", "null", '{"version": 2}', '{"version": "new"}', "{"])
def test_a_damaged_note_of_a_run_folder_is_named(tmp_path, content):
    (tmp_path / "config.yaml").write_text("training: {steps: 1}")
    (tmp_path / "data.json").write_text(content)
    with pytest.raises(UnreadableError, match="data.json cannot be read: .*Train again in another run folder"):
        check_folder_version(tmp_path)
