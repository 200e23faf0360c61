"""What all models end with: one linear map per part and, where a method has it, a compact feature and a classifier."""

import keras

from tf3dlocal.layers import CompactBlock, SeparateDense, own_seed


def embedding_head(
    parts,
    embedding_channels=256,
    compact_channels=None,
    num_classes=None,
    dropout=0.9,
    compare_by="compact",
    train_norm_bias=True,
    synchronized=False,
    seed=None,
):
    """Write the last layers of a functional model and give its outputs by name.

    The layers are "part_features" (`SeparateDense`), with compact_channels "compact_block" (`CompactBlock`), with
    num_classes "logits". All compute in float32 under any policy: distances and logits need it.

    Args:
        parts: [batch, parts, channels].
        embedding_channels: length of one part's feature.
        compact_channels: length of the compact feature; None for no compact block.
        num_classes: training subjects, for the classifier; None for none.
        dropout, train_norm_bias, synchronized: of the compact block.
        compare_by: "compact" compares walks by the compact feature where there is one; "parts" by the part features.
        seed: seed of first weights and dropout.

    Returns:
        dict "part_features" float32 [batch, parts, embedding_channels], "embedding" (the same, or the compact feature
        [batch, compact_channels]) and, with num_classes, "logits" float32 [batch, num_classes].

    Raises:
        ValueError: a classifier without a compact block, or an unknown compare_by.

    Example:
        >>> outputs = embedding_head(keras.Input((16, 128)), 256, compact_channels=64, num_classes=74)
        >>> {name: value.shape for name, value in outputs.items()}
        {'part_features': (None, 16, 256), 'embedding': (None, 64), 'logits': (None, 74)}
    """
    if num_classes is not None and compact_channels is None:
        raise ValueError(
            "The classifier reads the compact feature: give compact_channels (256 in the papers of GLN and "
            "3DLocal), or leave num_classes out."
        )
    if compare_by not in ("compact", "parts"):
        raise ValueError(f'compare_by is "compact" or "parts", not {compare_by!r}.')
    features = SeparateDense(
        embedding_channels, own_seed(seed, "part_features"), dtype="float32", name="part_features"
    )(parts)  # b p c
    outputs = {"part_features": features, "embedding": features}
    if compact_channels is None:
        return outputs
    compact = CompactBlock(
        compact_channels,
        dropout,
        synchronized,
        own_seed(seed, "embedding"),
        train_norm_bias,
        dtype="float32",
        name="compact_block",
    )(features)  # b c
    if compare_by == "compact":
        outputs["embedding"] = compact
    if num_classes is not None:
        start = keras.initializers.GlorotUniform(own_seed(seed, "logits"))
        classifier = keras.layers.Dense(
            num_classes, use_bias=False, kernel_initializer=start, dtype="float32", name="logits"
        )
        outputs["logits"] = classifier(compact)
    return outputs
