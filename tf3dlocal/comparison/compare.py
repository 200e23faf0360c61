"""The comparison from configs to report: the whole story in one function."""

import gc
import json
import os
import pathlib
import platform
from collections.abc import Iterable, Mapping, Sequence

import rich.console
import tensorflow as tf

from tf3dlocal.comparison.comparison import Comparison
from tf3dlocal.comparison.data_set import (
    check_trained_on,
    claim_data_set,
)
from tf3dlocal.comparison.equal_terms import BUDGET, check_equal_terms, shown, value_of
from tf3dlocal.comparison.gather import BASELINE, gather
from tf3dlocal.comparison.kept_results import result_of_gait_energy, result_of_run
from tf3dlocal.comparison.numbers import comparison_csv, comparison_json
from tf3dlocal.comparison.planned_runs import plan_runs
from tf3dlocal.comparison.report import comparison_markdown
from tf3dlocal.config import ConfigError
from tf3dlocal.data import data_fingerprint, open_walks
from tf3dlocal.evaluation import load_protocol, published_names
from tf3dlocal.evaluation.distances import check_distance
from tf3dlocal.evaluation.evaluate import library_versions
from tf3dlocal.training import run_experiment
from tf3dlocal.training.compiled_model import build_model, compile_model
from tf3dlocal.training.run_folder import RunFolder
from tf3dlocal.training.schedules import make_schedule
from tf3dlocal.training.start_from import check_start
from tf3dlocal.training.strategy import make_strategy
from tf3dlocal.training.training_data import check_batch, choose_walks
from tf3dlocal.visualization.rank_by_view import MOST_METHODS, plot_rank_by_view
from tf3dlocal.visualization.whole_file import write_whole_file


def compare(
    configs: Sequence[str | os.PathLike],
    data: str | os.PathLike,
    protocol: str,
    out: str | os.PathLike,
    seeds: Iterable[int] = (0,),
    seeds_for: Mapping[str, Iterable[int]] | None = None,
    overrides: Sequence[str] = (),
    distance: str = "part_mean",
    gei: bool = True,
    published: bool | None = None,
    allow_different: Sequence[str] = (),
    progress: bool = True,
    command: str | None = None,
) -> dict:
    """Train several configs on equal terms, test them, and write one report.

    Everything is kept in one folder, and what is there is used again: a call that was killed goes on where it was, a
    second call takes seconds, and a config more costs only its own training.

        out/runs/<config>-seed-<s>/   run folders of `run_experiment`
        out/results/<run>.json        rank-1 and cost of each run
        out/report.md .csv .json .png written anew after each run

    Args:
        configs: config files, and run folders that are taken as they are; "3DLocal=configs/x.yaml" names a row.
        data: folder of the prepared data set, in place of the configs'.
        protocol: by which all train and are tested.
        out: made if absent.
        seeds: of every config.
        seeds_for: other seeds for some configs: {stem of the file's name: seeds}.
        overrides: changes to every config, as "training.steps=100".
        distance: "part_mean" or "flattened".
        gei: add the row of the nearest gait energy image, which needs no training.
        published: add the papers' rows; None: where there are some for this protocol.
        allow_different: keys of the budget that may differ between the runs; the report then says so.
        progress: show which run it is, and bars.
        command: the call as the user made it, for the report.

    Returns:
        dict, the content of report.json.

    Raises:
        ConfigError: a config that cannot be read or built, or runs that are not on equal terms; nothing was trained.
        ValueError: the data do not fit; or some runs failed, such as by a loss that is no longer a finite number: the
            others are trained and in the report all the same.

    Example:
        >>> found = compare(["configs/a.yaml", "configs/b.yaml"], "prepared", "casia-b-st", "out")  # doctest: +SKIP
    """
    out = pathlib.Path(out)
    runs = plan_runs(configs, out, seeds, seeds_for, overrides)
    if len({run.method for run in runs}) > MOST_METHODS:
        raise ConfigError(f"a report has no more than {MOST_METHODS} methods, which its picture can tell apart")
    walks, protocol = open_walks(data), load_protocol(protocol)
    check_distance(distance)
    if published and protocol.name not in published_names():
        raise ConfigError(f"nothing is published for the protocol {protocol.name}; leave --published out")
    published = protocol.name in published_names() if published is None else published
    notes = check_equal_terms(runs, protocol, allow_different)
    fingerprint = data_fingerprint(walks)
    notes += check_trained_on(runs, fingerprint)
    for run in runs:
        if run.config.training.start_from:
            notes.append(
                f"{run.name} starts from the weights of {run.config.training.start_from}: that training's steps, minutes and "
                "seed are not in its row."
            )
    for run in runs:
        if not run.taken and RunFolder(run.folder).config_file.exists():
            RunFolder(run.folder).check(run.config)  # a run of another config is found before the hours of the others
    check_models(runs, walks)
    notes += claim_data_set(out, runs, walks, fingerprint)

    say = rich.console.Console(stderr=True, highlight=False, quiet=not progress, soft_wrap=True)
    kept, failures = {}, []
    if gei:
        say.print("baseline: the nearest gait energy image", markup=False)
        kept[BASELINE] = result_of_gait_energy(walks, protocol, fingerprint, out / "results" / "gei.json", progress)
    facts = _facts(runs, walks, protocol, distance, gei, command)
    for number, run in enumerate(runs, start=1):
        try:
            if not run.is_finished:
                say.print(f"run {number} of {len(runs)}: {run.name}, training", markup=False)
                run_experiment(run.config, data, run.folder, progress)
            say.print(f"run {number} of {len(runs)}: {run.name}, test", markup=False)
            file = out / "results" / f"{run.name}.json"
            kept[run.name] = result_of_run(run, walks, protocol, distance, fingerprint, file, progress)
        except (ValueError, tf.errors.OpError) as error:  # a diverged training, or one too large for memory:
            # it must not cost the night of the others
            failures.append(f"{run.name} failed: {error}")
            say.print(failures[-1], markup=False)
        gc.collect()  # a functional model is a ring of references
        if any(one.name in kept for one in runs):
            comparison = gather(runs, kept, protocol, walks.name, facts, [*notes, *failures], published)
            write_report(comparison, out)
    if failures:
        rest = f"; {out / 'report.md'} has the others" if len(failures) < len(runs) else ""
        raise ValueError(f"{len(failures)} of {len(runs)} runs failed{rest}:\n" + "\n".join(failures))
    return comparison_json(comparison)


