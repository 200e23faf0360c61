"""The whole way on drawn videos: passes found, their silhouettes, and an account of everything else."""

import itertools
import json

import cv2
import numpy as np
import pytest
import small_videos

from tf3dlocal.data import extract_silhouettes, open_raw

FRAMES = 90
CALL = {"progress": False}


@pytest.fixture(scope="module")
def one(tmp_path_factory):
    """One person who crosses the picture, from outside to outside: (true masks, report, OUT)."""
    folder = tmp_path_factory.mktemp("one")
    masks = small_videos.walker_masks(1, begin=-60, first=0, step=5, frames=FRAMES)
    video = small_videos.write_video(folder / "one.avi", small_videos.draw_video([masks]))
    return masks, extract_silhouettes(video, out=folder / "out", **CALL), folder / "out"


@pytest.fixture(scope="module")
def two(tmp_path_factory):
    """Two people who walk apart: (true masks of each, report, OUT)."""
    folder = tmp_path_factory.mktemp("two")
    right = small_videos.walker_masks(2, begin=200, first=0, step=3, frames=60)
    left = small_videos.walker_masks(3, begin=110, first=0, step=-3, frames=60)
    video = small_videos.write_video(folder / "two.avi", small_videos.draw_video([right, left]))
    return (right, left), extract_silhouettes(video, out=folder / "out", min_frames=15, **CALL), folder / "out"


def overlap(picture, truth):
    """Intersection over union of a silhouette of a pass and the true mask, moved by up to 3 pixels."""
    found, true = (np.pad(cut_to_box(mask), 8) for mask in (picture > 127, truth))
    shape = np.maximum(found.shape, true.shape)
    found, true = (np.pad(mask, [(0, more) for more in shape - mask.shape]) for mask in (found, true))
    best = 0
    for down, right in itertools.product(range(-3, 4), repeat=2):
        moved = np.roll(found, (down, right), axis=(0, 1))
        best = max(best, np.count_nonzero(moved & true) / np.count_nonzero(moved | true))
    return best


