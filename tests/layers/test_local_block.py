"""Local paths and their fusion: localization, sampling and features together, for any parts."""

import math

import keras
import numpy as np
import pytest
import tensorflow as tf
from layer_tools import randomize
from references.layer_loops import convolution_by_hand
from references.sampler_loops import sample_by_hand

from tf3dlocal.layers import (
    PAPER_PARTS,
    RELEASE_PARTS,
    LocalizationNetwork,
    LocalPath,
    Location,
    PartPrior,
    VolumeConvolution,
    decode_location,
    local_block,
)
from tf3dlocal.layers.local.location import prior_distance
from tf3dlocal.layers.local.location_noise import LocationNoise

HEIGHT, WIDTH = 8, 6
WHOLE = [PartPrior("whole", 1, 1, 1, 0.5, 0.5, 0.5)]
QUADRANTS = [
    {"name": f"{row}_{column}", "height": 0.5, "width": 0.5, "length": 1, "center_x": x, "center_y": y, "center_t": 0.5}
    for row, y in (("upper", 0.25), ("lower", 0.75))
    for column, x in (("left", 0.25), ("right", 0.75))
]


def random_map(channels, frames=3, batch=2, seed=0):
    return np.random.default_rng(seed).uniform(size=(batch, frames, HEIGHT, WIDTH, channels)).astype("float32")


def block_model(parts=PAPER_PARTS, input_channels=4, channels=8, **arguments):
    """block_input -> 3x3 global convolution -> local block, as a functional model."""
    block_input = keras.Input((None, HEIGHT, WIDTH, input_channels))
    global_map = VolumeConvolution(channels, kernel_size=(1, 3, 3), seed=1, name="global")(block_input)
    return keras.Model(block_input, local_block(block_input, global_map=global_map, parts=parts, seed=0, **arguments))


@pytest.mark.parametrize("geometry", ["paper", "release"])
@pytest.mark.parametrize("sampler", ["mixture", "gaussian", "trilinear"])
def test_a_path_localizes_samples_and_reads_as_the_formulas_say(sampler, geometry):
    release = geometry == "release"
    part = RELEASE_PARTS[0] if release else PAPER_PARTS[0]
    path = LocalPath(part, channels=3, hidden_channels=2, sampler=sampler, geometry=geometry, num_convolutions=2)
    block_input, global_map = random_map(4), random_map(8, seed=1)
    path.build(block_input.shape, global_map.shape)
    randomize(path)
    found = {name: value.numpy() for name, value in path(block_input, global_map).items()}

    raw = path.localization(global_map).numpy().astype("float64")
    assert raw.shape == (2, 7 if release else 8)
    location = decode_location(raw, part, (3, HEIGHT, WIDTH), geometry=geometry)
    if release and sampler == "mixture":
        location = location._replace(center_t=np.tanh(location.center_t) * 3 / 2 + round(3 / 2))  # decoded twice
    places = location.stack().numpy()
    np.testing.assert_allclose(found["location"], places, rtol=1e-5)
    # The release's head is one row high and 6 x 4/11 columns wide here: round(6 x 1 / (6 x 4/11)) rows.
    num_rows = 3 if release else None
    volumes = [
        sample_by_hand(clip.astype("float64"), place, sampler, num_rows, geometry)
        for clip, place in zip(block_input, places, strict=True)
    ]
    # A location good to 1e-5 of ten cells, read with a slope of up to 1 / sigma, sigma being 0.1 and more.
    np.testing.assert_allclose(found["volume"], volumes, rtol=0, atol=1e-3)
    for clip, features in zip(found["volume"], found["features"], strict=True):
        for convolution in path.convolutions:
            clip = np.maximum(convolution_by_hand(clip, convolution.kernel.numpy()), 0)
        np.testing.assert_allclose(features, clip, rtol=0, atol=1e-5)


