"""From a config to a fitted model: the whole story of a training."""

import difflib
import functools
import inspect
import os

import keras
import rich.console

from tf3dlocal.config import ConfigError, Experiment
from tf3dlocal.data import data_fingerprint, open_walks, training_batches
from tf3dlocal.evaluation import evaluate, load_protocol
from tf3dlocal.freed_memory import keep_freed_memory
from tf3dlocal.losses import (
    BatchAllTripletLoss,
    NonzeroTriplets,
    ScaledCrossEntropy,
    TripletHardLoss,
    TripletSemiHardLoss,
)
from tf3dlocal.models import MODELS, embedding_model
from tf3dlocal.training.bad_batch import write_bad_batch
from tf3dlocal.training.callbacks import (
    Checkpoint,
    HeldOutRank1,
    Report,
)
from tf3dlocal.training.computing_devices import computing_devices
from tf3dlocal.training.fitted_model import kept_model, write_fitted_model
from tf3dlocal.training.metrics_since_report import MetricsSinceReport
from tf3dlocal.training.optimizers import make_optimizer
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
from tf3dlocal.training.workers import Workers, names_lost_workers

TRIPLETS = {"batch_all": BatchAllTripletLoss, "hard": TripletHardLoss, "semihard": TripletSemiHardLoss}


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
            no checkpoint, or an argument that the model does not have.
        DivergedError: loss or weights are no longer finite numbers; the batch is kept. A ValueError, too.
        ValueError: the data do not fit the config, or no checkpoint of the run folder can be read.

    Example:
        >>> config = Experiment.from_yaml("configs/three_d_local_walkers.yaml")          # doctest: +SKIP
        >>> model = run_experiment(config, data="prepared", run="runs/first")            # doctest: +SKIP
    """
    keep_freed_memory()
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
            batches = workers.share(make_batches(train, config, step, tuple(model.output)))
            try:
                model.fit(
                    batches, epochs=1, steps_per_epoch=settings.steps - step, callbacks=callbacks, verbose=0, shuffle=False
                )
            finally:
                report.close()
        write_fitted_model(model, run, settings.keep_model, settings.steps)
        workers.wait()
        return model


def is_finished(run, settings) -> bool:
    """Whether all steps are made and the model that is wanted is written."""
    last, wanted = run.last_checkpoint(), settings.keep_model
    return last is not None and last[0] >= settings.steps and run.model_file.exists() and kept_model(run)["kept"] == wanted


def tell(sentence: str, progress: bool) -> None:
    """Say something beside the progress bar, where there is one."""
    if progress:
        rich.console.Console(stderr=True, highlight=False, soft_wrap=True).print(sentence, markup=False)


def choose_walks(walks, config: Experiment):
    """The training walks, and those of the held-out training subjects (None if there are none).

    The protocol's training subjects train; its test subjects are not touched. The last `held_out_subjects` of the
    training subjects, in the order of their names, are kept out of the training to measure rank-1 on.
    """
    protocol = load_protocol(config.data.protocol, exclude=config.data.exclude_subjects)
    subjects = sorted(protocol.split(walks.subjects).train)
    num_held_out = config.training.held_out_subjects
    if len(subjects) - num_held_out < config.data.subjects_per_batch:
        raise ConfigError(
            f"the protocol {config.data.protocol} trains {len(subjects)} subjects of {walks.name!r}, of which "
            f"training.held_out_subjects keeps out {num_held_out}; data.subjects_per_batch is "
            f"{config.data.subjects_per_batch}: lower one of the two, or prepare more subjects"
        )
    kept = len(subjects) - num_held_out
    train = walks.select(subjects=subjects[:kept], min_frames=config.data.min_frames)
    return train, walks.select(subjects=subjects[kept:]) if num_held_out else None


def check_batch(config: Experiment, num_replicas: int) -> None:
    """A batch must divide among the replicas, and a replica's share into the slices it is computed in."""
    batch = config.data.subjects_per_batch * config.data.walks_per_subject
    if batch % num_replicas:
        raise ConfigError(
            f"a batch of data.subjects_per_batch * data.walks_per_subject = {batch} clips does not divide among "
            f"{num_replicas} devices: make it a multiple of {num_replicas}, or set training.strategy: none"
        )
    share, slices = batch // num_replicas, config.training.accumulation_steps
    if share % slices:
        numbers = ", ".join(str(number) for number in range(1, share + 1) if share % number == 0)
        raise ConfigError(
            f"training.accumulation_steps is {slices}, which does not divide the {share} clips of a batch that one device "
            f"computes: make it one of {numbers}"
        )


