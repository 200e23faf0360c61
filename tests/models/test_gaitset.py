"""GaitSet: a walk is a set."""

import keras
import numpy as np
import pytest

from tf3dlocal.models import GaitSet

TINY = {"input_shape": (None, 16, 12, 1), "channels": (3, 4, 5), "bins": (1, 2), "embedding_channels": 6, "seed": 0}


def random_walks(frames=3, batch=2, size=(16, 12), seed=0):
    return np.random.default_rng(seed).uniform(size=(batch, frames, *size, 1)).astype("float32")


def test_the_order_of_the_frames_does_not_matter():
    model, walks = GaitSet(**TINY), random_walks(5)
    np.testing.assert_array_equal(model(walks[:, [4, 0, 3, 1, 2]])["embedding"], model(walks)["embedding"])


def test_layers_have_the_names_of_the_papers_figure():
    block = ["convolution_1", "convolution_1_relu", "convolution_2", "convolution_2_relu"]
    expected = {
        "silhouettes",
        *(f"{path}_{name}" for path in ("block_1", "block_2", "block_3", "global_2", "global_3") for name in block),
        "block_1_pooling",
        "block_2_pooling",
        "set_1",
        "set_2",
        "set_3",
        "global_2_pooling",
        "global_2_sum",
        "global_3_sum",
        "frame_map",
        "global_map",
        "frame_pyramid",
        "global_pyramid",
        "parts",
        "part_features",
    }
    assert {layer.name for layer in GaitSet(**TINY).layers} == expected


def test_the_global_path_gathers_the_set_maps_of_the_frame_path():
    model, walks = GaitSet(**TINY), random_walks(4)
    names = ("block_3_convolution_2_relu", "global_3_convolution_2_relu", "global_3_sum")
    frames, own, gathered = (
        value.numpy() for value in keras.Model(model.input, [model.get_layer(name).output for name in names])(walks)
    )
    np.testing.assert_array_equal(gathered, own + frames.max(axis=1, keepdims=True))


def test_both_presets_compute_the_same_strips_in_another_order():
    paper = GaitSet(**{**TINY, "bins": (1, 2)})
    other = GaitSet(**{**TINY, "bins": (2, 1)}, preset="opengait")
    for layer in other.layers:
        if layer.weights and layer.name != "part_features":
            layer.set_weights(paper.get_layer(layer.name).get_weights())
    order = [4, 5, 3, 1, 2, 0]  # frame half first, scale 2 first; paper: global 1, global 2a, 2b, frame 1, frame 2a, 2b
    kernel = paper.get_layer("part_features").kernel.numpy()
    other.get_layer("part_features").kernel.assign(kernel[order])
    walks = random_walks()
    np.testing.assert_array_equal(other(walks)["embedding"], paper(walks)["embedding"].numpy()[:, order])


@pytest.mark.parametrize(
    ("preset", "bins", "halves"),
    [
        ("paper", (1, 2, 4, 8, 16), ["global_pyramid", "frame_pyramid"]),
        ("opengait", (16, 8, 4, 2, 1), ["frame_pyramid", "global_pyramid"]),
    ],
)
def test_a_preset_sets_the_order_of_scales_and_halves(preset, bins, halves):
    model = GaitSet(preset, channels=(2, 2, 2), embedding_channels=2)
    assert model.get_layer("frame_pyramid").bins == model.get_layer("global_pyramid").bins == bins
    assert [tensor._keras_history.operation.name for tensor in model.get_layer("parts").input] == halves


def test_the_initial_global_path_copies_the_frame_path_in_opengait_and_not_in_the_paper():
    for preset, same in (("opengait", True), ("paper", False)):
        model = GaitSet(**TINY, preset=preset)
        for number in (2, 3):
            for convolution in (1, 2):
                path, copy = (
                    model.get_layer(f"{which}_{number}_convolution_{convolution}").kernel.numpy()
                    for which in ("block", "global")
                )
                assert np.array_equal(path, copy) is same


def test_it_takes_both_sizes_of_silhouettes():
    for size in ((64, 44), (128, 88)):
        model = GaitSet(input_shape=(None, *size, 1), channels=(2, 2, 2), embedding_channels=3)
        assert model(random_walks(2, size=size))["embedding"].shape == (2, 62, 3)


@pytest.mark.bad_input
@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"preset": "release"}, 'preset must be "paper" or "opengait"; got .release.'),
        ({"channels": (32, 64)}, r"channels must be 3 whole numbers from 1 to 4096, one per block; got \(32, 64\)"),
        ({"input_shape": (64, 44, 1)}, r"fixed height and width of 4 to 4096; got \(64, 44, 1\)"),
        ({"input_shape": (None, 32, 22, 1)}, r"bins is \[1, 2, 4, 8, 16\] and must divide the 8 rows of the last map"),
        ({"num_classes": 3}, r"num_classes adds a classifier .* compact_channels is 0 here. Set compact_channels"),
    ],
)
def test_what_cannot_be_built_raises_with_a_solution(options, message):
    with pytest.raises(ValueError, match=message):
        GaitSet(**options)