def test_the_releases_grids_have_the_rows_of_the_authors_code():
    """On a map of 16 x 11 the published code samples 6, 9, 11, 11, 13 and 13 rows; 5.5 rounds to the even 6."""
    rows = []
    for part in RELEASE_PARTS:
        path = LocalPath(part, channels=0, hidden_channels=1, geometry="release", sampler="gaussian")
        path.build((None, None, 16, 11, 1), (None, None, 16, 11, 2))
        rows.append(path.sampler.num_rows)
    assert rows == [6, 9, 11, 11, 13, 13]


@pytest.mark.bad_input
@pytest.mark.parametrize(
    ("part", "message"),
    [
        (PAPER_PARTS[3], "torso samples 29 rows, but the map has only 16. The part 'torso' is too tall"),
        (PAPER_PARTS[3]._replace(height=1e-3), "torso samples 0 rows, .* The part 'torso' is too flat"),
    ],
)
def test_a_part_too_narrow_for_the_releases_geometry_is_refused_when_the_model_is_built(part, message):
    block_input = keras.Input((None, 16, 11, 4))
    with pytest.raises(ValueError, match=message):
        local_block(block_input, global_map=block_input, parts=[part], geometry="release")


@pytest.mark.parametrize("frames", [30, 31, 33])
@pytest.mark.parametrize("raw", [-2.0, -1.0, 0.0, 1.0])
def test_the_releases_mixture_decodes_the_centre_in_time_twice(raw, frames):
    """tanh(dt) T/2 + T/2, then tanh of that, T/2 of it and round(T/2), a half to the even number."""
    path = LocalPath(PAPER_PARTS[0], channels=0, hidden_channels=1, geometry="release", sampler="mixture")
    numbers = np.array([[0, 0, raw, 0, 0, 0, 0]], "float32")
    once = math.tanh(raw) * frames / 2 + frames / 2
    expected = math.tanh(once) * frames / 2 + round(frames / 2)
    found = Location.unstack(path.decode(numbers, (frames, HEIGHT, WIDTH))).center_t
    np.testing.assert_allclose(found, [expected], rtol=1e-5)


@pytest.mark.parametrize(("sampler", "geometry"), [("gaussian", "release"), ("mixture", "paper")])
def test_no_other_path_decodes_it_twice(sampler, geometry):
    path = LocalPath(PAPER_PARTS[0], channels=0, hidden_channels=1, geometry=geometry, sampler=sampler)
    for frames in (30, 31, 33):
        raw = np.zeros((1, path.localization.num_outputs), "float32")
        center = Location.unstack(path.decode(raw, (frames, HEIGHT, WIDTH))).center_t
        np.testing.assert_allclose(center, [frames / 2 - (0.5 if geometry == "paper" else 0)], rtol=1e-6)


@pytest.mark.parametrize("geometry", ["paper", "release"])
def test_every_raw_number_of_a_location_learns_from_the_features(geometry):
    part = PartPrior("part", 0.5, 0.6, 0.5, 0.45, 0.45, 0.4)
    path = LocalPath(part, channels=4, hidden_channels=2, geometry=geometry, sampler="gaussian", seed=0)
    block_input, global_map = random_map(4, frames=5), random_map(8, frames=5, seed=1)
    with tf.GradientTape() as tape:
        features = path(block_input, global_map)["features"]
        loss = tf.reduce_sum(features * random_map(4, frames=5, seed=2))
    assert np.all(tape.gradient(loss, path.localization.fc6.bias.value) != 0)


def test_without_feature_extraction_a_path_returns_the_sampled_volume():
    path = LocalPath(PAPER_PARTS[0], channels=0, hidden_channels=2)
    outputs = path(random_map(4), random_map(8))
    np.testing.assert_array_equal(outputs["features"], outputs["volume"])
    assert not path.convolutions


