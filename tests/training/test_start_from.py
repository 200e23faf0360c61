"""One training starts from the weights of another, as GLN's two phases do."""

import keras
import numpy as np
import pytest
from small_walks import write_small_walks

from tf3dlocal.config import ConfigError, Experiment
from tf3dlocal.models import GLN, GaitSet
from tf3dlocal.training import run_experiment
from tf3dlocal.training.start_from import check_start, start_from

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


def test_a_broken_file_is_named(tmp_path):
    (tmp_path / "model.keras").write_bytes(b"nothing")
    with pytest.raises(ConfigError, match=r"training.start_from: .*model.keras cannot be read"):
        start_from(GLN(**TINY), tmp_path)


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
    (tmp_path / "config.yaml").write_text(Experiment.from_text("training: {steps: 1}", overrides=[f"{key}={there}"]).to_text())
    second = Experiment.from_text("training: {steps: 1}", overrides=[f"{key}={here}", f"training.start_from={tmp_path}"])
    with pytest.raises(ConfigError, match=f"{key} is .* people that are held out or tested here"):
        check_start(second)


def test_an_unfinished_training_is_no_start(tmp_path):
    (tmp_path / "checkpoints").mkdir()
    with pytest.raises(ConfigError, match="Finish the training in that folder first"):
        start_from(GLN(**TINY), tmp_path)
    with pytest.raises(ConfigError, match="nowhere. Give a run folder"):
        start_from(GLN(**TINY), tmp_path / "nowhere")


def test_a_training_with_a_checkpoint_no_longer_needs_the_one_it_started_from(train, tmp_path):
    start = f"training.start_from={tmp_path / 'moved'}"
    with pytest.raises(ConfigError, match="there is no .*moved"):
        train(tmp_path / "run", start)
    (tmp_path / "run" / "checkpoints").mkdir(parents=True)
    (tmp_path / "run" / "checkpoints" / "step-000002.keras").touch()
    with pytest.raises(ValueError, match="step-000002.keras cannot be read"):  # it came as far as that
        train(tmp_path / "run", start)


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
