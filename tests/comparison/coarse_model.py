"""A model of few weights that is traced in a second, and two configs of it, for tests of the comparison."""

import keras
from keras import ops


def coarse(input_shape=(None, 64, 44, 1), channels=4, seed=None):
    """The maximum over time of 16 coarse cells, in 4 strips; "channels" makes methods that differ."""
    silhouettes = keras.Input(input_shape, name="silhouettes")
    x = keras.layers.AveragePooling3D((1, 16, 11))(silhouettes)  # b t 4 4 1
    x = keras.layers.Reshape([4, 4])(ops.max(x, axis=1))
    parts = keras.layers.Dense(
        channels, kernel_initializer=keras.initializers.GlorotUniform(seed), name="part_features"
    )(x)
    return keras.Model(silhouettes, {"part_features": parts, "embedding": parts}, name="coarse")


PROTOCOL = """name: small
title: blobs, all subjects are trained on and tested
train: [001, 002, 003, 004]
test: all
gallery: [nm-01, nm-02, nm-03, nm-04]
probes: {NM: [nm-05, nm-06], CL: [cl-01, cl-02]}
"""

CONFIG = """
data: {protocol: PROTOCOL, subjects_per_batch: 2, walks_per_subject: 2, clip_length: 4, window: [4, 5]}
model: {name: coarse, arguments: {channels: CHANNELS}}
schedule: {learning_rate: 1e-2}
training: {steps: 2, report_every: 1, checkpoint_every: 1, strategy: none}
"""


def write_configs(folder):
    """Write small.yaml (the protocol) and the configs narrow.yaml and wide.yaml; return the paths of the configs."""
    (folder / "small.yaml").write_text(PROTOCOL)
    text = CONFIG.replace("PROTOCOL", str(folder / "small.yaml"))
    for name, channels in (("narrow", 2), ("wide", 4)):
        (folder / f"{name}.yaml").write_text(text.replace("CHANNELS", str(channels)))
    return folder / "narrow.yaml", folder / "wide.yaml"


def write_finished_run(folder, config, *, seed=0, steps=2, data_set=None):
    """Write a run folder that looks finished, without a training: config, log, and a file for the model."""
    from tf3dlocal.config import Experiment
    from tf3dlocal.training import RunFolder

    run = RunFolder(folder)
    run.claim(Experiment.from_yaml(config, overrides=[f"training.seed={seed}"]), data_set=data_set)
    for step in range(1, steps + 1):
        run.append_log({"step": step, "loss": 1.0, "seconds_per_step": 0.5})
    run.model_file.write_bytes(b"weights")
    return folder
