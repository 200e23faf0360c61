"""What is no video, no silhouette and no end: one clear sentence, or an account in the report, in bounded memory."""

import itertools
import json
import os
import signal
import sys
import tracemalloc

import cv2
import numpy as np
import pytest
import small_videos

from tf3dlocal.data import SegmenterError, VideoError, extract_silhouettes
from tf3dlocal.data.video import source

pytestmark = pytest.mark.bad_input


def extract(video, out, **options):
    return extract_silhouettes(video, out=out, progress=False, **options)


@pytest.fixture(scope="module")
def walk():
    """50 frames of one person who walks to the right."""
    return small_videos.draw_video([small_videos.walker_masks(1, begin=60, first=0, step=4, frames=50)])


def refused(video, out, kind=VideoError, **options):
    with pytest.raises(kind) as told:
        extract(video, out, **options)
    assert not os.path.exists(out)
    return str(told.value)


def test_what_is_no_video_is_refused_and_named(tmp_path):
    (tmp_path / "text.avi").write_text("this is no video\n" * 50)
    (tmp_path / "empty.mp4").touch()
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "notes.txt").touch()
    assert "text.avi cannot be read: it is no video" in refused(tmp_path / "text.avi", tmp_path / "out")
    assert "empty.mp4 cannot be read: it is empty" in refused(tmp_path / "empty.mp4", tmp_path / "out")
    assert "is a folder without pictures" in refused(tmp_path / "folder", tmp_path / "out")
    assert "absent.mp4" in refused(tmp_path / "absent.mp4", tmp_path / "out", kind=FileNotFoundError)
    os.mkfifo(tmp_path / "pipe.avi")
    assert "not a regular file" in refused(tmp_path / "pipe.avi", tmp_path / "out", kind=ValueError)


def test_a_camera_that_is_absent_is_named(tmp_path, capfd):
    assert "There is no camera 97" in refused(97, tmp_path / "out")
    assert "There is no camera 97" in refused("97", tmp_path / "out")
    assert "There is no camera 99999999999999999999" in refused("99999999999999999999", tmp_path / "out")
    assert capfd.readouterr().err == ""


def test_a_video_shorter_than_a_pass_is_refused(tmp_path, walk):
    video = small_videos.write_video(tmp_path / "one.avi", walk[:1])
    assert "has 1 frame, and a pass has at least 20" in refused(video, tmp_path / "out")


def test_a_video_that_does_not_say_how_short_it_is_gets_no_other_reason(tmp_path, walk):
    cv2.imwrite(str(tmp_path / "one.png"), walk[0])  # OpenCV opens a picture as a video of unknown length
    lines = extract(tmp_path / "one.png", tmp_path / "out").summary()
    assert lines[0].startswith("1 frame at 25") and "0 passes with 0 silhouettes" in lines[0]
    assert lines[-1] == "No pass: 1 frame in all, and a pass has at least 20. Give a longer video."


def test_frames_that_cannot_be_read_are_among_those_that_are_counted(tmp_path, walk):
    folder = tmp_path / "frames"
    folder.mkdir()
    for number, frame in enumerate(walk[:30]):
        cv2.imwrite(str(folder / f"{number}.png"), frame.astype(np.uint16) * 257 if number % 3 else frame)
    told = extract(folder, tmp_path / "out").summary()[-1]
    assert "20 of 30 frames were dropped, reason: unreadable: 16-bit image. Record or copy" in told


PLAYLISTS = {
    "live.m3u8": b"#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:2\n#EXTINF:2.0,\nwalk.avi\n",  # without an end
    "padded.m3u8": b"#EXTM3U\n#\0\n#EXTINF:2.0,\nwalk.avi\n",
    "many.ffconcat": b"ffconcat version 1.0\nfile walk.avi\n",
    "stream.mpd": b"\xef\xbb\xbf<?xml version='1.0'?>\n<MPD type='dynamic'></MPD>\n",
    "camera.sdp": b"v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\nc=IN IP4 127.0.0.1\r\nm=video 9 RTP/AVP 26\r\n",
}


@pytest.mark.parametrize("name", PLAYLISTS)
def test_a_text_that_names_videos_is_refused_before_it_is_opened(tmp_path, walk, name, capfd, monkeypatch):
    small_videos.write_video(tmp_path / "walk.avi", walk)
    (tmp_path / name).write_bytes(PLAYLISTS[name])
    monkeypatch.setattr(cv2, "VideoCapture", lambda *_: pytest.fail("it was opened"))
    told = refused(tmp_path / name, tmp_path / "out")
    assert "it is no video that OpenCV knows, but a text. If it is a playlist, give a video file" in told
    assert capfd.readouterr().err == ""


