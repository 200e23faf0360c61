"""The boxes of parts have the corners computed by hand, are solid or faint by time, and have a legend."""

import itertools

import numpy as np
import pytest

from tf3dlocal.visualization import draw_part_boxes, part_box
from tf3dlocal.visualization.part_boxes import FAINT

WALK = np.zeros((30, 64, 44), np.uint8)
SIZES = {"block_1": (64, 44), "block_3": (16, 11)}


def location(x=5.0, y=8.0, t=15.0, cells_x=2.0, cells_y=4.0, frames=10.0, confidence=0.5):
    """Make a location on a map of 16 x 11 cells and 30 frames; `cells_x`, `cells_y` and `frames` are its extents."""
    return np.array([x, y, t, cells_x / 11, cells_y / 16, frames / 30, 0.1, confidence])


def corners(rectangle):
    left, top = rectangle.get_xy()
    return [left, top, left + rectangle.get_width(), top + rectangle.get_height()]


def box_of(place, map_size=(16, 11), **arguments):
    return part_box(place, map_size=map_size, picture_size=(64, 44), num_frames=30, **arguments)


def edges(box, frame=0):
    return [float(edge[frame]) for edge in (box.left, box.top, box.right, box.bottom)]


def test_a_part_of_two_by_four_cells_covers_eight_by_sixteen_pixels():
    # Cells 4 to 6 across and 6 to 10 down; the centre of cell 0 is at pixel 1.5, and a cell has four pixels.
    figure = draw_part_boxes(WALK, located={"block_3": {"torso": location()}}, map_sizes=SIZES)
    assert corners(figure.axes[0].patches[0]) == pytest.approx([17.5, 25.5, 25.5, 41.5])


def test_with_one_location_per_frame_the_extent_in_time_is_that_of_their_mean():
    places = np.stack([location(t=t, frames=10) for t in np.linspace(5, 25, 30)])  # mean 15
    assert np.flatnonzero(box_of(places).read).tolist() == list(range(10, 21))


def test_a_grid_of_the_size_and_centre_of_one_cell_covers_exactly_its_pixels():
    box = box_of(location(x=3, y=0, cells_x=1, cells_y=1))
    assert edges(box) == pytest.approx([11.5, -0.5, 15.5, 3.5])  # pixels 12 to 15 and 0 to 3, to their outer edges


def test_the_whole_map_is_the_whole_picture():
    box = box_of(location(x=5, y=7.5, cells_x=11, cells_y=16))
    assert edges(box) == pytest.approx([-0.5, -0.5, 43.5, 63.5])


def test_the_same_location_on_a_finer_map_gives_the_same_box():
    fine = np.array([21.5, 33.5, 15, 8 / 44, 16 / 64, 1 / 3, 0.1, 0.5])  # one cell per pixel
    coarse = location(x=(21.5 + 0.5) / 4 - 0.5, y=(33.5 + 0.5) / 4 - 0.5)
    assert edges(box_of(fine, map_size=(64, 44))) == pytest.approx(edges(box_of(coarse)))


def test_fewer_sampled_rows_give_a_less_tall_box():
    located = {"block_3": {"head": location(), "torso": location()}}
    figure = draw_part_boxes(WALK, located=located, map_sizes=SIZES, num_rows={"block_3": {"head": 4}})
    head, torso = figure.axes[0].patches
    assert corners(head) == pytest.approx([17.5, 31.5, 25.5, 35.5])  # a quarter of the 16 rows, same centre
    assert corners(torso) == pytest.approx([17.5, 25.5, 25.5, 41.5])


def test_the_geometry_of_the_release_is_half_a_stride_closer_to_the_origin():
    paper, release = (box_of(location(), geometry=geometry) for geometry in ("paper", "release"))
    shift_x, shift_y = 4 * (2 / 11) / 2, 4 * (4 / 16) / 2
    assert np.subtract(edges(paper), edges(release)) == pytest.approx([shift_x, shift_y, shift_x, shift_y])


