"""Where a model comes from: what a report must say about it, taken from its run."""

from pathlib import Path
from typing import Any


def origin_of(model: Path, *, subjects: list[str]) -> dict[str, Any]:
    """Return the facts of a model's run, as arguments of `tf3dlocal.evaluation.evaluate`.

    Args:
        model: A run folder, a file in it or in its checkpoints, a .keras file or an exported model.
        subjects: Those of the data set that the model is tested on.

    Returns:
        "method", the name of the run; and of a model whose run is known "seed", "step" and "trained_subjects".
    """
    from tf3dlocal.config import ConfigError
    from tf3dlocal.evaluation import ProtocolError, load_protocol
    from tf3dlocal.training import RunFolder, config_of_run

    config = config_of_run(model)
    if config is None:
        return {"method": model.resolve().stem}
    inside = model.resolve()
    while not (inside / "config.yaml").is_file():
        inside = inside.parent
    data = config["data"]
    try:
        protocol = load_protocol(data["protocol"], exclude=data["exclude_subjects"])
        trained = protocol.split(subjects).train
    except (ProtocolError, ConfigError):  # its file is not where it was, or it is of another data set
        trained = ()
    name = inside.name if model.is_dir() or model.name == "model.keras" else f"{inside.name}/{model.stem}"
    return {
        "method": name,
        "seed": config["training"]["seed"],
        "step": RunFolder(inside).model_note().get("step") if "/" not in name else None,
        "trained_subjects": trained,
    }
