"""Rank-1 among training subjects that the training does not see."""

import keras
import numpy as np

from tf3dlocal.config import ConfigError, Experiment
from tf3dlocal.evaluation import ProtocolError, cross_view, evaluate, load_protocol


def held_out_rank_1(embedder: keras.Model, held_out, config: Experiment) -> dict[str, float]:
    """Rank-1 in per cent of each probe group among the held-out training subjects; NaN for a group without probes."""
    result = evaluate(embedder, held_out, held_out_protocol(held_out, config), max_rank=1, progress=False)
    return {name: float(value) for name, value in zip(result.groups, result.mean(), strict=True)}


def check_measurable(held_out, config: Experiment) -> None:
    """Raise ConfigError where the protocol gives no rank-1 of the held-out subjects, for no probe has a gallery in a view."""
    protocol = held_out_protocol(held_out, config)
    columns = held_out.subjects, held_out.conditions, held_out.view_degrees
    try:
        measurable = np.isfinite(cross_view(np.zeros([len(held_out), 1]), *columns, protocol, max_rank=1).mean()).any()
        reason = f"no probe ({', '.join(protocol.probes)}) has a gallery walk in a view that counts"
    except ProtocolError as error:
        measurable, reason = False, str(error).partition("; ")[0].replace("in this data set", "among their walks")
    if not measurable:
        fewest = "two views" if protocol.identical_views == "exclude" else "a view"
        raise ConfigError(
            f"training.evaluate_every: there is nothing to measure on the held-out training subjects: {reason}. In "
            f"training.held_out_views name at least {fewest} that their walks have, or leave that key out, or raise "
            "training.held_out_subjects; or set training.evaluate_every: 0 and training.keep_model: last"
        )


def held_out_protocol(held_out, config: Experiment):
    """The config's protocol, for the held-out training subjects and views."""
    protocol = load_protocol(config.data.protocol).for_subjects(held_out.subject_names)
    views = config.training.held_out_views
    return protocol if views is None else protocol.model_copy(update={"views": tuple(views)})