@pytest.mark.parametrize("per_frame", [False, True])
def test_a_path_returns_its_location_in_cells_of_the_block_input(per_frame):
    path = LocalPath(WHOLE[0], channels=2, hidden_channels=2, per_frame=per_frame, seed=0)
    location = path(random_map(4), random_map(8))["location"].numpy()
    assert location.shape == ((2, 3, 8) if per_frame else (2, 8))
    # Raw numbers start near zero (below 0.1, see the localization network): the grid covers the whole map.
    np.testing.assert_allclose((location[..., 0] + 0.5) / WIDTH, 0.5, atol=0.05)
    np.testing.assert_allclose(location[..., 3:5], 1, rtol=0.11)


@pytest.mark.parametrize(
    ("parts", "names"),
    [
        (PAPER_PARTS, ["head", "left_arm", "right_arm", "torso", "left_leg", "right_leg"]),
        (PAPER_PARTS[:1], ["head"]),
        (WHOLE, ["whole"]),
        (QUADRANTS, ["upper_left", "upper_right", "lower_left", "lower_right"]),
    ],
)
def test_any_parts_make_a_block(parts, names):
    model = block_model(parts, name="block")
    paths = [layer for layer in model.layers if isinstance(layer, LocalPath)]
    assert [path.name for path in paths] == [f"block_{name}" for name in names]
    # C/2 = 4 channels from every path and the C = 8 of the global one, and back to 8.
    assert [each.shape[-1] for each in model.get_layer("block_fusion").input] == [8] + [4] * len(names)
    assert model.get_layer("block_fusion").kernel.shape == (1, 1, 1, 8 + 4 * len(names), 8)
    assert {path.localization.conv1.filters for path in paths} == {2}  # C/4
    fused = model(random_map(4)).numpy()
    assert fused.shape == (2, 3, HEIGHT, WIDTH, 8) and np.isfinite(fused).all() and (fused >= 0).all()


def test_six_parts_quadruple_the_channels_and_the_fusion_brings_them_back():
    assert block_model(channels=8, name="block").get_layer("block_fusion").kernel.shape[-2:] == (4 * 8, 8)


def test_the_fusion_is_a_relu_of_one_matrix_over_global_map_and_parts():
    model = block_model(QUADRANTS, name="block")
    inner = keras.Model(
        model.input,
        {
            "global": model.get_layer("global").output,
            "fused": model.output,
            "parts": [model.get_layer(f"block_{part['name']}").outputs["features"] for part in QUADRANTS],
        },
    )
    found = inner(random_map(4))
    joined = np.concatenate([found["global"], *found["parts"]], axis=-1)
    expected = np.maximum(joined @ model.get_layer("block_fusion").kernel.numpy()[0, 0, 0], 0)
    np.testing.assert_allclose(found["fused"], expected, rtol=0, atol=1e-5)


def test_a_fusion_that_starts_as_identity_returns_the_global_map_and_grows_from_there():
    """Negative values too, which the LeakyReLU of a global path lets through; after one step every path learns."""
    model = block_model(QUADRANTS, name="block", fusion_start="identity")
    both = keras.Model(model.input, [model.get_layer("global").output, model.output])
    global_map, fused = both(random_map(4))
    np.testing.assert_array_equal(fused, global_map)
    assert np.any(global_map < 0)
    local = [variable for path in model.layers if isinstance(path, LocalPath) for variable in path.trainable_variables]
    target = random_map(8, seed=3)
    for gradients_reach_local_paths in (False, True):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.square(model(random_map(4), training=True) - target))
        fusion = model.get_layer("block_fusion").kernel
        gradients = tape.gradient(loss, [fusion.value, *(variable.value for variable in local)])
        assert np.all(gradients[0] != 0)
        assert all(bool(np.any(gradient != 0)) == gradients_reach_local_paths for gradient in gradients[1:])
        fusion.assign_sub(0.1 * gradients[0])


def test_an_unknown_start_of_the_fusion_raises():
    with pytest.raises(ValueError, match="fusion_start must be .random. or .identity.; got 'eye'"):
        block_model(WHOLE, fusion_start="eye")


