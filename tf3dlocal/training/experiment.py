"""From a config to a fitted model: the whole story of a training."""

import functools
import os

import keras
import rich.console

from tf3dlocal.config import ConfigError, Experiment
from tf3dlocal.data import data_fingerprint, open_walks
from tf3dlocal.freed_memory import keep_freed_memory
from tf3dlocal.models import embedding_model
from tf3dlocal.training.bad_batch import write_bad_batch
from tf3dlocal.training.callbacks import (
    Checkpoint,
    HeldOutRank1,
    Report,
)
from tf3dlocal.training.compiled_model import build_model, compile_model
from tf3dlocal.training.computing_devices import computing_devices
from tf3dlocal.training.fitted_model import kept_model, write_fitted_model
from tf3dlocal.training.held_out import held_out_rank_1
from tf3dlocal.training.metrics_since_report import MetricsSinceReport
from tf3dlocal.training.repeatable_sums import keep_sums_repeatable
from tf3dlocal.training.run_folder import Restored, RunFolder
from tf3dlocal.training.run_lock import in_use
from tf3dlocal.training.schedules import make_schedule
from tf3dlocal.training.start_from import check_start, start_from
from tf3dlocal.training.start_message import start_message
from tf3dlocal.training.stop_when_diverged import StopWhenDiverged
from tf3dlocal.training.strategy import (
    can_jit_compile,
    choose_jit_compile,
    make_strategy,
)
from tf3dlocal.training.trained_model import TrainedModel
from tf3dlocal.training.training_data import batch_settings, check_batch, choose_walks, make_batches
from tf3dlocal.training.workers import Workers, names_lost_workers


@names_lost_workers()
def run_experiment(
    config: Experiment,
    data: str | os.PathLike | None = None,
    run: str | os.PathLike = "runs/experiment",
    progress: bool = True,
) -> keras.Model:
    """Fit a model as a config says; called again with the same run folder it goes on where it was.

    Every random choice of step s depends on the seed and s, and a checkpoint holds weights, optimizer, the scale of the
    loss, the state of dropout and what the metrics have added up: a training that was killed and resumed ends with the
    weights of one that was not.

    Args:
        config: see `tf3dlocal.config.Experiment`.
        data: folder of the prepared data set, in place of the config's.
        run: folder for config, checkpoints, log and model; see `RunFolder`.
        progress: show a progress bar, and say where the training begins.

    Returns:
        The fitted keras.Model, compiled; run/model.keras holds it without the optimizer. It is that of the last step, or
        with training.keep_model "best" the one that identified the held-out subjects best.

    Raises:
        ConfigError: the run folder belongs to another config or data set, another training writes there, it has a model and
            no checkpoint, an argument that the model does not have, or nothing can be measured on the held-out subjects.
        DivergedError: loss or weights are no longer finite numbers; the batch is kept. A ValueError, too.
        ValueError: the data do not fit the config, or no checkpoint of the run folder can be read.

    Example:
        >>> config = Experiment.from_yaml("configs/three_d_local_walkers.yaml")          # doctest: +SKIP
        >>> model = run_experiment(config, data="prepared", run="runs/first")            # doctest: +SKIP
    """
    keep_freed_memory()
    keep_sums_repeatable()
    run, settings = RunFolder(run), config.training
    if not (data or config.data.folder):
        raise ConfigError("no data set: give data.folder in the config, or --data")
    walks = open_walks(data or config.data.folder)
    train, held_out = choose_walks(walks, config)
    strategy = make_strategy(settings.strategy)
    workers = Workers(strategy)
    progress = progress and workers.is_chief
    check_batch(config, strategy.num_replicas_in_sync)
    if settings.jit_compile is True and not can_jit_compile(strategy):
        over = f"a step over {strategy.num_replicas_in_sync} devices"
        tell(f"training.jit_compile has no effect: model.fit cannot compile {over} with XLA", progress)
    data_set = {"name": walks.name, "num_walks": len(walks), "num_subjects": len(walks.subject_names)}
    data_set["fingerprint"] = data_fingerprint(walks)
    run.check(config, data_set)
    workers.meet(run, config, data_set["fingerprint"])
    if settings.start_from and not run.checkpoint_steps():  # later the weights are those of the checkpoint
        check_start(config)

    keras.utils.set_random_seed(settings.seed)
    schedule = make_schedule(steps=settings.steps, **config.schedule.model_dump())
    with strategy.scope():
        built = build_model(config, len(train.subject_names), train.size, strategy.num_replicas_in_sync)
        model = TrainedModel(built.input, built.output, name=built.name)
        if settings.recompute or settings.accumulation_steps > 1:
            model.num_slices = settings.accumulation_steps
        jit_compile = choose_jit_compile(settings.jit_compile, strategy, settings.steps)
        compile_model(model, config, schedule, jit_compile)
    with workers.hold(run) as ours:
        with strategy.scope():
            restored = run.restore(model) if ours or is_finished(run, settings) else Restored()
            if not ours and restored.step < settings.steps:
                raise in_use(run)
            workers.agree_on(restored, run)
            step = restored.step
            for sentence in start_message(run, restored, settings.steps, computing_devices(strategy)):
                tell(sentence, progress)
            if not step and settings.start_from:
                new = start_from(model, settings.start_from)
                tell(f"weights of {settings.start_from} taken over; new are {', '.join(new) or 'none'}", progress)
        shared, (run, restored) = run, workers.own_folder(run, restored)
        if ours or run is not shared:
            run.claim(config, data_set, restored)

        if step < settings.steps:
            run.model_file.unlink(missing_ok=True)  # of a shorter training: nobody shall take it for this one's
            span = {"first_step": step, "last_step": settings.steps}
            report = Report(run, schedule, settings.report_every, progress=progress, **span)
            save_batch = functools.partial(write_bad_batch, run, train, settings.seed, **batch_settings(config))
            save_batch = workers.named_as_shared(save_batch, run, shared)
            keep = {"keep": settings.keep_checkpoints, "report_every": settings.report_every}
            # In this order: what has diverged is neither reported nor kept; a checkpoint holds what the others have done.
            callbacks = [
                MetricsSinceReport(restored.metrics),
                StopWhenDiverged(
                    shared,
                    save_batch,
                    schedule,
                    settings.report_every,
                    settings.checkpoint_every,
                    settings.steps,
                    restored,
                    settings.stop_above,
                ),
                report,
                Checkpoint(run, settings.checkpoint_every, **keep, **span),
            ]
            if settings.evaluate_every:
                rank_1 = functools.partial(held_out_rank_1, embedding_model(model), held_out, config)
                callbacks.insert(-1, HeldOutRank1(rank_1, report, run.best, settings.evaluate_every, **span))
            batches = workers.share(functools.partial(make_batches, train, config, step, tuple(model.output)))
            try:
                model.fit(
                    batches,
                    epochs=1,
                    steps_per_epoch=settings.steps - step,
                    callbacks=callbacks,
                    verbose=0,
                    shuffle=False,
                )
            finally:
                report.close()
        write_fitted_model(model, run, settings.keep_model, settings.steps)
        workers.wait()
        return model


def is_finished(run, settings) -> bool:
    """Whether all steps are made and the model that is wanted is written."""
    last, wanted = run.last_checkpoint(), settings.keep_model
    return (
        last is not None and last[0] >= settings.steps and run.model_file.exists() and kept_model(run)["kept"] == wanted
    )


def tell(sentence: str, progress: bool) -> None:
    """Say something beside the progress bar, where there is one."""
    if progress:
        rich.console.Console(stderr=True, highlight=False, soft_wrap=True).print(sentence, markup=False)
