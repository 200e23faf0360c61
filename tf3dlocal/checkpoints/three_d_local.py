"""3DLocal of the authors' release, key by key.

Their raw numbers of a location are dt, dx, dy, log sigma^2, log delta_t, log delta, log gamma; ours dx, dy, dt, delta,
delta_t, sigma^2, gamma. Their first linear layer flattens (c, t, h, w), ours (t, h, w, c).
"""

import numpy as np

from tf3dlocal.checkpoints.changes import FRAME_KERNEL, KERNEL, Change, grouped_matrices
from tf3dlocal.checkpoints.gaitpart import release_micro_motion_rows
from tf3dlocal.checkpoints.table import (
    Row,
    Table,
    batch_normalization_rows,
    first,
    known,
    sizes,
)

PARTS = {
    "head": "head",
    "torso": "torso",
    "armL": "left_arm",
    "armR": "right_arm",
    "legL": "left_leg",
    "legR": "right_leg",
}
RAW_ORDER = [1, 2, 0, 5, 4, 3, 6]
BACK_TO_THEIR_ORDER = np.argsort(RAW_ORDER)

RAW_NUMBERS = Change(lambda array: array[RAW_ORDER], lambda array: array[BACK_TO_THEIR_ORDER])
FIRST_LINEAR = Change(
    lambda array: array.reshape(7, -1, 2, 2, 2).transpose(2, 3, 4, 1, 0).reshape(-1, 7)[:, RAW_ORDER],
    lambda array: array[:, BACK_TO_THEIR_ORDER].reshape(2, 2, 2, -1, 7).transpose(4, 3, 0, 1, 2).reshape(7, -1),
)


def rows(model):
    focal = any(getattr(layer, "num_strips", 1) > 1 for layer in model.layers)
    for index in range(6):
        key = f"backbone.layer{index + 1}.{'conv.conv' if focal else 'conv'}.weight"
        yield Row(key, f"block_{index // 2 + 1}_convolution_{index % 2 + 1}.kernel", FRAME_KERNEL)
    for theirs, ours in PARTS.items():
        key, place = f"local.{theirs}.localization", f"block_3_{ours}.localization"
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
            yield Row(
                f"local.{theirs}.feature_extraction.conv{number}.weight",
                f"block_3_{ours}.convolutions.{number - 1}.kernel",
                KERNEL,
            )
    yield Row("local.feature_fusion.0.weight", "block_3_fusion.kernel", KERNEL)
    yield from release_micro_motion_rows(model)
    num_parts = model.get_layer("part_features").kernel.shape[0]
    yield Row("hpm.fc.weight", "part_features.kernel", grouped_matrices(num_parts))


def arguments_of(shapes):
    focal = "backbone.layer1.conv.conv.weight" in shapes
    convolution = "conv.conv" if focal else "conv"
    return known(
        channels=sizes(shapes, *(f"backbone.layer{layer}.{convolution}.weight" for layer in (1, 3, 5))),
        embedding_channels=first(size // 16 for size in sizes(shapes, "hpm.fc.weight")),
        global_path="focal" if focal else "plain",
    )


def differences(model):
    if model.get_layer("block_3_head").rule != "release":
        yield 'the release places its grids by rule="release"'
    if model.get_layer("micro_motion_pooling").slope:
        yield 'the release has ReLU in the micro-motion templates (temporal_activation="relu")'


def notes(model):
    sampler = model.get_layer("block_3_head").sampler_name
    theirs = {"mixture": "mix"}.get(sampler, sampler)
    yield f"no key tells the sampler: this model samples as the release's sampler {theirs!r} (argument sampler={sampler})"


RELEASE = Table(
    "release",
    "three_d_local",
    "release",
    "local.head.localization.convs.0.weight",
    rows,
    arguments_of,
    differences,
    notes,
)
