"""The scores in a model card: the result of an evaluation without its counts of every pair."""

import pathlib
from typing import Any

from tf3dlocal.io import UnreadableError, read_json, user_path
from tf3dlocal.io.types import PathLike

EVALUATION_NAME = "evaluation.json"  # in a run folder: the last evaluation
SOLUTION = "`tf3dlocal evaluate RUN ... --json FILE` writes such a file."
LEFT_OUT = (
    "pairs",
    "published",
    "details",
)  # large, or not of this model, or with local paths; `facts` repeats what `details` says


def read_scores(path: PathLike) -> dict[str, Any]:
    """Read the scores for a model card from a file of `tf3dlocal evaluate --json`.

    Args:
        path: The file.

    Returns:
        Its content without the counts of every pair of views and the published rows.

    Raises:
        FileNotFoundError: There is no such file.
        UnreadableError: It is of another kind, or damaged.
    """
    path = user_path(path)
    if not path.exists():
        raise FileNotFoundError(f"There is no {path}. {SOLUTION}")
    report = read_json(path, solution=SOLUTION)
    if not isinstance(report, dict) or not isinstance(report.get("rank1"), dict):
        raise UnreadableError(f"{path} cannot be read: it has no rank-1 of groups of probes. {SOLUTION}")
    kept = {key: value for key, value in report.items() if key not in LEFT_OUT}
    if isinstance(kept.get("protocol"), dict):
        kept["protocol"] = kept["protocol"].get("name")
    if isinstance(kept.get("facts"), dict):
        kept["facts"] = {key: value for key, value in kept["facts"].items() if key != "model"}
    return kept


def scores_of_run(run: PathLike) -> dict[str, Any] | None:
    """Return the scores of a run's last evaluation, None if its present model was never evaluated.

    Args:
        run: A run folder, or any other path, which has no scores.

    Raises:
        UnreadableError: The file of the evaluation is damaged.
    """
    run = pathlib.Path(user_path(run))
    model, evaluation = run / "model.keras", run / EVALUATION_NAME
    if not (model.is_file() and evaluation.is_file()):
        return None
    if evaluation.stat().st_mtime < model.stat().st_mtime:  # of a model that was trained on since
        return None
    return read_scores(evaluation)
