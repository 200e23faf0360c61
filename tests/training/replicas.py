"""Train a tiny model and, on one or two, small real ones on N logical CPU devices; run as a program, since devices are
fixed at start.

python replicas.py N OUT.npz
"""

import os
import pathlib
import sys

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import keras
import numpy as np
import tensorflow as tf
from small_models import train_small_model

from tf3dlocal.config import Experiment
from tf3dlocal.losses import (
    BatchAllTripletLoss,
    NonzeroTriplets,
    ScaledCrossEntropy,
    TripletHardLoss,
)
from tf3dlocal.models import MODELS
from tf3dlocal.training import make_strategy, run_experiment
from tf3dlocal.training.optimizers import LossScaleOptimizer

TRIPLETS = {
    "batch_all": BatchAllTripletLoss(0.2),
    "hard": TripletHardLoss(0.5),
    "summed": TripletHardLoss(0.5, reduction="sum"),
}


def tiny_model(num_replicas):
    """[batch, 6] -> parts and logits, with batch normalization that must see the whole batch."""
    x = keras.Input([6], name="silhouettes")
    y = keras.layers.Dense(8, kernel_initializer=keras.initializers.GlorotUniform(1))(x)
    y = keras.layers.BatchNormalization(synchronized=num_replicas > 1)(y)
    y = keras.layers.LeakyReLU()(y)
    parts = keras.layers.Reshape([2, 4], name="part_features")(
        keras.layers.Dense(8, kernel_initializer=keras.initializers.GlorotUniform(2))(y)
    )
    flat = keras.layers.Flatten(name="embedding")(parts)
    logits = keras.layers.Dense(4, kernel_initializer=keras.initializers.GlorotUniform(3), name="logits")(flat)
    return keras.Model(x, {"part_features": parts, "embedding": flat, "logits": logits})


def main(num_replicas, out):
    cpu = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * num_replicas)
    strategy = make_strategy("mirrored" if num_replicas > 1 else "none")
    assert strategy.num_replicas_in_sync == num_replicas
    found = {}
    for mining, triplet in TRIPLETS.items():
        with strategy.scope():
            model = tiny_model(num_replicas)
            model.compile(
                keras.optimizers.SGD(0.05, momentum=0.9),
                loss={"part_features": triplet, "logits": ScaledCrossEntropy(4.0, label_smoothing=0.1)},
                loss_weights={"part_features": 1.0, "logits": 0.5},
                metrics={"part_features": [NonzeroTriplets(0.2)]},
            )
        rng = np.random.default_rng(0)
        labels = np.tile(np.repeat(np.arange(4), 4), 5).astype("int32")
        inputs = rng.normal(size=[80, 6]).astype("float32") + labels[:, None] % 2
        answers = dict.fromkeys(model.output, labels)
        batches = tf.data.Dataset.from_tensor_slices((inputs, answers)).batch(16, drop_remainder=True)
        logs = model.fit(batches, epochs=1, verbose=0, shuffle=False).history
        found |= {f"{mining}/log/{name}": np.array(values) for name, values in logs.items()}
        found |= {f"{mining}/weight/{i}": weight for i, weight in enumerate(model.get_weights())}
    found |= overflow_of_the_last_clips(strategy)
    for name in MODELS if num_replicas <= 2 else ():  # on 4 devices a tiny model shows the same
        found |= train_small_model(name, strategy)
    found |= whole_experiment(pathlib.Path(out).with_suffix(""), "mirrored" if num_replicas > 1 else "none")
    np.savez(out, **found)


def overflow_of_the_last_clips(strategy):
    """Three steps in float16; in the second, the gradient of the last quarter of the batch is not finite."""
    with strategy.scope():
        x = keras.Input([3])
        y = keras.layers.Dense(2, kernel_initializer="ones", dtype="mixed_float16")(x)
        model = keras.Model(x, keras.layers.Dense(1, kernel_initializer="ones", dtype="float32")(y))
        model.compile(LossScaleOptimizer(keras.optimizers.SGD(1e-4), initial_scale=64.0), loss="mse")
    inputs = np.ones([48, 3], "float32")
    inputs[28:32] = 6e4  # a row adds up to more than float16 holds
    batches = tf.data.Dataset.from_tensor_slices((inputs, np.zeros([48, 1], "float32"))).batch(16)
    model.fit(batches, epochs=1, verbose=0, shuffle=False)
    found = {f"overflow/weight/{i}": weight for i, weight in enumerate(model.get_weights())}
    optimizer = model.optimizer
    return {**found, "overflow/scale": optimizer.dynamic_scale.numpy(), "overflow/steps": optimizer.iterations.numpy()}


def whole_experiment(folder, strategy):
    """The same through `run_experiment`, from prepared walks to weights."""
    from small_walks import write_small_walks
    from tiny_gait import CONFIG, PROTOCOL, tiny_gait

    MODELS["tiny_gait"] = tiny_gait
    folder.mkdir()
    write_small_walks(folder)
    (folder / "small.yaml").write_text(PROTOCOL)
    overrides = [f"training.strategy={strategy}", "schedule.learning_rate=1e-3"]
    overrides.append("optimizer.rates.localization=0.5")
    config = Experiment.from_text(CONFIG.replace("PROTOCOL", str(folder / "small.yaml")), overrides=overrides)
    model = run_experiment(config, data=folder, run=folder / "run", progress=False)
    return {f"experiment/weight/{i}": weight for i, weight in enumerate(model.get_weights())}


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
