"""Where a model locates the parts of one walk; the boxes drawn from that are the grids that it samples."""

import keras
import numpy as np
import pytest

from tf3dlocal.layers import PAPER_PARTS, RELEASE_PARTS, Location, sampling_grid
from tf3dlocal.models import ThreeDLocal, located_parts, part_geometry
from tf3dlocal.visualization import draw_part_boxes
from tf3dlocal.visualization.box_geometry import FIELDS, part_box

pytestmark = pytest.mark.slow  # whole models are traced

WALK = np.random.default_rng(0).integers(0, 2, (12, 64, 44), np.uint8) * np.uint8(255)
PARTS = ["head", "left_arm", "right_arm", "torso", "left_leg", "right_leg"]


def small_model(**arguments):
    return ThreeDLocal(**{"channels": (4, 6, 8), "embedding_channels": 4, "seed": 0, **arguments})


@pytest.mark.slow
def test_the_locations_are_those_of_located_parts_and_the_keys_those_of_the_drawing():
    model = small_model(local_blocks=(2, 3))
    geometry = part_geometry(model, silhouettes=WALK)
    found = located_parts(model)(WALK[None, ..., None] / np.float32(255))
    assert list(geometry["located"]) == ["block_2", "block_3"]
    for block, parts in geometry["located"].items():
        assert list(parts) == PARTS  # in the order of the priors
        for part, location in parts.items():
            np.testing.assert_allclose(location, np.asarray(found[block][part])[0], rtol=1e-5)
    assert geometry["map_sizes"] == {"block_2": (32, 22), "block_3": (16, 11)}
    assert (geometry["num_rows"], geometry["geometry"]) == ({"block_2": {}, "block_3": {}}, "paper")
    assert len(draw_part_boxes(WALK, **geometry).axes) == 2 * 6


def test_the_priors_are_those_of_the_table_in_cells():
    head = part_geometry(small_model(local_blocks=(3,)), silhouettes=WALK)["priors"]["block_3"]["head"]
    # Centres c W - 1/2: on 11 columns the middle one is column 5.
    np.testing.assert_allclose(head, [5, 1 - 1 / 2, 6 - 1 / 2, 3 / 11, 1 / 8, 1 / 3, 0.1, 0.5], rtol=1e-6)


def test_prior_boxes_are_drawn_where_the_table_has_them_in_every_block():
    """A prior of width p and centre c covers c - p/2 .. c + p/2 of the silhouette; pixel 0 begins at -1/2."""
    geometry = part_geometry(small_model(), silhouettes=WALK)
    for block, parts in geometry["priors"].items():
        for prior in PAPER_PARTS:
            box = part_box(
                parts[prior.name], map_size=geometry["map_sizes"][block], picture_size=(64, 44), num_frames=len(WALK)
            )
            edges = [float(edge[0]) for edge in (box.left, box.right, box.top, box.bottom)]
            expected = [
                (center + side * extent / 2) * size - 1 / 2
                for center, extent, size in ((prior.center_x, prior.width, 44), (prior.center_y, prior.height, 64))
                for side in (-1, 1)
            ]
            np.testing.assert_allclose(edges, expected, atol=1e-4, err_msg=f"{block} {prior.name}")


def test_an_untrained_model_looks_about_where_its_priors_are():
    geometry = part_geometry(small_model(), silhouettes=WALK)
    for block, parts in geometry["located"].items():
        for part, location in parts.items():
            np.testing.assert_allclose(location, geometry["priors"][block][part], rtol=0.05, atol=1)  # within a cell


@pytest.mark.parametrize("sampler", ["gaussian", "mixture"])
def test_the_release_has_fewer_rows_and_its_own_geometry(sampler):
    geometry = part_geometry(small_model(preset="release", sampler=sampler), silhouettes=WALK)
    assert geometry["geometry"] == "release"
    expected = {part.name: round(part.height * 16 / part.width) for part in RELEASE_PARTS}
    assert geometry["num_rows"] == {"block_3": expected}
    assert expected["head"] == 6