@pytest.mark.parametrize("per_frame", [False, True])
def test_a_part_is_left_out_of_whole_clips_in_training_only(per_frame):
    path = LocalPath(PAPER_PARTS[3], channels=3, hidden_channels=2, dropout=0.4, per_frame=per_frame, seed=0)
    block_input, global_map = random_map(4, batch=64), random_map(8, batch=64, seed=1)
    kept = path(block_input, global_map)["features"].numpy()
    trained = path(block_input, global_map, training=True)["features"].numpy()
    is_left_out = ~trained.any(axis=(1, 2, 3, 4))
    assert 0.2 < is_left_out.mean() < 0.6 and kept.any(axis=(1, 2, 3, 4)).all()
    again = path(block_input, global_map, training=True)["features"].numpy()
    assert np.any(is_left_out != ~again.any(axis=(1, 2, 3, 4)))


def test_a_part_that_is_not_left_out_counts_for_the_others():
    noise = LocationNoise(dropout=0.75, seed=1)
    location = np.tile(np.arange(1, 9, dtype="float32"), (4000, 1))
    found = noise(location, size=(3, 8, 6), training=True).numpy()
    np.testing.assert_array_equal(found[:, :7], location[:, :7])
    assert set(found[:, 7]) == {0.0, 32.0}
    np.testing.assert_allclose(found[:, 7].mean(), 8, rtol=0.1)


def test_the_jitter_of_a_centre_is_a_share_of_the_parts_extent_and_one_draw_per_clip():
    noise = LocationNoise(jitter=0.1, seed=1)
    location = np.tile(np.array([3, 4, 1, 0.5, 0.25, 1, 0.1, 0.9], "float32"), (4000, 3, 1))
    found = noise(location, size=(3, 8, 6), training=True).numpy()
    np.testing.assert_array_equal(found, np.repeat(found[:, :1], 3, axis=1))
    moves = found[:, 0, :3] - location[:, 0, :3]
    np.testing.assert_allclose(moves.std(axis=0), [0.1 * 0.5 * 6, 0.1 * 0.25 * 8, 0.1 * 1 * 3], rtol=0.05)
    np.testing.assert_allclose(moves.mean(axis=0), 0, atol=0.01)
    np.testing.assert_array_equal(found[..., 3:], location[..., 3:])
    np.testing.assert_array_equal(noise(location, size=(3, 8, 6)), location)


@pytest.mark.parametrize("geometry", ["paper", "release"])
def test_the_distance_from_the_prior_is_zero_on_it_and_counts_moves_and_strides(geometry):
    part = RELEASE_PARTS[0] if geometry == "release" else PAPER_PARTS[0]
    size = (3, HEIGHT, WIDTH)
    start = decode_location(np.zeros(7 if geometry == "release" else 8, "float32"), part, size, geometry=geometry)
    moved = Location(*(np.full((2, 3), field, "float32") for field in start))
    assert prior_distance(moved, start, size).shape == (2,)
    np.testing.assert_allclose(prior_distance(moved, start, size), 0, atol=1e-12)
    moved = moved._replace(center_x=moved.center_x + 0.1 * WIDTH, stride_t=moved.stride_t * np.exp(-0.2))
    np.testing.assert_allclose(prior_distance(moved, start, size), (0.1**2 + 0.2**2) / 6, rtol=1e-4)
    path = LocalPath(part, channels=2, hidden_channels=2, geometry=geometry, sampler="gaussian")
    found = path(random_map(4), random_map(8))
    expected = prior_distance(Location.unstack(found["location"]), start, size)
    np.testing.assert_allclose(found["prior_distance"], expected, rtol=1e-5)


@pytest.mark.parametrize("per_frame", [False, True])
def test_a_batch_normalization_of_the_raw_numbers_can_be_added_to_the_papers_geometry(per_frame):
    path = LocalPath(PAPER_PARTS[0], channels=2, hidden_channels=2, output_norm=True, per_frame=per_frame)
    path.build((None, 3, HEIGHT, WIDTH, 4), (None, 3, HEIGHT, WIDTH, 8))
    randomize(path)
    raw = path.localization(random_map(8, batch=16), training=True).numpy().reshape(-1, 8)
    norm = path.localization.output_norm
    spread = raw[:, 3].std() / abs(norm.gamma.numpy()[3])  # a stride: offsets are smoothed, times averaged per frame
    np.testing.assert_allclose(spread, 1, atol=0.05)
    assert LocalPath(PAPER_PARTS[0], channels=2, hidden_channels=2).localization.output_norm is None


