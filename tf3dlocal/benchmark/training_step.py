"""One step of our training, as `model.fit` makes it, ready to be measured."""

import keras
import numpy as np
import tensorflow as tf

from tf3dlocal.benchmark.chosen_form import chosen_form
from tf3dlocal.benchmark.experiment_to_measure import experiment_to_measure
from tf3dlocal.benchmark.moving_bodies import moving_bodies
from tf3dlocal.freed_memory import keep_freed_memory
from tf3dlocal.training.compiled_model import build_model, compile_model
from tf3dlocal.training.repeatable_sums import keep_sums_repeatable
from tf3dlocal.training.schedules import make_schedule
from tf3dlocal.training.strategy import choose_jit_compile
from tf3dlocal.training.trained_model import TrainedModel


def training_step(config, settings=(), walks=8, frames=30, size=64, form=None, compiled=None):
    """A callable that makes one training step of a config on a batch that stays the same.

    Model, losses, metrics and optimizer are made as `run_experiment` makes them on one device; the first call is a
    `model.fit` of one step, every further one a call of the function that this `fit` made. Reading and augmenting walks
    is not in it.

    Args:
        config: a config file, or its text.
        settings: such as "training.precision=mixed_float16".
        walks, frames: the batch; two walks of a subject.
        size: height of the silhouettes; 64 goes with a width of 44.
        form: one of `layers.forms.FORMS`; None for what the config says.
        compiled: whether XLA compiles the step; None for what the config says.

    Returns:
        callable, with facts "walks", "frames", "parameters" and those of `chosen_form`; its `model` is what is trained.

    Raises:
        ConfigError: as `run_experiment`.
    """
    keep_freed_memory()
    keep_sums_repeatable()
    experiment = experiment_to_measure(config, settings, form, compiled)
    keras.utils.set_random_seed(experiment.training.seed)
    silhouettes, labels = moving_bodies(walks, frames, size, size - 2 * (10 * size // 64))
    built = build_model(experiment, num_classes=max(74, labels.max() + 1), size=size)
    model = TrainedModel(built.input, built.output, name=built.name)
    training = experiment.training
    if training.recompute or training.accumulation_steps > 1:
        model.num_slices = training.accumulation_steps
    schedule = make_schedule(steps=training.steps, **experiment.schedule.model_dump())
    compile_model(
        model,
        experiment,
        schedule,
        choose_jit_compile(training.jit_compile, tf.distribute.get_strategy(), training.steps),
    )
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
    call.facts = {
        "walks": walks,
        "frames": frames,
        "parameters": model.count_params(),
        **chosen_form(experiment.model.arguments.get("form", "auto"), model.jit_compile),
    }
    return call
