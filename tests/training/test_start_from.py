"""One training starts from the weights of another, as the two phases of GLN and of 3DLocal do."""

import shutil

import keras
import numpy as np
import pytest
from small_walks import write_small_walks
from tiny_gait import tiny_gait

from tf3dlocal.config import ConfigError, Experiment
from tf3dlocal.models import GLN, GaitSet, ThreeDLocal
from tf3dlocal.training import run_experiment
from tf3dlocal.training.start_from import check_start, model_file, start_from

TINY = {
    "input_shape": (None, 16, 12, 1),
    "channels": (3, 4, 5),
    "lateral_channels": 6,
    "bins": (1, 2),
    "embedding_channels": 7,
}
PHASE_2 = {**TINY, "compact_channels": 8, "num_classes": 3}


@pytest.fixture
def phase_1(tmp_path):
    model = GLN(**TINY, seed=1)
    model.save(tmp_path / "model.keras")
    return model, tmp_path


def test_every_layer_of_the_first_phase_is_taken_over_and_the_new_ones_are_named(phase_1):
    first, folder = phase_1
    second = GLN(**PHASE_2, seed=2)
    own = second.get_layer("compact_block").get_weights()
    assert start_from(second, folder) == ["compact_block", "logits"]
    walks = np.random.default_rng(0).uniform(size=(2, 3, 16, 12, 1)).astype("float32")
    np.testing.assert_array_equal(second(walks)["part_features"], first(walks)["part_features"])
    for before, after in zip(own, second.get_layer("compact_block").get_weights(), strict=True):
        np.testing.assert_array_equal(before, after)


def test_a_model_file_can_be_given_itself(phase_1):
    _, folder = phase_1
    assert start_from(GLN(**PHASE_2), folder / "model.keras") == ["compact_block", "logits"]


PARTS = [("upper", 0.5, 1.0, 0.5, 0.5, 0.25, 0.5), ("lower", 0.5, 1.0, 0.5, 0.5, 0.75, 0.5)]
GLOBAL_PATH = {
    "input_shape": (None, 16, 12, 1),
    "channels": (3, 4, 5),
    "local_blocks": (),
    "parts": PARTS,
    "hidden_divisor": 1,
    "num_strips": 2,
    "embedding_channels": 6,
    "compact_channels": 4,
    "num_classes": 3,
}


@pytest.fixture
def global_path(tmp_path):
    """A 3DLocal without local paths, as if trained: no weight has its initial value."""
    model, rng = ThreeDLocal(**GLOBAL_PATH, seed=1), np.random.default_rng(0)
    model.set_weights([rng.uniform(-0.5, 0.5, weight.shape) for weight in model.get_weights()])
    model.save(tmp_path / "model.keras")
    return model, tmp_path


@pytest.mark.parametrize("registered", [False, True])
def test_local_paths_are_added_to_a_trained_global_path_and_all_else_is_taken_over_to_the_bit(global_path, registered):
    first, folder = global_path
    second = ThreeDLocal(**{**GLOBAL_PATH, "local_blocks": (2, 3)}, registered=registered, seed=2)
    own = {layer.name: layer.get_weights() for layer in second.layers}
    new = [f"block_{block}_{layer}" for block in (2, 3) for layer in ("upper", "lower", "fusion")]
    assert sorted(start_from(second, folder)) == sorted(new)
    trained = {layer.name: layer.get_weights() for layer in first.layers}
    for layer in second.layers:
        wanted = own if layer.name in new or not layer.weights else trained
        for weight, value in zip(layer.get_weights(), wanted[layer.name], strict=True):
            np.testing.assert_array_equal(weight, value, err_msg=layer.name)


def test_with_a_fusion_that_starts_as_the_identity_the_second_phase_begins_where_the_first_ended(global_path):
    first, folder = global_path
    second = ThreeDLocal(**{**GLOBAL_PATH, "local_blocks": (2, 3)}, fusion_start="identity", registered=True, seed=2)
    start_from(second, folder)
    walks = np.random.default_rng(0).uniform(size=(2, 5, 16, 12, 1)).astype("float32")
    np.testing.assert_array_equal(second(walks)["embedding"], first(walks)["embedding"])


@pytest.mark.bad_input
def test_a_trained_model_with_local_paths_is_no_start_for_one_without(global_path):
    first, folder = global_path
    ThreeDLocal(**{**GLOBAL_PATH, "local_blocks": (3,)}).save(folder / "model.keras")
    with pytest.raises(ConfigError, match="block_3_fusion: the model to train has no such layer"):
        start_from(first, folder)


