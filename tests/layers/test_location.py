"""Raw numbers become a location as computed by hand, and the priors are those of supplement Table 3."""

import math
from fractions import Fraction

import numpy as np
import pytest
import tensorflow as tf

from tf3dlocal.layers import (
    LOCATION_FIELDS,
    PAPER_PARTS,
    RELEASE_PARTS,
    Location,
    PartPrior,
    decode_location,
)

# Supplement Table 3, as printed: p_H, p_W, p_T, c_x, c_y, c_t.
TABLE_3 = """
    Head        1/8   3/11  1/3  1/2   1/16  1/2
    Left arm    3/16  3/11  2/3  3/10  1/2   1/2
    Right arm   3/16  3/11  2/3  7/10  1/2   1/2
    Torso       1/2   3/11  1/3  1/2   3/8   1/2
    Left leg    3/8   5/11  2/3  3/10  4/5   1/2
    Right leg   3/8   5/11  2/3  7/10  4/5   1/2
"""

# A part of 2 x 4 cells and 10 frames, in the middle of a map of 16 x 20 cells and 30 frames but a little to the left.
PRIOR = PartPrior("part", height=1 / 8, width=1 / 5, length=1 / 3, center_x=2 / 5, center_y=1 / 2, center_t=1 / 2)
SIZE = (30, 16, 20)
HALF = math.atanh(0.5)  # a raw offset that moves half of the way
TWICE = math.log(2.0)  # a raw stride that doubles


def decoded(raw, geometry="paper"):
    """The eight numbers by name, as floats."""
    return {
        name: float(value)
        for name, value in decode_location(np.array(raw, "float64"), PRIOR, SIZE, geometry=geometry)._asdict().items()
    }


def test_the_papers_priors_are_supplement_table_3():
    printed = [line.rsplit(maxsplit=6) for line in TABLE_3.strip().splitlines()]
    expected = [
        (name.strip().lower().replace(" ", "_"), *map(float, map(Fraction, numbers))) for name, *numbers in printed
    ]
    assert [tuple(part) for part in PAPER_PARTS] == expected


def test_the_releases_priors_differ_in_width_length_and_order_only():
    release = {part.name: part for part in RELEASE_PARTS}
    assert [part.name for part in RELEASE_PARTS] == ["head", "torso", "left_arm", "right_arm", "left_leg", "right_leg"]
    for paper in PAPER_PARTS:
        width = {"head": 4 / 11, "torso": 10 / 11}.get(paper.name, paper.width)
        assert release[paper.name] == paper._replace(width=width, length=0.4)


@pytest.mark.parametrize("geometry", ["paper", "release"])
def test_raw_zeros_are_the_prior_and_the_grid_covers_it_exactly(geometry):
    location = decoded([0] * 8, geometry)
    center = (7.5, 7.5, 14.5) if geometry == "paper" else (8, 8, 15)
    assert (location["center_x"], location["center_y"], location["center_t"]) == pytest.approx(center)
    assert (location["variance"], location["confidence"]) == pytest.approx((0.1, 0.5))
    assert location["stride_x"] * 20 == pytest.approx(4)  # 20 points over 4 cells
    assert location["stride_t"] * 30 == pytest.approx(10)
    # In the release one stride serves both axes, and the rows are as many as cover the part: round(20 x 2 / 4).
    rows = 16 if geometry == "paper" else 10
    assert location["stride_y"] * rows == pytest.approx(2)


def test_offsets_move_over_half_the_map_in_the_paper_and_over_half_the_part_in_the_release():
    raw = [HALF, -HALF, HALF, 0, 0, 0, 0, 0]
    paper, release = decoded(raw, "paper"), decoded(raw, "release")
    assert (paper["center_x"], paper["center_y"], paper["center_t"]) == pytest.approx((7.5 + 5, 7.5 - 4, 14.5 + 7.5))
    assert (release["center_x"], release["center_y"], release["center_t"]) == pytest.approx((8 + 1, 8 - 0.5, 15 + 7.5))


def test_priors_that_mirror_each_other_lie_on_mirrored_cells():
    """On 11 columns the torso is in the middle one, number 5; with c W it was at 5.5, and the arms at 3.3 and 7.7."""
    parts = {part.name: decode_location(np.zeros(8), part, (30, 16, 11)) for part in PAPER_PARTS}
    assert float(parts["torso"].center_x) == pytest.approx(5)
    for limb in ("arm", "leg"):
        left, right = parts[f"left_{limb}"], parts[f"right_{limb}"]
        assert float(left.center_x + right.center_x) == pytest.approx(10)
        np.testing.assert_allclose(left[1:], right[1:])
    for part in parts.values():  # all are in the middle of the clip
        assert float(part.center_t) == pytest.approx(29 / 2)


def test_a_prior_is_at_the_same_place_of_the_silhouette_in_every_block():
    for part in PAPER_PARTS:
        for size in ((64, 44), (32, 22), (16, 11)):
            location = decode_location(np.zeros(8), part, (30, *size))
            assert (float(location.center_x) + 0.5) / size[1] == pytest.approx(part.center_x)
            assert (float(location.center_y) + 0.5) / size[0] == pytest.approx(part.center_y)


def test_the_paper_bounds_what_it_exponentiates_and_hardly_changes_small_numbers():
    for raw, lowered in ((0.0, 0.0), (0.1, 5.2e-6), (1.0, 5.2e-3), (2.0, 0.041)):
        location = decoded([0, 0, 0, raw, 0, 0, -raw, 0])
        assert raw - math.log(location["stride_x"] * 5) == pytest.approx(lowered, rel=0.02, abs=1e-12)
        assert raw + math.log(location["variance"] * 10) == pytest.approx(lowered, rel=0.02, abs=1e-12)
    for raw in (1e2, 1e4):
        location = decoded([0, 0, 0, raw, -raw, raw, raw, 0])
        assert location["stride_x"] == pytest.approx(math.exp(8) / 5)
        assert location["stride_y"] == pytest.approx(math.exp(-8) / 8)
        assert location["variance"] == pytest.approx(0.1 * math.exp(8))