def test_raw_video_with_a_text_for_a_header_is_still_opened(tmp_path):
    (tmp_path / "white.y4m").write_bytes(b"YUV4MPEG2 W64 H96 F25:1 Ip\n" + (b"FRAME\n" + b"\xa0" * 9216) * 30)
    assert next(source.open_frames(tmp_path / "white.y4m").frames()).image.shape == (96, 64, 3)


@pytest.mark.parametrize("name", ["rtsp:walk.avi", "concat:walk.avi", "http:walk.avi"])
def test_a_file_whose_name_begins_like_an_address_is_read_as_a_file(tmp_path, walk, name, monkeypatch):
    monkeypatch.chdir(tmp_path)
    small_videos.write_video(tmp_path / "walk.avi", walk).rename(name)
    assert source.open_frames(name).num_frames == 50


def test_opencv_prints_nothing_while_frames_are_read(tmp_path, walk, monkeypatch):
    log, levels = cv2.utils.logging, set()

    class Watched:
        def __init__(self, real=cv2.VideoCapture):
            self._real = real()

        def __getattr__(self, name):
            if name in ("open", "grab", "retrieve"):
                levels.add(log.getLogLevel())
            return getattr(self._real, name)

    before, video = log.getLogLevel(), small_videos.write_video(tmp_path / "walk.avi", walk)
    monkeypatch.setattr(cv2, "VideoCapture", Watched)
    assert len(list(source.open_frames(video).frames())) == 50
    assert levels == {log.LOG_LEVEL_SILENT} and log.getLogLevel() == before


def test_an_address_is_no_file_that_is_missing(tmp_path):
    told = refused("rtsp://127.0.0.1/stream", tmp_path / "out")
    assert told.startswith("rtsp://127.0.0.1/stream is an address") and "Record the stream into a file first." in told


def test_a_video_that_is_cut_off_is_used_and_the_report_says_so(tmp_path, walk):
    video = small_videos.write_video(tmp_path / "cut.avi", walk)
    content = video.read_bytes()
    video.write_bytes(content[: int(0.8 * len(content))])
    report = extract(video, tmp_path / "out")
    assert 30 <= report.num_frames <= 45 and len(report.passes) == 1
    promised = [note for note in report.notes if "cut off or damaged" in note]
    assert report.num_frames == 50 or promised or source.open_frames(video).num_frames in (None, report.num_frames)


def test_frames_of_several_sizes_are_refused_and_the_first_is_named(tmp_path, walk):
    for number, frame in enumerate(walk[:30]):
        cv2.imwrite(str(tmp_path / f"{number}.png"), frame if number < 25 else frame[:-20])
    out = tmp_path.parent / f"{tmp_path.name}-out"
    told = refused(tmp_path, out)
    assert "frame 25 is 160 x 320 pixels" in told and "180 x 320" in told


def test_pictures_that_cannot_be_read_are_counted_and_all_of_them_are_refused(tmp_path, walk):
    folder = tmp_path / "frames"
    folder.mkdir()
    for number, frame in enumerate(walk):
        cv2.imwrite(str(folder / f"{number}.png"), frame)
    (folder / "11.png").write_bytes((folder / "11.png").read_bytes()[:500])
    report = extract(folder, tmp_path / "out")
    assert report.dropped_frames["unreadable: truncated PNG"] == 1
    assert 11 in [n for each in report.passes for n in each["missing_frames"]]
    for path in folder.iterdir():
        path.write_bytes(b"no picture")
    assert "none of its 50 pictures can be read (not a readable image)" in refused(folder, tmp_path / "other")


@pytest.mark.parametrize("place", ["frames", "frames/out"])
def test_an_output_in_the_frames_is_refused(tmp_path, walk, place):
    (tmp_path / "frames").mkdir()
    cv2.imwrite(str(tmp_path / "frames" / "0.png"), walk[0])
    with pytest.raises(ValueError, match="holds the video"):
        extract(tmp_path / "frames", tmp_path / place)
    assert [path.name for path in (tmp_path / "frames").iterdir()] == ["0.png"]


