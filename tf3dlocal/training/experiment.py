"""From a config to a trained model: load, build, compile, restore, fit, write."""

import functools

import keras

from tf3dlocal.config import Experiment
from tf3dlocal.io import has_accelerator, keep_freed_memory, tell
from tf3dlocal.io.types import PathLike
from tf3dlocal.layers import LocalPath
from tf3dlocal.training.callbacks import training_callbacks
from tf3dlocal.training.data import check_batch, load_walks, make_batches
from tf3dlocal.training.distributed.lost_workers import names_lost_workers
from tf3dlocal.training.distributed.workers import Workers
from tf3dlocal.training.model_setup import check_model, keep_sums_repeatable, make_deterministic, prepare_model
from tf3dlocal.training.optimizers import rates_without_weights
from tf3dlocal.training.precision import choose_precision
from tf3dlocal.training.run.run_folder import RunFolder


@names_lost_workers()
def run_experiment(
    config: Experiment, *, data: PathLike | None = None, run: PathLike = "runs/experiment", progress: bool = True
) -> keras.Model:
    """Train a model as a config says; called again with the same run folder it resumes.

    Every random choice of step s depends on the seed and s, and a checkpoint holds weights, optimizer, loss scale, the
    state of dropout and the sums of the metrics: a training that was killed and resumed ends with the weights of one
    that was not.

    Args:
        config: See `tf3dlocal.config.Experiment`.
        data: Folder of the prepared data set, instead of the config's.
        run: Folder for config, checkpoints, log and model; see `RunFolder`.
        progress: Whether reports, and on a terminal a progress bar, are shown.

    Returns:
        The trained model, compiled; run/model.keras has it without the optimizer. It is the model of the last step, or
        with training.keep_model "best" the one with the highest rank-1 on the held-out training subjects.

    Raises:
        ConfigError: The run folder is of another config, data set or version, another training writes there, it has a
            model and no checkpoint, the model lacks an argument, or nothing can be measured on the held-out subjects.
        DivergedError: Loss or weights are no longer finite numbers; the batch is written. It is a ValueError.
        ValueError: The data do not fit the config, or no checkpoint of the run folder can be read.

    Example:
        >>> config = Experiment.from_yaml("configs/three_d_local_walkers.yaml")          # doctest: +SKIP
        >>> model = run_experiment(config, data="prepared", run="runs/first")            # doctest: +SKIP
    """
    run, settings = RunFolder(run), config.training
    check_model(config)
    keep_freed_memory()
    if not has_accelerator():
        keep_sums_repeatable()
    elif settings.deterministic:
        make_deterministic()

    # Load: what does not fit is refused before anything is written.
    walks = load_walks(config, folder=data)
    workers = Workers.start(settings.strategy)
    progress = progress and workers.is_chief
    check_batch(config, num_replicas=workers.strategy.num_replicas_in_sync)
    run.check(config, data_set=walks.data_set)
    workers.meet(run, config=config, fingerprint=walks.data_set["fingerprint"])
    config, chosen = choose_precision(config, run=run, workers=workers)

    # Build and compile.
    num_classes, size = len(walks.train.subject_names), walks.train.size
    model = prepare_model(config, num_classes=num_classes, size=size, strategy=workers.strategy)

    # Restore, fit and write.
    with workers.hold(run) as is_held:
        restored = workers.restore(run, model=model, config=config, is_held=is_held)
        sentences = _start(restored, run=run, config=config, model=model, walks=walks, workers=workers, chosen=chosen)
        own = workers.claim(run, config=config, data_set=walks.data_set, restored=restored, is_held=is_held)
        for sentence in sentences:
            tell(sentence, shown=progress)
        if restored.step < settings.steps:
            for sentence in sentences:
                own.append_line(sentence)
            _fit(model, config=config, walks=walks, workers=workers, run=own, restored=restored, progress=progress)
        own.write_model(model, config=config)
        workers.wait()
    return model


def _start(restored, *, run, config, model, walks, workers, chosen):
    """What the user is told before the first step."""
    sentences = restored.sentences(run.path, config=config, devices=workers.devices)
    if chosen and restored.step < config.training.steps:
        sentences.append(chosen)
    if config.training.jit_compile is True and not model.jit_compile:
        sentences.append("training.jit_compile has no effect: model.fit cannot compile this step with XLA.")
    if workers.strategy.num_replicas_in_sync > 1 and config.model.arguments.get("synchronized") is False:
        sentences.append("model.arguments.synchronized is false: each device normalizes its own share of a batch.")
    done, settings = restored.step, config.training
    parts = any(isinstance(layer, LocalPath) for layer in model.layers)
    missed = run.snapshots.missed(steps=settings.steps, count=settings.snapshots, done=done) if parts else []
    if missed and done < settings.steps:
        sentences.append(
            f"There are no snapshots of the steps {', '.join(map(str, missed))}: the training passed them with another "
            "training.snapshots, and they cannot be made afterwards."
        )
    if done >= settings.steps:
        return sentences
    paths = [weight.path for weight in model.trainable_variables]
    idle = rates_without_weights(config.optimizer.rates.model_dump(), paths=paths)
    return [*sentences, *config.never_reached(), *idle, *walks.counts]


def _fit(model, *, config, walks, workers, run, restored, progress):
    run.model_file.unlink(missing_ok=True)  # of a shorter training: it must not pass for the model of this one
    batches = functools.partial(
        make_batches, walks.train, config=config, first_step=restored.step, outputs=tuple(model.output)
    )
    with training_callbacks(
        model, config=config, walks=walks, run=run, restored=restored, progress=progress
    ) as callbacks:
        model.fit(
            workers.share(batches),
            epochs=1,
            steps_per_epoch=config.training.steps - restored.step,
            callbacks=callbacks,
            verbose=0,
            shuffle=False,
        )
