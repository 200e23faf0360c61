"""From the video of a static camera to one folder of silhouettes for each pass of a person."""

from __future__ import annotations

import itertools
import os
import pathlib
import re
import threading
from collections.abc import Iterator

from tf3dlocal.data.video.foreground import Found, background_masks, segmented_masks
from tf3dlocal.data.video.pass_folders import write_pass
from tf3dlocal.data.video.pictures import ContactSheet, Overlay
from tf3dlocal.data.video.quality import BORDER, Gate
from tf3dlocal.data.video.ranges import check_numbers
from tf3dlocal.data.video.regions import find_regions
from tf3dlocal.data.video.segmenter import Segmenter, load_segmenter
from tf3dlocal.data.video.source import FrameSource, VideoError, open_frames
from tf3dlocal.data.video.tracking import Track, Tracker
from tf3dlocal.data.video.video_report import UNREADABLE, VideoReport
from tf3dlocal.io import (
    check_apart,
    check_folder_name,
    named_arguments,
    progress_bar,
    stop_on_signal,
    user_path,
    write_json,
    write_text,
)
from tf3dlocal.io.types import PathLike

WALKS, LAYOUT, REPORT, SHEET, OVERLAY = "walks", "layout.yaml", "report.json", "contact_sheet.png", "overlay.avi"
LAYOUT_TEXT = 'pattern: "{subject}/{condition}/{view}/{frame}.png"\n'
NAME = re.compile(r"[\w][\w.-]*")
MOST_BYTES = 200  # of a name: most file systems take 255, and a pass adds its number


@named_arguments
def extract_silhouettes(
    video: PathLike | int,
    *,
    out: PathLike,
    subject: str | None = None,
    condition: str = "nm",
    view_degrees: int = 90,
    frames_per_second: float | None = None,
    seconds: float | None = None,
    min_height: int = 64,
    min_frames: int = 20,
    longest_side: int = 1280,
    segmenter: str | Segmenter | None = None,
    progress: bool = True,
) -> VideoReport:
    """Cut the people who walk past a static camera out of a video, one folder of silhouettes for each pass.

    A pass is written when it ends, whole or not at all; the report and the pictures are written at the end, after an
    interrupt (Ctrl-C or SIGTERM) as well. After an error they are written if there is a pass, and the report tells the
    error. Memory does not grow with the length of the video.

    Args:
        video: Video file, folder of frames, or index of a camera.
        out: Folder to write, new or empty: walks/SUBJECT/CONDITION-NN/VIEW/FRAME.png, layout.yaml for `prepare`,
            report.json, contact_sheet.png and overlay.avi.
        subject: Who walks. None: unknown people, pass-0001 and so on; each pass is a separate one.
        condition: Name of the passes in front of their number, such as "nm", "bg" or "cl".
        view_degrees: View of the camera, for `prepare`.
        frames_per_second: Frame rate, where the video does not say the right one.
        seconds: Stop after this time of the video. None: at its end.
        min_height: Lower silhouettes are dropped, in pixels of the analysed frame.
        min_frames: Passes with fewer usable frames are dropped.
        longest_side: Larger frames are made smaller before the analysis, to this number of pixels.
        segmenter: Function, or its name as "MODULE:function": uint8 [frames, height, width, 3] red green blue to
            [frames, height, width]. None subtracts the background.
        progress: Whether to show a progress bar.

    Returns:
        `VideoReport`.

    Raises:
        VideoError: The video cannot be read, has fewer frames than a pass, or is lower than `min_height`.
        SegmenterError: The function is missing, failed, or returned something else than masks.
        FileExistsError: `out` is not empty.
        ValueError: An argument is out of range.

    Example:
        >>> report = extract_silhouettes("corridor.mp4", out="corridor")   # doctest: +SKIP
        >>> len(report.passes), sum(report.dropped_figures.values())       # doctest: +SKIP
        (12, 341)
    """
    settings = {"subject": subject, "condition": condition, "view_degrees": view_degrees}
    lengths = {"min_height": min_height, "min_frames": min_frames, "longest_side": longest_side}
    check_numbers(view_degrees=view_degrees, seconds=seconds, frames_per_second=frames_per_second, **lengths)
    _check_names(subject=subject, condition=condition)
    out = _checked_out(out, video=video)
    name = segmenter if isinstance(segmenter, str) else getattr(segmenter, "__name__", "function")
    function = load_segmenter(segmenter) if isinstance(segmenter, str) else segmenter
    source = open_frames(video, frames_per_second=frames_per_second, longest_side=longest_side)
    if source.num_frames is not None and source.num_frames < min_frames:
        raise VideoError(
            f"{video} has {source.num_frames} frame{'s' * (source.num_frames > 1)}, and a pass has at least "
            f"{min_frames}. Give a longer video, or a smaller --min-frames."
        )
    if source.analysed_size:  # that of a camera is known with its first picture
        _check_height(min_height, size=source.analysed_size, video=video)
    report = VideoReport(
        video=str(video),
        frames_per_second=source.rate,
        rate_is_known=source.rate_is_known,
        is_live=source.is_live,
        settings=settings | lengths | {"segmenter": name if function else None, "seconds": seconds},
    )
    found = segmented_masks(source, segmenter=function, name=name) if function else background_masks(source)
    extraction = _Extraction(out, gate=Gate(min_height=min_height, min_frames=min_frames), report=report)
    total = source.num_frames
    if seconds is not None:
        total = min(total or 2**40, round(seconds * source.rate))
    try:
        with stop_on_signal() as is_stopped, progress_bar("frames", total=total, shown=progress) as advance:
            source.stop = is_stopped
            for _ in extraction.work(found, seconds=seconds, is_stopped=is_stopped):
                advance(note=f"{len(report.passes)} passes")
    except BaseException as error:
        report.stopped = "interrupt" if isinstance(error, KeyboardInterrupt) else f"error: {error}"
        extraction.finish(source, failed=True)
        raise
    extraction.finish(source)
    return report


