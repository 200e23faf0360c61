"""The last layers of all models: a linear map per strip, the compact block and the classifier."""

import warnings
from collections.abc import Mapping

import keras

from tf3dlocal.io.types import Tensor
from tf3dlocal.layers import CompactBlock, SeparateDense, batch_normalization, derive_seed


def embedding_head(
    strips: Tensor,
    *,
    parts: Mapping[str, Tensor] | None = None,
    embedding_channels: int = 256,
    compact_channels: int = 0,
    num_classes: int | None = None,
    dropout: float = 0.9,
    compare_by: str = "compact",
    feature_norm: bool = False,
    train_norm_bias: bool = True,
    synchronized: bool | None = None,
    seed: int | None = None,
) -> dict[str, Tensor]:
    """Add the last layers to a functional model and return its outputs by name.

    The layers are "part_features" (`SeparateDense`), with compact_channels "compact_block" (`CompactBlock`), and with
    num_classes "logits". They compute in float32 under any policy: distances and logits need it.

    Args:
        strips: [batch, strips, channels].
        parts: {"block_3": [batch, parts, channels], ..}, read by linear maps of their own ("block_3_part_features")
            and appended to the strips; None for none.
        embedding_channels: Length of one strip's feature.
        compact_channels: Length of the compact block's embedding; 0 for no compact block.
        num_classes: Number of training subjects, for the classifier; None for no classifier.
        dropout: Dropout of the compact block.
        compare_by: "compact" compares walks by the embedding of the compact block if there is one; "parts" by the part
            features.
        feature_norm: Whether the part features are normalized over the batch ("feature_norm", and of the parts
            "block_3_feature_norm", ..) and brought to unit length, before the losses, the compact block and the
            comparison. The neck of GaitBase (Fan et al., OpenGait, CVPR 2023) does so for its classifier.
        train_norm_bias: Whether the batch normalizations of the compact block learn their biases.
        synchronized: Synchronize the batch normalizations over replicas; None where the current strategy has several.
        seed: Seed of the model, for initial weights and dropout.

    Returns:
        dict "part_features" float32 [batch, strips + parts, embedding_channels], "embedding" (the same, or the compact
        block's [batch, compact_channels]) and, with num_classes, "logits" float32 [batch, num_classes].

    Without a classifier only a loss on "embedding" trains the compact block. A warning says so, because the usual
    triplet loss is on "part_features" and would leave the embedding with its initial weights.

    Raises:
        ValueError: A classifier without a compact block, a compact block that no output reads, or an unknown
            compare_by.

    Example:
        >>> outputs = embedding_head(keras.Input((16, 128)), compact_channels=64, num_classes=74)
        >>> {name: value.shape for name, value in outputs.items()}
        {'part_features': (None, 16, 256), 'embedding': (None, 64), 'logits': (None, 74)}
    """
    if num_classes is not None and not compact_channels:
        raise ValueError(
            "The classifier reads the embedding of the compact block: set compact_channels (256 in the papers of GLN "
            f"and 3DLocal), or leave out num_classes={num_classes!r}."
        )
    if compare_by not in ("compact", "parts"):
        raise ValueError(f'compare_by must be "compact" or "parts"; got {compare_by!r}.')
    if compact_channels and num_classes is None:
        _check_that_something_trains(compact_channels, compare_by)

    def linear(vectors, block=""):
        name = f"{block}part_features"
        dense = SeparateDense(embedding_channels, seed=derive_seed(seed, name=name), dtype="float32", name=name)
        return _unit_features(dense(vectors), block, synchronized=synchronized) if feature_norm else dense(vectors)

    features = linear(strips)  # b p c
    if parts:
        together = [features, *(linear(vectors, f"{block}_") for block, vectors in parts.items())]
        features = keras.layers.Concatenate(axis=1, dtype="float32", name="all_part_features")(together)
    outputs = {"part_features": features, "embedding": features}
    if not compact_channels:
        return outputs
    embedding = CompactBlock(
        compact_channels,
        dropout=dropout,
        train_norm_bias=train_norm_bias,
        synchronized=synchronized,
        seed=derive_seed(seed, name="compact_block"),
        dtype="float32",
        name="compact_block",
    )(features)  # b c
    if compare_by == "compact":
        outputs["embedding"] = embedding
    if num_classes is not None:
        start = keras.initializers.GlorotUniform(derive_seed(seed, name="logits"))
        classifier = keras.layers.Dense(
            num_classes, use_bias=False, kernel_initializer=start, dtype="float32", name="logits"
        )
        outputs["logits"] = classifier(embedding)
    return outputs


def _unit_features(features, block, *, synchronized):
    """Part features normalized over the batch, each channel of a part by itself, and then at unit length."""
    shape = tuple(features.shape[1:])
    flat = keras.layers.Flatten(dtype="float32", name=f"{block}flat_features")(features)
    flat = batch_normalization(f"{block}feature_norm", synchronized=synchronized, dtype="float32")(flat)
    features = keras.layers.Reshape(shape, dtype="float32", name=f"{block}normalized_features")(flat)
    return keras.layers.UnitNormalization(axis=-1, dtype="float32", name=f"{block}unit_features")(features)


def _check_that_something_trains(compact_channels, compare_by):
    """Refuse, or warn of, a compact block without a classifier."""
    found = f"compact_channels={compact_channels!r} without num_classes: "
    if compare_by == "parts":
        raise ValueError(
            f"{found}walks are compared by the part features in this preset, so no output reads the compact block. "
            "Give num_classes for the classifier, or compact_channels=0."
        )
    warnings.warn(
        f"{found}no classifier trains the compact block, and a triplet loss on 'part_features' does not reach it. Put "
        "a loss on the output 'embedding', load trained weights, give num_classes for the classifier, or set "
        "compact_channels=0 to compare walks by the part features.",
        UserWarning,
        stacklevel=5,  # the line that calls the builder
    )


def embedding_model(model: keras.Model) -> keras.Model:
    """Create the model from silhouettes to the one tensor by which probe and gallery are compared.

    Args:
        model: Any model of this package, with a dict of outputs that has "embedding".

    Returns:
        keras.Model with the same weights: float [batch, frames, height, width, 1] -> float32 [batch, channels] or
        [batch, strips, channels].

    Raises:
        ValueError: The model has no output "embedding".
    """
    outputs = model.output
    if not isinstance(outputs, dict) or "embedding" not in outputs:
        raise ValueError(f'The model {model.name!r} has no output "embedding"; its outputs are {outputs!r}.')
    return keras.Model(model.input, outputs["embedding"], name=f"{model.name}_embedding")
