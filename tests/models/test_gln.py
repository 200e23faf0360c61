"""GLN: lateral connections, and a compact block in its second phase."""

import keras
import numpy as np
import pytest

from tf3dlocal.models import GLN

TINY = {
    "input_shape": (None, 16, 12, 1),
    "channels": (3, 4, 5),
    "lateral_channels": 6,
    "bins": (1, 2),
    "embedding_channels": 7,
    "seed": 0,
}
PHASE_2 = {**TINY, "compact_channels": 8, "num_classes": 3}


def random_walks(frames=3, batch=2, size=(16, 12), seed=0):
    return np.random.default_rng(seed).uniform(size=(batch, frames, *size, 1)).astype("float32")


def inner(model, *names):
    return keras.Model(model.input, [model.get_layer(name).output for name in names])


def test_a_coarser_level_is_enlarged_and_added_before_it_is_smoothed():
    coarse, fine, both = (
        value.numpy() for value in inner(GLN(**TINY), "lateral_3", "lateral_2", "lateral_2_sum")(random_walks())
    )
    np.testing.assert_array_equal(both, fine + coarse.repeat(2, axis=2).repeat(2, axis=3))


def test_set_stages_add_the_set_map_of_their_silhouette_stage_and_the_first_pair_has_one_map_twice():
    model, walks = GLN(**TINY), random_walks(4)
    names = (
        "block_1_convolution_2_relu",
        "lateral_1_pair",
        "block_2_convolution_2_relu",
        "set_2_convolution_2_relu",
        "lateral_2_pair",
    )
    first, first_pair, second, stage, second_pair = (value.numpy() for value in inner(model, *names)(walks))
    first, second = (frames.max(axis=1, keepdims=True) for frames in (first, second))
    np.testing.assert_array_equal(first_pair, np.concatenate([first, first], axis=-1))
    np.testing.assert_array_equal(second_pair, np.concatenate([second, stage + second], axis=-1))


def test_strips_are_ordered_level_by_level_from_the_finest():
    model = GLN(**TINY)
    levels = [tensor._keras_history.operation.name for tensor in model.get_layer("parts").input]
    assert levels == ["pyramid_1", "pyramid_2", "pyramid_3"]
    assert model.output["embedding"].shape == (None, 9, 7)


def test_the_order_of_the_frames_does_not_matter():
    model, walks = GLN(**TINY), random_walks(5)
    np.testing.assert_array_equal(model(walks[:, [4, 0, 3, 1, 2]])["embedding"], model(walks)["embedding"])


def test_set_stages_start_as_copies_of_their_silhouette_stages():
    model = GLN(**TINY)
    for name in ("2_convolution_1", "2_convolution_2", "3_convolution_1", "3_convolution_2"):
        np.testing.assert_array_equal(model.get_layer(f"set_{name}").kernel, model.get_layer(f"block_{name}").kernel)


def test_phase_2_is_compared_by_the_compact_block_in_the_paper_and_by_the_part_features_in_opengait():
    walks = random_walks()
    paper, opengait = GLN(**PHASE_2)(walks), GLN(**PHASE_2, preset="opengait")(walks)
    assert paper["embedding"].shape == (2, 8) and paper["logits"].shape == (2, 3)
    np.testing.assert_array_equal(opengait["embedding"], opengait["part_features"])
    assert opengait["logits"].shape == (2, 3)


@pytest.mark.slow
def test_opengaits_compact_block_learns_no_bias():
    for preset, learned in (("paper", True), ("opengait", False)):
        model = GLN(**PHASE_2, preset=preset)
        biases = [weight for weight in model.weights if weight.path.endswith("beta")]
        assert [weight.trainable for weight in biases] == [learned, learned]
        assert not any(np.any(weight) for weight in biases)


def test_it_takes_both_sizes_of_silhouettes():
    for size in ((64, 44), (128, 88)):
        model = GLN(input_shape=(None, *size, 1), channels=(2, 2, 2), lateral_channels=2, embedding_channels=3)
        assert model(random_walks(2, size=size))["embedding"].shape == (2, 93, 3)


@pytest.mark.bad_input
@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"preset": "release"}, 'preset must be "paper" or "opengait"; got .release.'),
        ({"channels": (32, 64)}, r"channels must be 3 whole numbers from 1 to 4096, one per block; got \(32, 64\)"),
        (
            {"input_shape": (None, 64, 42, 1)},
            "input_shape needs a height and a width that are divisible by 4; got 64 x 42",
        ),
        ({"num_classes": 3}, r"num_classes adds a classifier .* compact_channels is 0 here. Set compact_channels"),
    ],
)
def test_what_cannot_be_built_raises_with_a_solution(options, message):
    with pytest.raises(ValueError, match=message):
        GLN(**options)
