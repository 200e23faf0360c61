"""GaitPart: strips that do not see each other."""

import keras
import numpy as np
import pytest

from tf3dlocal.models import GaitPart

TINY = {"input_shape": (None, 32, 12, 1), "channels": (3, 4, 5), "num_strips": 4, "seed": 0}


def random_walks(frames=3, batch=2, size=(32, 12), seed=0):
    return np.random.default_rng(seed).uniform(size=(batch, frames, *size, 1)).astype("float32")


@pytest.mark.parametrize(
    ("options", "strips", "slope", "features"),
    [
        ({}, [1, 1, 4, 4, 8, 8], 0.01, 5),
        ({"preset": "opengait"}, [1, 1, 4, 4, 8, 8], 0.01, 5),
        ({"preset": "release"}, [1, 1, 4, 4, 8, 8], 1e-4, 256),
        ({"channels": (3, 4, 5, 6)}, [2, 2, 2, 2, 8, 8, 8, 8], 0.01, 6),
        ({"channels": (3, 4, 5, 6), "preset": "opengait"}, [1, 1, 1, 1, 8, 8, 8, 8], 0.01, 6),
        ({"channels": (3, 4, 5, 6), "preset": "release"}, [2, 2, 2, 2, 8, 8, 8, 8], 1e-4, 256),
    ],
    ids=str,
)
def test_strips_slope_and_features_are_the_presets(options, strips, slope, features):
    model = GaitPart(**{**TINY, **options})
    convolutions = [layer for layer in model.layers if "convolution" in layer.name and not layer.name.endswith("relu")]
    activations = [layer for layer in model.layers if layer.name.endswith("_relu")]
    assert [layer.num_strips for layer in convolutions] == strips
    assert {layer.negative_slope for layer in activations} == {slope}
    assert model.output["embedding"].shape == (None, 4, features)


def test_the_last_block_does_not_look_across_its_eight_strips():
    model, walks = GaitPart(**TINY, strips=(8, 8, 8)), random_walks()
    last = keras.Model(model.input, model.get_layer("block_3_convolution_2_relu").output)
    changed = walks.copy()
    changed[:, :, :4] = 0  # the uppermost of eight strips of four rows
    before, after = last(walks).numpy(), last(changed).numpy()
    assert np.any(before[:, :, :1] != after[:, :, :1])
    np.testing.assert_array_equal(before[:, :, 1:], after[:, :, 1:])


def test_pooling_follows_the_first_two_blocks_only():
    names = [
        layer.name for layer in GaitPart(**{**TINY, "channels": (3, 4, 5, 6)}).layers if layer.name.endswith("pooling")
    ]
    assert names == ["block_1_pooling", "block_2_pooling", "horizontal_pooling", "micro_motion_pooling"]


def test_it_takes_both_sizes_of_silhouettes():
    for size in ((64, 44), (128, 88)):
        model = GaitPart(input_shape=(None, *size, 1), channels=(2, 2, 2))
        assert model(random_walks(2, size=size))["embedding"].shape == (2, 16, 2)


@pytest.mark.bad_input
@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"preset": "gaitgl"}, 'preset must be "paper" or "opengait" or "release"; got .gaitgl.'),
        (
            {"channels": (32, 64)},
            r"channels must be 3 or 4 whole numbers from 1 to 4096, one per block; got \(32, 64\)",
        ),
        ({"strips": (1, 4)}, r"strips must be 3 or 4 whole numbers from 1 to 4096, one per block; got \(1, 4\)"),
        ({"strips": (1, 4, 8, 8)}, r"strips must have one number per block, as channels has: 3; got \[1, 4, 8, 8\]"),
        ({"strips": (1, 1, 7)}, r"strips is \[1, 1, 7\], and it cuts the maps .* have \[64, 32, 16\]"),
        ({"num_classes": 3}, r"num_classes adds a classifier .* compact_channels is 0 here. Set compact_channels"),
    ],
)
def test_what_cannot_be_built_raises_with_a_solution(options, message):
    with pytest.raises(ValueError, match=message):
        GaitPart(**options)
