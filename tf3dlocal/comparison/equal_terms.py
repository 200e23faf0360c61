"""Checks before anything is trained: equal terms for all runs, the same data set, and models that can be built."""

import json
import pathlib
from collections.abc import Sequence
from typing import Any

from tf3dlocal.comparison.planned_runs import PlannedRun
from tf3dlocal.config import ConfigError
from tf3dlocal.data import WalkDataset, data_fingerprint, open_walks
from tf3dlocal.evaluation import Protocol, load_protocol
from tf3dlocal.io import read_json, write_json
from tf3dlocal.io.types import PathLike
from tf3dlocal.training import RunFolder, check_batch, choose_walks, make_strategy, prepare_model

# How much a training sees, and of which subjects.
BUDGET = (
    "training.steps",
    "training.start_from",
    "training.held_out_subjects",
    "training.keep_model",
    "data.subjects_per_batch",
    "data.walks_per_subject",
    "data.clip_length",
    "data.window",
    "data.exclude_subjects",
    "data.min_frames",
)
RECORD = "data_set.json"


def check_runs(
    runs: Sequence[PlannedRun],
    *,
    out: PathLike,
    walks: WalkDataset,
    fingerprint: str,
    protocol: Protocol,
    allow_different: Sequence[str] = (),
) -> list[str]:
    """Do all checks of this module; the folder `out` is written to only if all of them pass.

    Returns:
        Sentences for the report.

    Raises:
        ConfigError: See the single checks.
    """
    notes = check_equal_terms(runs, protocol=protocol, allow_different=allow_different)
    notes += check_trained_on(runs, fingerprint=fingerprint)
    for run in runs:
        if run.config.training.start_from:
            notes.append(
                f"{run.name} starts from the weights of {run.config.training.start_from}: the steps, minutes and seed "
                "of that training are not in its row."
            )
    check_models(runs, walks=walks)
    return notes + claim_data_set(out, runs=runs, walks=walks, fingerprint=fingerprint)


def check_equal_terms(
    runs: Sequence[PlannedRun], *, protocol: Protocol, allow_different: Sequence[str] = ()
) -> list[str]:
    """Check that all runs train by this protocol, with the same budget.

    Args:
        runs: What is compared.
        protocol: Protocol of the tests; each run must train on its training subjects.
        allow_different: Keys of the budget that may differ.

    Returns:
        A sentence for the report for each of these keys that differs.

    Raises:
        ConfigError: If a key differs, with the two runs, or a key in `allow_different` is not one of the budget.
    """
    for key in allow_different:
        if key not in BUDGET:
            raise ConfigError(f"--allow-different {key}: the keys that may differ on request are {', '.join(BUDGET)}.")
    for run in runs:
        name = run.config.data.protocol
        if load_protocol(name) != protocol:  # by content: another file may have the same name
            raise ConfigError(
                f"{run.name}: data.protocol is {name}, and the comparison tests by {protocol.name}. The training "
                f"subjects must be those of the same protocol. {_solution(run, 'data.protocol', protocol.name)}."
            )
    sentences = []
    for key in BUDGET:
        values = {run.name: value_of(run, key) for run in runs}
        if all(value == values[runs[0].name] for value in values.values()):
            continue
        if key not in allow_different:
            raise _unequal(runs, key, values)
        groups = {}
        for run in runs:
            groups.setdefault(shown(values[run.name]), []).append(run.name)
        parts = "; ".join(f"{value} in {', '.join(names)}" for value, names in groups.items())
        sentences.append(
            f"The budgets are not equal: {key} is {parts}. In this respect the rows are not a fair comparison."
        )
    return sentences


def check_trained_on(runs: Sequence[PlannedRun], *, fingerprint: str) -> list[str]:
    """Check that the runs were trained on this data set, as far as it is recorded (in their data.json).

    Returns:
        A sentence for the report for each run that was trained elsewhere and has no record.

    Raises:
        ConfigError: If a run was trained on another data set.
    """
    sentences = []
    for run in runs:
        found, where = _trained_on(run)
        if found is None:
            sentences += [_not_recorded(run)] if run.taken else []
        elif found != fingerprint:
            raise ConfigError(
                f"{run.name}: the run {run.folder} was trained on another data set than --data (recorded in {where}). "
                + ("Train it again on this data set." if run.taken else "Use another --out.")
            )
    return sentences


