"""GLN of OpenGait, key by key: training phase 1 and, with the compact block, phase 2.

OpenGait's flattened feature is (channel, part), ours (part, channel). Its versions before mid-2022 flattened as we do,
with the same keys and shapes; so the compact block of such a checkpoint comes out permuted. The embedding does not: it
is made of the part features in both phases.
"""

from tf3dlocal.checkpoints.changes import FRAME_KERNEL, MATRIX, flat_matrix, flat_vector
from tf3dlocal.checkpoints.table import (
    Row,
    Table,
    batch_normalization_rows,
    first,
    known,
    sizes,
)


def rows(model):
    for stage in (0, 1, 2):
        for number in (1, 2):  # their layers 0 and 2: a LeakyReLU stands between
            layer = 2 * (number - 1)
            yield Row(
                f"sil_stage_{stage}.forward_block.{layer}.conv.weight",
                f"block_{stage + 1}_convolution_{number}.kernel",
                FRAME_KERNEL,
            )
            if stage:
                yield Row(
                    f"set_stage_{stage}.{layer}.conv.weight",
                    f"set_{stage + 1}_convolution_{number}.kernel",
                    FRAME_KERNEL,
                )
    for level in (1, 2, 3):
        yield Row(f"lateral_layer{level}.weight", f"lateral_{level}.kernel", FRAME_KERNEL)
        yield Row(f"smooth_layer{level}.weight", f"smooth_{level}.kernel", FRAME_KERNEL)
    yield Row("Head.fc_bin", "part_features.kernel")
    if has_layer(model, "compact_block"):
        num_parts = model.get_layer("part_features").kernel.shape[0]
        yield from batch_normalization_rows("encoder_bn", "compact_block.input_norm", flat_vector(num_parts))
        yield Row("reduce_fc.weight", "compact_block.linear.kernel", flat_matrix(num_parts))
        yield from batch_normalization_rows("reduce_bn", "compact_block.output_norm")
    if has_layer(model, "logits"):
        yield Row("reduce_cls.weight", "logits.kernel", MATRIX)


def has_layer(model, name):
    return any(layer.name == name for layer in model.layers)


def arguments_of(shapes):
    return known(
        channels=sizes(shapes, *(f"sil_stage_{stage}.forward_block.0.conv.weight" for stage in (0, 1, 2))),
        lateral_channels=first(sizes(shapes, "lateral_layer1.weight")),
        lateral_kernel=first(sizes(shapes, "lateral_layer1.weight", axis=2)),
        embedding_channels=first(sizes(shapes, "Head.fc_bin", axis=2)),
        compact_channels=first(sizes(shapes, "reduce_fc.weight")),
        num_classes=first(sizes(shapes, "reduce_cls.weight")),
    )


def differences(model):
    bins = list(model.get_layer("pyramid_1").bins)
    if bins != sorted(bins, reverse=True):
        yield "OpenGait's pyramid has its bins from 16 to 1"


def notes(model):
    if has_layer(model, "compact_block"):
        yield (
            "the compact block is that of OpenGait since mid-2022, which flattens (channel, part); before, it flattened "
            "(part, channel) under the same keys. The embedding does not depend on it"
        )


OPENGAIT = Table("opengait", "gln", "opengait", "lateral_layer1.weight", rows, arguments_of, differences, notes)
