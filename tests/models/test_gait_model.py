"""What the class of the models adds to Keras' own: labels for some outputs, and texts as labels."""

import doctest

import keras
import numpy as np
import pytest

from tf3dlocal.losses import BatchAllTripletLoss, ScaledCrossEntropy
from tf3dlocal.models import GaitSet, gait_model
from tf3dlocal.models.gait_model import GaitModel

LABELS = np.array([0, 0, 1, 1])
WALKS = np.random.default_rng(0).uniform(size=[4, 2, 16, 8, 1]).astype("float32")


def compiled():
    model = GaitSet(
        num_classes=3,
        input_shape=(None, 16, 8, 1),
        channels=(4, 4, 4),
        bins=(1, 2),
        embedding_channels=4,
        compact_channels=4,
    )
    losses = {"part_features": BatchAllTripletLoss(), "logits": ScaledCrossEntropy()}
    model.compile("sgd", loss=losses, metrics={"logits": ["accuracy"]})
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
    compiled().fit(WALKS, {"part_features": LABELS, "logits": LABELS}, verbose=0, batch_size=4)
    assert built and all(built)


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
