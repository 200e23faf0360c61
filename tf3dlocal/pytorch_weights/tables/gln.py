"""GLN of OpenGait, key by key: training phase 1 and, with the compact block, phase 2.

OpenGait flattens its strip features as (channel, strip), this package as (strip, channel). OpenGait before mid-2022
flattened as this package does, under the same keys and shapes, so the compact block of such weights comes out permuted.
The embedding is not affected: in both phases it consists of the strip features.
"""

from tf3dlocal.pytorch_weights.mapping import (
    FRAME_KERNEL,
    MATRIX,
    Row,
    Table,
    batch_normalization_rows,
    first,
    flat_matrix,
    flat_vector,
    known,
    sizes,
)


def _rows(model):
    """Yield the rows of OpenGait: its layers 0 and 2 are the convolutions, with a LeakyReLU between them."""
    for stage in (0, 1, 2):
        for number in (1, 2):
            layer, name = 2 * (number - 1), f"{stage + 1}_convolution_{number}.kernel"
            yield Row(f"sil_stage_{stage}.forward_block.{layer}.conv.weight", f"block_{name}", FRAME_KERNEL)
            if stage:
                yield Row(f"set_stage_{stage}.{layer}.conv.weight", f"set_{name}", FRAME_KERNEL)
    for level in (1, 2, 3):
        yield Row(f"lateral_layer{level}.weight", f"lateral_{level}.kernel", FRAME_KERNEL)
        yield Row(f"smooth_layer{level}.weight", f"smooth_{level}.kernel", FRAME_KERNEL)
    yield Row("Head.fc_bin", "part_features.kernel")
    if _has_layer(model, "compact_block"):
        num_strips = model.get_layer("part_features").kernel.shape[0]
        yield from batch_normalization_rows("encoder_bn", "compact_block.input_norm", flat_vector(num_strips))
        yield Row("reduce_fc.weight", "compact_block.linear.kernel", flat_matrix(num_strips))
        yield from batch_normalization_rows("reduce_bn", "compact_block.output_norm")
    if _has_layer(model, "logits"):
        yield Row("reduce_cls.weight", "logits.kernel", MATRIX)


def _has_layer(model, name):
    return any(layer.name == name for layer in model.layers)


def _arguments_of(shapes):
    return known(
        channels=sizes(shapes, *(f"sil_stage_{stage}.forward_block.0.conv.weight" for stage in (0, 1, 2))),
        lateral_channels=first(sizes(shapes, "lateral_layer1.weight")),
        lateral_kernel=first(sizes(shapes, "lateral_layer1.weight", axis=2)),
        embedding_channels=first(sizes(shapes, "Head.fc_bin", axis=2)),
        compact_channels=first(sizes(shapes, "reduce_fc.weight")),
        num_classes=first(sizes(shapes, "reduce_cls.weight")),
    )


def _differences(model):
    bins = list(model.get_layer("pyramid_1").bins)
    if bins != sorted(bins, reverse=True):
        yield "OpenGait's pyramid has its bins from 16 to 1"


def _notes(model):
    if _has_layer(model, "compact_block"):
        yield (
            "the compact block is that of OpenGait since mid-2022, which flattens (channel, strip); earlier versions "
            "flattened (strip, channel) under the same keys. The embedding does not depend on it"
        )


OPENGAIT = Table(
    source="opengait",
    model="gln",
    preset="opengait",
    mark="lateral_layer1.weight",
    rows=_rows,
    arguments_of=_arguments_of,
    differences=_differences,
    notes=_notes,
)
