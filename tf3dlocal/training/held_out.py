"""Rank-1 among held-out training subjects, which the training does not see."""

from typing import Any

import keras

from tf3dlocal.config import ConfigError, Experiment
from tf3dlocal.evaluation import Protocol, assign_roles, evaluate, load_protocol
from tf3dlocal.io import check_names


def held_out_rank_1(embedder: keras.Model, held_out: Any, config: Experiment) -> dict[str, float]:
    """Compute rank-1 in per cent of each probe group among the held-out subjects; NaN for a group without probes.

    Args:
        embedder: Model with the output "embedding".
        held_out: Walks of the held-out subjects.
        config: Config of the training.
    """
    protocol = held_out_protocol(held_out, config)
    result = evaluate(embedder, walks=held_out, protocol=protocol, max_rank=1, progress=False)
    return {name: float(value) for name, value in zip(result.groups, result.mean(), strict=True)}


def check_views(walks: Any, config: Experiment) -> None:
    """Make sure that the views of training.held_out_views exist.

    Args:
        walks: Those of the held-out subjects, or all walks if nobody is held out.
        config: Config of the training.

    Raises:
        ConfigError: A view is in no walk; the message lists the views that there are.
    """
    try:
        known = sorted(set(walks.view_degrees.tolist()))
        check_names(config.training.held_out_views or [], known=known, what="view", where="training.held_out_views")
    except ValueError as error:
        raise ConfigError(str(error)) from None


def check_measurable(held_out: Any, config: Experiment) -> None:
    """Raise an error if the protocol cannot measure rank-1 among the held-out subjects.

    Args:
        held_out: Walks of the held-out subjects.
        config: Config of the training.

    Raises:
        ConfigError: No probe has a gallery walk in a view that counts. The message names the keys to change.
    """
    protocol = held_out_protocol(held_out, config)
    columns = {name: getattr(held_out, name) for name in ("subjects", "conditions", "view_degrees")}
    if reason := assign_roles(protocol, **columns).why_not_measurable:
        fewest = "two views" if protocol.identical_views == "exclude" else "a view"
        raise ConfigError(
            f"training.evaluate_every: there is nothing to measure on the held-out training subjects: {reason}. In "
            f"training.held_out_views name at least {fewest} that their walks have, or leave that key out, or raise "
            "training.held_out_subjects; or set training.evaluate_every: 0 and training.keep_model: last."
        )


def held_out_protocol(held_out: Any, config: Experiment) -> Protocol:
    """Adapt the config's protocol to the held-out training subjects and views."""
    protocol = load_protocol(config.data.protocol).for_subjects(held_out.subject_names)
    views = config.training.held_out_views
    return protocol if views is None else protocol.model_copy(update={"views": tuple(views)})
