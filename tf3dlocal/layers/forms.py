"""Which of several equal forms of an operation is the fast one: on this device, in this kind of graph."""

import tensorflow as tf
from tensorflow.python.ops import control_flow_util  # no public name tells whether a graph is compiled

FORMS = ("auto", "reference", "stacked", "sliced", "minimal")


def choose_form(form):
    """Resolve "auto"; other names stay as they are.

        reference: the framework's own operations (conv3d, max_pool).
        stacked:   a 3-D convolution as one 2-D convolution over neighbouring frames stacked on channels.
        sliced:    "stacked", and pooling as a maximum of strided slices.
        minimal:   "sliced", and convolutions by minimal filtering where that saves half of their products.

    All compute the same values, up to rounding. "auto" is "reference", but "minimal" in a graph that XLA compiles for a CPU
    (see `in_compiled_graph`): XLA's own conv3d is slow there, and without XLA nothing fuses the sums around the products of
    "minimal". On an accelerator nobody has measured yet which one is fastest; `tf3dlocal benchmark` does.

    Raises:
        ValueError: an unknown form.

    Example:
        >>> choose_form("stacked")
        'stacked'
    """
    if form not in FORMS:
        raise ValueError(f"Unknown form {form!r}; there are {', '.join(FORMS)}.")
    if form != "auto":
        return form
    return "minimal" if in_compiled_graph() and not has_accelerator() else "reference"


def has_accelerator() -> bool:
    """Whether this machine computes on a GPU or a TPU."""
    return bool(tf.config.list_physical_devices("GPU") or tf.config.list_physical_devices("TPU"))


def in_compiled_graph():
    """Whether what is traced at this moment goes into a graph that XLA compiles (`tf.function(jit_compile=True)`).

    Example:
        >>> bool(tf.function(lambda: tf.constant(in_compiled_graph()), jit_compile=True)())
        True
    """
    return control_flow_util.GraphOrParentsInXlaContext(tf.compat.v1.get_default_graph())
