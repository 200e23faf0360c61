"""Checks before anything is trained: equal terms for all runs, the same data set, and models that can be built."""

import functools
import json
import pathlib
import shlex
from collections.abc import Callable, Sequence
from typing import Any

from tf3dlocal.comparison.planned_runs import PlannedRun
from tf3dlocal.config import ConfigError
from tf3dlocal.data import WalkDataset, data_fingerprint, open_walks
from tf3dlocal.evaluation import Protocol, ProtocolError, load_protocol, protocol_names
from tf3dlocal.io import UnreadableError, check_names, read_json, write_json
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
    protocol_given: PathLike | None = None,
    allow_different: Sequence[str] = (),
) -> list[str]:
    """Do all checks of this module; the folder `out` is written to only if all of them pass.

    Returns:
        Sentences for the report.

    Raises:
        ConfigError: See the single checks; all differences are listed at once, and all models that cannot be built.
    """
    notes, faults = [], []
    for check in (
        functools.partial(
            check_equal_terms,
            runs,
            protocol=protocol,
            protocol_given=protocol_given,
            allow_different=allow_different,
        ),
        functools.partial(check_trained_on, runs, fingerprint=fingerprint),
    ):
        notes += _collected(check, faults) or []
    _raise(faults)
    check_models(runs, walks=walks)  # takes seconds
    chosen = _by_value([run for run in runs if run.chosen_precision], lambda run: run.chosen_precision)
    notes += [f"{', '.join(run.name for run in own)}: {sentence}" for sentence, own in chosen.items()]
    for run in runs:
        if run.config.training.start_from:
            notes.append(
                f"{run.name} starts from the weights of {run.config.training.start_from}: the steps, minutes and seed "
                "of that training are not in its row."
            )
    return notes + claim_data_set(out, runs=runs, walks=walks, fingerprint=fingerprint)


def check_equal_terms(
    runs: Sequence[PlannedRun],
    *,
    protocol: Protocol,
    protocol_given: PathLike | None = None,
    allow_different: Sequence[str] = (),
) -> list[str]:
    """Check that all runs train by this protocol, with the same budget.

    Args:
        runs: What is compared.
        protocol: Protocol of the tests; each run must train on its training subjects.
        protocol_given: Name or path of the protocol as the user wrote it, for the solution in messages.
        allow_different: Keys of the budget that may differ.

    Returns:
        A sentence for the report for each of these keys that differs.

    Raises:
        ConfigError: If keys differ, with the runs; all of them are listed. Or a key in `allow_different` is not one of
            the budget.
    """
    faults = []
    try:
        check_names(allow_different, known=BUDGET, what="key of the budget", where="--allow-different")
    except ValueError as error:
        faults.append(str(error))
    shipped = protocol.name in protocol_names() and load_protocol(protocol.name) == protocol
    given = str(protocol_given or (protocol.name if shipped else "FILE.yaml"))
    for name, own in _by_value(runs, lambda run: run.config.data.protocol).items():
        if reason := _other_protocol(name, protocol):
            names = ", ".join(run.name for run in own)
            faults.append(
                f"{names}: data.protocol is {name}, and the comparison tests by {protocol.name}{reason}. The training "
                f"subjects must be those of the same protocol. {_solution(own, 'data.protocol', given)}."
            )
    sentences = []
    for key in BUDGET:
        groups = _by_value(runs, lambda run, key=key: shown(value_of(run, key)))
        if len(groups) == 1:
            continue
        parts = [f"{value} in {', '.join(run.name for run in own)}" for value, own in groups.items()]
        if key not in allow_different:
            faults.append(
                f"{key} is {' and '.join(parts)}. {_unequal_solution(groups, key)}, or give --allow-different {key}."
            )
            continue
        sentences.append(
            f"The budgets are not equal: {key} is {'; '.join(parts)}. In this respect the rows are not a fair "
            "comparison."
        )
    _raise(faults, head="A comparison needs equal terms.")
    return sentences