@pytest.mark.parametrize(
    ("build", "options", "complaint"),
    [
        (
            GLN,
            {**PHASE_2, "lateral_channels": 4},
            r"lateral_3: \[\(1, 1, 1, 10, 6\)\] there, \[\(1, 1, 1, 10, 4\)\] in the model",
        ),
        (
            GaitSet,
            {"input_shape": (None, 16, 12, 1), "channels": (3, 4, 5), "bins": (1, 2)},
            "lateral_3: the model to train has no such layer",
        ),
    ],
)
def test_what_does_not_fit_is_named_layer_by_layer_and_nothing_is_changed(build, options, complaint, phase_1):
    _, folder = phase_1
    model = build(**options)
    before = model.get_weights()
    with pytest.raises(ConfigError, match=complaint):
        start_from(model, folder)
    for own, same in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(own, same)


def test_equal_shapes_with_another_meaning_are_refused(tmp_path):
    options = {"input_shape": (None, 16, 12, 1), "channels": (3, 4, 5), "embedding_channels": 6}
    GaitSet(**options, bins=(1, 2)).save(tmp_path / "model.keras")
    with pytest.raises(ConfigError, match=r"frame_pyramid: bins is \[1, 2\] there, \[2, 1\] in the model") as refused:
        start_from(GaitSet(**options, bins=(2, 1), preset="opengait"), tmp_path)
    assert "parts: inputs is ['global_pyramid', 'frame_pyramid'] there" in str(refused.value)


def test_another_size_of_silhouettes_is_refused(phase_1):
    with pytest.raises(ConfigError, match="silhouettes: batch_shape"):
        start_from(GLN(**{**PHASE_2, "input_shape": (None, 32, 12, 1)}), phase_1[1])


@pytest.mark.bad_input
@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "it is empty"),
        (b"nothing", "a .keras file is a zip archive, and it begins b'nothing'"),
        (b"training: {steps: 10}", "a .keras file is a zip archive, and it begins b'training: {s'"),
        (b"PK\x03\x04 and more", "its end is missing; the file is damaged or incomplete"),
    ],
)
def test_a_broken_file_is_named_in_one_sentence(content, reason, tmp_path):
    (tmp_path / "model.keras").write_bytes(content)
    with pytest.raises(ConfigError, match=rf"training.start_from: .*model.keras cannot be read: .*{reason}"):
        start_from(keras.Model(), tmp_path)


@pytest.mark.bad_input
@pytest.mark.parametrize(
    ("name", "example"),
    [("gln.yaml", ", such as runs/gln"), ("gln.yml", ", such as runs/gln"), ("notes.txt", ""), ("model.pth", "")],
)
def test_a_file_that_is_no_model_is_refused_before_anything_is_built(name, example, tmp_path):
    (tmp_path / name).write_text("training: {steps: 10}")
    config = Experiment.from_text("training: {steps: 1}", overrides=[f"training.start_from={tmp_path / name}"])
    with pytest.raises(ConfigError) as refused:
        check_start(config)
    assert str(refused.value) == (
        f"training.start_from: {tmp_path / name} is not a trained model. Give the run folder of a finished "
        f"training{example}, or a .keras file."
    )


@pytest.mark.bad_input
@pytest.mark.parametrize("number", [np.nan, np.inf, -np.inf])
def test_weights_that_are_not_finite_are_refused_and_nothing_is_changed(number, phase_1):
    first, folder = phase_1
    weights = first.get_weights()
    for wrong in (0, 3, 5, 8, 9):
        weights[wrong].flat[0] = number
    first.set_weights(weights)
    first.save(folder / "model.keras")
    second = GLN(**PHASE_2, seed=2)
    before = second.get_weights()
    with pytest.raises(ConfigError, match=r"not finite numbers: block_1_\w+/kernel, .* and 2 more. Start from another"):
        start_from(second, folder)
    for own, same in zip(before, second.get_weights(), strict=True):
        np.testing.assert_array_equal(own, same)


def test_the_home_folder_may_be_written_as_a_shell_does(phase_1, monkeypatch):
    monkeypatch.setenv("HOME", str(phase_1[1]))
    assert start_from(GLN(**PHASE_2), "~/model.keras") == ["compact_block", "logits"]


@pytest.mark.parametrize(
    ("key", "there", "here"),
    [
        ("data.protocol", "casia-b-lt", "casia-b-st"),
        ("training.held_out_subjects", "0", "4"),
        ("data.exclude_subjects", "[]", "[005]"),
    ],
)
def test_a_first_phase_that_saw_other_people_is_refused(key, there, here, tmp_path):
    (tmp_path / "model.keras").touch()
    (tmp_path / "data.json").write_text('{"version": "0.2.0"}')
    (tmp_path / "config.yaml").write_text(
        Experiment.from_text("training: {steps: 1}", overrides=[f"{key}={there}"]).to_text()
    )
    second = Experiment.from_text(
        "training: {steps: 1}", overrides=[f"{key}={here}", f"training.start_from={tmp_path}"]
    )
    with pytest.raises(ConfigError, match=f"{key} is .* people that are held out or tested here"):
        check_start(second)


