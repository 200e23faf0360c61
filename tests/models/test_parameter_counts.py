"""The parameters of every model, counted by hand."""

import numpy as np
import pytest
from ablations import TABLE_3, TABLE_5

from tf3dlocal.layers import PAPER_PARTS
from tf3dlocal.models import GLN, MT3D, GaitPart, GaitSet, ThreeDLocal


def count_by_hand(
    channels=(32, 64, 128),
    size=(64, 44),
    local_blocks=(1, 2, 3),
    parts=PAPER_PARTS,
    feature_extraction=True,
    num_classes=None,
    per_frame=False,
):
    """Trainable weights of the paper's model; every convolution is without bias, every BN has gamma and beta."""
    total, inputs = 0, 1
    height, width = size
    for block, c in enumerate(channels, start=1):
        total += (25 if block == 1 else 9) * inputs * c + 9 * c * c  # two convolutions, the very first of 5 x 5
        if block in local_blocks:
            hidden, cells = c // 4, -(-height // 8) * -(-width // 8)
            bins = 1 if per_frame else 4  # of time, before Fc6
            localization = (
                2 * c  # BN of the input
                + (c * hidden + 2 * hidden)  # Conv1, BN
                + 2 * (27 * hidden * hidden + 2 * hidden)  # Conv2, BN, Conv4, BN
                + (bins * cells * hidden + 1) * 8  # Fc6
            )
            features = 27 * inputs * (c // 2) if feature_extraction else 0
            joined = c + len(parts) * (c // 2 if feature_extraction else inputs)
            total += len(parts) * (localization + features) + joined * c  # fusion
        inputs = c
        height, width = height // 2, width // 2
    total += 16 * (3 + 1 + 3 + 3) * inputs * (inputs // 4)  # micro-motion: convolutions of 3 and 1, 3 and 3 frames
    total += 16 * inputs * 256  # one matrix per strip
    if num_classes is None:
        return total
    total += 2 * 16 * 256 + 16 * 256 * 256 + 2 * 256  # compact block: BN, linear, BN
    return total + 256 * num_classes


@pytest.mark.parametrize(
    ("options", "count"),
    [
        ({}, 2_991_920),
        ({"num_classes": 74}, 4_068_144),  # with the compact block and its classifier
        ({"num_classes": 5153, "channels": (64, 128, 256)}, 13_008_592),  # OU-MVLP, as it is trained
        ({"per_frame": True}, 2_890_544),
        ({"input_shape": (None, 128, 88, 1)}, 3_348_272),
        ({"channels": (64, 128, 256)}, 10_632_144),  # OU-MVLP
        (TABLE_3["blocks (1,)"], 1_569_552),
        (TABLE_3["blocks (2,)"], 1_775_760),
        (TABLE_3["blocks (3,)"], 2_578_896),
        (TABLE_3["blocks (2, 3)"], 2_888_512),
        (TABLE_5["global only"], 1_466_144),
        (TABLE_5["+ head"], 1_738_360),
        (TABLE_5["+ both arms"], 2_239_784),
        (TABLE_5["+ torso"], 2_490_496),
        (TABLE_5["+ both legs"], 2_157_008),
    ],
)
@pytest.mark.slow
def test_the_papers_model_has_the_parameters_one_counts_by_hand(options, count):
    by_hand = {**options}
    if "input_shape" in by_hand:
        by_hand["size"] = by_hand.pop("input_shape")[1:3]
    assert count_by_hand(**by_hand) == count
    assert num_trainable(ThreeDLocal(**options)) == count


def num_trainable(model):
    return sum(int(np.prod(weight.shape)) for weight in model.trainable_weights)


def test_the_releases_model_has_the_parameters_of_its_parts():
    """Counted in the authors' code: backbone, six paths (localization and features), fusion, time pooling, strips."""
    count = 286_496 + 6 * (233_493 + 221_184) + 65_536 + 660_480 + 524_288
    assert num_trainable(ThreeDLocal(preset="release")) == count == 4_264_862


def frame_blocks(channels=(32, 64, 128), first_input=1):
    """Weights of the convolutions of consecutive blocks, the very first of which has 5 x 5 cells."""
    inputs = (first_input, *channels)
    return sum((25 if before == 1 else 9) * before * c + 9 * c * c for before, c in zip(inputs, channels))


def gaitset_by_hand(channels=(32, 64, 128), features=256):
    first, *others = channels
    return frame_blocks(channels) + frame_blocks(others, first) + 62 * channels[-1] * features


def gaitpart_by_hand(channels=(32, 64, 128), features=128, bias=False):
    c, squeezed = channels[-1], channels[-1] // 4
    temporal = (3 + 1 + 3 + 3) * c * squeezed + bias * 2 * (squeezed + c)
    return frame_blocks(channels) + 16 * (temporal + c * features)


def gln_by_hand(channels=(32, 64, 128), compact=False, num_classes=0, train_norm_bias=True):
    first, *others = channels
    laterals = sum(2 * c * 256 for c in channels) + 3 * 9 * 256 * 256
    block = 93 * 256 * (2 if train_norm_bias else 1) + 93 * 256 * 256 + 256 * (2 if train_norm_bias else 1)
    total = frame_blocks(channels) + frame_blocks(others, first) + laterals + 93 * 256 * 256
    return total + compact * (block + 256 * num_classes)


def mt3d_by_hand(channels=(32, 64, 128)):
    first, second, third = channels
    transforms = 3 * (first**2 + second**2 + third**2)
    basic = 2 * 39 * (first * second + second * third + third * third)  # 27 + 9 + 3 products, two branches
    return 27 * first + transforms + basic + 64 * third * 256


@pytest.mark.parametrize(
    ("build", "options", "by_hand", "count"),
    [
        (GaitSet, {}, gaitset_by_hand(), 2_594_592),  # OpenGait's and the 3DLocal authors' count too
        (GaitSet, {"preset": "opengait"}, gaitset_by_hand(), 2_594_592),
        (GaitSet, {"input_shape": (None, 128, 88, 1)}, gaitset_by_hand(), 2_594_592),
        (GaitSet, {"channels": (64, 128, 256)}, gaitset_by_hand((64, 128, 256)), 6_313_536),  # OU-MVLP
        (GaitPart, {}, gaitpart_by_hand(), 1_204_000),  # OpenGait's count too
        (GaitPart, {"preset": "opengait"}, gaitpart_by_hand(), 1_204_000),
        # The 3DLocal authors' count too.
        (GaitPart, {"preset": "release"}, gaitpart_by_hand(features=256, bias=True), 1_471_264),
        (GaitPart, {"input_shape": (None, 128, 88, 1)}, gaitpart_by_hand(), 1_204_000),
        (
            GaitPart,
            {"preset": "opengait", "channels": (32, 64, 128, 256)},
            gaitpart_by_hand((32, 64, 128, 256), 256),
            4_841_248,
        ),
        (
            GaitPart,
            {"preset": "release", "channels": (32, 64, 128, 256)},
            gaitpart_by_hand((32, 64, 128, 256), 256, bias=True),
            4_851_488,
        ),
        (GaitPart, {"channels": (32, 64, 128, 256)}, gaitpart_by_hand((32, 64, 128, 256), 256), 4_841_248),  # OU-MVLP
        (GLN, {}, gln_by_hand(), 8_541_984),  # OpenGait's count too
        (GLN, {"input_shape": (None, 128, 88, 1)}, gln_by_hand(), 8_541_984),
        (GLN, {"compact_channels": 256, "num_classes": 74}, gln_by_hand(compact=True, num_classes=74), 14_703_904),
        (
            GLN,
            {"compact_channels": 256, "num_classes": 74, "preset": "opengait"},
            gln_by_hand(compact=True, num_classes=74, train_norm_bias=False),
            14_679_840,
        ),
        (GLN, {"channels": (64, 128, 256)}, gln_by_hand((64, 128, 256)), 10_344_000),
        (MT3D, {}, mt3d_by_hand(), 4_239_200),
        (MT3D, {"input_shape": (None, 128, 88, 1), "num_strips": 32}, mt3d_by_hand(), 4_239_200),
        (MT3D, {"channels": (64, 128, 256)}, mt3d_by_hand((64, 128, 256)), 12_760_768),
    ],
    ids=lambda value: getattr(value, "__name__", str(value)),
)
@pytest.mark.slow
def test_the_compared_models_have_the_parameters_one_counts_by_hand(build, options, by_hand, count):
    assert by_hand == count == num_trainable(build(**options))
