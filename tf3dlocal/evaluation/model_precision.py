"""The same model computing in another precision."""

from typing import TYPE_CHECKING, Any

from tf3dlocal.io import fast_precision

if TYPE_CHECKING:
    import keras

HALVES = ("float16", "bfloat16")
HEADS = ("SeparateDense", "CompactBlock")  # they compute in float32 under any policy, and so does whatever reads them
PRECISIONS = ("auto", "float32", "mixed_bfloat16")


def precision_of(model: Any) -> str | None:
    """Return the precision in which a functional Keras model computes, such as "float32"; None for other models.

    Example:
        >>> precision_of(abs) is None
        True
    """
    if not (hasattr(model, "layers") and hasattr(model, "input_shape")):
        return None
    names = [layer.dtype_policy.name for layer in model.layers]
    return next((name for name in names if name.endswith(HALVES)), "float32")  # the heads have float32 in any case


def choose_model(model: Any, *, precision: str | None = None) -> tuple[Any, str | None, str | None]:
    """Return a model in the precision that a user names, that precision, and a sentence on it.

    Args:
        model: As for `embed_walks`.
        precision: "float32", "mixed_bfloat16", "auto", or None for the model's own.

    Returns:
        The model, its precision (None where it is not known), and a sentence if it is not that of the training or was
        chosen here, else None.

    Raises:
        ValueError: Another precision, or one for a model that is no functional Keras model.

    Example:
        >>> choose_model(abs)
        (<built-in function abs>, None, None)
    """
    trained = precision_of(model)
    if precision is None:
        return model, trained, None
    if precision not in PRECISIONS:
        raise ValueError(f"precision must be one of {', '.join(PRECISIONS)}; got {precision!r}.")
    if trained is None:
        raise ValueError(
            f"precision is {precision!r}, and the model is a {type(model).__name__}, whose precision cannot be changed "
            "(an exported model computes in float32). Leave precision out, or give a run folder or a .keras file."
        )
    chosen, reason = fast_precision() if precision == "auto" else (precision, None)
    sentence = f"Precision: {chosen}, since {reason}." if reason else ""
    if chosen != trained:
        sentence = f"{sentence} The model was trained in {trained} and computes here in {chosen}.".strip()
        model = in_precision(model, precision=chosen)
    return model, chosen, sentence or None


def in_precision(model: "keras.Model", *, precision: str) -> "keras.Model":
    """Return a model with the same weights that computes in a precision; the model itself if it does already.

    A model trained in mixed precision has layers whose policy stores feature maps in 16 bits, and operations chosen for
    the device on which it was built. It is built again from its config, with every policy and every cast replaced.
    From float32 the heads, and the layers that give an output, keep float32.

    Args:
        model: A Keras model, compiled or not. It is not changed.
        precision: "float32" or "mixed_bfloat16".

    Example:
        >>> import keras
        >>> inputs = keras.Input((4,))
        >>> half = keras.Model(inputs, keras.layers.Dense(2, dtype="mixed_float16")(inputs))
        >>> in_precision(half, precision="float32").layers[1].compute_dtype
        'float32'
    """
    import keras

    plain = keras.Model(model.input, model.output, name=model.name)  # its class and its losses do not matter
    described = keras.saving.serialize_keras_object(plain)
    is_lowered = precision != "float32" and precision_of(plain) == "float32"
    heads = _strings(described["config"]["output_layers"]) | _read_heads(described["config"]["layers"])
    wanted = _replaced(
        described,
        precision=precision,
        ends=("float32",) if is_lowered else HALVES,
        kept=heads if is_lowered else set(),
    )
    if wanted == described:
        return model
    classes = {type(layer).__name__: type(layer) for layer in model.layers}
    rebuilt = keras.saving.deserialize_keras_object(wanted, custom_objects=classes, safe_mode=False)
    rebuilt.set_weights([keras.ops.convert_to_numpy(keras.ops.cast(each, "float32")) for each in model.weights])
    return rebuilt


def _read_heads(layers: list[dict[str, Any]]) -> set[str]:
    """Return the names of the heads among the layers of a config, which are in order, and of all that read them."""
    names: set[str] = set()
    for layer in layers:
        if layer["class_name"] in HEADS or names.intersection(_strings(layer["inbound_nodes"])):
            names.add(layer["name"])
    return names


def _strings(value: Any) -> set[str]:
    import keras

    return {each for each in keras.tree.flatten(value) if isinstance(each, str)}


def _replaced(value: Any, *, precision: str, ends: tuple[str, ...], kept: set[str]) -> Any:
    """Replace the policies in a config whose names end so, and casts to 16 bits, except in the layers that are kept."""
    if isinstance(value, (list, tuple)):
        return type(value)(_replaced(item, precision=precision, ends=ends, kept=kept) for item in value)
    if not isinstance(value, dict):
        return precision.removeprefix("mixed_") if value in HALVES else value
    if value.get("class_name") == "DTypePolicy":
        return {**value, "config": {"name": precision}} if value["config"]["name"].endswith(ends) else value
    if "config" in value and value.get("name") in kept:
        return value
    return {key: _replaced(item, precision=precision, ends=ends, kept=kept) for key, item in value.items()}
