"""A contact sheet shows the right frames, at the right place, with the right title."""

import numpy as np
import pytest

from tf3dlocal.visualization import contact_sheet
from tf3dlocal.visualization.walks import spaced_frames


def numbered(num_frames, height=64, width=44):
    """Make a walk in which all pixels of frame t have the value t."""
    return np.broadcast_to(np.arange(num_frames, dtype=np.uint8)[:, None, None], (num_frames, height, width))


def sheet_of(figure):
    return np.ma.filled(figure.axes[0].images[0].get_array().astype("float32"), np.nan)


def test_frames_are_evenly_spaced_from_the_first_to_the_last():
    assert spaced_frames(30, count=4).tolist() == [0, 10, 19, 29]
    assert spaced_frames(3, count=12).tolist() == [0, 1, 2]
    assert spaced_frames(9, count=1).tolist() == [0]


def test_every_tile_is_the_frame_of_its_number():
    figure = contact_sheet([numbered(30), numbered(3)], num_frames=4)
    sheet = sheet_of(figure)
    numbers = [(int(text.get_text()), *text.get_position()) for text in figure.axes[0].texts]
    assert [number for number, _, _ in numbers] == [0, 10, 19, 29, 0, 1, 2]
    for number, x, y in numbers:
        assert sheet[round(y) + 20, round(x) + 20] == number


def test_each_walk_has_a_row_with_its_title_at_the_middle():
    figure = contact_sheet([numbered(2), numbered(2)], titles=["001/nm-01/090", "002/nm-01/090"])
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == ["001/nm-01/090", "002/nm-01/090"]
    assert figure.axes[0].get_yticks().tolist() == [31.5, 66 + 31.5]
    assert sheet_of(figure).shape == (64 + 2 + 64, 44 + 2 + 44)


def test_the_rest_of_the_row_of_a_short_walk_is_transparent():
    sheet = sheet_of(contact_sheet([numbered(3), numbered(1)]))
    assert np.isnan(sheet[66:, 46:]).all()


def test_a_smaller_walk_is_at_the_bottom_of_its_row_and_centred_in_its_columns():
    sheet = sheet_of(contact_sheet([numbered(1, 64, 64), numbered(1, 32, 22) + np.uint8(9)]))
    row = sheet[66:]
    assert np.isnan(row[:32]).all()
    assert (row[32:, 21:43] == 9).all()


def test_walks_of_a_prepared_data_set_are_drawn(small_walks, tmp_path):
    walks = [small_walks.read(index) for index in range(3)]
    path = tmp_path / "walks.png"
    figure = contact_sheet([walk.silhouettes for walk in walks], path=path, titles=[walk.name for walk in walks])
    assert len(figure.axes[0].get_yticklabels()) == 3
    assert path.stat().st_size > 2000


@pytest.mark.parametrize(
    ("walks", "arguments", "message"),
    [
        ([], {}, "at least one walk"),
        ([numbered(2)], {"titles": ["a", "b"]}, "1 walks and 2 titles"),
        ([numbered(2)], {"num_frames": 0}, "at least 1, not 0"),
        ([numbered(2), numbered(2)[0]], {}, r"walks\[1\] must be .* not uint8 \[64, 44\]\. .*silhouette\[None\]"),
        ([numbered(2)[None]], {}, r"not uint8 \[1, 2, 64, 44\]\. Take one walk of a batch"),
        ([numbered(2) / 255], {}, r"not float64 \[2, 64, 44\]\. Convert values from 0..1"),
        ([numbered(0)], {}, r"\[0, 64, 44\]\. At least one frame"),
        # A batch of walks is a sequence of walks, but a single walk is not.
        (numbered(2), {}, r"walks\[0\] must be .* not uint8 \[64, 44\]"),
    ],
)
def test_what_cannot_be_drawn_raises_an_error_with_the_solution(walks, arguments, message):
    with pytest.raises(ValueError, match=message):
        contact_sheet(walks, **arguments)