def test_boxes_are_solid_in_the_frames_that_the_part_reads_and_faint_in_the_others():
    figure = draw_part_boxes(
        WALK, located={"block_3": {"head": location(t=15, frames=10)}}, map_sizes=SIZES, num_frames=30
    )
    full = [index for index, axes in enumerate(figure.axes) if axes.patches[0].get_alpha() == 1]
    faint = [index for index, axes in enumerate(figure.axes) if axes.patches[0].get_alpha() == FAINT]
    assert full == list(range(10, 21))  # 15 - 5 to 15 + 5
    assert len(full) + len(faint) == 30


def test_a_part_may_have_a_different_location_in_every_frame():
    moving = np.stack([location(x=x) for x in np.linspace(2, 8, 30)])
    figure = draw_part_boxes(WALK, located={"block_3": {"arm": moving}}, map_sizes=SIZES, num_frames=2)
    first, last = (corners(axes.patches[0])[0] for axes in figure.axes)
    assert (first, last) == pytest.approx(((2 - 1 + 0.5) * 4 - 0.5, (8 - 1 + 0.5) * 4 - 0.5))


def test_priors_are_dotted_in_the_colour_of_their_part():
    located = {"block_3": {"head": location(), "torso": location(y=9)}}
    priors = {"block_3": {"torso": location(y=7)}}
    figure = draw_part_boxes(WALK, located=located, map_sizes=SIZES, priors=priors)
    head, torso, prior = figure.axes[0].patches
    assert [box.get_linestyle() for box in (head, torso, prior)] == ["solid", "solid", ":"]
    assert prior.get_edgecolor()[:3] == torso.get_edgecolor()[:3] != head.get_edgecolor()[:3]
    assert corners(prior)[1] == pytest.approx((7 - 2 + 0.5) * 4 - 0.5)
    assert "dotted" in figure.get_supxlabel()
    assert "dotted" not in draw_part_boxes(WALK, located=located, map_sizes=SIZES).get_supxlabel()


def test_a_part_has_one_colour_in_all_blocks():
    located = {"block_1": {"head": location(), "torso": location()}, "block_3": {"torso": location()}}
    figure = draw_part_boxes(WALK, located=located, map_sizes=SIZES, num_frames=1)
    torso_1, torso_3 = figure.axes[0].patches[1], figure.axes[1].patches[0]
    assert torso_1.get_edgecolor()[:3] == torso_3.get_edgecolor()[:3]


def test_a_part_of_the_body_has_one_colour_in_all_pictures_whatever_the_order_of_the_parts():
    def colors_of(*parts):
        located = {"block_3": {part: location() for part in parts}}
        figure = draw_part_boxes(WALK, located=located, map_sizes=SIZES, num_frames=1)
        return dict(zip(parts, [patch.get_edgecolor() for patch in figure.axes[0].patches], strict=True))

    paper, release = colors_of("head", "left_arm", "torso"), colors_of("head", "torso", "left_arm")
    assert paper == release and len(set(paper.values())) == 3
    own = colors_of("hand", "head", "foot")
    assert own["head"] == paper["head"] and len(set(own.values())) == 3


def test_each_row_lists_its_block_its_parts_their_confidences_and_frames():
    per_frame = np.stack([location(confidence=value) for value in np.linspace(0.2, 0.4, 30)])
    never = location(t=-20)
    located = {"block_1": {"head": location(confidence=0.873)}, "block_3": {"left_arm": per_frame, "torso": never}}
    figure = draw_part_boxes(WALK, located=located, map_sizes=SIZES, num_frames=3, title="001/nm-01/090")
    labels = [axes.get_ylabel() for axes in figure.axes if axes.get_ylabel()]
    assert labels == ["block 1\n64 x 44 cells", "block 3\n16 x 11 cells"]
    legends = [[text.get_text() for text in axes.get_legend().get_texts()] for axes in figure.axes if axes.get_legend()]
    assert legends == [["head  0.87,  10 to 20"], ["left arm  0.30,  10 to 20", "torso  0.50,  none"]]
    assert figure.get_suptitle() == "001/nm-01/090"
    assert [axes.get_title() for axes in figure.axes[:3]] == ["frame 0", "frame 14", "frame 29"]


