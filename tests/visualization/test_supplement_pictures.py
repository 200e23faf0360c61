"""The supplement's figures draw what the locations say: patches, begin and end in time, moved parts, subjects."""

import numpy as np
import pytest
from matplotlib.colors import to_rgb
from matplotlib.text import Text
from PIL import Image

from tf3dlocal.visualization import (
    LocatedWalk,
    NamedEmbeddings,
    paint_parts,
    plot_embedding_maps,
    plot_located_volumes,
    plot_part_history,
    write_part_animation,
)
from tf3dlocal.visualization.embedding_map import styles_of
from tf3dlocal.visualization.part_styles import BODY_PARTS, part_styles

WALK = np.zeros((30, 64, 44), np.uint8)
NAMES = ("head", "left_arm", "right_arm", "torso", "left_leg", "right_leg")


def location(x=5.0, y=8.0, t=14.5, cells_x=2.0, cells_y=4.0, frames=10.0):
    return np.array([x, y, t, cells_x / 11, cells_y / 16, frames / 30, 0.1, 0.5])


def geometry(**parts):
    """What `part_geometry` gives: parts in block 3, with priors in the middle."""
    return {
        "located": {"block_3": parts},
        "priors": {"block_3": {part: location() for part in parts}},
        "map_sizes": {"block_3": (16, 11)},
        "num_rows": {"block_3": {}},
        "geometry": "paper",
    }


def walk(title="18°", **parts):
    return LocatedWalk(title=title, silhouettes=WALK, geometry=geometry(**parts))


def smallest_text(picture):
    return min(text.get_fontsize() for text in picture.findobj(Text) if text.get_text())


def test_the_patches_of_fig_1_are_in_the_frames_that_a_part_reads_and_only_there():
    picture = plot_located_volumes([walk(head=location(t=14.5, frames=10))], num_frames=30)
    overview, strip = picture.axes
    corner, *_ = [patch.get_xy() for patch in overview.patches]
    assert corner == pytest.approx((17.5, 25.5))  # cells 4 to 6 across, 6 to 10 down, of 4 pixels
    lefts = sorted({round(patch.get_x() - 17.5) for patch in strip.patches})
    assert [left // (44 + 3) for left in lefts] == list(range(10, 20))  # 9.5 to 19.5


@pytest.mark.parametrize(("frames", "ends"), [(10, 2), (40, 0)])
def test_the_bar_of_fig_1_marks_begin_and_end_where_they_are_inside_of_the_walk(frames, ends):
    strip = plot_located_volumes([walk(head=location(t=14.5, frames=frames))], num_frames=30).axes[1]
    bar, marks = strip.lines[-2:]
    begin, end = ((x - 21.5) / 47 for x in bar.get_xdata())  # frame t is in the middle of its picture
    assert len(marks.get_xdata()) == ends
    if ends:
        assert (begin, end) == pytest.approx((9.5, 19.5))


@pytest.mark.slow
def test_text_is_at_least_seven_points_at_the_width_of_a_column_and_a_page():
    parts = dict.fromkeys(NAMES, location())
    column = plot_located_volumes([walk(**parts)])
    page = plot_located_volumes([walk(title=f"{view}°", **parts) for view in (18, 36, 54, 72)])
    history = plot_part_history(WALK, history=dict.fromkeys((2000, 120000), geometry(**parts)))
    points = np.random.default_rng(0).normal(size=(12, 4))
    models = [NamedEmbeddings(title=name, embeddings=points, caption="a\nb") for name in "AB"]
    maps = plot_embedding_maps(models, subjects=["a", "b"] * 6, perplexity=3)
    for picture, widest in ((column, 3.5), (page, 7.0), (history, 7.0), (maps, 7.0)):
        assert picture.get_size_inches()[0] <= widest
        assert smallest_text(picture) >= 7


def test_the_fonts_of_a_pdf_are_those_that_publishers_take(tmp_path):
    plot_located_volumes([walk(head=location())], path=tmp_path / "figure.pdf")
    content = (tmp_path / "figure.pdf").read_bytes()
    assert b"/Subtype /TrueType" in content or b"/CIDFontType2" in content
    assert b"/Subtype /Type3" not in content


def test_parts_differ_by_line_style_and_subjects_by_marker_so_that_grey_suffices():
    styles = part_styles(BODY_PARTS)
    for each in zip(*styles.values(), strict=True):  # colours, line styles, markers
        assert len({str(value) for value in each}) == 6
    assert len({styles["marker"] for styles in styles_of(10)}) == 10
    assert len({tuple(styles.values()) for styles in styles_of(100)}) == 100


def test_fig_3_says_how_far_a_part_is_from_its_prior_and_how_large():
    moved = geometry(head=location(x=5 + 0.75, y=8 + 1, cells_x=1))  # 3 and 4 pixels, half the area
    picture = plot_part_history(WALK, history={0: geometry(head=location()), 10: moved})
    texts = [text.get_text() for text in picture.texts]
    assert "0.0 px, ×1.00" in texts and "5.0 px, ×0.50" in texts
    assert "step\n0" in texts and "step\n10" in texts


def test_a_painted_box_is_there_in_the_frames_that_its_part_reads():
    painted = paint_parts(WALK, geometry=geometry(head=location(t=14.5, frames=10)), scale=2)
    color = np.round(255 * np.array(to_rgb(part_styles(["head"])["head"].color))).astype(np.uint8)
    has_box = (painted == color).all(axis=-1).any(axis=(1, 2))
    assert np.flatnonzero(has_box).tolist() == list(range(10, 20))
    rows, columns = np.nonzero((painted[12] == color).all(axis=-1))
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (52, 83, 36, 51)  # pixels 26-41 and 18-25, twice


def test_a_box_far_outside_of_the_picture_is_not_painted():
    outside = geometry(head=location(x=-9), legs=location(y=40), arm=location(x=30, y=-20))
    assert (paint_parts(WALK, geometry=outside) == 255).all()


def test_the_animation_has_all_frames_and_repeats(tmp_path):
    short = LocatedWalk(title="b", silhouettes=WALK[:12], geometry=geometry(head=location(t=5)))
    path = write_part_animation([walk(head=location()), short], path=tmp_path / "walk.gif")
    with Image.open(path) as image:
        shown, seen = image.info, 0
        for number in range(image.n_frames):
            image.seek(number)
            seen += image.info["duration"]
    assert shown["loop"] == 0 and seen == 30 * 80  # equal frames may be stored as one


@pytest.mark.bad_input
@pytest.mark.parametrize(
    ("draw", "told"),
    [
        (lambda: plot_located_volumes([]), "at least one walk"),
        (lambda: plot_located_volumes([walk(head=location())], block="block_9"), "no local paths in 'block_9'"),
        (lambda: plot_part_history(WALK, history={}), "one step of a training"),
        (lambda: plot_part_history(WALK, history={0: geometry(head=location())}, frame=30), "frames 0 to 29"),
        (lambda: write_part_animation([], path="walk.gif"), "at least one walk"),
        (lambda: write_part_animation([walk(head=location())], path="walk.png"), "'.png' is not a format of anim"),
        (lambda: plot_embedding_maps([], subjects=[]), "at least one|one model at least"),
        (lambda: styles_of(101), "101 subjects and 100 pairs"),
    ],
)
def test_what_cannot_be_drawn_is_named(draw, told):
    with pytest.raises(ValueError, match=told):
        draw()
