"""What the class of the models adds to Keras' own: labels for some outputs, and texts as labels."""

import doctest
import subprocess
import sys

import keras
import numpy as np
import pytest

import tf3dlocal
from tf3dlocal.losses import BatchAllTripletLoss, ScaledCrossEntropy
from tf3dlocal.models import GaitSet, gait_model
from tf3dlocal.models.gait_model import GaitModel
from tf3dlocal.training.accumulation.trained_model import TrainedModel
from tf3dlocal.training.run.checkpoint import write_checkpoint
from tf3dlocal.training.run.model_file import write_model

LABELS = np.array([0, 0, 1, 1])
WALKS = np.random.default_rng(0).uniform(size=[4, 2, 16, 8, 1]).astype("float32")


def built(**options):
    return GaitSet(
        num_classes=3,
        input_shape=(None, 16, 8, 1),
        channels=(4, 4, 4),
        bins=(1, 2),
        embedding_channels=4,
        compact_channels=4,
        **options,
    )


def compiled(model=None):
    model = model or built()
    losses = {"part_features": BatchAllTripletLoss(), "logits": ScaledCrossEntropy()}
    model.compile("sgd", loss=losses, metrics={"logits": ["accuracy"]}, run_eagerly=True)
    return model


def test_an_output_without_loss_and_metric_needs_no_label_and_the_file_is_the_same_model(tmp_path):
    model = compiled()
    history = model.fit(WALKS, {"part_features": LABELS, "logits": LABELS}, verbose=0, batch_size=4).history
    assert "logits_accuracy" in history
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    assert isinstance(again, GaitModel) and again.fit(WALKS, {"part_features": LABELS, "logits": LABELS}, verbose=0)
    assert isinstance(keras.models.clone_model(again), GaitModel)


def test_the_variables_of_the_optimizer_are_made_before_a_step_is_traced(monkeypatch):
    built, train_step = [], GaitModel.train_step
    monkeypatch.setattr(
        GaitModel, "train_step", lambda self, data: built.append(self.optimizer.built) or train_step(self, data)
    )
    compiled().fit(WALKS, WITH_LOSS, verbose=0, batch_size=4)
    assert built and all(built)


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Files of the model by the way in which they were written."""
    folder, model = tmp_path_factory.mktemp("files"), built()
    model.save(folder / "keras.keras")
    write_model(folder / "run.keras", model=model, note={"step": 1})
    compiled(model)
    write_checkpoint(folder / "checkpoint.keras", model=model)
    return folder


ROUTES = {
    "builder": lambda files: built(),
    "clone": lambda files: keras.models.clone_model(built()),
    "keras": lambda files: keras.saving.load_model(files / "keras.keras"),
    "run by keras": lambda files: keras.saving.load_model(files / "run.keras"),
    "run by tf3dlocal": lambda files: tf3dlocal.load_model(files / "run.keras"),
    "checkpoint": lambda files: keras.saving.load_model(files / "checkpoint.keras"),
    "training": lambda files: (lambda model: TrainedModel(model.input, model.output))(built()),
}
WITH_LOSS = {"part_features": LABELS, "logits": LABELS}


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.slow
def test_wherever_a_model_comes_from_it_takes_labels_with_and_without_that_of_the_embedding(route, files):
    model = compiled(ROUTES[route](files))
    assert isinstance(model, GaitModel)
    model.fit(WALKS, WITH_LOSS, verbose=0, batch_size=4)
    more = model.fit(WALKS, {**WITH_LOSS, "embedding": LABELS}, verbose=0, batch_size=4).history
    assert "logits_accuracy" in more and np.isfinite(more["loss"]).all()


@pytest.mark.bad_input
@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ({"part_features": LABELS}, "There are no labels for 'logits', and compile gave it a loss or a metric"),
        ({"embedding": LABELS}, "no labels for 'part_features', 'logits'"),
        ({}, r"no labels for .* a dict of the class of each walk by output: \{'part_features': classes, ...\}"),
        (LABELS, "no labels for 'part_features', 'logits'"),
        (None, "no labels for 'part_features', 'logits'"),
        (
            {**WITH_LOSS, "lgits": LABELS},
            "labels for 'lgits', and the model has no such output. Did you mean 'logits'?",
        ),
    ],
    ids=["one", "another", "empty", "array", "none", "unknown"],
)
def test_labels_that_do_not_fit_the_losses_are_named(labels, message):
    with pytest.raises(ValueError, match=message):
        compiled().train_on_batch(WALKS, labels)


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16", "float32"])
def test_a_model_keeps_the_policy_of_its_layers(policy, tmp_path):
    model = built(dtype=policy)
    model.save(tmp_path / "keras.keras")
    write_model(tmp_path / "run.keras", model=model, note={})
    loaded = [keras.saving.load_model(tmp_path / f"{name}.keras") for name in ("keras", "run")]
    json = keras.models.model_from_json(model.to_json())
    for each in (model, *loaded, json, keras.models.clone_model(model), tf3dlocal.load_model(tmp_path / "run.keras")):
        assert each.dtype_policy.name == policy
        each.compile("adam")
        assert isinstance(each.optimizer, keras.optimizers.LossScaleOptimizer) == (policy == "mixed_float16")


@pytest.mark.slow
def test_keras_loads_the_policy_in_a_fresh_process(tmp_path):
    built(dtype="mixed_float16").save(tmp_path / "model.keras")
    program = "import sys, tf3dlocal, keras; model = keras.saving.load_model(sys.argv[1]); model.compile('adam')"
    program += "; print(model.dtype_policy.name, type(model.optimizer).__name__)"
    command = [sys.executable, "-c", program, str(tmp_path / "model.keras")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=True)
    assert done.stdout.split() == ["mixed_float16", "LossScaleOptimizer"]


@pytest.mark.bad_input
def test_labels_that_are_texts_are_refused_with_the_way_to_map_them():
    texts = np.array(["001", "001", "002", "002"])
    with pytest.raises(
        ValueError, match=r"labels are texts, such as '001'.*numpy.unique\(labels, return_inverse=True\)"
    ):
        compiled().fit(WALKS, {"part_features": texts, "logits": texts}, verbose=0)


@pytest.mark.bad_input
def test_weights_of_walks_are_refused_where_strips_would_get_them():
    with pytest.raises(ValueError, match="takes no sample_weight"):
        labels = {"part_features": LABELS, "logits": LABELS}
        compiled().fit(WALKS, labels, sample_weight=np.ones(4), verbose=0, batch_size=4)


def test_the_example_runs():
    assert doctest.testmod(gait_model).failed == 0
