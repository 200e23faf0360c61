"""GaitPart of the 3DLocal authors' release and of OpenGait, key by key."""

import re

from tf3dlocal.checkpoints.changes import (
    FRAME_KERNEL,
    KERNEL,
    grouped_bias,
    grouped_kernel,
    grouped_matrices,
)
from tf3dlocal.checkpoints.table import Row, Table, first, known, sizes


def convolutions(model):
    """(block, number) of the per-frame convolutions, from the silhouette on."""
    names = (re.fullmatch(r"block_(\d)_convolution_(\d)", layer.name) for layer in model.layers)
    return sorted((int(name[1]), int(name[2])) for name in names if name)


def num_parts(model):
    return model.get_layer("part_features").kernel.shape[0]


def release_micro_motion_rows(model):
    """The grouped convolutions over time, which 3DLocal's release has too."""
    parts = num_parts(model)
    for template in (1, 2):
        for number in (1, 2):
            key = f"temporal_pool.layer{template}.conv{number}"
            place = f"micro_motion_pooling.template_weights.{template - 1}.{number - 1}"
            yield Row(f"{key}.weight", f"{place}.0", grouped_kernel(parts))
            yield Row(f"{key}.bias", f"{place}.1", grouped_bias(parts))


def release_rows(model):
    for index, (block, number) in enumerate(convolutions(model), start=1):
        yield Row(f"backbone.layer{index}.conv.conv.weight", f"block_{block}_convolution_{number}.kernel", FRAME_KERNEL)
    yield from release_micro_motion_rows(model)
    yield Row("hpm.fc.weight", "part_features.kernel", grouped_matrices(num_parts(model)))


def opengait_rows(model):
    for block, number in convolutions(model):
        # A LeakyReLU follows every convolution, and a max pooling blocks 1 and 2: 0, 2, 5, 7, 10, 12, 14, 16.
        layer = 4 * (block - 1) + 2 * (number - 1) + min(block - 1, 2)
        yield Row(
            f"Backbone.forward_block.feature.{layer}.conv.weight",
            f"block_{block}_convolution_{number}.kernel",
            FRAME_KERNEL,
        )
    for template, name in enumerate(("conv1d3x1", "conv1d3x3")):
        for part in range(num_parts(model)):
            for number in (1, 2):  # their layers 0 and 2: a LeakyReLU stands between
                yield Row(
                    f"TFA.pooling_func.{name}.{part}.{2 * (number - 1)}.conv.weight",
                    f"micro_motion_pooling.template_weights.{template}.{number - 1}.0[{part}]",
                    KERNEL,
                )
    yield Row("Head.fc_bin", "part_features.kernel")


def release_arguments(shapes):
    return known(
        channels=sizes(shapes, *(f"backbone.layer{layer}.conv.conv.weight" for layer in (1, 3, 5, 7))),
        embedding_channels=first(size // 16 for size in sizes(shapes, "hpm.fc.weight")),
    )


def opengait_arguments(shapes):
    layers = (0, 5, 10, 14)
    return known(
        channels=sizes(shapes, *(f"Backbone.forward_block.feature.{layer}.conv.weight" for layer in layers)),
        embedding_channels=first(sizes(shapes, "Head.fc_bin", axis=2)),
        num_parts=first(sizes(shapes, "Head.fc_bin")),
    )


def settings(model):
    """What no key tells: (slope behind the convolutions, slope within the templates)."""
    slope = model.get_layer("block_1_convolution_1_relu").negative_slope
    return slope, model.get_layer("micro_motion_pooling").slope


def release_differences(model):
    if settings(model) != (1e-4, 0.0):
        yield 'the release applies its LeakyReLU twice and has ReLU in the templates: preset="release"'


def opengait_differences(model):
    if settings(model) != (0.01, 0.01):
        yield 'OpenGait has a LeakyReLU of slope 0.01 everywhere: preset="opengait"'


def notes(model):
    strips = [
        model.get_layer(f"block_{block}_convolution_1").num_strips
        for block, number in convolutions(model)
        if number == 1
    ]
    yield f"no key tells the strips of the focal convolutions: this model has {strips} by block (argument strips)"


RELEASE = Table(
    "release",
    "gaitpart",
    "release",
    "temporal_pool.layer1.conv1.weight",
    release_rows,
    release_arguments,
    release_differences,
    notes,
)
OPENGAIT = Table(
    "opengait",
    "gaitpart",
    "opengait",
    "TFA.pooling_func.conv1d3x1.0.0.conv.weight",
    opengait_rows,
    opengait_arguments,
    opengait_differences,
    notes,
)
