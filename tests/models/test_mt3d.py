"""MT3D: two temporal scales."""

import keras
import numpy as np
import pytest

from tf3dlocal.models import MT3D

TINY = {"input_shape": (None, 16, 12, 1), "channels": (3, 4, 5), "num_strips": 4, "embedding_channels": 6, "seed": 0}


def random_walks(frames=7, batch=2, size=(16, 12), seed=0):
    return np.random.default_rng(seed).uniform(size=(batch, frames, *size, 1)).astype("float32")


def test_the_large_scale_has_one_frame_in_three_and_pooling_halves_the_frames_size_once():
    model = MT3D(**TINY)
    names = ("layer_1_relu", "local_transform_1", "small_2_pooling", "large_2_sum", "small_3_2", "large_3_sum")
    shapes = [
        tuple(value.shape)
        for value in keras.Model(model.input, [model.get_layer(name).output for name in names])(random_walks())
    ]
    assert shapes == [
        (2, 7, 16, 12, 3),
        (2, 2, 16, 12, 3),
        (2, 7, 8, 6, 4),
        (2, 2, 8, 6, 4),
        (2, 7, 8, 6, 5),
        (2, 2, 8, 6, 5),
    ]


def test_the_small_scales_strips_come_first():
    model = MT3D(**TINY)
    assert [tensor._keras_history.operation.name for tensor in model.get_layer("parts").input] == [
        "small_strips",
        "large_strips",
    ]
    assert model.output["embedding"].shape == (None, 8, 6)


def test_the_order_of_the_frames_matters():
    model, walks = MT3D(**TINY), random_walks()
    assert np.any(model(walks[:, ::-1])["embedding"] != model(walks)["embedding"].numpy())


@pytest.mark.parametrize("frames", [1, 2, 3, 30, 31])
def test_walks_of_any_length_have_an_embedding(frames):
    embedding = MT3D(**TINY)(random_walks(frames))["embedding"]
    assert np.isfinite(embedding).all() and np.any(embedding[0] != embedding[1])


def test_it_takes_both_sizes_of_silhouettes():
    for size in ((64, 44), (128, 88)):
        model = MT3D(input_shape=(None, *size, 1), channels=(2, 2, 2), embedding_channels=3)
        assert model(random_walks(3, size=size))["embedding"].shape == (2, 64, 3)


@pytest.mark.bad_input
@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"preset": "release"}, 'preset must be "paper"; got .release.'),
        ({"channels": (32, 64)}, r"channels must be 3 whole numbers from 1 to 4096, one per block; got \(32, 64\)"),
        ({"num_strips": 20}, "num_strips is 20 and must divide the 32 rows"),
        ({"num_classes": 3}, r"num_classes adds a classifier .* compact_channels is 0 here. Set compact_channels"),
    ],
)
def test_what_cannot_be_built_raises_with_a_solution(options, message):
    with pytest.raises(ValueError, match=message):
        MT3D(**options)
