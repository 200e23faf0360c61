"""`tf3dlocal silhouettes`: from a drawn video to embeddings of the shipped model, and what it refuses."""

import json
import pathlib

import cv2
import numpy as np
import pytest
import small_videos

from tf3dlocal.cli import main

SAVED = pathlib.Path(__file__).resolve().parents[2] / "saved_models" / "walkers"


def call(capfd, *arguments):
    with pytest.raises(SystemExit) as ended:
        main([*map(str, arguments)])
    return ended.value.code or 0, *capfd.readouterr()


@pytest.fixture(scope="module")
def video(tmp_path_factory):
    """A video of one person who walks to the right."""
    masks = small_videos.walker_masks(1, begin=60, first=0, step=4, frames=50)
    folder = tmp_path_factory.mktemp("video")
    return small_videos.write_video(folder / "anna.avi", small_videos.draw_video([masks]))


@pytest.mark.slow
def test_a_video_becomes_passes_that_prepare_and_embed_read(video, tmp_path, capfd, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, out, err = call(capfd, "silhouettes", video, "anna", "--subject", "anna", "--json", "numbers.json")
    assert code == 0, err
    assert "50 frames at 25 frames per second; 1 pass with" in out
    assert "Next: tf3dlocal prepare anna/walks PREPARED --layout anna/layout.yaml" in out
    assert "Next: tf3dlocal enroll people.npz anna anna/walks/anna/nm-01/090 --model MODEL --fps 25\n" in out
    assert "Look at anna/contact_sheet.png and anna/overlay.avi before" in out and "assumed" not in out
    numbers = json.loads(pathlib.Path("numbers.json").read_text())
    assert numbers == json.loads(pathlib.Path("anna/report.json").read_text())
    (one,) = numbers["passes"]
    code, _, err = call(
        capfd, "prepare", "anna/walks", "set", "--layout", "anna/layout.yaml", "--json", "prepared.json", "--workers", 1
    )
    assert code == 0, err
    assert json.loads(pathlib.Path("prepared.json").read_text())["num_frames"] == one["num_frames"]
    code, out, err = call(capfd, "embed", SAVED, f"anna=anna/{one['folder']}", "--out", "gallery.npz")
    assert code == 0, err
    assert f"anna: {one['num_frames']} frames" in out and "left out" not in out
    with np.load("gallery.npz") as gallery:
        assert all(np.isfinite(gallery[name]).all() for name in gallery.files if gallery[name].dtype.kind == "f")


def test_a_segmentation_function_in_the_working_folder_is_found(video, tmp_path, capfd, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "dark_people.py").write_text("def segment(frames):\n    return frames.max(axis=3) < 80\n")
    code, out, err = call(capfd, "silhouettes", video, "walks", "--segmenter", "dark_people:segment")
    assert code == 0 and "1 pass with" in out, err
    assert json.loads(pathlib.Path("walks/report.json").read_text())["settings"]["segmenter"] == "dark_people:segment"


def write_frames(folder, frames):
    folder.mkdir()
    for number, frame in enumerate(frames):
        cv2.imwrite(str(folder / f"{number}.png"), frame)
    return folder


def test_a_frame_rate_that_nothing_says_is_called_assumed(video, tmp_path, capfd, monkeypatch):
    monkeypatch.chdir(tmp_path)
    masks = small_videos.walker_masks(1, begin=60, first=0, step=4, frames=30)
    write_frames(tmp_path / "frames", small_videos.draw_video([masks]))
    code, out, err = call(capfd, "silhouettes", "frames", "out")
    assert code == 0 and "--fps 25\n" in out and "enroll people.npz NAME out/walks/pass-0001" in out, err
    assert "The video does not say its frame rate: 25 is assumed. Repeat with --fps where you know it." in out


@pytest.mark.parametrize(
    ("step", "options", "reason", "advice", "looks"),
    [
        (4, ["--min-height", 150], "too low", "smaller --min-height than 150, or", "Look at out/overlay.avi.\n"),
        (4, ["--min-frames", 30], "fewer than 30 usable frames", "smaller --min-frames than 30", "out/overlay.avi.\n"),
        (0, ["--segmenter", "dark_people:segment"], "does not walk", "Record a walk across the picture", "overlay"),
        (None, [], "nothing as high as a person moved", "a smaller --min-height than 64", ""),
    ],
)
def test_without_a_pass_the_most_frequent_reason_and_what_to_change_are_said(
    tmp_path, capfd, monkeypatch, step, options, reason, advice, looks
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "dark_people.py").write_text("def segment(frames):\n    return frames.max(axis=3) < 80\n")
    masks = small_videos.walker_masks(1, begin=100, first=0 if step is not None else 30, step=step or 0, frames=30)
    small_videos.write_video(tmp_path / "a.avi", small_videos.draw_video([masks]))
    code, out, err = call(capfd, "silhouettes", "a.avi", "out", *options)
    assert code == 1 and not err.strip() and pathlib.Path("out/report.json").is_file(), err
    last = " ".join(out[out.index("No pass: ") :].split())
    assert reason in last and advice in last and "Next:" not in out and "contact_sheet" not in out
    assert looks in out if looks else "Look at" not in out


@pytest.mark.bad_input
@pytest.mark.parametrize("kind", ["cut off", "one frame", "one picture", "endless playlist"])
def test_a_video_that_gives_no_pass_ends_with_code_1_whatever_the_reason(video, tmp_path, capfd, monkeypatch, kind):
    monkeypatch.chdir(tmp_path)
    frames = small_videos.draw_video([small_videos.walker_masks(1, begin=60, first=0, step=4, frames=1)])
    if kind == "one picture":
        cv2.imwrite("a.png", frames[0])
    elif kind == "one frame":
        small_videos.write_video(tmp_path / "a.avi", frames)
    elif kind == "cut off":
        content = video.read_bytes()
        (tmp_path / "a.avi").write_bytes(content[: len(content) // 6])
    else:
        (tmp_path / "a.avi").write_text(f"#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2.0,\n{video}\n")
    (name,) = (path.name for path in tmp_path.iterdir())
    code, out, err = call(capfd, "silhouettes", name, "out")
    assert code == 1 and ("No pass: " in out) is not err.startswith("error: ")
    assert "WARN" not in err and (tmp_path / "out" / "report.json").is_file() is ("No pass: " in out)


@pytest.mark.parametrize(
    ("stopped", "is_live", "code"), [("interrupt", True, 0), ("interrupt", False, 130), ("seconds", True, 1)]
)
def test_without_a_pass_only_a_camera_that_was_interrupted_ends_with_code_0(
    tmp_path, capfd, monkeypatch, stopped, is_live, code
):
    from tf3dlocal.data.video.video_report import VideoReport

    facts = {
        "video": "0",
        "frames_per_second": 25.0,
        "rate_is_known": True,
        "settings": {"min_frames": 20, "min_height": 64},
    }
    report = VideoReport(**facts, is_live=is_live, stopped=stopped)
    monkeypatch.setattr("tf3dlocal.data.extract_silhouettes", lambda video, **_: report, raising=False)
    assert call(capfd, "silhouettes", "0", tmp_path / "out")[0] == code


def test_the_help_gives_the_numbers_of_the_code(capfd):
    from tf3dlocal.data.video import pictures, ranges, source

    text = " ".join(call(capfd, "silhouettes", "--help")[1].split())
    assert f"after {ranges.MOST_FRAMES} frames: a longer walk becomes several passes" in text
    assert f"the last {pictures.ROWS} passes" in text and f"the first {pictures.OVERLAY_FRAMES} frames" in text
    assert f"and {source.USUAL_RATE:g} if it says nothing" in text


@pytest.mark.bad_input
@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["absent.mp4", "out"], "There is no absent.mp4."),
        (["text.avi", "out"], "text.avi cannot be read: it is no video that OpenCV knows"),
        (["text.avi", "text.avi/out"], "text.avi/out cannot be made"),
        (["text.avi", "out", "--segmenter", "people.segment"], "does not name a function"),
        (["frames", "frames/out"], "frames/out is inside frames"),
        (["frames", "out", "--json", "frames/a.json"], "frames/a.json is inside frames"),
        (["frames", "out", "--json", "out/a.json"], "out/a.json is inside out"),
        (["frames", "out", "--seconds", "inf"], "seconds (--seconds) must be a number from 0.001 to"),
        (["frames", "full"], "full is not empty, and nothing in it is overwritten"),
    ],
)
def test_what_cannot_work_is_one_sentence_and_writes_nothing(arguments, told, tmp_path, capfd, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "text.avi").write_text("no video")
    for folder in ("frames", "full"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "0.png").touch()
    code, _, err = call(capfd, "silhouettes", *arguments)
    told_words = " ".join(err.replace("│", " ").split())
    assert code in (1, 2) and told in told_words and "Traceback" not in err
    assert not (tmp_path / "out").exists()