def test_an_unfinished_training_is_no_start(tmp_path):
    (tmp_path / "checkpoints").mkdir()
    with pytest.raises(ConfigError, match="Finish the training in that folder first"):
        start_from(GLN(**TINY), tmp_path)
    with pytest.raises(ConfigError, match="nowhere. Give a run folder"):
        start_from(GLN(**TINY), tmp_path / "nowhere")


@pytest.mark.bad_input
@pytest.mark.parametrize("version", ["", "1"])
def test_an_exported_model_is_no_start_and_named_as_such(tmp_path, version):
    (tmp_path / version).mkdir(exist_ok=True)
    (tmp_path / version / "saved_model.pb").touch()
    with pytest.raises(ConfigError, match="An exported model cannot be trained on: give the run folder that it was"):
        model_file(tmp_path)


def test_a_training_with_a_checkpoint_no_longer_needs_the_one_it_started_from(train, tmp_path):
    start = f"training.start_from={tmp_path / 'moved'}"
    with pytest.raises(ConfigError, match="there is no .*moved"):
        train(tmp_path / "run", start)
    (tmp_path / "run" / "checkpoints").mkdir(parents=True)
    (tmp_path / "run" / "checkpoints" / "step-000002.keras").touch()
    with pytest.raises(ValueError, match="step-000002.keras cannot be read"):  # it came as far as that
        train(tmp_path / "run", start)


@pytest.mark.slow
def test_a_second_phase_that_was_killed_ends_with_the_weights_of_one_that_was_not(train, tmp_path, killed_after):
    """With a frozen group, and with the first phase gone when it resumes."""
    first = tiny_gait(compact=False, seed=3)
    (tmp_path / "one").mkdir()
    first.save(tmp_path / "one" / "model.keras")
    second = [f"training.start_from={tmp_path / 'one'}", "optimizer.rates.localization=0", "optimizer.rates.head=0.5"]
    whole = train(tmp_path / "whole", *second)
    with killed_after(4):
        train(tmp_path / "killed", *second)
    shutil.rmtree(tmp_path / "one")
    resumed = train(tmp_path / "killed", *second)
    for ours, theirs in zip(whole.get_weights(), resumed.get_weights(), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-6)
    for ours, theirs in zip(whole.optimizer.variables, resumed.optimizer.variables, strict=True):
        np.testing.assert_allclose(ours.numpy(), theirs.numpy(), atol=1e-6)
    kernels = [model.get_layer("localization").kernel.numpy() for model in (first, whole, resumed)]
    assert (kernels[0] == kernels[1]).all() and (kernels[0] == kernels[2]).all()
    told = (tmp_path / "killed" / "log.txt").read_text()
    assert told.count("It starts from the weights of") == 1 and "new layers: embedding, logits." in told


CONFIG = """
data: {protocol: PROTOCOL, subjects_per_batch: 2, walks_per_subject: 2, clip_length: 4, window: [4, 4]}
model: {name: gln, arguments: {channels: [2, 2, 2], lateral_channels: 2, embedding_channels: 3}}
optimizer: {name: sgd, weight_decay: 5e-4}
schedule: {name: piecewise, learning_rate: 0.01, milestones: [1]}
training: {steps: 1}
"""


@pytest.mark.slow
def test_both_phases_of_gln_run_one_after_the_other_in_the_same_trainer(tmp_path):
    write_small_walks(tmp_path)
    protocol = tmp_path / "small.yaml"
    protocol.write_text(
        "{name: small, train: [001, 002, 003, 004], test: all, gallery: [nm-01], probes: {NM: [nm-02]}}"
    )
    text = CONFIG.replace("PROTOCOL", str(protocol))
    first = run_experiment(Experiment.from_text(text), data=tmp_path, run=tmp_path / "one", progress=False)
    second = Experiment.from_text(
        text,
        overrides=[
            "model.arguments.compact_channels=4",
            "losses.cross_entropy.weight=0.1",
            "losses.cross_entropy.scale=16",
            f"training.start_from={tmp_path / 'one'}",
            "schedule.learning_rate=1e-9",
        ],
    )
    with pytest.raises(ConfigError, match="there is no .*nowhere"):
        mistyped = Experiment.from_text(text, overrides=[f"training.start_from={tmp_path / 'nowhere'}"])
        run_experiment(mistyped, data=tmp_path, run=tmp_path / "two")
    assert not (tmp_path / "two").exists(), "a mistyped path must not claim the folder"
    model = run_experiment(second, data=tmp_path, run=tmp_path / "two", progress=False)
    for ours, theirs in zip(
        first.get_layer("smooth_1").get_weights(), model.get_layer("smooth_1").get_weights(), strict=True
    ):
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-5)  # one step at next to no rate
    assert list(keras.saving.load_model(tmp_path / "two" / "model.keras", compile=False).output) == [
        "part_features",
        "embedding",
        "logits",
    ]
