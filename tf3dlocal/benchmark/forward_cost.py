"""How many operations one walk takes, as a fact that a worker can hand over."""

from tf3dlocal.benchmark.experiment_to_measure import experiment_to_measure
from tf3dlocal.layers import choose_form
from tf3dlocal.models import embedding_model
from tf3dlocal.training.compiled_model import build_model
from tf3dlocal.training.forward_flops import forward_flops


def forward_cost(config, settings=(), frames=30, size=64, forms=()):
    """Count a forward pass over one walk in the reference form; see `forward_flops` for what counts.

    A form that saves products has the same count here: its GFLOP/s say how fast it does the work of the plain one.

    Args:
        config, settings, frames, size: as in `training_step`.
        forms: names to check, since this is done before anything is measured.

    Returns:
        A callable that does nothing, with facts "gflop_per_walk" and "parameters" (trainable, and statistics).

    Raises:
        ValueError: a form that there is not.
    """
    for form in forms:
        choose_form(form)
    experiment = experiment_to_measure(config, settings, form="reference")
    model = embedding_model(build_model(experiment, num_classes=74, size=size))

    def call():
        pass

    call.facts = {"gflop_per_walk": forward_flops(model, frames) / 1e9, "parameters": model.count_params()}
    return call
