"""Which of several equal forms of an operation is the fast one on this device."""

import tensorflow as tf

FORMS = ("auto", "reference", "stacked", "sliced")


def choose_form(form):
    """Resolve "auto": the vendor's convolution on an accelerator, "stacked" on a CPU. Other names stay as they are.

        reference: the framework's own operations (conv3d, max_pool).
        stacked:   a 3-D convolution as one 2-D convolution over neighbouring frames stacked on channels.
        sliced:    "stacked", and pooling as a maximum of strided slices: the fast one where XLA compiles for a CPU.

    All compute the same values. On two CPU cores without XLA, a training step took 1.5 times longer with conv3d than
    stacked; conv3d compiled by XLA for a CPU is slower still. Accelerators keep "reference" until somebody measures.

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
    accelerated = tf.config.list_physical_devices("GPU") or tf.config.list_physical_devices("TPU")
    return "reference" if accelerated else "stacked"
