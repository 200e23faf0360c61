"""Whether the runs were trained on the data set that they are tested on."""

import json
import os
import pathlib
from collections.abc import Sequence

from tf3dlocal.comparison.planned_runs import PlannedRun
from tf3dlocal.config import ConfigError
from tf3dlocal.data import WalkDataset, data_fingerprint, open_walks
from tf3dlocal.training.run_folder import RunFolder
from tf3dlocal.visualization.whole_file import write_whole_file

RECORD = "data_set.json"


def claim_data_set(
    out: str | os.PathLike, runs: Sequence[PlannedRun], walks: WalkDataset, fingerprint: str
) -> list[str]:
    """Note in the folder of a comparison on which data set its runs are trained, or make sure that it is this one.

    Returns: a sentence for the report for each of these runs that was there before this was noted and does not tell itself.

    Raises:
        ConfigError: the runs of the folder are trained on another data set.
    """
    out = pathlib.Path(out)
    file = out / RECORD
    if not file.exists():
        before = sorted(folder.name for folder in out.glob("runs/*") if RunFolder(folder).last_checkpoint())
        record = {"name": walks.name, "num_walks": len(walks), "fingerprint": fingerprint, "runs_before": before}
        write_whole_file(file, lambda unfinished: unfinished.write_text(json.dumps(record) + "\n", encoding="utf-8"))
    found = json.loads(file.read_text(encoding="utf-8"))
    if found["fingerprint"] != fingerprint:
        raise ConfigError(
            f"the runs in {out} are trained on the data set {found['name']!r} of {found['num_walks']} walks, and "
            f"--data is another one, {walks.name!r} of {len(walks)} walks: take another --out"
        )
    before = (run for run in runs if not run.taken and run.name in found["runs_before"])
    return [_on_trust(run) for run in before if RunFolder(run.folder).data_set() is None]


def check_trained_on(runs: Sequence[PlannedRun], fingerprint: str) -> list[str]:
    """Make sure that the runs were trained on this data set, as far as they tell: each notes it in its data.json.

    Returns: a sentence for the report for each run that was trained elsewhere and does not tell.

    Raises:
        ConfigError: a run was trained on another data set.
    """
    sentences = []
    for run in runs:
        found, where = _trained_on(run)
        if found is None:
            sentences += [_on_trust(run)] if run.taken else []
        elif found != fingerprint:
            raise ConfigError(
                f"{run.name}: the run {run.folder} was trained on another data set than --data ({where} tells): "
                + ("train it again on this one" if run.taken else "take another --out")
            )
    return sentences


def _trained_on(run):
    """Fingerprint of a run's data set and where it stands, or (None, None)."""
    own = RunFolder(run.folder)
    if noted := own.data_set():
        return noted["fingerprint"], f"{own.data_file}, {noted['name']!r} of {noted['num_walks']} walks,"
    if not run.taken:
        return None, None  # made here: see `claim_data_set`
    folder = run.folder.resolve()
    record = folder.parent.parent / RECORD
    if record.is_file() and folder.parent.name == "runs":
        found = json.loads(record.read_text(encoding="utf-8"))
        if folder.name not in found["runs_before"]:
            return found["fingerprint"], record
    folder = run.config.data.folder
    if folder and (pathlib.Path(folder) / "dataset.json").is_file():
        return data_fingerprint(open_walks(folder)), f"data.folder {folder} in its config"
    return None, None


def _on_trust(run):
    return (
        f"{run.name} was not trained by this command, and its folder {run.folder} does not tell on which data set: that "
        "it was this one is taken on trust."
    )