def check_trained_on(runs: Sequence[PlannedRun], *, fingerprint: str) -> list[str]:
    """Check that the runs were trained on this data set, as far as it is recorded (in their data.json).

    Returns:
        A sentence for the report for each run that was trained elsewhere and has no record.

    Raises:
        ConfigError: If a run was trained on another data set.
    """
    sentences, faults = [], []
    for run in runs:
        found, where = _trained_on(run)
        if found is None:
            sentences += [_not_recorded(run)] if run.taken else []
        elif found != fingerprint:
            faults.append(
                f"{run.name}: the run {run.folder} was trained on another data set than --data (recorded in {where}). "
                + ("Train it again on this data set." if run.taken else "Use another --out.")
            )
    _raise(faults)
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
    found = _read_record(file)
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
    faults = []
    for run in runs:
        if not run.taken:
            _collected(lambda run=run: RunFolder(run.folder).check(run.config), faults)
    for run in {run.method: run for run in runs if not run.is_finished}.values():
        try:
            train, _ = choose_walks(walks, config=run.config)
            strategy = make_strategy(run.config.training.strategy)
            check_batch(run.config, num_replicas=strategy.num_replicas_in_sync)
            prepare_model(run.config, num_classes=len(train.subject_names), size=train.size, strategy=strategy)
        except ValueError as error:
            faults.append(f"{run.method}: {error}")
    _raise(faults)


def value_of(run: PlannedRun, key: str) -> Any:
    """Return the value of a config's key such as "data.window", as in YAML."""
    section, name = key.split(".")
    return run.config.model_dump(mode="json")[section][name]


def shown(value: Any) -> str:
    """Format a value of a config for a message."""
    return json.dumps(value)


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
        found = _read_record(record)
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


def _solution(runs: Sequence[PlannedRun], key: str, value: str) -> str:
    """Return what to do: a trained folder is as it is, and the configs of the others can be changed at once."""
    taken = [str(run.folder) for run in runs if run.taken]
    if taken:
        return f"Train {', '.join(taken)} again with {key}: {value}"
    return f"Give {shlex.join(['--set', f'{key}={value}'])}"


def _unequal_solution(groups: dict[str, list[PlannedRun]], key: str) -> str:
    """Return what to do about a key of several values: that of the trained folders, else the first, is the one."""
    of_taken = [value for value, own in groups.items() if any(run.taken for run in own)]
    value = (of_taken or list(groups))[0]
    others = [run for other, own in groups.items() if other != value for run in own]
    return _solution(others, key, value)


def _other_protocol(name: PathLike, protocol: Protocol) -> str | None:
    """Return "" or a remark if a config's protocol differs from that of the tests in content; None if it does not."""
    try:
        found = load_protocol(name)
    except ProtocolError as error:
        return f" ({str(error).splitlines()[0].rstrip('.')})"
    if found == protocol:  # by content: another file may have the same name
        return None
    differing = [key for key in Protocol.model_fields if getattr(found, key) != getattr(protocol, key)]
    return f" (they differ in {', '.join(differing)})"


def _by_value(runs: Sequence[PlannedRun], value: Callable[[PlannedRun], Any]) -> dict[Any, list[PlannedRun]]:
    groups = {}
    for run in runs:
        groups.setdefault(value(run), []).append(run)
    return groups


def _read_record(file: pathlib.Path) -> dict:
    """Read what `claim_data_set` wrote."""
    solution = "It says which data set the runs next to it are trained on. Use another --out, or remove the file."
    found = read_json(file, solution=solution)
    types = {"name": str, "num_walks": int, "fingerprint": str, "runs_before": list}
    if not isinstance(found, dict) or not all(isinstance(found.get(key), kind) for key, kind in types.items()):
        raise UnreadableError(f"{file} cannot be read: it has not the keys {', '.join(types)}. {solution}")
    return found


def _collected(check: Callable[[], Any], faults: list[str]) -> Any:
    """Call a check and add what it finds to the faults."""
    try:
        return check()
    except ConfigError as error:
        faults.append(str(error))
        return None


def _raise(faults: Sequence[str], *, head: str = "") -> None:
    if faults:
        raise ConfigError("\n".join([head, *faults]).strip())
