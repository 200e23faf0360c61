"""The part of a model that a deployment needs."""

import keras


def embedding_model(model):
    """The model from silhouettes to the one tensor that probe and gallery are compared by.

    Args:
        model: any model of this package, with a dict of outputs that has "embedding".

    Returns:
        keras.Model with the same weights: float [batch, frames, height, width, 1] -> float32 [batch, channels] or
        [batch, parts, channels].

    Raises:
        ValueError: a model without an output of that name.
    """
    outputs = model.output
    if not isinstance(outputs, dict) or "embedding" not in outputs:
        raise ValueError(f'The model {model.name!r} has no output "embedding"; its outputs are {outputs}.')
    return keras.Model(model.input, outputs["embedding"], name=f"{model.name}_embedding")