class _Extraction:
    """The state of one call: what is followed, and what has been written."""

    def __init__(self, out: pathlib.Path, *, gate: Gate, report: VideoReport):
        self.out, self.gate, self.report = out, gate, report
        self.tracker = Tracker(gate.fault_of)
        self.overlay, self.sheet = Overlay(), ContactSheet()

    def work(self, found: Iterator[Found], *, seconds: float | None, is_stopped: threading.Event) -> Iterator[None]:
        """Work on the frames one by one, and write the passes that end."""
        report = self.report
        for frame, mask, reason in found:
            if seconds is not None and frame.seconds >= seconds:
                report.stopped = "seconds"
                break
            if is_stopped.is_set():
                report.stopped = "interrupt"
                break
            report.num_frames += 1
            report.size = frame.image.shape[:2]
            if report.num_frames == 1:
                _check_height(self.gate.min_height, size=report.size, video=report.video)
            regions = []
            if mask is None:
                report.dropped_frames[reason] += 1
            else:
                regions, num_low = find_regions(mask, min_height=self.gate.min_height // 2)
                report.dropped_figures["too low to be followed"] += num_low
                report.num_figures += len(regions) + num_low
            ended = self.tracker.update(frame, regions)
            self.overlay.add(frame, self.tracker.tracks)
            self.close(ended)
            yield
        else:
            if report.is_live and is_stopped.is_set():  # while the camera gave nothing
                report.stopped = "interrupt"

    def close(self, tracks: list[Track]) -> None:
        """Write the passes of tracks that ended, and count the rest of them."""
        for track in tracks:
            judgement = self.gate.judge(track)
            self.report.add_losses(judgement)
            for one in judgement.passes:
                number = len(self.report.passes) + 1
                settings = self.report.settings
                subject = settings["subject"] or f"pass-{number:04d}"
                walk = f"{settings['condition']}-{number if settings['subject'] else 1:02d}"
                folder = f"{WALKS}/{subject}/{walk}/{settings['view_degrees']:03d}"
                write_pass(self.out / folder, one=one)
                if number == 1:  # a killed process leaves passes that `prepare` reads
                    write_text(self.out / LAYOUT, LAYOUT_TEXT)
                self.report.add_pass(folder, one=one)
                self.sheet.add(f"{subject}/{walk}"[:26], one)

    def finish(self, source: FrameSource, *, failed: bool = False) -> None:
        """End what is followed, and write the report and the pictures; after an error without a pass, nothing."""
        self.close(self.tracker.finish())
        report = self.report
        if failed and not report.passes:
            return
        report.notes += source.notes
        report.dropped_frames.update(f"{UNREADABLE}{reason}" for reason in source.unreadable.values())
        for reason in [reason for reason, count in report.dropped_figures.items() if not count]:
            del report.dropped_figures[reason]
        write_text(self.out / LAYOUT, LAYOUT_TEXT)
        self.sheet.write(self.out / SHEET)
        self.overlay.write(self.out / OVERLAY, frames_per_second=report.frames_per_second)
        write_json(self.out / REPORT, report.as_dict())


def _check_height(min_height: int, *, size: tuple[int, int], video: PathLike | int) -> None:
    height, width = size
    if min_height > height - 2 * BORDER:
        raise VideoError(
            f"{video} is analysed at {height} x {width} pixels (height x width), so no silhouette can be {min_height} "
            "pixels high. Give a smaller --min-height, or a larger --longest-side if the frames are larger."
        )


def _check_names(**given: str | None) -> None:
    for what, text in given.items():
        if text is not None and not NAME.fullmatch(text):
            raise ValueError(f"The {what} must be a name of letters, digits, '-', '_' and '.', got {text!r}.")
        if text is not None and len(text.encode()) > MOST_BYTES:
            raise ValueError(
                f"The {what} {text[:40]!r}... is too long for the name of a folder: it has {len(text.encode())} bytes, "
                f"and {MOST_BYTES} are the limit."
            )


def _checked_out(out: PathLike, *, video: PathLike | int) -> pathlib.Path:
    path = user_path(out)
    if os.path.exists(user_path(str(video))):
        check_apart(out, source=str(video), what="the video")
    check_folder_name(out)
    if path.is_dir() and next(itertools.islice(path.iterdir(), 1), None) is not None:
        raise FileExistsError(f"{out} is not empty, and nothing in it is overwritten. Choose another folder.")
    return path
