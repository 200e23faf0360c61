"""Assertions in a graph: one sentence with the numbers in question, which a server gives as its answer."""

from collections.abc import Sequence

import tensorflow as tf

from tf3dlocal.io.types import Tensor


def require(condition: Tensor, sentence: str, values: Sequence[Tensor] = ()) -> tf.Operation:
    """Raise InvalidArgumentError with a sentence where a condition does not hold.

    Args:
        condition: A truth value.
        sentence: The message; {} stands for a value.
        values: Tensors, one for each {}.

    Returns:
        The operation; give it to `after`, so that nothing is computed without it.
    """
    return tf.debugging.Assert(condition, [tf.strings.format(sentence, tuple(values)) if values else sentence])


def after(checks: Sequence[tf.Operation], tensor: Tensor) -> Tensor:
    """Return a tensor that exists only after the checks: what reads it waits for them, in any runtime."""
    with tf.control_dependencies(checks):
        return tf.identity(tensor)


def number_of_first(wrong: Tensor) -> Tensor:
    """Return the place of the first true value, and the length where none is true."""
    places = tf.where(wrong, tf.range(tf.size(wrong)), tf.size(wrong))
    return tf.reduce_min(tf.concat([places, [tf.size(wrong)]], 0))  # an empty batch has no places


def sentence_of(error: tf.errors.InvalidArgumentError) -> str:
    """Return the sentence of `require` in an error, or the first line of another error."""
    found = str(error.message)
    if "assertion failed: [" in found:
        found = found.partition("assertion failed: [")[2].partition("]\n")[0]
    lines = [line.strip() for line in found.splitlines()]
    noise = ("Graph execution error", "Detected at node", "<stack traces", "[[")
    return next((line for line in lines if line and not line.startswith(noise)), found)