def test_a_folder_with_something_in_it_is_never_written_into(tmp_path, walk):
    video = small_videos.write_video(tmp_path / "walk.avi", walk)
    with pytest.raises(ValueError, match="which holds the video, is inside"):
        extract(video, tmp_path)
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "notes.txt").touch()
    with pytest.raises(FileExistsError, match="own is not empty"):
        extract(video, tmp_path / "own")
    (tmp_path / "file").touch()
    with pytest.raises(ValueError, match="is a file. Give a folder"):
        extract(video, tmp_path / "file")


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"subject": "a/b"}, "subject must be a name"),
        ({"condition": ""}, "condition must be a name"),
        ({"subject": "a" * 300}, "too long for the name of a folder: it has 300 bytes, and 200 are the limit"),
        ({"condition": "ü" * 150}, "too long for the name of a folder: it has 300 bytes"),
        ({"segmenter": "nothing"}, "MODULE:function"),
        ({"segmenter": "no_such_module:f"}, "There is no module 'no_such_module'"),
        ({"segmenter": "math:nothing"}, "math has no function 'nothing'"),
    ],
)
def test_an_argument_out_of_range_is_named_before_the_work(tmp_path, walk, options, told):
    video = small_videos.write_video(tmp_path / "walk.avi", walk)
    assert told in refused(video, tmp_path / "out", kind=ValueError, **options)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 1e300, 10**300, 0, -5])
@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("view_degrees", "view_degrees (--view) must be a whole number from 0 to 360 degrees"),
        ("frames_per_second", "frames_per_second (--fps) must be a number from 1 to 1,000 frames per second"),
        ("seconds", "seconds (--seconds) must be a number from 0.001 to 31,622,400 (a year)"),
        ("min_height", "min_height (--min-height) must be a whole number from 16 to 65,535 pixels"),
        ("min_frames", "min_frames (--min-frames) must be a whole number from 2 to 900 frames"),
        ("longest_side", "longest_side (--longest-side) must be a whole number from 64 to 65,535 pixels"),
    ],
)
def test_a_number_out_of_its_range_is_named_before_the_video_is_opened(tmp_path, name, value, told):
    if (name, value) != ("view_degrees", 0):  # a view from the front
        message = refused(tmp_path / "absent.avi", tmp_path / "out", kind=ValueError, **{name: value})
        assert told in message and f"got {value!r}." in message


def raises(images):
    raise KeyError("weights")


def leaves(images):
    raise SystemExit


@pytest.mark.parametrize(
    ("segment", "told"),
    [
        (raises, "raised KeyError: 'weights'."),
        (leaves, "raised SystemExit."),
        (lambda images: images, "returned shape [8, 180, 320, 3]"),
        (lambda images: images[:1, :, :, 0], "returned shape [1, 180, 320]"),
        (lambda images: None, "returned shape []"),
        (lambda images: np.full(images.shape[:3], np.nan), "not finite"),
        (lambda images: np.full(images.shape[:3], -1.0), "values from -1 to -1"),
        (lambda images: np.full(images.shape[:3], 7), "labels, and no mask"),
        (lambda images: np.full(images.shape[:3], "a"), "values of type"),
        (lambda images: [[1], [1, 2]], "which is no array"),
    ],
)
def test_a_segmenter_that_gives_no_masks_is_named_with_the_frames(tmp_path, walk, segment, told):
    video = small_videos.write_video(tmp_path / "walk.avi", walk)
    message = refused(video, tmp_path / "out", kind=SegmenterError, segmenter=segment)
    assert "frames 0..7" in message and told in message


def test_an_error_after_a_pass_keeps_the_pass_and_the_report_tells_the_error(tmp_path, walk):
    empty = small_videos.draw_video([np.zeros((14, 180, 320), bool)])
    video = small_videos.write_video(tmp_path / "walk.avi", np.concatenate([walk, empty]))
    num_calls = itertools.count()

    def segment(images):
        return images.max(axis=3) < 80 if next(num_calls) < 7 else raises(images)

    with pytest.raises(SegmenterError, match=r"frames 56\.\.63"):
        extract(video, tmp_path / "out", segmenter=segment)
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    assert report["stopped"].startswith("error: The segmenter segment, frames 56..63, raised KeyError: 'weights'")
    assert len(report["passes"]) == 1 and (tmp_path / "out" / report["passes"][0]["folder"]).is_dir()


