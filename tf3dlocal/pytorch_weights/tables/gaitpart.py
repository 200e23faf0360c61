"""GaitPart of the 3DLocal authors' release and of OpenGait, key by key."""

import re
from collections.abc import Iterator

import keras

from tf3dlocal.pytorch_weights.mapping import (
    FRAME_KERNEL,
    KERNEL,
    Row,
    Table,
    first,
    grouped_bias,
    grouped_kernel,
    grouped_matrices,
    known,
    sizes,
)


def _convolutions(model):
    """Return (block, number) of the per-frame convolutions, in the order of the data flow."""
    names = (re.fullmatch(r"block_(\d)_convolution_(\d)", layer.name) for layer in model.layers)
    return sorted((int(name[1]), int(name[2])) for name in names if name)


def num_strips_of(model: keras.Model) -> int:
    """Return the number of horizontal strips."""
    return model.get_layer("part_features").kernel.shape[0]


def release_micro_motion_rows(model: keras.Model) -> Iterator[Row]:
    """Yield the grouped convolutions over time, which the release's 3DLocal shares."""
    num_strips = num_strips_of(model)
    for template in (1, 2):
        for number in (1, 2):
            key = f"temporal_pool.layer{template}.conv{number}"
            place = f"micro_motion_pooling.template_weights.{template - 1}.{number - 1}"
            yield Row(f"{key}.weight", f"{place}.0", grouped_kernel(num_strips))
            yield Row(f"{key}.bias", f"{place}.1", grouped_bias(num_strips))


def _release_rows(model):
    for index, (block, number) in enumerate(_convolutions(model), start=1):
        yield Row(f"backbone.layer{index}.conv.conv.weight", f"block_{block}_convolution_{number}.kernel", FRAME_KERNEL)
    yield from release_micro_motion_rows(model)
    yield Row("hpm.fc.weight", "part_features.kernel", grouped_matrices(num_strips_of(model)))


def _opengait_rows(model):
    """Yield the rows of OpenGait, which has separate templates for every strip."""
    for block, number in _convolutions(model):
        # Every convolution is followed by a LeakyReLU, blocks 1 and 2 by max pooling: 0, 2, 5, 7, 10, 12, 14, 16.
        layer = 4 * (block - 1) + 2 * (number - 1) + min(block - 1, 2)
        key = f"Backbone.forward_block.feature.{layer}.conv.weight"
        yield Row(key, f"block_{block}_convolution_{number}.kernel", FRAME_KERNEL)
    for template, name in enumerate(("conv1d3x1", "conv1d3x3")):
        for strip in range(num_strips_of(model)):
            for number in (1, 2):  # layers 0 and 2, with a LeakyReLU between them
                key = f"TFA.pooling_func.{name}.{strip}.{2 * (number - 1)}.conv.weight"
                place = f"micro_motion_pooling.template_weights.{template}.{number - 1}.0[{strip}]"
                yield Row(key, place, KERNEL)
    yield Row("Head.fc_bin", "part_features.kernel")


def _release_arguments(shapes):
    return known(
        channels=sizes(shapes, *(f"backbone.layer{layer}.conv.conv.weight" for layer in (1, 3, 5, 7))),
        embedding_channels=first(size // 16 for size in sizes(shapes, "hpm.fc.weight")),
    )


def _opengait_arguments(shapes):
    layers = (0, 5, 10, 14)
    return known(
        channels=sizes(shapes, *(f"Backbone.forward_block.feature.{layer}.conv.weight" for layer in layers)),
        embedding_channels=first(sizes(shapes, "Head.fc_bin", axis=2)),
        num_strips=first(sizes(shapes, "Head.fc_bin")),
    )


def _slopes(model):
    """Return the slopes that no key shows: (after the convolutions, within the templates)."""
    slope = model.get_layer("block_1_convolution_1_relu").negative_slope
    return slope, model.get_layer("micro_motion_pooling").slope


def _release_differences(model):
    if _slopes(model) != (1e-4, 0.0):
        yield 'the release applies its LeakyReLU twice and has ReLU in the templates: preset="release"'


def _opengait_differences(model):
    if _slopes(model) != (0.01, 0.01):
        yield 'OpenGait has a LeakyReLU of slope 0.01 everywhere: preset="opengait"'


def _notes(model):
    firsts = [f"block_{block}_convolution_1" for block, number in _convolutions(model) if number == 1]
    strips = [model.get_layer(name).num_strips for name in firsts]
    yield f"no key gives the strips of the focal convolutions: this model has {strips} by block (argument strips)"


RELEASE = Table(
    source="release",
    model="gaitpart",
    preset="release",
    mark="temporal_pool.layer1.conv1.weight",
    rows=_release_rows,
    arguments_of=_release_arguments,
    differences=_release_differences,
    notes=_notes,
)
OPENGAIT = Table(
    source="opengait",
    model="gaitpart",
    preset="opengait",
    mark="TFA.pooling_func.conv1d3x1.0.0.conv.weight",
    rows=_opengait_rows,
    arguments_of=_opengait_arguments,
    differences=_opengait_differences,
    notes=_notes,
)