def claim_data_set(out: PathLike, *, runs: Sequence[PlannedRun], walks: WalkDataset, fingerprint: str) -> list[str]:
    """Record the data set of a comparison in its folder, or check that it is the recorded one.

    Returns:
        A sentence for the report for each of these runs that is older than the record and has no record itself.

    Raises:
        ConfigError: If the runs of the folder are trained on another data set.
    """
    out = pathlib.Path(out)
    file = out / RECORD
    if not file.exists():
        before = sorted(folder.name for folder in out.glob("runs/*") if RunFolder(folder).last_checkpoint())
        record = {"name": walks.name, "num_walks": len(walks), "fingerprint": fingerprint, "runs_before": before}
        write_json(file, record)
    found = read_json(file)
    if found["fingerprint"] != fingerprint:
        raise ConfigError(
            f"The runs in {out} are trained on the data set {found['name']!r} of {found['num_walks']} walks, and "
            f"--data is another one, {walks.name!r} of {len(walks)} walks. Use another --out."
        )
    before = (run for run in runs if not run.taken and run.name in found["runs_before"])
    return [_not_recorded(run) for run in before if RunFolder(run.folder).data_set() is None]


def check_models(runs: Sequence[PlannedRun], *, walks: WalkDataset) -> None:
    """Check the run folders, choose the walks and build the model of every config that has to be trained.

    Raises:
        ConfigError: If a run folder belongs to another config, or a model cannot be built or trained.
    """
    for run in runs:
        if not run.taken:
            RunFolder(run.folder).check(run.config)
    for run in {run.method: run for run in runs if not run.is_finished}.values():
        try:
            train, _ = choose_walks(walks, config=run.config)
            strategy = make_strategy(run.config.training.strategy)
            check_batch(run.config, num_replicas=strategy.num_replicas_in_sync)
            prepare_model(run.config, num_classes=len(train.subject_names), size=train.size, strategy=strategy)
        except ValueError as error:
            raise ConfigError(f"{run.method}: {error}") from error


def value_of(run: PlannedRun, key: str) -> Any:
    """Return the value of a config's key such as "data.window", as in YAML."""
    section, name = key.split(".")
    return run.config.model_dump(mode="json")[section][name]


def shown(value: Any) -> str:
    """Format a value of a config for a message."""
    return json.dumps(value)


def _unequal(runs: Sequence[PlannedRun], key: str, values: dict[str, Any]) -> ConfigError:
    first = runs[0].name
    other = next(run for run in runs if values[run.name] != values[first])
    return ConfigError(
        f"{key} is {shown(values[first])} in {first} and {shown(values[other.name])} in {other.name}: a comparison "
        f"needs equal terms. {_solution(other, key, shown(values[first]))}, or give --allow-different {key}."
    )


def _trained_on(run: PlannedRun) -> tuple[str | None, str | None]:
    """Return the fingerprint of a run's data set and where it is recorded, or (None, None)."""
    own = RunFolder(run.folder)
    if noted := own.data_set():
        return noted["fingerprint"], f"{own.data_file}: {noted['name']!r} of {noted['num_walks']} walks"
    if not run.taken:
        return None, None  # made here: see `claim_data_set`
    folder = run.folder.resolve()
    record = folder.parent.parent / RECORD
    if record.is_file() and folder.parent.name == "runs":
        found = read_json(record)
        if folder.name not in found["runs_before"]:
            return found["fingerprint"], str(record)
    folder = run.config.data.folder
    if folder and (pathlib.Path(folder) / "dataset.json").is_file():
        return data_fingerprint(open_walks(folder)), f"its config, data.folder {folder}"
    return None, None


def _not_recorded(run: PlannedRun) -> str:
    return (
        f"{run.name} was not trained by this command, and its folder {run.folder} does not record its data set. It is "
        "assumed to be this one."
    )


def _solution(run: PlannedRun, key: str, value: str) -> str:
    return f"Train {run.folder} again with this key" if run.taken else f"Give all of them --set '{key}={value}'"