MODULES = {
    "moves": "import os\nos.chdir('/')\n",
    "empties_the_path": "import sys\nsys.path[:] = [each for each in sys.path if each != {folder!r}]\n",
    "replaces_the_path": "import sys\nsys.path = ['elsewhere', *sys.path[1:]]\n",
    "takes_the_arguments": "import sys\nsys.argv = ['own']\n",
}
SEGMENT = "def segment(images):\n    import os\n    os.chdir('/')\n    return images.max(axis=3) < 80\n"


@pytest.mark.parametrize("name", MODULES)
def test_a_segmenter_that_changes_the_process_changes_nothing_of_the_result(tmp_path, walk, name, monkeypatch):
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setattr(sys, "argv", ["program", "--option"])
    monkeypatch.chdir(tmp_path)
    small_videos.write_video(tmp_path / "walk.avi", walk)
    (tmp_path / f"{name}.py").write_text(MODULES[name].format(folder=str(tmp_path)) + SEGMENT)
    report = extract("walk.avi", "out", segmenter=f"{name}:segment")
    assert len(report.passes) == 1 and (tmp_path / "out" / "report.json").is_file()
    assert os.getcwd() == str(tmp_path) and sys.argv == ["program", "--option"] and str(tmp_path) not in sys.path
    assert name != "replaces_the_path" or sys.path[0] == "elsewhere"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("raise SystemExit(0)", "ends_early cannot be imported: SystemExit: 0."),
        (
            "import os\nos.chdir('/')\nraise OSError('no weights')",
            "ends_early cannot be imported: OSError: no weights.",
        ),
        (
            "import argparse\nargparse.ArgumentParser().parse_args(['-x'])",
            "ends_early cannot be imported: SystemExit: 2.",
        ),
    ],
)
def test_a_segmenter_whose_import_ends_the_program_is_named(tmp_path, walk, text, told, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delitem(sys.modules, "ends_early", raising=False)
    small_videos.write_video(tmp_path / "walk.avi", walk)
    (tmp_path / "ends_early.py").write_text(text)
    sys.path_importer_cache.clear()
    assert refused("walk.avi", "out", kind=SegmenterError, segmenter="ends_early:segment") == told
    assert os.getcwd() == str(tmp_path) and str(tmp_path) not in sys.path


@pytest.mark.parametrize("kind", [bool, np.uint8, np.float32, "255"])
def test_a_segmenter_may_return_masks_of_any_usual_kind(tmp_path, kind):
    masks = small_videos.walker_masks(1, begin=60, first=0, step=4, frames=50)
    video = small_videos.write_video(tmp_path / "walk.avi", small_videos.draw_video([masks], noise=0))
    done = itertools.count()

    def segment(images):
        found = np.stack([masks[next(done)] for _ in images])
        return found * np.uint8(255) if kind == "255" else found.astype(kind)

    report = extract(video, tmp_path / "out", segmenter=segment)
    assert len(report.passes) == 1 and report.passes[0]["num_frames"] >= 45


def test_frames_of_8000_x_8000_pixels_are_made_smaller_first(tmp_path):
    cv2.imwrite(str(tmp_path / "0.jpg"), np.full((8000, 8000), 90, np.uint8))
    tracemalloc.start()
    (frame,) = source.open_frames(tmp_path, longest_side=640).frames()
    kept, top = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert frame.image.shape == (640, 640, 3) and frame.image.mean().round() == 90
    assert kept < 5e6 and top < 3 * 8000 * 8000  # a picture of one channel and its file, never one of three


def test_a_height_that_no_silhouette_of_the_video_can_have_is_refused(tmp_path, walk):
    video = small_videos.write_video(tmp_path / "walk.avi", walk)
    told = refused(video, tmp_path / "out", min_height=177)
    assert "is analysed at 180 x 320 pixels" in told and "smaller --min-height" in told
    assert "is analysed at 90 x 160 pixels" in refused(video, tmp_path / "out", min_height=100, longest_side=160)


def test_that_height_is_refused_before_the_background_is_learned(tmp_path, walk, monkeypatch):
    video = small_videos.write_video(tmp_path / "walk.avi", walk)
    monkeypatch.setattr("tf3dlocal.data.video.extract_silhouettes.background_masks", lambda source: pytest.fail())
    assert "smaller --min-height" in refused(video, tmp_path / "out", min_height=177)


@pytest.mark.parametrize(("opacity", "is_said"), [(255, False), (0, True)])
def test_an_alpha_channel_is_not_used_and_the_report_says_so_unless_it_is_empty(tmp_path, walk, opacity, is_said):
    folder = tmp_path / "frames"
    folder.mkdir()
    for number, frame in enumerate(walk):
        alpha = np.full((*frame.shape[:2], 1), opacity, np.uint8)
        cv2.imwrite(str(folder / f"{number}.png"), np.concatenate([frame, alpha], axis=2))
    report = extract(folder, tmp_path / "out")
    assert report.passes, "people are found by the colours"
    assert any("alpha channel, which is not used" in note for note in report.notes) is is_said
    assert len(report.notes) == len(set(report.notes))


class Camera:
    """A camera without an end, in the place of cv2.VideoCapture: a person walks past again and again."""

    frames: list = []
    num_read = 0

    def open(self, place):
        return place == 0

    def get(self, name):
        return 25.0 if name == cv2.CAP_PROP_FPS else 0.0

    def grab(self):
        Camera.num_read += 1
        return True

    def retrieve(self):
        return True, Camera.frames[Camera.num_read % len(Camera.frames)].copy()

    def release(self):
        pass


@pytest.fixture
def camera(monkeypatch, walk):
    """Camera 0 gives 25 frames for each second of a clock that runs with the frames."""
    empty = small_videos.draw_video([np.zeros((20, 180, 320), bool)])
    Camera.frames, Camera.num_read = [*walk, *empty], 0
    monkeypatch.setattr(cv2, "VideoCapture", Camera)
    monkeypatch.setattr(source.time, "monotonic", lambda: Camera.num_read / 25)
    return Camera


@pytest.mark.slow
def test_a_camera_is_stopped_by_seconds_and_its_memory_does_not_grow(tmp_path, camera, monkeypatch):
    monkeypatch.setattr("tf3dlocal.data.video.pictures.OVERLAY_FRAMES", 20)
    monkeypatch.setattr("tf3dlocal.data.video.background.RENEWED_AFTER", 2)
    peaks = []

    def grab(self, real=Camera.grab):
        if Camera.num_read == 300:  # two people have passed
            peaks.append(tracemalloc.get_traced_memory()[1])
            tracemalloc.reset_peak()
        return real(self)

    monkeypatch.setattr(Camera, "grab", grab)
    tracemalloc.start()
    report = extract(0, tmp_path / "out", seconds=24, longest_side=160, min_height=32)
    peaks.append(tracemalloc.get_traced_memory()[1])
    tracemalloc.stop()
    assert report.is_live and report.stopped == "seconds" and len(report.passes) >= 6
    assert report.dropped_frames["the background is being learned"] == 124
    assert peaks[1] < 1.3 * peaks[0]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_ends_an_endless_stream_with_what_is_complete(tmp_path, camera, monkeypatch, number):
    before = signal.getsignal(number)

    def grab(self, real=Camera.grab):
        if Camera.num_read == 250:
            os.kill(os.getpid(), number)
        return real(self)

    monkeypatch.setattr(Camera, "grab", grab)
    report = extract(0, tmp_path / "out", longest_side=160, min_height=32)
    assert report.stopped == "interrupt" and signal.getsignal(number) is before
    assert (tmp_path / "out" / "report.json").is_file()
    for each in report.passes:
        assert len(list((tmp_path / "out" / each["folder"]).iterdir())) == each["num_frames"]


@pytest.mark.parametrize("is_interrupted", [False, True])
def test_a_camera_that_gives_nothing_more_is_given_up(tmp_path, camera, monkeypatch, is_interrupted):
    clock = itertools.count(step=6)  # each read waits for six seconds, as the driver of a camera does

    def grab(self):
        Camera.num_read += 1
        if Camera.num_read == 155 and is_interrupted:
            os.kill(os.getpid(), signal.SIGINT)
        if Camera.num_read > 153:
            monkeypatch.setattr(source.time, "monotonic", lambda: 10 + next(clock))
        return Camera.num_read <= 153

    monkeypatch.setattr(Camera, "grab", grab)
    report = extract(0, tmp_path / "out", longest_side=160, min_height=32)
    assert Camera.num_read <= 156
    assert report.stopped == ("interrupt" if is_interrupted else "end of the video")
    assert bool(report.notes) is not is_interrupted
    assert is_interrupted or "gave no more pictures after 153 frames" in report.notes[0]
