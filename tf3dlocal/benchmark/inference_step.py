"""One pass of walks through our model, ready to be measured."""

import keras
import tensorflow as tf

from tf3dlocal.benchmark.chosen_form import chosen_form
from tf3dlocal.benchmark.experiment_to_measure import experiment_to_measure
from tf3dlocal.benchmark.moving_bodies import moving_bodies
from tf3dlocal.freed_memory import keep_freed_memory
from tf3dlocal.models import embedding_model
from tf3dlocal.training.compiled_model import build_model


def inference_step(config, settings=(), walks=8, frames=30, size=64, form=None, compiled=None):
    """A callable that embeds one batch of walks.

    Not compiled, one graph takes any number of walks and frames, as `evaluation` and `serving` have it. XLA compiles for
    these numbers alone.

    Args:
        config, settings, walks, frames, size, form: as in `training_step`.
        compiled: whether XLA compiles the graph; None for no, as the evaluation does whatever the config says of training.

    Returns:
        callable, with facts as `training_step`.

    Raises:
        ConfigError: as `run_experiment`.
    """
    keep_freed_memory()
    experiment = experiment_to_measure(config, settings, form, compiled)
    compiled = bool(compiled)
    keras.utils.set_random_seed(experiment.training.seed)
    silhouettes, labels = moving_bodies(walks, frames, size, size - 2 * (10 * size // 64))
    model = embedding_model(build_model(experiment, num_classes=max(74, labels.max() + 1), size=size))
    shape = silhouettes.shape if compiled else [None, None, *silhouettes.shape[2:]]

    @tf.function(input_signature=[tf.TensorSpec(shape, tf.float32)], jit_compile=compiled)
    def embed(silhouettes):
        return model(silhouettes, training=False)

    silhouettes = tf.constant(silhouettes)

    def call():
        return embed(silhouettes).numpy()

    call.facts = {
        "walks": walks,
        "frames": frames,
        "parameters": model.count_params(),
        **chosen_form(experiment.model.arguments.get("form", "auto"), compiled),
    }
    return call