def test_the_mixture_of_the_release_looks_at_the_end_of_the_clip_as_the_authors_code_does():
    odd = WALK[:11]
    centers = [
        part_geometry(small_model(preset="release", sampler=sampler), silhouettes=odd)["priors"]["block_3"]["head"][2]
        for sampler in ("gaussian", "mixture")
    ]
    # The second decoding starts from round(5.5), 6, and moves by half a clip, for tanh(5.5) is all but one.
    assert centers == pytest.approx([5.5, 6 + np.tanh(5.5) * 5.5])


def test_locations_per_frame_come_per_frame():
    geometry = part_geometry(small_model(local_blocks=(3,), per_frame=True), silhouettes=WALK)
    assert geometry["located"]["block_3"]["head"].shape == (12, 8)
    assert geometry["priors"]["block_3"]["head"].shape == (8,)
    draw_part_boxes(WALK, **geometry)


@pytest.mark.parametrize("preset", ["paper", "release"])
def test_a_box_reaches_half_a_stride_beyond_the_outermost_points_that_are_sampled(preset):
    geometry = part_geometry(small_model(preset=preset, local_blocks=(3,)), silhouettes=WALK)
    height, width = geometry["map_sizes"]["block_3"]
    for part, numbers in geometry["located"]["block_3"].items():
        rows = geometry["num_rows"]["block_3"].get(part)
        box = part_box(
            numbers,
            map_size=(height, width),
            picture_size=(64, 44),
            num_frames=len(WALK),
            num_rows=rows,
            geometry=geometry["geometry"],
        )
        location = Location.unstack(numbers)
        axes = (("x", width, box.left, box.right), ("y", rows or height, box.top, box.bottom))
        for axis, count, begin, end in axes:
            center, stride = getattr(location, f"center_{axis}"), getattr(location, f"stride_{axis}")
            points = np.asarray(sampling_grid(center, stride, count, geometry=geometry["geometry"]))
            cells = (np.array([begin[0], end[0]]) + 0.5) / 4 - 0.5
            np.testing.assert_allclose(cells, [points[0] - stride / 2, points[-1] + stride / 2], atol=1e-4)
        frames = np.asarray(
            sampling_grid(location.center_t, location.stride_t, len(WALK), geometry=geometry["geometry"])
        )
        between = np.arange(len(WALK))
        np.testing.assert_array_equal(
            box.read, (frames[0] - location.stride_t / 2 <= between) & (between <= frames[-1] + location.stride_t / 2)
        )


def test_a_location_has_the_same_fields_in_layers_and_pictures():
    assert Location._fields == FIELDS


def test_a_model_read_from_disk_has_the_same_geometry(tmp_path):
    model = small_model(local_blocks=(3,))
    model.save(tmp_path / "model.keras")
    read = keras.saving.load_model(tmp_path / "model.keras", compile=False)
    expected, found = part_geometry(model, silhouettes=WALK), part_geometry(read, silhouettes=WALK)
    keras.tree.map_structure(
        lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5), expected["located"], found["located"]
    )
    assert expected["map_sizes"] == found["map_sizes"]


@pytest.mark.bad_input
@pytest.mark.parametrize("shape", [(12, 64, 64), (1, 12, 64, 44), (64, 44)])
def test_silhouettes_of_another_shape_raise(shape):
    with pytest.raises(ValueError, match=r"one walk as uint8 \[frames, 64, 44\]; got uint8 \[.*Cut the sides off"):
        part_geometry(small_model(), silhouettes=np.zeros(shape, np.uint8))


def test_silhouettes_that_are_scaled_already_raise():
    with pytest.raises(ValueError, match="as uint8 .* got float32"):
        part_geometry(small_model(), silhouettes=np.zeros((12, 64, 44), np.float32))


def test_a_model_without_local_paths_has_no_parts_to_locate():
    with pytest.raises(ValueError, match="no local paths"):
        part_geometry(small_model(local_blocks=()), silhouettes=WALK)
