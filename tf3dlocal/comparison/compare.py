"""The comparison from configs to report: plan, check, train, test, write."""

import gc
import pathlib
import platform
from collections.abc import Iterable, Mapping, Sequence

import tensorflow as tf

from tf3dlocal.comparison.comparison import BASELINE, Comparison, gather
from tf3dlocal.comparison.equal_terms import BUDGET, check_runs, shown, value_of
from tf3dlocal.comparison.kept_results import KeptResults
from tf3dlocal.comparison.numbers import comparison_csv, comparison_json
from tf3dlocal.comparison.planned_runs import PlannedRun, plan_runs
from tf3dlocal.comparison.report import comparison_markdown
from tf3dlocal.config import ConfigError
from tf3dlocal.data import WalkDataset, data_fingerprint, open_walks
from tf3dlocal.evaluation import Protocol, check_distance, library_versions, load_protocol, published_names
from tf3dlocal.io import check_apart, check_folder_name, num_cores, tell, write_json, write_text
from tf3dlocal.io.types import PathLike
from tf3dlocal.training import run_experiment
from tf3dlocal.visualization import MOST_METHODS, plot_rank_by_view


def compare(
    configs: Sequence[PathLike],
    *,
    data: PathLike,
    protocol: Protocol | PathLike,
    out: PathLike,
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

    Everything is kept in one folder and reused: a call that was killed resumes, a second call takes seconds, and a
    further config costs only its own training.

        out/runs/<config>-seed-<s>/   run folders of `run_experiment`
        out/results/<run>.json        rank-1 and cost of each run
        out/report.md .csv .json .png written again after each run

    Args:
        configs: Config files, and run folders that are used as they are; "3DLocal=configs/x.yaml" names a row.
        data: Folder of the prepared data set, instead of the configs'.
        protocol: Protocol of all trainings and tests.
        out: Folder of the comparison, created if absent.
        seeds: Random seeds of every config.
        seeds_for: Other seeds for some configs: {stem of the file's name: seeds}.
        overrides: Changes to every config, such as "training.steps=100".
        distance: "part_mean" or "flattened".
        gei: Add the row of the nearest gait energy image, which needs no training.
        published: Add the published rows. Default: if there are any for this protocol.
        allow_different: Keys of the budget that may differ between the runs; the report then names the difference.
        progress: Show the current run and progress bars.
        command: The command line of the user, for the report.

    Returns:
        The content of report.json.

    Raises:
        ConfigError: If a config cannot be read or built, or runs are not on equal terms; nothing was trained.
        ValueError: If the data do not fit, or some runs failed, for instance because the loss is not finite; the other
            runs are trained and reported in any case.

    Example:
        >>> configs = ["configs/a.yaml", "configs/b.yaml"]
        >>> found = compare(configs, data="prepared", protocol="casia-b-st", out="out")  # doctest: +SKIP
    """
    out = pathlib.Path(out)
    check_folder_name(out)
    check_apart(out, source=data, what="the data set", outer=False)
    runs = plan_runs(configs, out=out, seeds=seeds, seeds_for=seeds_for, overrides=overrides)
    if len({run.method for run in runs}) > MOST_METHODS:
        raise ConfigError(f"A comparison has at most {MOST_METHODS} methods, which its picture can show. Remove some.")
    walks, given, protocol = open_walks(data), protocol, load_protocol(protocol)
    given = None if isinstance(given, Protocol) else given
    check_distance(distance)
    published = _use_published(published, protocol)
    fingerprint = data_fingerprint(walks)
    notes = check_runs(
        runs,
        out=out,
        walks=walks,
        fingerprint=fingerprint,
        protocol=protocol,
        protocol_given=given,
        allow_different=allow_different,
    )
    results = KeptResults(
        out / "results", walks=walks, protocol=protocol, distance=distance, fingerprint=fingerprint, progress=progress
    )
    for sentence in dict.fromkeys(run.chosen_precision for run in runs if run.chosen_precision):
        tell(sentence, shown=progress)
    kept, failures = {}, []
    if gei:
        tell("baseline: the nearest gait energy image", shown=progress)
        kept[BASELINE] = results.of_gait_energy()
    facts = _facts(runs, walks=walks, protocol=protocol, distance=distance, gei=gei, command=command)
    for number, run in enumerate(runs, start=1):
        step = f"run {number} of {len(runs)}: {run.name}"
        try:
            if not run.is_finished:
                tell(f"{step}, training", shown=progress)
                run_experiment(run.config, data=data, run=run.folder, progress=progress)
            tell(f"{step}, test", shown=progress)
            kept[run.name] = results.of_run(run)
        except (
            ValueError,
            tf.errors.OpError,
        ) as error:  # diverged or out of memory: the others are trained all the same
            failures.append(f"{run.name} failed: {' '.join(str(error).split())}")
            tell(failures[-1], shown=progress)
        gc.collect()  # a functional model is a ring of references
        if any(one.name in kept for one in runs):
            comparison = gather(
                runs,
                kept=kept,
                protocol=protocol,
                data=walks.name,
                facts=facts,
                notes=[*notes, *failures],
                published=published,
            )
            write_report(comparison, out=out)
    if failures:
        rest = f"; {out / 'report.md'} has the others" if len(failures) < len(runs) else ""
        raise ValueError(f"{len(failures)} of {len(runs)} runs failed{rest}:\n" + "\n".join(failures))
    return comparison_json(comparison)


def write_report(comparison: Comparison, *, out: pathlib.Path) -> None:
    """Write report.png, report.md, report.csv and report.json; each file appears as a whole or not at all."""
    drawn = {row.label: {g: row.by_view[:, n] for n, g in enumerate(row.groups)} for row in comparison.rows}
    trained = {row.label for row in comparison.rows if row.seeds}
    plot_rank_by_view(
        {label: rank_1 for label, rank_1 in drawn.items() if label in trained},
        views=comparison.views,
        path=out / "report.png",
        baselines={label: rank_1 for label, rank_1 in drawn.items() if label not in trained},
        title=f"Rank-1 by probe view, {comparison.title}, identical views {comparison.protocol.identical_views}d",
    )
    write_text(out / "report.md", comparison_markdown(comparison, picture="report.png"))
    write_text(out / "report.csv", comparison_csv(comparison))
    write_json(out / "report.json", comparison_json(comparison))


def _use_published(published: bool | None, protocol: Protocol) -> bool:
    there_are_some = protocol.name in published_names()
    if published and not there_are_some:
        raise ConfigError(f"Nothing is published for the protocol {protocol.name}. Leave --published out.")
    return there_are_some if published is None else published


def _facts(
    runs: Sequence[PlannedRun],
    *,
    walks: WalkDataset,
    protocol: Protocol,
    distance: str,
    gei: bool,
    command: str | None,
) -> dict[str, str]:
    """Collect what must accompany the numbers; what is counted is added once it is known."""
    seeds = {}
    for run in runs:
        seeds.setdefault(run.method, []).append(str(run.seed))
    precisions = {}
    for run in runs:
        precisions.setdefault(run.config.training.precision, {})[run.method] = None
    of_methods = [f"{precision} in {', '.join(methods)}" for precision, methods in precisions.items()]
    budget = {key: dict.fromkeys(shown(value_of(run, key)) for run in runs) for key in BUDGET}
    gpus = len(tf.config.list_physical_devices("GPU"))
    facts = {
        "data set": f"{walks.name}, {len(walks)} walks of {len(walks.subject_names)} subjects",
        "protocol": f"{protocol.name}" + (f" ({protocol.title})" if protocol.title else ""),
        "distance": distance + ("; of the gait energy images, Euclidean" if gei else ""),
        "seeds": "; ".join(f"{method} {', '.join(own)}" for method, own in seeds.items()),
        "budget": ", ".join(f"{key} {' or '.join(values)}" for key, values in budget.items()),
        "precision": "; ".join(of_methods if len(precisions) > 1 else precisions),
        "versions": ", ".join(f"{name} {version}" for name, version in library_versions().items()),
        "machine": f"{num_cores()} CPU cores, {gpus} GPUs, {platform.system()} {platform.machine()}",
    }
    return facts | ({"command": f"`{command}`"} if command else {})
