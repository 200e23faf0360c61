"""3DLocal of the authors' release, key by key.

The release orders the raw numbers of a location as dt, dx, dy, log sigma^2, log delta_t, log delta, log gamma; this
package as dx, dy, dt, delta, delta_t, sigma^2, gamma. The first linear layer of the release flattens (c, t, h, w),
that of this package (t, h, w, c).
"""

import numpy as np

from tf3dlocal.pytorch_weights.mapping import (
    FRAME_KERNEL,
    KERNEL,
    Change,
    Row,
    Table,
    batch_normalization_rows,
    first,
    grouped_matrices,
    known,
    sizes,
)
from tf3dlocal.pytorch_weights.tables.gaitpart import num_strips_of, release_micro_motion_rows

PARTS = {  # in the release, in this package
    "head": "head",
    "torso": "torso",
    "armL": "left_arm",
    "armR": "right_arm",
    "legL": "left_leg",
    "legR": "right_leg",
}
RAW_ORDER = [1, 2, 0, 5, 4, 3, 6]
RELEASE_ORDER = np.argsort(RAW_ORDER)

RAW_NUMBERS = Change(lambda array: array[RAW_ORDER], lambda array: array[RELEASE_ORDER])
FIRST_LINEAR = Change(
    lambda array: array.reshape(7, -1, 2, 2, 2).transpose(2, 3, 4, 1, 0).reshape(-1, 7)[:, RAW_ORDER],
    lambda array: array[:, RELEASE_ORDER].reshape(2, 2, 2, -1, 7).transpose(4, 3, 0, 1, 2).reshape(7, -1),
)


def _rows(model):
    focal = any(getattr(model.get_layer(f"block_{block}_convolution_1"), "num_strips", 1) > 1 for block in (1, 2, 3))
    for index in range(6):
        key = f"backbone.layer{index + 1}.{'conv.conv' if focal else 'conv'}.weight"
        yield Row(key, f"block_{index // 2 + 1}_convolution_{index % 2 + 1}.kernel", FRAME_KERNEL)
    for release_name, name in PARTS.items():
        yield from _local_path_rows(f"local.{release_name}", f"block_3_{name}")
    yield Row("local.feature_fusion.0.weight", "block_3_fusion.kernel", KERNEL)
    yield from release_micro_motion_rows(model)
    yield Row("hpm.fc.weight", "part_features.kernel", grouped_matrices(num_strips_of(model)))


def _local_path_rows(part, layer):
    """Yield the rows of one local path: its localization network and its two convolutions."""
    key, place = f"{part}.localization", f"{layer}.localization"
    yield from batch_normalization_rows(f"{key}.convs.0", f"{place}.pool0")
    yield Row(f"{key}.convs.3.weight", f"{place}.conv1.kernel", KERNEL)
    yield from batch_normalization_rows(f"{key}.convs.4", f"{place}.norm1")
    yield Row(f"{key}.convs.6.weight", f"{place}.conv2.kernel", KERNEL)
    yield from batch_normalization_rows(f"{key}.convs.7", f"{place}.norm2")
    yield Row(f"{key}.convs.10.weight", f"{place}.conv4.kernel", KERNEL)
    yield Row(f"{key}.fc.0.weight", f"{place}.fc6.kernel", FIRST_LINEAR)
    yield Row(f"{key}.fc.0.bias", f"{place}.fc6.bias", RAW_NUMBERS)
    yield from batch_normalization_rows(f"{key}.fc.1", f"{place}.output_norm", RAW_NUMBERS)
    for number in (1, 2):
        yield Row(f"{part}.feature_extraction.conv{number}.weight", f"{layer}.convolutions.{number - 1}.kernel", KERNEL)


def _arguments_of(shapes):
    focal = "backbone.layer1.conv.conv.weight" in shapes
    convolution = "conv.conv" if focal else "conv"
    return known(
        channels=sizes(shapes, *(f"backbone.layer{layer}.{convolution}.weight" for layer in (1, 3, 5))),
        embedding_channels=first(size // 16 for size in sizes(shapes, "hpm.fc.weight")),
        global_path="focal" if focal else "plain",
    )


def _differences(model):
    if model.get_layer("block_3_head").geometry != "release":
        yield 'the release places its grids by geometry="release"'
    if model.get_layer("micro_motion_pooling").slope:
        yield 'the release has ReLU in the micro-motion templates (temporal_activation="relu")'


def _notes(model):
    sampler = model.get_layer("block_3_head").sampler_name
    release_name = {"mixture": "mix"}.get(sampler, sampler)
    yield f"no key gives the sampler: this model has the sampler {release_name!r} (argument sampler={sampler})"


RELEASE = Table(
    source="release",
    model="three_d_local",
    preset="release",
    mark="local.head.localization.convs.0.weight",
    rows=_rows,
    arguments_of=_arguments_of,
    differences=_differences,
    notes=_notes,
)