def check_models(runs, walks) -> None:
    """Build the model of every config that has to be trained, and choose its walks, before the first one trains."""
    for run in {run.method: run for run in runs if not run.is_finished}.values():
        try:
            train, _ = choose_walks(walks, run.config)
            check_batch(run.config, make_strategy(run.config.training.strategy).num_replicas_in_sync)
            if run.config.training.start_from and not RunFolder(run.folder).checkpoint_steps():
                check_start(run.config)
            model = build_model(run.config, len(train.subject_names), train.size)
            schedule = make_schedule(steps=run.config.training.steps, **run.config.schedule.model_dump())
            compile_model(model, run.config, schedule)
        except ValueError as error:
            raise ConfigError(f"{run.method}: {error}") from error


def write_report(comparison: Comparison, out: pathlib.Path) -> None:
    """report.png, report.md, report.csv and report.json, each whole or not at all."""
    drawn = {row.label: {g: row.by_view[:, n] for n, g in enumerate(row.groups)} for row in comparison.rows}
    trained = {row.label for row in comparison.rows if row.seeds}
    plot_rank_by_view(
        {label: rank_1 for label, rank_1 in drawn.items() if label in trained},
        comparison.views,
        out / "report.png",
        {label: rank_1 for label, rank_1 in drawn.items() if label not in trained},
        f"Rank-1 by probe view, {comparison.title}, identical views {comparison.protocol.identical_views}d",
    )
    texts = {
        "md": comparison_markdown(comparison, picture="report.png"),
        "csv": comparison_csv(comparison),
        "json": json.dumps(comparison_json(comparison), indent=1, allow_nan=False) + "\n",
    }
    for ending, text in texts.items():
        write_whole_file(out / f"report.{ending}", lambda file, text=text: file.write_text(text, encoding="utf-8"))


def _facts(runs, walks, protocol, distance, gei, command):
    """What must stand beside the numbers; what was counted is added when it is known."""
    versions = library_versions()
    gpus = len(tf.config.list_physical_devices("GPU"))
    budget = {key: dict.fromkeys(shown(value_of(run, key)) for run in runs) for key in BUDGET}
    facts = {
        "data set": f"{walks.name}, {len(walks)} walks of {len(walks.subject_names)} subjects",
        "protocol": f"{protocol.name}" + (f" ({protocol.title})" if protocol.title else ""),
        "distance": distance + ("; of the gait energy images, Euclidean" if gei else ""),
        "seeds": "; ".join(f"{m} {', '.join(str(r.seed) for r in runs if r.method == m)}" for m in _methods(runs)),
        "budget": ", ".join(f"{key} {' or '.join(values)}" for key, values in budget.items()),
        "versions": ", ".join(f"{name} {version}" for name, version in versions.items()),
        "machine": f"{os.cpu_count()} CPU cores, {gpus} GPUs, {platform.system()} {platform.machine()}",
    }
    return facts | ({"command": f"`{command}`"} if command else {})


def _methods(runs):
    return dict.fromkeys(run.method for run in runs)
