"""What remains of a training: model.keras."""

import keras

from tf3dlocal.config import ConfigError
from tf3dlocal.training.kept_model import load_kept_weights, note_of, write_kept_model


def write_fitted_model(model: keras.Model, run, which: str, steps: int) -> None:
    """Write the model of a finished training, with a note which step it is, unless it is there already.

    Args:
        model: after the last step; gets the weights that are kept.
        run: RunFolder.
        which: "last", or "best": that of the highest rank-1 on the held-out training subjects.
        steps: of the whole training.

    Raises:
        ConfigError: the best is wanted, and the training has measured none.
    """
    note = {"kept": which, "step": steps}
    if which == "best":
        best = run.best.note()
        if best is None:
            raise ConfigError(
                f"training.keep_model: best: nothing was measured while {run.path} was trained; set it to last, or train in "
                "another run folder with evaluate_every"
            )
        note |= best
        load_kept_weights(run.best.file, model)
    if run.model_file.exists() and kept_model(run)["kept"] == which:
        return
    if which == "best":
        record = {"step": steps, "kept_step": note["step"], "kept_rank_1": note["rank_1"]}
        if record not in run.read_log():
            run.append_log(record)
    run.write(run.model_file, lambda file: write_kept_model(file, model, note))


def kept_model(run) -> dict:
    """Which model run/model.keras is: {"kept": "last" or "best", "step": ..., and "rank_1" of the best}.

    Example:
        >>> import tempfile
        >>> from tf3dlocal.training.run_folder import RunFolder
        >>> kept_model(RunFolder(tempfile.mkdtemp()))
        {'kept': 'last'}
    """
    return note_of(run.model_file) or {"kept": "last"}  # before there were notes, it was always the last
