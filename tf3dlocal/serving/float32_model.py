"""The same model computing in float32."""

from typing import Any

import keras

HALVES = ("float16", "bfloat16")


def float32_model(model: keras.Model) -> keras.Model:
    """Return a model with the same weights that computes in float32; the model itself if it does already.

    A model trained in mixed precision has layers whose policy stores feature maps in 16 bits, and operations chosen for
    the device on which it was built. It is built again from its config, with every policy and every cast to 16 bits
    replaced by float32.

    Args:
        model: A Keras model, compiled or not. It is not changed.

    Example:
        >>> inputs = keras.Input((4,))
        >>> half = keras.Model(inputs, keras.layers.Dense(2, dtype="mixed_float16")(inputs))
        >>> float32_model(half).layers[1].compute_dtype
        'float32'
    """
    plain = keras.Model(model.input, model.output, name=model.name)  # its class and its losses do not matter
    described = keras.saving.serialize_keras_object(plain)
    single = _in_float32(described)
    if single == described:
        return model
    classes = {type(layer).__name__: type(layer) for layer in model.layers}
    rebuilt = keras.saving.deserialize_keras_object(single, custom_objects=classes, safe_mode=False)
    rebuilt.set_weights([keras.ops.convert_to_numpy(keras.ops.cast(each, "float32")) for each in model.weights])
    return rebuilt


def _in_float32(value: Any) -> Any:
    """Replace the names of 16-bit numbers and of mixed policies in a config."""
    if isinstance(value, dict):
        return {key: _in_float32(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(_in_float32(item) for item in value)
    is_half = isinstance(value, str) and value in (*HALVES, *(f"mixed_{half}" for half in HALVES))
    return "float32" if is_half else value
