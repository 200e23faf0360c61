"""What the runs of a comparison must share, so that their numbers may stand in one table."""

import json
from collections.abc import Sequence

from tf3dlocal.comparison.planned_runs import PlannedRun
from tf3dlocal.config import ConfigError
from tf3dlocal.evaluation import Protocol, load_protocol

# How much a training sees, and of whom.
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


def check_equal_terms(runs: Sequence[PlannedRun], protocol: Protocol, allow_different: Sequence[str] = ()) -> list[str]:
    """Make sure that all runs train by this protocol, with one budget.

    Args:
        runs: what is compared.
        protocol: by which they are tested; each must train its training subjects.
        allow_different: keys of the budget that may differ.

    Returns: a sentence for the report for each of these keys that does differ.

    Raises:
        ConfigError: a key that differs, with the two runs; a key in `allow_different` that is not one of the budget.
    """
    for key in allow_different:
        if key not in BUDGET:
            raise ConfigError(f"--allow-different {key}: the keys that may differ knowingly are {', '.join(BUDGET)}")
    for run in runs:
        name = run.config.data.protocol
        if load_protocol(name) != protocol:  # by content: a file may have kept the name of another
            raise ConfigError(
                f"{run.name}: data.protocol is {name}, and the comparison tests by {protocol.name}: the subjects that "
                f"train must be those of the same protocol; {_way_out(run, 'data.protocol', protocol.name)}"
            )
    sentences = []
    for key in BUDGET:
        values = {run.name: value_of(run, key) for run in runs}
        first = runs[0].name
        other = next((name for name, value in values.items() if value != values[first]), None)
        if other is None:
            continue
        if key not in allow_different:
            run = next(run for run in runs if run.name == other)
            raise ConfigError(
                f"{key} is {shown(values[first])} in {first} and {shown(values[other])} in {other}: a comparison needs "
                f"equal terms. {_way_out(run, key, shown(values[first]))}, or say --allow-different {key}"
            )
        groups = {}
        for run in runs:
            groups.setdefault(shown(values[run.name]), []).append(run.name)
        parts = "; ".join(f"{value} in {', '.join(names)}" for value, names in groups.items())
        sentences.append(
            f"The budgets are not equal: {key} is {parts}. The rows are no fair comparison in this respect."
        )
    return sentences


def value_of(run: PlannedRun, key: str):
    """The value of a config's key such as "data.window", as it stands in YAML."""
    section, name = key.split(".")
    return run.config.model_dump(mode="json")[section][name]


def shown(value) -> str:
    return json.dumps(value)


def _way_out(run, key, value):
    return f"train {run.folder} again with this key" if run.taken else f"Give all of them --set '{key}={value}'"
