"""The five real models, small enough that a step takes milliseconds, and what twenty steps make of them."""

import keras
import numpy as np
import tensorflow as tf

from tf3dlocal.layers import PAPER_PARTS
from tf3dlocal.losses import BatchAllTripletLoss, NonzeroTriplets, ScaledCrossEntropy
from tf3dlocal.models import MODELS
from tf3dlocal.training.accumulation.trained_model import TrainedModel

FRAMES, HEIGHT, WIDTH, SUBJECTS, WALKS, STEPS = 6, 32, 12, 4, 2, 20
RATE = 1e-5
SHARED = {
    "input_shape": (None, HEIGHT, WIDTH, 1),
    "channels": (4, 4, 4),
    "embedding_channels": 6,
    "compact_channels": 5,
}
OWN = {
    "three_d_local": {
        "local_blocks": (3,),
        "parts": PAPER_PARTS[:1],
        "hidden_divisor": 1,
        "num_strips": 4,
        "clip_length": FRAMES,
    },
    "gaitset": {"bins": (1, 2, 4)},
    "gaitpart": {"num_strips": 4},
    "gln": {"bins": (1, 2, 4), "lateral_channels": 4},
    "mt3d": {"num_strips": 4},
}


def train_small_model(name, strategy):
    """{what: array}: loss so far and share of triplets after each of 20 steps, the gradient of the first, all weights.

    With dropout, whose draws are the same on any number of devices. SGD, because Adam would make steps of full size
    from the rounding noise of a gradient that is zero; its momentum after one step is the rate times the gradient of
    the whole batch. The rate is low because the gradient jumps where a triplet leaves the margin or a pool's maximum
    changes place, and rounding may move a clip over such an edge: at a rate of 1e-3, noise of 1e-7 in the walks changes
    the weights that one device ends with by 1e-4. At this rate they move by some 1e-2, a thousand times the tolerance.
    With the seed 2 no clip crosses such an edge; with 1 one does in GaitSet on 2 devices, and none on 4.
    """
    several = strategy.num_replicas_in_sync > 1
    with strategy.scope():
        built = MODELS[name](num_classes=SUBJECTS, dropout=0.5, synchronized=several, seed=2, **SHARED, **OWN[name])
        model = TrainedModel(built.input, built.output, name=name)
        model.compile(
            keras.optimizers.SGD(RATE, momentum=0.9),
            loss={"part_features": BatchAllTripletLoss(0.2), "logits": ScaledCrossEntropy(4.0, label_smoothing=0.1)},
            metrics={"part_features": [NonzeroTriplets(0.2)]},
        )
    start = [variable.numpy() for variable in model.trainable_variables]
    rng = np.random.default_rng(0)
    labels = np.tile(np.repeat(np.arange(SUBJECTS, dtype="int32"), WALKS), STEPS)
    walks = rng.uniform(size=(len(labels), FRAMES, HEIGHT, WIDTH, 1)).astype("float32")
    walks *= 0.6 + 0.1 * labels[:, None, None, None, None]
    batches = tf.data.Dataset.from_tensor_slices((walks, dict.fromkeys(model.output, labels)))
    found, numbers = {}, []

    def note(step, logs):
        numbers.append([*logs.values()])
        if step == 0:
            gradients = zip(model.trainable_variables, model.optimizer.momentums, strict=True)
            found.update({f"gradient/{variable.path}": momentum.numpy() / -RATE for variable, momentum in gradients})

    callback = keras.callbacks.LambdaCallback(on_train_batch_end=note)
    batches = batches.batch(SUBJECTS * WALKS, drop_remainder=True)
    model.fit(batches, verbose=0, shuffle=False, callbacks=[callback])
    assert len(numbers) == STEPS
    found["moved"] = np.max(
        [abs(v.numpy() - old).max() for v, old in zip(model.trainable_variables, start, strict=True)]
    )
    found["log"] = np.array(numbers, "float32")
    found |= {f"weight/{variable.path}": variable.numpy() for variable in model.weights}
    return {f"{name}/{what}": value for what, value in found.items()}
