"""The precision of a training whose config leaves it to the machine."""

from tf3dlocal.config import Experiment
from tf3dlocal.io import fast_precision
from tf3dlocal.training.distributed.workers import Workers
from tf3dlocal.training.run.run_folder import RunFolder


def choose_precision(
    config: Experiment, *, run: RunFolder, workers: Workers | None = None
) -> tuple[Experiment, str | None]:
    """Replace training.precision auto by a precision: that of the begun training, or the fast one of this machine.

    Args:
        config: Of the training.
        run: Folder of the run. A training that has begun there keeps its precision, on whatever machine it resumes.
        workers: Those that train together, who all must compute bfloat16 fast; None for one process.

    Returns:
        The config, and a sentence for the user; None for it if the config names a precision.

    Example:
        >>> config = Experiment.from_text("training: {steps: 1, precision: mixed_float16}")
        >>> choose_precision(config, run=RunFolder("runs/new"))[1] is None
        True
    """
    if config.training.precision != "auto":
        return config, None
    precision, reason = fast_precision()
    if workers is not None and not workers.all_agree(precision != "float32") and precision != "float32":
        precision, reason = "float32", "not all workers compute bfloat16 fast"
    begun = run.begun()
    if begun is None:
        sentence = f"Precision: {precision}, since {reason}."
    else:
        sentence = f"Precision: {begun.training.precision}, in which the training in {run.path} began."
        if begun.training.precision != precision:
            sentence += f" The fast one here is {precision}, since {reason}."
        precision = begun.training.precision
    settings = config.training.model_copy(update={"precision": precision})
    return config.model_copy(update={"training": settings}), sentence