def build_model(config: Experiment, num_classes: int, size: int, num_replicas: int = 1) -> keras.Model:
    """The config's model for silhouettes of this size; what the config leaves open is taken from data and training."""
    name, given = config.model.name, config.model.arguments
    if name not in MODELS:
        raise ConfigError(f"model.name is {name!r}; there are {', '.join(MODELS)}")
    parameters = inspect.signature(MODELS[name]).parameters
    for argument in given:
        if argument not in parameters:
            near = difflib.get_close_matches(argument, parameters, n=1)
            way_out = f"did you mean {near[0]}?" if near else "it has " + ", ".join(parameters)
            raise ConfigError(f"model.arguments: {name} has no argument {argument}; {way_out}")
    width = size - 2 * (10 * size // 64)
    offered = {
        "num_classes": num_classes if config.losses.cross_entropy.weight else None,
        "input_shape": (None, size, width, 1),
        "clip_length": config.data.clip_length,
        "synchronized": num_replicas > 1,
        "dtype": config.training.precision,
        "seed": config.training.seed,
    }
    offered = {argument: value for argument, value in offered.items() if argument in parameters}
    return MODELS[name](**(offered | given))


def compile_model(model: keras.Model, config: Experiment, schedule, jit_compile: bool = False) -> None:
    """Losses, weights and metrics by output, and the optimizer with its variables made."""
    triplet, cross_entropy = config.losses.triplet, config.losses.cross_entropy
    losses, weights, metrics = {}, {}, {}
    if triplet.weight:
        losses["part_features"] = TRIPLETS[triplet.mining](margin=triplet.margin)
        weights["part_features"] = triplet.weight
        metrics["part_features"] = [NonzeroTriplets(margin=triplet.margin)]
    if cross_entropy.weight:
        losses["logits"] = ScaledCrossEntropy(cross_entropy.scale, cross_entropy.label_smoothing)
        weights["logits"] = cross_entropy.weight
        metrics["logits"] = [keras.metrics.SparseCategoricalAccuracy(name="accuracy")]
    missing = sorted(set(losses) - set(model.output))
    if missing:
        raise ConfigError(f"the model {model.name} has no output {', '.join(missing)}, on which a loss has a weight")
    check_all_learn(model, losses)

    loss_scaling = config.training.precision == "mixed_float16"
    optimizer = make_optimizer(schedule=schedule, loss_scaling=loss_scaling, **config.optimizer.model_dump())
    optimizer.build(model.trainable_variables)
    model.compile(optimizer, loss=losses, loss_weights=weights, metrics=metrics, jit_compile=jit_compile)


def check_all_learn(model: keras.Model, losses) -> None:
    """Weights that no loss depends on would keep their random start, and with them perhaps the test feature."""
    learning = keras.Model(model.input, [model.output[name] for name in losses])
    reached = {id(variable) for variable in learning.trainable_variables}
    idle = [layer.name for layer in model.layers if {id(v) for v in layer.trainable_variables} - reached]
    if idle:
        raise ConfigError(
            f"no loss reaches the layers {', '.join(idle)} of {model.name}: give losses.cross_entropy.weight (the "
            "classifier trains them), or leave them out (model.arguments.compact_channels: null)"
        )


def make_batches(train, config: Experiment, first_step: int, outputs):
    """The batches of the rest of the training, with the labels under every output: Keras' metrics ask for all of them."""
    return training_batches(
        train,
        **batch_settings(config),
        seed=config.training.seed,
        first_step=first_step,
        num_steps=config.training.steps - first_step,
        outputs=outputs,
    )


def batch_settings(config: Experiment) -> dict:
    """What of the config says how batches are drawn."""
    return config.data.model_dump(exclude={"folder", "protocol", "exclude_subjects", "min_frames"})


def held_out_rank_1(embedder: keras.Model, held_out, config: Experiment) -> dict[str, float]:
    """Rank-1 in per cent of each probe group among the held-out training subjects, by the config's protocol."""
    protocol = load_protocol(config.data.protocol).for_subjects(held_out.subject_names)
    if config.training.held_out_views is not None:
        protocol = protocol.model_copy(update={"views": tuple(config.training.held_out_views)})
    result = evaluate(embedder, held_out, protocol, max_rank=1, progress=False)
    return {name: float(value) for name, value in zip(result.groups, result.mean(), strict=True)}
