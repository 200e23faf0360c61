"""What a step was computed with, as facts of a row."""

import tensorflow as tf

from tf3dlocal.layers import choose_form
from tf3dlocal.onednn import has_onednn


def chosen_form(form, compiled):
    """The form that layers take in a graph of that kind in this process, and whether TensorFlow computes with oneDNN.

    Args:
        form: one of `layers.forms.FORMS`; "auto" is resolved as within the step.
        compiled: whether XLA compiles the graph.

    Returns:
        dict "form", "compiled", "onednn".

    Example:
        >>> chosen_form("stacked", compiled=False)["form"]
        'stacked'
    """
    found = []

    @tf.function(jit_compile=bool(compiled))
    def ask():
        found.append(choose_form(form))

    ask.get_concrete_function()  # traced, which is when layers choose, and not run
    return {"form": found[0], "compiled": bool(compiled), "onednn": has_onednn()}