def test_the_release_exponentiates_without_a_bound_as_the_authors_code_does():
    assert decoded([0, 0, 0, 20, 0, 0, 0, 0], "release")["stride_x"] == pytest.approx(math.exp(20) / 5)


def test_strides_variance_and_confidence_are_exponentials_and_a_sigmoid():
    location = decoded([0, 0, 0, TWICE, -TWICE, 2 * TWICE, 3 * TWICE, math.log(3)], "release")
    assert location["stride_x"] == pytest.approx(2 / 5)
    assert location["stride_y"] == pytest.approx(1 / 10)  # the width's prior scales both axes there
    assert location["stride_t"] == pytest.approx(4 / 3)
    assert location["variance"] == pytest.approx(0.8)
    assert location["confidence"] == pytest.approx(3 / 4)


@pytest.mark.parametrize("geometry", ["paper", "release"])
def test_seven_numbers_have_one_stride_for_x_and_y(geometry):
    seven, eight = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7], [0.1, 0.2, 0.3, 0.4, 0.4, 0.5, 0.6, 0.7]
    assert decoded(seven, geometry) == decoded(eight, geometry)


def test_frames_may_be_known_at_run_time_only():
    decode = tf.function(lambda raw, frames: decode_location(raw, PRIOR, (frames, 16, 20)).stack())
    np.testing.assert_allclose(decode(tf.zeros([2, 8]), tf.constant(30))[1], list(decoded([0] * 8).values()), rtol=1e-6)


@pytest.mark.parametrize("geometry", ["paper", "release"])
@pytest.mark.parametrize("dtype", ["bfloat16", "float32", "float64"])
def test_a_prior_of_numpy_numbers_gives_the_type_of_the_raw_numbers(geometry, dtype):
    raw = tf.cast(np.linspace(-1, 1, 16).reshape(2, 8), dtype)
    expected = decode_location(raw, PRIOR, SIZE, geometry=geometry).stack()
    of_numpy = PartPrior(PRIOR.name, *map(np.float64, PRIOR[1:]))
    found = decode_location(raw, of_numpy, SIZE, geometry=geometry).stack()
    assert found.dtype == expected.dtype == dtype
    np.testing.assert_array_equal(found, expected)


def test_the_last_axis_holds_the_numbers_after_any_other_axes():
    raw = np.random.default_rng(0).normal(size=(2, 3, 8))
    stacked = decode_location(raw, PRIOR, SIZE).stack()
    assert stacked.shape == (2, 3, 8)
    np.testing.assert_allclose(stacked[1, 2], list(decoded(raw[1, 2]).values()))


def test_stacking_and_naming_are_each_others_inverse():
    numbers = np.arange(16.0).reshape(2, 8)
    location = Location.unstack(numbers)
    assert location._fields == LOCATION_FIELDS
    np.testing.assert_array_equal(location.confidence, [7, 15])
    np.testing.assert_array_equal(location.stack(), numbers)
    assert Location.unstack(location) is location


def test_what_is_no_location_raises():
    with pytest.raises(ValueError, match="8 numbers on its last axis .*; got the shape .2, 7"):
        Location.unstack(np.zeros((2, 7)))
    with pytest.raises(ValueError, match="8 or 7 outputs; got the shape .2, 6"):
        decode_location(np.zeros((2, 6)), PRIOR, SIZE)
    with pytest.raises(ValueError, match="geometry must be .paper. or .release.; got 'seed'"):
        decode_location(np.zeros((2, 8)), PRIOR, SIZE, geometry="seed")


def test_a_prior_is_read_from_a_mapping_or_a_sequence():
    assert PartPrior.of(PRIOR) is PRIOR
    assert PartPrior.of(PRIOR._asdict()) == PartPrior.of(list(PRIOR)) == PRIOR


@pytest.mark.bad_input
@pytest.mark.parametrize(
    ("value", "message"),
    [
        (("part", 1, 1), "has the fields name, height, width, length, center_x, center_y, center_t"),
        ({"name": "part", "size": 1}, "has the fields name, height"),
        (("part", 1, 0, 1, 0.5, 0.5, 0.5), "extents of part 'part' must be positive"),
        (PartPrior("part", 1, -1, 1, 0.5, 0.5, 0.5), "extents of part 'part' must be positive"),
        (("part", 1e300, 1, 1, 0.5, 0.5, 0.5), "extents of part 'part' must be positive and at most 10"),
        (("part", 1, 1, 1, 0.5, 1.5, 0.5), "centres of part 'part' must be from 0 to 1"),
        (("part", "1/8", 1, 1, 0.5, 0.5, 0.5), "centres of part 'part' must be finite numbers; got .*1/8"),
        (("part", float("nan"), 1, 1, 0.5, 0.5, 0.5), "must be finite numbers; got .*nan"),
        ((3, 1, 1, 1, 0.5, 0.5, 0.5), "name of a part must be letters, digits and _, .*; got 3"),
        (("a/b", 1, 1, 1, 0.5, 0.5, 0.5), "name of a part must be .*; got 'a/b'"),
        (None, "has the fields name, height, width, .*; got None"),
        (3, "has the fields name, height, width, .*; got 3"),
    ],
)
def test_what_is_no_prior_raises(value, message):
    with pytest.raises(ValueError, match=message):
        PartPrior.of(value)
