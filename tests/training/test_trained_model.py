"""What a step of training does beyond Keras' own."""

import keras
import numpy as np
import pytest

from tf3dlocal.layers import choose_form
from tf3dlocal.training.trained_model import TrainedModel

ENTROPY = keras.losses.SparseCategoricalCrossentropy(from_logits=True)


class NotesTheForm(keras.layers.Layer):
    """Notes which form a layer within a traced step takes."""

    def call(self, values):
        self.form = choose_form("auto")
        return values


@pytest.mark.parametrize("num_slices", [None, 2], ids=["plain", "in slices"])
@pytest.mark.parametrize("compiled", [False, True])
def test_the_layers_of_a_step_are_told_whether_it_is_compiled(compiled, num_slices, monkeypatch):
    monkeypatch.setattr("tf3dlocal.layers.forms.has_accelerator", lambda: False)
    x, noting = keras.Input((3,)), NotesTheForm()
    model = TrainedModel(x, {"logits": keras.layers.Dense(2)(noting(x))})
    model.num_slices = num_slices
    model.compile("sgd", {"logits": ENTROPY}, jit_compile=compiled)
    model.fit(np.ones((4, 3)), {"logits": np.ones(4, int)}, batch_size=4, verbose=0)
    assert noting.form == ("minimal" if compiled else "reference")


def test_a_step_with_several_losses_and_metrics_is_traced_once():
    traced = []

    class Traced(TrainedModel):
        def train_step(self, data):
            traced.append(data)
            return super().train_step(data)

    x = keras.Input((3,))
    model = Traced(x, {"some": keras.layers.Dense(5)(x), "logits": keras.layers.Dense(5)(x)})
    accuracy = keras.metrics.SparseCategoricalAccuracy(name="accuracy")
    model.compile("sgd", {"some": ENTROPY, "logits": ENTROPY}, metrics={"logits": accuracy}, jit_compile=False)
    model.optimizer.build(model.trainable_variables)
    logs = model.fit(np.ones((4, 3)), dict.fromkeys(model.output, np.arange(4)), batch_size=4, verbose=0).history
    assert len(traced) == 1
    assert set(logs) == {"loss", "some_loss", "logits_loss", "logits_accuracy"}