def cut_to_box(mask):
    rows, columns = (np.nonzero(mask.any(axis=axis))[0] for axis in (1, 0))
    return mask[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def pictures(out, one_pass):
    paths = sorted((out / one_pass["folder"]).iterdir())
    return {int(path.stem): cv2.imread(str(path), cv2.IMREAD_UNCHANGED) for path in paths}


def test_one_person_gives_one_pass_with_silhouettes_that_overlap_the_true_ones(one):
    masks, report, out = one
    assert [each["direction"] for each in report.passes] == ["right"]
    found = pictures(out, report.passes[0])
    inside = [n for n in range(FRAMES) if masks[n].any() and not masks[n][:, [0, -1]].any()]
    assert len(found) >= 0.9 * len(inside)
    assert set(found) <= set(range(inside[0] - 1, inside[-1] + 2))  # one pixel of a hand may not be seen
    overlaps = [overlap(picture, masks[number]) for number, picture in found.items()]
    assert np.mean(overlaps) > 0.9 and min(overlaps) > 0.75


def test_two_people_who_walk_apart_give_two_passes(two):
    masks, report, out = two
    assert sorted(each["direction"] for each in report.passes) == ["left", "right"]
    for each in report.passes:
        truth = masks[0 if each["direction"] == "right" else 1]
        overlaps = [overlap(picture, truth[number]) for number, picture in pictures(out, each).items()]
        assert np.mean(overlaps) > 0.9


@pytest.mark.parametrize("name", ["one", "two"])
def test_every_figure_is_in_a_pass_or_dropped_for_a_reason(name, request):
    _, report, out = request.getfixturevalue(name)
    kept = sum(each["num_frames"] for each in report.passes)
    assert kept + sum(report.dropped_figures.values()) == report.num_figures
    assert report.dropped_figures["touches the border"] > 0
    assert json.loads((out / "report.json").read_text())["dropped_figures"] == dict(report.dropped_figures)


def test_a_pass_says_its_frames_and_its_rate(one):
    _, report, out = one
    (each,) = report.passes
    numbers = sorted(pictures(out, each))
    assert (each["first_frame"], each["last_frame"], each["num_frames"]) == (numbers[0], numbers[-1], len(numbers))
    assert set(numbers) | set(each["missing_frames"]) == set(range(numbers[0], numbers[-1] + 1))
    assert each["frames_per_second"] == report.frames_per_second == small_videos.RATE


def test_the_silhouettes_are_two_valued_and_never_look_aligned(two):
    _, report, out = two
    for picture in pictures(out, report.passes[0]).values():
        assert picture.ndim == 2 and set(np.unique(picture)) == {0, 255}
        assert picture.shape[0] % 2 == picture.shape[1] % 2 == 1


def test_the_layout_file_reads_the_passes(two):
    _, report, out = two
    source = open_raw(out / "walks", layout=out / "layout.yaml")
    walks = [walk for part in source.parts for walk in part.sequences([])]
    assert [walk.name for walk in walks] == ["pass-0001/nm-01/090", "pass-0002/nm-01/090"] and not source.strays
    assert [len(walk.files) for walk in walks] == [each["num_frames"] for each in report.passes]


def test_the_pictures_to_judge_by_eye_can_be_opened(one):
    _, report, out = one
    sheet = cv2.imread(str(out / "contact_sheet.png"), cv2.IMREAD_UNCHANGED)
    assert sheet is not None and sheet.max() == 255
    clip = cv2.VideoCapture(str(out / "overlay.avi"))
    assert clip.get(cv2.CAP_PROP_FRAME_COUNT) > 0.5 * FRAMES
    assert sorted(path.name for path in out.iterdir()) == [
        "contact_sheet.png",
        "layout.yaml",
        "overlay.avi",
        "report.json",
        "walks",
    ]


def test_a_named_person_has_one_folder_per_pass_and_the_frames_a_folder_of_pictures_can_hold(tmp_path):
    masks = small_videos.walker_masks(1, begin=60, first=0, step=4, frames=50)
    (tmp_path / "frames").mkdir()
    for number, frame in enumerate(small_videos.draw_video([masks])):
        cv2.imwrite(str(tmp_path / "frames" / f"{number}.png"), frame)
    report = extract_silhouettes(
        tmp_path / "frames", out=tmp_path / "out", subject="anna", condition="cl", view_degrees=72, **CALL
    )
    assert [each["folder"] for each in report.passes] == ["walks/anna/cl-01/072"]
    assert not report.rate_is_known and "assumed" in report.summary()[0]


def test_people_who_meet_end_their_passes_and_the_report_says_so(tmp_path):
    right = small_videos.walker_masks(2, begin=50, first=0, step=4, frames=56)
    left = small_videos.walker_masks(3, begin=270, first=0, step=-4, frames=56)
    video = small_videos.write_video(tmp_path / "meet.avi", small_videos.draw_video([right, left]))
    report = extract_silhouettes(video, out=tmp_path / "out", min_frames=10, **CALL)
    touching = range(20, 34)  # their columns are closer than a body is wide
    assert report.dropped_figures["people touch"] + report.dropped_figures["several people"] > 0
    assert (
        len(report.passes) == 4 and sorted(each["direction"] for each in report.passes) == ["left"] * 2 + ["right"] * 2
    )
    for each in report.passes:
        assert each["last_frame"] <= touching[8] or each["first_frame"] >= touching[5]


def test_a_wall_in_front_of_which_nobody_walks_gives_no_pass(tmp_path):
    frames = small_videos.draw_video([np.zeros((40, 180, 320), bool)])
    video = small_videos.write_video(tmp_path / "empty.avi", frames)
    report = extract_silhouettes(video, out=tmp_path / "out", **CALL)
    assert (report.passes, report.num_figures, report.num_frames) == ([], 0, 40)


def test_a_frame_in_which_the_light_changes_is_dropped_and_counted(tmp_path):
    masks = small_videos.walker_masks(1, begin=60, first=0, step=4, frames=50)
    frames = small_videos.draw_video([masks])
    frames[30:34] = 255 - frames[30:34]
    video = small_videos.write_video(tmp_path / "light.avi", frames)
    report = extract_silhouettes(video, out=tmp_path / "out", **CALL)
    assert report.dropped_frames == {"the light changed, or the camera moved": 4}


def test_seconds_stop_the_work_with_what_is_complete(tmp_path):
    masks = small_videos.walker_masks(1, begin=60, first=0, step=4, frames=50)
    video = small_videos.write_video(tmp_path / "one.avi", small_videos.draw_video([masks]))
    report = extract_silhouettes(video, out=tmp_path / "out", seconds=1.2, **CALL)
    assert (report.stopped, report.num_frames, len(report.passes)) == ("seconds", 30, 1)
