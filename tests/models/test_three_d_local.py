"""3DLocal as a whole: the paper's ablations, and any walk in any mode."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from ablations import ABLATIONS
from layer_tools import MODES, randomize, relative_error

from tf3dlocal.layers import PAPER_PARTS, RELEASE_PARTS, LocalPath, Location, MixtureSampler3D
from tf3dlocal.models import ThreeDLocal, embedding_model, located_parts

# Half of the papers' height and width, few channels. Local paths cost most of the time: one block with two of them
# replaces three with six where it proves as much.
ALL_BLOCKS = {
    "input_shape": (None, 32, 22, 1),
    "channels": (4, 8, 8),
    "num_strips": 4,
    "embedding_channels": 6,
    "compact_channels": 5,
    "seed": 0,
}
PAPER = {**ALL_BLOCKS, "local_blocks": (3,), "parts": PAPER_PARTS[:2]}
RELEASE = {**PAPER, "preset": "release", "parts": RELEASE_PARTS[:2], "compact_channels": 0}
both_presets = pytest.mark.parametrize("options", [PAPER, RELEASE], ids=["paper", "release"])


def random_walks(frames=3, batch=2, size=(32, 22), seed=0):
    return np.random.default_rng(seed).uniform(size=(batch, frames, *size, 1)).astype("float32")


@pytest.mark.parametrize("options", ABLATIONS.values(), ids=ABLATIONS)
@pytest.mark.slow
def test_every_ablation_of_the_papers_tables_3_to_5_runs(options):
    outputs = ThreeDLocal(**ALL_BLOCKS, **options)(random_walks())
    assert {name: tuple(value.shape) for name, value in outputs.items()} == {
        "part_features": (2, 4, 6),
        "embedding": (2, 5),
    }
    assert all(np.isfinite(value).all() and value.dtype == "float32" for value in outputs.values())


@pytest.mark.parametrize("size", [(64, 44), (128, 88)])
def test_it_takes_silhouettes_of_both_sizes_of_the_paper(size):
    model = ThreeDLocal(input_shape=(None, *size, 1), channels=(4, 8, 8), parts=PAPER_PARTS[:1])
    maps = [model.get_layer(f"block_{block}_fusion_relu").output.shape[2:4] for block in (1, 2, 3)]
    assert maps == [size, (size[0] // 2, size[1] // 2), (size[0] // 4, size[1] // 4)]
    outputs = model(random_walks(2, size=size))
    assert outputs["part_features"].shape == outputs["embedding"].shape == (2, 16, 256)


@pytest.mark.parametrize("frames", [1, 7, 33])
@both_presets
def test_walks_of_any_length_have_an_embedding(options, frames):
    embedding = ThreeDLocal(**options)(random_walks(frames))["embedding"]
    assert np.isfinite(embedding).all() and np.any(embedding[0] != embedding[1])


@pytest.mark.parametrize(
    "options",
    [
        PAPER,
        RELEASE,
        {**RELEASE, "sampler": "mixture"},
        {**PAPER, "per_frame": True},
    ],
    ids=["paper", "release", "release, mixture", "per frame"],
)
@pytest.mark.slow
def test_the_embedding_of_a_walk_does_not_depend_on_its_batch(options):
    model = randomize(ThreeDLocal(**options))
    walks = random_walks(5, batch=3)
    together = model(walks)["embedding"].numpy()
    alone = [model(walk[None])["embedding"][0] for walk in walks]
    assert relative_error(alone, together) < 1e-5


@both_presets
@pytest.mark.slow
def test_compiled_for_an_unknown_batch_and_frames_it_gives_the_same(options):
    model = ThreeDLocal(**{**options, "parts": RELEASE_PARTS[:1]})
    run = tf.function(model, input_signature=[tf.TensorSpec([None, None, 32, 22, 1])], jit_compile=True)
    walks = random_walks(4)
    assert relative_error(run(walks)["embedding"], model(walks)["embedding"].numpy()) < 1e-5


@pytest.mark.parametrize("mode", ["graph", pytest.param("xla", marks=pytest.mark.slow)])
@pytest.mark.slow
def test_a_training_step_gives_the_same_gradients_in_every_mode(mode):
    model = ThreeDLocal(**{**RELEASE, "parts": RELEASE_PARTS[:1]})
    walks, weights = random_walks(4, batch=4), np.random.default_rng(1).normal(size=(4, 4, 6)).astype("float32")

    def gradients(walks):
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(model(walks, training=True)["part_features"] * weights)
        return tape.gradient(loss, [weight.value for weight in model.trainable_weights])

    eager, found = gradients(walks), MODES[mode](gradients)(walks)
    for weight, own, expected in zip(model.trainable_weights, found, eager, strict=True):
        if not weight.path.endswith("fc6/bias"):  # a batch normalization follows: its true gradient is zero
            # Single precision through twenty layers; batch normalization of few walks magnifies differences.
            assert relative_error(own, expected.numpy()) < 1e-3, weight.path


def test_half_precision_comes_close_to_single_precision_and_has_its_outputs():
    full = ThreeDLocal(**PAPER, num_classes=3)
    half = ThreeDLocal(**PAPER, num_classes=3, dtype="mixed_float16")
    half.set_weights(full.get_weights())
    walks = random_walks()
    expected = full(walks)
    for name, value in half(walks).items():
        assert value.dtype == "float32"
        assert relative_error(value, expected[name].numpy()) < 20 * 2.0**-11  # the roundings of twenty layers in a row


@pytest.mark.parametrize("options", [{**PAPER, "num_classes": 3}, RELEASE], ids=["paper", "release"])
def test_a_saved_model_gives_equal_outputs_and_still_locates_its_parts(options, tmp_path):
    model = ThreeDLocal(**options)
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    walks = random_walks()
    for name, value in model(walks).items():
        np.testing.assert_array_equal(again(walks)[name], value)
    parts, parts_again = (located_parts(each)(walks)["block_3"] for each in (model, again))
    for name, location in parts.items():
        np.testing.assert_array_equal(parts_again[name], location)


def test_outputs_and_layers_have_the_names_of_the_papers_figure():
    model = ThreeDLocal(**ALL_BLOCKS, num_classes=3)
    assert list(model.output) == ["part_features", "embedding", "logits"]
    block = [
        "convolution_1",
        "convolution_1_relu",
        "convolution_2",
        "convolution_2_relu",
        "statistics",
        "head",
        "left_arm",
        "right_arm",
        "torso",
        "left_leg",
        "right_leg",
        "fusion",
        "fusion_relu",
    ]
    assert [layer.name for layer in model.layers] == [
        "silhouettes",
        *(f"block_1_{name}" for name in block),
        "block_1_pooling",
        *(f"block_2_{name}" for name in block),
        "block_2_pooling",
        *(f"block_3_{name}" for name in block),
        "horizontal_pooling",
        "micro_motion_pooling",
        "part_features",
        "compact_block",
        "logits",
    ]


def test_without_a_compact_block_the_part_features_are_what_is_compared():
    outputs = ThreeDLocal(**RELEASE)(random_walks())
    np.testing.assert_array_equal(outputs["embedding"], outputs["part_features"])


def test_a_focal_global_path_has_one_four_and_eight_strips():
    model = ThreeDLocal(**{**PAPER, "local_blocks": ()}, global_path="focal")
    strips = [
        model.get_layer(f"block_{block}_convolution_{number}").num_strips for block in (1, 2, 3) for number in (1, 2)
    ]
    assert strips == [1, 1, 4, 4, 8, 8]


def test_the_releases_focal_convolutions_rectify_twice():
    slopes = {
        preset: {
            layer.negative_slope
            for layer in ThreeDLocal(**options, global_path="focal").layers
            if layer.name.startswith("block_") and layer.name.endswith("convolution_1_relu")
        }
        for preset, options in (("paper", {**PAPER, "local_blocks": ()}), ("release", {**RELEASE, "local_blocks": ()}))
    }
    assert slopes == {"paper": {0.01}, "release": {1e-4}}


PART_NAMES = ["head", "left_arm", "right_arm", "torso", "left_leg", "right_leg"]


@pytest.mark.parametrize(
    ("options", "part_names", "blocks"),
    [
        (ALL_BLOCKS, PART_NAMES, {"block_1": (32, 22), "block_2": (16, 11), "block_3": (8, 5)}),
        (
            {**RELEASE, "parts": RELEASE_PARTS},
            ["head", "torso", "left_arm", "right_arm", "left_leg", "right_leg"],
            {"block_3": (8, 5)},
        ),
    ],
    ids=["paper", "release"],
)
@pytest.mark.slow
def test_six_parts_are_located_in_every_block(options, part_names, blocks):
    model = ThreeDLocal(**options)
    located = located_parts(model)(random_walks(6))
    assert {block: list(parts) for block, parts in located.items()} == dict.fromkeys(blocks, part_names)
    for block, (height, width) in blocks.items():
        for name, location in located[block].items():
            assert location.shape == (2, 8) and location.dtype == "float32"
            prior, place = model.get_layer(f"{block}_{name}").prior, Location.unstack(location)
            # Before training raw numbers are below 0.1 (in the release as long as its last BN has seen no batch).
            edge = 0.5 if options is ALL_BLOCKS else 0  # the paper's centre c W - 1/2
            np.testing.assert_allclose(place.center_x, prior.center_x * width - edge, atol=0.1 * width / 2)
            np.testing.assert_allclose(place.center_y, prior.center_y * height - edge, atol=0.1 * height / 2)
            np.testing.assert_allclose(place.stride_x, prior.width, rtol=0.11)


def test_parts_are_located_frame_by_frame_where_the_model_is_per_frame():
    located = located_parts(ThreeDLocal(**PAPER, per_frame=True))(random_walks(6))
    shapes = {name: tuple(location.shape) for name, location in located["block_3"].items()}
    assert shapes == {"head": (2, 6, 8), "left_arm": (2, 6, 8)}


def test_the_located_volume_is_available_by_the_name_of_its_layer():
    model = ThreeDLocal(**PAPER)
    path = model.get_layer("block_3_left_arm").outputs
    features, location, volume = path["features"], path["location"], path["volume"]
    inner = keras.Model(model.input, [model.get_layer("block_2_pooling").output, features, location, volume])
    block_input, features, location, volume = inner(random_walks())
    assert features.shape == (2, 3, 8, 5, 4)
    np.testing.assert_allclose(MixtureSampler3D()(block_input, location), volume, rtol=0, atol=1e-6)


@pytest.mark.parametrize("options", [PAPER, RELEASE, {**PAPER, "local_blocks": (1, 2, 3), "per_frame": True}], ids=str)
def test_with_identity_fusions_a_model_starts_as_its_global_path(options):
    alone = randomize(ThreeDLocal(**{**options, "local_blocks": ()}))
    model = ThreeDLocal(**options, fusion_start="identity", registered=True, path_dropout=0.5, location_jitter=0.1)
    for layer in alone.layers:
        model.get_layer(layer.name).set_weights(layer.get_weights())
    walks = random_walks(5)
    np.testing.assert_array_equal(model(walks)["embedding"], alone(walks)["embedding"])


@pytest.mark.parametrize("options", [PAPER, RELEASE, {**PAPER, "local_blocks": (1, 3), "num_classes": 3}], ids=str)
def test_part_strips_append_features_of_each_local_path_to_those_of_the_body(options):
    without, model = ThreeDLocal(**options), ThreeDLocal(**options, part_strips=2)
    num_strips, channels = without.output["part_features"].shape[1:]
    paths = [layer for layer in model.layers if isinstance(layer, LocalPath)]
    assert model.output["part_features"].shape == (None, num_strips + 2 * len(paths), channels)
    for layer in without.layers:
        if layer.name != "compact_block":  # it reads all features
            model.get_layer(layer.name).set_weights(layer.get_weights())
    walks = random_walks()
    strips, together = (m(walks)["part_features"] for m in (without, model))
    np.testing.assert_array_equal(together[:, :num_strips], strips)


@pytest.mark.slow
def test_without_fusion_the_strips_are_those_of_the_global_path_and_part_strips_train_the_parts():
    options = {**PAPER, "compact_channels": 0}
    alone = randomize(ThreeDLocal(**{**options, "local_blocks": ()}))
    model = randomize(ThreeDLocal(**options, fusion=False, part_strips=1))
    for layer in alone.layers:
        model.get_layer(layer.name).set_weights(layer.get_weights())
    walks, num_strips = random_walks(5), alone.output["part_features"].shape[1]
    np.testing.assert_array_equal(model(walks)["part_features"][:, :num_strips], alone(walks)["part_features"])
    with tf.GradientTape() as tape:
        of_the_parts = tf.reduce_sum(model(walks)["part_features"][:, num_strips:] ** 2)
    moved = tape.gradient(of_the_parts, model.trainable_weights)
    without = {w.path for w, g in zip(model.trainable_weights, moved, strict=True) if g is None or not np.any(g)}
    without = {path for path in without if "localization" not in path}  # random weights saturate some locations
    assert {path.split("/")[0].rstrip("12") for path in without} == {
        "block_3_convolution_",  # only localization reads block 3, and gives it no gradient
        "micro_motion_pooling",
        "part_features",
    }


def test_the_recommended_preset_reads_whole_clips_after_block_3_and_leaves_the_global_path_as_it_is():
    arguments = {**ALL_BLOCKS, "preset": "recommended", "compact_channels": 0}
    model, alone = ThreeDLocal(**arguments), ThreeDLocal(**arguments, local_blocks=())
    paths = [layer for layer in model.layers if isinstance(layer, LocalPath)]
    assert [path.name for path in paths] == [f"block_3_{part.name}" for part in PAPER_PARTS]
    assert {path.prior.length for path in paths} == {1.0}
    walks, num_strips = random_walks(), ALL_BLOCKS["num_strips"]
    together, strips = model(walks)["embedding"], alone(walks)["embedding"]
    assert together.shape[1] == num_strips + 6
    np.testing.assert_array_equal(together[:, :num_strips], strips)  # the same seed gives the same initial weights
    assert ThreeDLocal(**{**arguments, "compact_channels": None}, num_classes=3).output["embedding"].shape == (
        None,
        256,
    )


def test_feature_norm_gives_the_directions_of_features_from_their_mean_over_the_training():
    options = {**PAPER, "preset": "recommended", "compact_channels": 0}
    plain, model = randomize(ThreeDLocal(**options)), ThreeDLocal(**options, feature_norm=True)
    for layer in plain.layers:
        model.get_layer(layer.name).set_weights(layer.get_weights())
    walks = random_walks(batch=6)
    batch = plain(walks, training=True)["part_features"].numpy()
    expected = directions((batch - batch.mean(axis=0)) / np.sqrt(batch.var(axis=0) + 1e-5))
    assert relative_error(model(walks, training=True)["part_features"], expected) < 1e-4

    features = plain(walks)["part_features"].numpy()
    mean, spread = features.mean(axis=0), features.std(axis=0) + 0.1
    num_strips = options["num_strips"]
    for name, chosen in {"": slice(num_strips), "block_3_": slice(num_strips, None)}.items():
        centre, variance = mean[chosen].ravel(), spread[chosen].ravel() ** 2 - 1e-5
        norm = model.get_layer(f"{name}feature_norm")
        norm.set_weights([np.ones_like(centre), np.zeros_like(centre), centre, variance])
    outputs = model(walks)
    assert relative_error(outputs["embedding"], directions((features - mean) / spread)) < 1e-5
    np.testing.assert_array_equal(outputs["embedding"], outputs["part_features"])


def test_with_feature_norm_the_global_path_fits_the_network_with_parts():
    options = {**ALL_BLOCKS, "preset": "recommended", "compact_channels": 0, "feature_norm": True}
    alone, model = ThreeDLocal(**options, local_blocks=()), ThreeDLocal(**options)
    for layer in randomize(alone).layers:
        model.get_layer(layer.name).set_weights(layer.get_weights())
    walks, num_strips = random_walks(), ALL_BLOCKS["num_strips"]
    np.testing.assert_array_equal(model(walks)["embedding"][:, :num_strips], alone(walks)["embedding"])


def directions(vectors):
    return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)


def test_the_distances_of_all_parts_from_their_priors_are_an_output_if_asked_for():
    model = ThreeDLocal(**{**PAPER, "local_blocks": (2, 3)}, prior_distances=True)
    assert "prior_distances" not in ThreeDLocal(**PAPER).output
    distances = model(random_walks())["prior_distances"]
    assert distances.shape == (2, 4) and distances.dtype == "float32" and np.all(distances < 0.01)


def test_the_embedding_model_gives_the_one_tensor_that_is_compared():
    model, walks = ThreeDLocal(**{**PAPER, "local_blocks": ()}, num_classes=3), random_walks()
    np.testing.assert_array_equal(embedding_model(model)(walks), model(walks)["embedding"])
    bare = keras.Model(model.input, model.output["embedding"], name="bare")
    with pytest.raises(ValueError, match="The model 'bare' has no output \"embedding\""):
        embedding_model(bare)


@both_presets
def test_no_gradient_reaches_the_global_path_through_localization(options):
    """Without the fusion's weights for it, only localization reads block 3's global map, which gets no gradient."""
    model = ThreeDLocal(**options)
    fusion, path = model.get_layer("block_3_fusion"), model.get_layer("block_3_head")
    global_map, block_input = model.get_layer("block_3_convolution_2"), model.get_layer("block_2_convolution_2")

    def gradients():
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(model(random_walks())["part_features"] ** 2)
        weights = [global_map.kernel.value, block_input.kernel.value, path.localization.fc6.kernel.value]
        return [bool(np.any(gradient)) for gradient in tape.gradient(loss, weights)]

    assert gradients() == [True, True, True]
    fusion.kernel.assign(fusion.kernel.numpy() * (np.arange(fusion.kernel.shape[-2]) >= 8)[:, None])
    assert gradients() == [False, True, True]


@both_presets
def test_empty_silhouettes_have_finite_outputs_and_gradients(options):
    model = ThreeDLocal(**options)
    with tf.GradientTape() as tape:
        outputs = model(np.zeros((2, 3, 32, 22, 1), "float32"), training=True)
        loss = sum(tf.reduce_sum(value**2) for value in outputs.values())
    assert np.isfinite(loss)
    gradients = tape.gradient(loss, [weight.value for weight in model.trainable_weights])
    assert all(np.isfinite(gradient).all() for gradient in gradients)


@pytest.mark.slow
def test_the_same_seed_gives_the_same_model_and_no_two_weights_start_alike():
    first, second = (ThreeDLocal(**{**ALL_BLOCKS, "compact_channels": 16}, num_classes=3) for _ in range(2))
    for own, same in zip(first.weights, second.weights, strict=True):
        np.testing.assert_array_equal(own, same)
    starts = {}
    for weight in first.trainable_weights:
        if "kernel" in weight.path and np.prod(weight.shape) >= 8:
            # Weights from one seed are multiples of each other, however different their shapes.
            start = weight.numpy().ravel()[:8]
            starts.setdefault(tuple((start / start[0]).round(3)), []).append(weight.path)
    assert [paths for paths in starts.values() if len(paths) > 1] == []


@pytest.mark.bad_input
@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"preset": "seed"}, 'preset must be "paper" or "release" or "recommended"; got .seed.'),
        ({"local_blocks": (1, 4)}, r"local_blocks must be a list of whole numbers from 1 to 3, .*; got \(1, 4\)"),
        ({"global_path": "fconv"}, 'global_path must be "plain" or "focal"; got \'fconv\''),
        (
            {"preset": "release", "num_classes": 3},
            r"num_classes adds a classifier .* compact_channels is 0 here. Set compact_channels",
        ),
        ({"input_shape": (None, 64, None, 1)}, r"fixed height and width of 4 to 4096; got \(None, 64, None, 1\)"),
        ({"input_shape": (64, 44, 1)}, r"fixed height and width of 4 to 4096; got \(64, 44, 1\)"),
        ({"channels": (32, 64)}, r"channels must be 3 whole numbers from 1 to 4096, one per block; got \(32, 64\)"),
        (
            {"input_shape": (None, 32, 22, 1), "local_blocks": ()},
            "num_strips is 16 and must divide the 8 rows of the last map",
        ),
        ({"sampler": "nearest"}, "sampler must be .*; got 'nearest'"),
        ({"geometry": "seed"}, 'geometry must be "paper" or "release"; got \'seed\''),
        ({"parts": ()}, "a list of at least one part prior; got"),
    ],
)
def test_what_cannot_be_built_raises_with_a_solution(options, message):
    with pytest.raises(ValueError, match=message):
        ThreeDLocal(**options)


def test_a_model_without_local_paths_has_no_parts_to_locate():
    with pytest.raises(ValueError, match="'three_d_local' has no local paths"):
        located_parts(ThreeDLocal(**{**PAPER, "local_blocks": ()}))