def test_channels_of_paths_and_localization_can_be_chosen():
    model = block_model(WHOLE, name="block", part_channels=5, hidden_channels=3)
    path = model.get_layer("block_whole")
    assert (path.channels, path.localization.conv1.filters) == (5, 3)
    assert model.get_layer("block_fusion").kernel.shape[-2] == 8 + 5


@pytest.mark.parametrize("channels", [1, 2, 3])
def test_a_map_of_few_channels_still_gets_paths_that_extract_features(channels):
    model = block_model(WHOLE, channels=channels, name="block")
    path = model.get_layer("block_whole")
    assert (path.channels, path.localization.conv1.filters) == (1, 1) and len(path.convolutions) == 1


def test_initial_weights_differ_between_paths_and_the_same_seed_gives_the_same():
    first, second = block_model(QUADRANTS, name="block"), block_model(QUADRANTS, name="block")
    for own, same in zip(first.weights, second.weights, strict=True):
        np.testing.assert_array_equal(own, same)
    paths = [first.get_layer(f"block_{part['name']}") for part in QUADRANTS]
    starts = [
        tuple(kernel.numpy().ravel()[:4])
        for path in paths
        for kernel in (path.localization.conv2.kernel, path.localization.conv4.kernel, path.convolutions[0].kernel)
    ]
    assert len(set(starts)) == len(starts)


def test_parts_must_have_different_names():
    with pytest.raises(ValueError, match=r"each with its own name; got \['whole', 'whole'\]"):
        block_model([*WHOLE, *WHOLE])
    with pytest.raises(ValueError, match=r"needs at least one part, each with its own name; got \[\]"):
        block_model([])


def test_both_maps_of_a_path_must_be_of_one_size():
    path = LocalPath(PAPER_PARTS[0], channels=2, hidden_channels=1)
    with pytest.raises(ValueError, match=r"the same height and width; got \(8, 6\) and \(4, 3\)"):
        path(random_map(4), random_map(8)[:, :, ::2, ::2])


@pytest.mark.bad_input
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"sampler": "nearest"}, "Unknown sampler 'nearest'. Known names: 'gaussian', 'trilinear', 'mixture'"),
        ({"geometry": "seed"}, "geometry must be .paper. or .release.; got 'seed'"),
        ({"prior": ("head", -1, 1, 1, 0.5, 0.5, 0.5)}, "extents of part 'head' must be positive"),
        ({"hidden_channels": 0}, "at least one filter; got 0"),
        ({"jitter": -0.1}, "jitter must be a share of the part's extent of at least 0; got -0.1"),
        ({"dropout": 1}, "dropout must be a share from 0 to less than 1; got 1"),
        ({"channels": -1}, "channels must be a whole number of at least 0; got -1"),
        ({"num_convolutions": 0}, "num_convolutions must be a whole number of at least 1; got 0"),
        ({"clip_length": 0}, "clip_length must be a whole number of at least 1; got 0"),
        ({"geometry": "release", "per_frame": True}, "per frame need geometry=.paper."),
    ],
)
def test_wrong_arguments_of_a_path_raise(arguments, message):
    with pytest.raises(ValueError, match=message):
        LocalPath(**{"prior": PAPER_PARTS[0], "channels": 2, "hidden_channels": 1, **arguments})


def test_a_path_passes_its_arguments_to_its_localization_network():
    path = LocalPath(PAPER_PARTS[0], channels=2, hidden_channels=3, geometry="release", tied_strides=False)
    assert isinstance(path.localization, LocalizationNetwork)
    assert (path.localization.geometry, path.localization.num_outputs) == ("release", 8)
