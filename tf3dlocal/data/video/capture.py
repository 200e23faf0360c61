"""OpenCV's reader of one video file or camera: what it may open, what its header says, and its pictures."""

from __future__ import annotations

import contextlib
import math
import os
import pathlib
import re
from collections.abc import Iterator

import cv2
import numpy as np

from tf3dlocal.data.raw.files import RawDataError
from tf3dlocal.data.raw.frames import MOST_PIXELS, FrameFault
from tf3dlocal.data.video.ranges import FASTEST, SLOWEST
from tf3dlocal.io import check_regular_file

os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")  # what FFmpeg prints of a damaged video is said in our words
HEAD = 4096  # bytes by which a text is recognized
CONTROL = re.compile(rb"[\x00-\x08\x0e-\x1f\x7f]")  # in the head of every video, and in no text
RAW_VIDEO = b"YUV4MPEG2 "  # begin of a video whose header is a text
LISTS = re.compile(rb"\A(\xef\xbb\xbf)?(#EXTM3U|ffconcat|\s*<)|^c=IN IP", re.MULTILINE)  # HLS, concat, DASH, SDP


class VideoError(RawDataError):
    """A video cannot be read or used; the message names it, the reason and the solution."""


def read_header(name: str, *, path: pathlib.Path, is_live: bool) -> tuple[float | None, int | None]:
    """Return the frame rate and the number of frames that a video says, each None where it says nothing sensible.

    Args:
        name: What the user gave.
        path: Where the file is.
        is_live: Whether it is the index of a camera.

    Raises:
        FileNotFoundError: There is no such file.
        VideoError: It is no video, or its frames are too large.
    """
    if not is_live:
        _check_file(name, path)
    with open_capture(int(name) if is_live else path, name=name) as capture:
        rate, count = capture.get(cv2.CAP_PROP_FPS), capture.get(cv2.CAP_PROP_FRAME_COUNT)
        pixels = capture.get(cv2.CAP_PROP_FRAME_WIDTH) * capture.get(cv2.CAP_PROP_FRAME_HEIGHT)
    if pixels > MOST_PIXELS:
        raise VideoError(f"{name} cannot be read: a frame has {pixels:,.0f} pixels, and {MOST_PIXELS:,} are the limit.")
    has_rate = math.isfinite(rate) and SLOWEST <= rate <= FASTEST
    return (rate if has_rate else None), (int(count) if math.isfinite(count) and 0 < count < 2**40 else None)


def _check_file(name: str, path: pathlib.Path) -> None:
    """Refuse what is no video file, and what only names others: FFmpeg would wait for the next part of a stream."""
    if "://" in name and not path.exists():
        raise VideoError(
            f"{name} is an address, and only files, folders and cameras of this machine are read. Record the "
            "stream into a file first."
        )
    if not path.exists():
        raise FileNotFoundError(2, "No such file or directory", name)
    check_regular_file(path)
    with open(path, "rb") as file:
        head = file.read(HEAD)
    if not head:
        raise VideoError(f"{name} cannot be read: it is empty.")
    if LISTS.search(head) or not (CONTROL.search(head) or head.startswith(RAW_VIDEO)):
        raise VideoError(
            f"{name} cannot be read: it is no video that OpenCV knows, but a text. If it is a playlist, give a video "
            "file that it names, or record the stream into a file first."
        )


@contextlib.contextmanager
def open_capture(place: pathlib.Path | int, *, name: str) -> Iterator[cv2.VideoCapture]:
    """Open a video file, or a camera by its index, for the time of a block.

    Args:
        place: The file or the index.
        name: What the user gave, for messages.

    Raises:
        VideoError: OpenCV cannot open it.
    """
    capture = cv2.VideoCapture()
    try:
        try:
            with _silent():
                # An absolute path: FFmpeg takes the begin of a name such as "rtsp:a.avi" for a protocol.
                is_open = capture.open(place if isinstance(place, int) else os.path.abspath(place))
        except cv2.error:
            is_open = False
        if not is_open and isinstance(place, int):
            raise VideoError(f"There is no camera {name}, or another program uses it. The first camera is 0.")
        if not is_open:
            raise VideoError(
                f"{name} cannot be read: it is no video that OpenCV knows, or it is damaged. Convert it to MP4 with "
                "H.264, or give a folder with its frames."
            )
        yield capture
    finally:
        capture.release()


def grab(capture: cv2.VideoCapture) -> bool:
    """Read the next frame without decoding it; return whether there is one."""
    try:
        with _silent():
            return capture.grab()
    except cv2.error:
        return False


def retrieve(capture: cv2.VideoCapture) -> np.ndarray | FrameFault:
    """Decode the frame that was grabbed."""
    try:
        with _silent():
            found, image = capture.retrieve()
    except cv2.error:
        found, image = False, None
    if not found or image is None or image.size == 0:
        return FrameFault("damaged frame")
    return image


@contextlib.contextmanager
def _silent() -> Iterator[None]:
    """Keep OpenCV from printing while a block runs: a page about the drivers that a camera lacks, or a warning."""
    log = cv2.utils.logging
    level = log.setLogLevel(log.LOG_LEVEL_SILENT)
    try:
        yield
    finally:
        log.setLogLevel(level)
