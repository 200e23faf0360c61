"""The training step, the inference and the number of operations of a config, as alternatives that can be measured."""

import os
import pathlib

import keras
import numpy as np
import tensorflow as tf

from measuring.moving_bodies import moving_bodies
from tf3dlocal.config import Experiment
from tf3dlocal.data import silhouette_width
from tf3dlocal.io import keep_freed_memory
from tf3dlocal.models import embedding_model
from tf3dlocal.training import build_model, forward_flops, keep_sums_repeatable, prepare_model

NUM_CLASSES = 74  # CASIA-B's large split


def read_experiment(config, *, settings=(), compiled=None):
    """Read a config.

    Args:
        config: path of a config file, or the text of one.
        settings: changes of single keys, such as "training.precision=mixed_float16".
        compiled: True or False for training.jit_compile; None for the config's value.

    Returns:
        Experiment.

    Raises:
        FileNotFoundError, ConfigError: see `Experiment.from_yaml`.

    Example:
        >>> read_experiment("training: {steps: 1}", compiled=True).training.jit_compile
        True
    """
    settings = list(settings)
    if compiled is not None:
        settings.append(f"training.jit_compile={str(bool(compiled)).lower()}")
    is_text = not isinstance(config, os.PathLike) and ":" in str(config) and not pathlib.Path(config).is_file()
    read = Experiment.from_text if is_text else Experiment.from_yaml
    return read(config, overrides=settings)


def training_step(config, *, settings=(), walks=8, frames=30, size=64, compiled=None):
    """Return a callable that makes one training step of a config on a batch in memory.

    The model is the one that `run_experiment` trains on one device. The first call is a `model.fit` of one step; each
    further call runs the train function that this `fit` made. Reading and augmenting walks is not included.

    Args:
        config: path of a config file, or the text of one.
        settings: changes of single keys, such as "training.precision=mixed_float16".
        walks: walks of the batch, two of each subject.
        frames: frames of a walk.
        size: height of the silhouettes in pixels.
        compiled: whether XLA compiles the step; None for the config's value.

    Returns:
        callable with the attributes `model` and `facts` ("walks", "frames", "parameters", "compiled").

    Raises:
        ConfigError: see `run_experiment`.
    """
    keep_freed_memory()
    keep_sums_repeatable()
    experiment = read_experiment(config, settings=settings, compiled=compiled)
    silhouettes, labels = moving_bodies(walks, frames, height=size, width=silhouette_width(size))
    model = prepare_model(experiment, num_classes=_num_classes(labels), size=size)
    targets = dict.fromkeys(model.output, tf.constant(labels))
    batches = tf.data.Dataset.from_tensors((tf.constant(silhouettes), targets)).repeat()
    iterator = iter(batches)

    def call():
        if model.train_function is None:
            model.fit(batches, epochs=1, steps_per_epoch=1, verbose=0, shuffle=False)
        else:
            logs = model.train_function(iterator)
            keras.tree.map_structure(np.asarray, logs)  # waits for a GPU

    call.model = model
    call.facts = _facts(model, walks=walks, frames=frames, compiled=model.jit_compile)
    return call


def inference_step(config, *, settings=(), walks=8, frames=30, size=64, compiled=False):
    """Return a callable that embeds one batch of walks.

    Without XLA one graph takes any number of walks and frames, as in evaluation and serving. XLA compiles for this
    number only.

    Args:
        config: path of a config file, or the text of one.
        settings: changes of single keys, such as "training.precision=mixed_float16".
        walks: walks of the batch, two of each subject.
        frames: frames of a walk.
        size: height of the silhouettes in pixels.
        compiled: whether XLA compiles the graph, whatever the config says about training.

    Returns:
        callable with the attribute `facts`, as in `training_step`.

    Raises:
        ConfigError: see `run_experiment`.
    """
    keep_freed_memory()
    experiment = read_experiment(config, settings=settings)
    keras.utils.set_random_seed(experiment.training.seed)
    silhouettes, labels = moving_bodies(walks, frames, height=size, width=silhouette_width(size))
    model = embedding_model(build_model(experiment, num_classes=_num_classes(labels), size=size))
    shape = silhouettes.shape if compiled else [None, None, *silhouettes.shape[2:]]

    @tf.function(input_signature=[tf.TensorSpec(shape, tf.float32)], jit_compile=bool(compiled))
    def embed(silhouettes):
        return model(silhouettes, training=False)

    silhouettes = tf.constant(silhouettes)

    def call():
        return embed(silhouettes).numpy()

    call.facts = _facts(model, walks=walks, frames=frames, compiled=compiled)
    return call


def forward_cost(config, *, settings=(), frames=30, size=64):
    """Count the operations of a forward pass over one walk; `forward_flops` says what counts.

    Args:
        config: path of a config file, or the text of one.
        settings: changes of single keys, such as "training.precision=mixed_float16".
        frames: frames of a walk.
        size: height of the silhouettes in pixels.

    Returns:
        callable that does nothing, with the facts "gflop_per_walk" and "parameters" (trainable ones and statistics).
    """
    experiment = read_experiment(config, settings=settings)
    model = embedding_model(build_model(experiment, num_classes=NUM_CLASSES, size=size))

    def call():
        pass

    call.facts = {"gflop_per_walk": forward_flops(model, num_frames=frames) / 1e9, "parameters": model.count_params()}
    return call


def _num_classes(labels):
    return max(NUM_CLASSES, int(labels.max()) + 1)


def _facts(model, *, walks, frames, compiled):
    return {"walks": walks, "frames": frames, "parameters": model.count_params(), "compiled": bool(compiled)}
