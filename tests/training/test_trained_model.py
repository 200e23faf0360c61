"""Steps of the model while it is trained."""

import keras
import numpy as np

from tf3dlocal.training.accumulation.trained_model import TrainedModel

ENTROPY = keras.losses.SparseCategoricalCrossentropy(from_logits=True)


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