def test_a_box_over_the_edge_is_shown_whole_and_a_distant_one_does_not_shrink_the_walk():
    figure = draw_part_boxes(WALK, located={"block_3": {"leg": location(y=15)}}, map_sizes=SIZES)
    assert figure.axes[0].get_ylim() == pytest.approx((69.5 + 1, -0.5 - 1))  # (15 + 2 + 1/2) cells of 4, less 1/2
    figure = draw_part_boxes(WALK, located={"block_3": {"leg": location(y=150)}}, map_sizes=SIZES)
    assert figure.axes[0].get_ylim() == pytest.approx((63.5 + 16 + 1, -0.5 - 1))


def test_a_part_far_outside_is_labelled_as_such():
    located = {"block_3": {"head": location(x=-20), "torso": location(x=0)}}
    figure = draw_part_boxes(WALK, located=located, map_sizes=SIZES, num_frames=1)
    texts = [text.get_text() for text in figure.axes[0].get_legend().get_texts()]
    assert texts == ["head  0.50,  10 to 20,  far outside", "torso  0.50,  10 to 20"]


def test_no_texts_overlap(tmp_path):
    names = ("head", "left_arm", "right_arm", "torso", "left_leg", "right_leg")
    located = {block: {name: location() for name in names} for block in SIZES}
    figure = draw_part_boxes(WALK, located=located, map_sizes=SIZES, path=tmp_path / "parts.png", title="001/nm-01/090")
    boxes = [axes.title.get_window_extent() for axes in figure.axes[:6]]
    boxes += [axes.get_legend().get_window_extent() for axes in figure.axes if axes.get_legend()]
    boxes += [figure._suptitle.get_window_extent(), figure._supxlabel.get_window_extent()]
    assert len(boxes) == 10
    assert not any(one.overlaps(other) for one, other in itertools.combinations(boxes, 2))


HEAD = {"block_3": {"head": location()}}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"silhouettes": WALK[None]}, r"uint8 \[1, 30, 64, 44\]\. Take one walk of a batch"),
        ({"located": {}}, "nothing to draw"),
        ({"located": {"block_3": {}}}, "nothing to draw"),
        ({"map_sizes": {"block_1": (64, 44)}}, "map_sizes has no entry for block_3; it has block_1"),
        (
            {"located": {"block_3": {"head": location()[None]}}},
            r"block_3, head: .*\[8\] .* not \[1, 8\]\. Take one walk",
        ),
        ({"located": {"block_3": {"head": location()[:7]}}}, r"block_3, head: .*center_x.* not \[7\]"),
        ({"located": {"block_3": {"head": np.tile(location(), (29, 1))}}}, r"\[30, 8\], not \[29, 8\]"),
        ({"located": {"block_3": {"head": location(x=np.nan)}}}, "block_3, head: .*not finite"),
        ({"priors": {"block_3": {"tail": location()}}}, "priors has entries for block_3/tail"),
        ({"num_rows": {"block_1": {"head": 6}}}, "num_rows has entries for block_1/head"),
        ({"geometry": "polar"}, "not 'polar'"),
        ({"num_frames": 0}, "at least 1, not 0"),
    ],
)
def test_what_cannot_be_drawn_raises_an_error_with_the_solution(arguments, message):
    with pytest.raises(ValueError, match=message):
        draw_part_boxes(**{"silhouettes": WALK, "located": HEAD, "map_sizes": SIZES, **arguments})


def test_without_details_the_legend_has_the_names_alone_and_rows_no_block():
    geometry = {"located": {"block_3": {"left_arm": location()}}, "map_sizes": {"block_3": (16, 11)}}
    figure = draw_part_boxes(np.zeros((30, 64, 44), "uint8"), **geometry, num_frames=2, details=False)
    (legend,) = [axes.get_legend() for axes in figure.axes if axes.get_legend()]
    assert [text.get_text() for text in legend.get_texts()] == ["left arm"] and not legend.get_title().get_text()
    assert not any(axes.get_ylabel() for axes in figure.axes)
