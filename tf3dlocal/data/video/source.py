"""Frames of a video file, of a folder of pictures, or of a camera: one at a time, with their numbers."""

from __future__ import annotations

import functools
import pathlib
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

import cv2
import numpy as np

from tf3dlocal.data.raw.files import natural_key, read_file
from tf3dlocal.data.raw.frames import FrameFault, read_picture
from tf3dlocal.data.video.capture import VideoError, grab, open_capture, read_header, retrieve
from tf3dlocal.data.video.ranges import check_numbers
from tf3dlocal.io import user_path
from tf3dlocal.io.types import PathLike

PICTURES = {".png", ".bmp", ".jpg", ".jpeg", ".tif", ".tiff", ".webp"}
USUAL_RATE = 25.0  # of a folder of pictures, and of a video that does not say its own
COMPLETE = 0.95  # of the frames that a header promises: many headers are wrong by a few
ALPHA = (
    "The pictures have an alpha channel, which is not used: people are found by the colours. If it holds their "
    "silhouettes, no video is needed: `tf3dlocal prepare` and `embed` read them."
)
TRIES = 50  # reads of a camera in a row without a picture
SILENT_SECONDS = 10.0  # without a picture, after which a camera is given up; one read may wait for so long


Reading = tuple[int, float, Callable[[], "np.ndarray | FrameFault"]]  # number, seconds, and what gives the picture


class Frame(NamedTuple):
    """One picture of a video.

    Attributes:
        number: Its place in the video, from 0.
        seconds: Its time from the first frame.
        image: uint8 [height, width, 3], blue green red as OpenCV has it, at the size of the analysis.
    """

    number: int
    seconds: float
    image: np.ndarray


@dataclass(kw_only=True)
class FrameSource:
    """A video that is read frame by frame; see `open_frames`.

    Attributes:
        name: What the user gave.
        rate: Frames per second.
        rate_is_known: Whether the video or the user says the rate.
        num_frames: How many frames it should have; None where nothing says it.
        is_live: Whether it is a camera, which is read once and has no end.
        longest_side: Larger frames are made smaller, to this number of pixels.
        notes: What was noticed while reading, in sentences.
        unreadable: Numbers of frames that could not be read, with the reason.
        analysed_size: Height and width of the frames that are given, in pixels; None before the first is read.
        stop: When it is set, a camera gives no more pictures.
    """

    name: str
    rate: float
    rate_is_known: bool
    num_frames: int | None
    is_live: bool
    longest_side: int
    notes: list[str] = field(default_factory=list)
    unreadable: dict[int, str] = field(default_factory=dict)
    analysed_size: tuple[int, int] | None = None
    stop: threading.Event = field(default_factory=threading.Event)
    _files: list[pathlib.Path] = field(default_factory=list)
    _size: tuple[int, int] | None = None

    def frames(self, *, step: float = 0.0) -> Iterator[Frame]:
        """Yield the frames from the first one on; a file may be read by several iterators at the same time.

        Args:
            step: Seconds between the frames that are wanted; 0 yields all.

        Raises:
            VideoError: A frame has another size than the first, or is too large.
        """
        reader = self._pictures() if self._files else self._camera() if self.is_live else self._video()
        due = 0.0
        for number, seconds, read in reader:
            if seconds >= due:
                due += step
                image = read()
                if isinstance(image, FrameFault):
                    self.unreadable[number] = image.reason
                else:
                    yield Frame(number, seconds, self._fitted(image, number))

    def _fitted(self, image: np.ndarray, number: int) -> np.ndarray:
        size = image.shape[:2]
        self._size = self._size or size
        if size != self._size:
            raise VideoError(
                f"{self.name}: frame {number} is {size[0]} x {size[1]} pixels (height x width), and the frames before "
                f"it are {self._size[0]} x {self._size[1]}. A static camera gives one size: keep the pictures of one "
                "recording in a folder."
            )
        scale = self.longest_side / max(size)
        if scale < 1:
            smaller = max(1, round(size[1] * scale)), max(1, round(size[0] * scale))
            # Areas need several times as long, and are needed only where pixels would be skipped.
            image = cv2.resize(image, smaller, interpolation=cv2.INTER_LINEAR if scale > 0.5 else cv2.INTER_AREA)
        self.analysed_size = image.shape[:2]
        if image.ndim == 2:
            return cv2.cvtColor(image, cv2.COLOR_GRAY2BGR)
        if image.shape[2] == 4 and ALPHA not in self.notes and int(image[:, :, 3].min()) < 255:
            self.notes.append(ALPHA)
        return np.ascontiguousarray(image[:, :, :3])

    def _video(self) -> Iterator[Reading]:
        number = 0
        with open_capture(user_path(self.name), name=self.name) as capture:
            while grab(capture):
                yield number, number / self.rate, lambda: retrieve(capture)
                number += 1
        promised = self.num_frames or 0
        sentence = (
            f"The video ends after {number} frames, and its header promises {promised}: it is cut off or damaged."
        )
        if number < COMPLETE * promised and sentence not in self.notes:
            self.notes.append(sentence)

    def _camera(self) -> Iterator[Reading]:
        with open_capture(int(self.name), name=self.name) as capture:
            begin, number, misses = time.monotonic(), 0, 0
            last = begin
            while misses < TRIES and not self.stop.is_set():
                if grab(capture):
                    yield number, time.monotonic() - begin, lambda: retrieve(capture)
                    number, misses, last = number + 1, 0, time.monotonic()
                elif time.monotonic() - last >= SILENT_SECONDS:
                    break
                else:
                    misses += 1
                    time.sleep(0.02)
        if not self.stop.is_set():
            self.notes.append(f"Camera {self.name} gave no more pictures after {number} frames.")

    def _pictures(self) -> Iterator[Reading]:
        for number, path in enumerate(self._files):
            yield number, number / self.rate, functools.partial(_read_file, path)


def open_frames(
    video: PathLike | int, *, frames_per_second: float | None = None, longest_side: int = 1280
) -> FrameSource:
    """Open a video file, a folder of pictures, or a camera; the first frame is read to see that there is one.

    Args:
        video: File that OpenCV reads, folder of pictures in the natural order of their names, or index of a camera
            (0 is the first; a text of digits is one, unless there is such a file).
        frames_per_second: Frame rate; needed for a folder, and where a file says a wrong one.
        longest_side: Frames are made smaller to this number of pixels.

    Raises:
        FileNotFoundError: There is no such file or folder.
        VideoError: There is no frame in it, or no such camera.
        ValueError: The frame rate or the size is out of range.
    """
    check_numbers(frames_per_second=frames_per_second, longest_side=longest_side)
    name, path = str(video), user_path(str(video))
    files: list[pathlib.Path] = []
    is_live = name.isdecimal() and not path.exists()
    rate, count = None, None
    if path.is_dir():
        files = sorted(
            (each for each in path.iterdir() if each.suffix.lower() in PICTURES and not each.name.startswith(".")),
            key=lambda each: natural_key(each.name),
        )
        if not files:
            raise VideoError(
                f"{name} is a folder without pictures ({', '.join(sorted(PICTURES))}). Give the folder in which the "
                "frames lie, or a video file."
            )
        count = len(files)
    else:
        rate, count = read_header(name, path=path, is_live=is_live)
    source = FrameSource(
        name=name,
        rate=frames_per_second or rate or USUAL_RATE,
        rate_is_known=bool(frames_per_second or rate),
        num_frames=count,
        is_live=is_live,
        longest_side=longest_side,
        _files=files,
    )
    if not is_live and next(source.frames(), None) is None:
        reasons = ", ".join(sorted(set(source.unreadable.values())))
        what = f"none of its {len(files)} pictures can be read ({reasons})" if files else "it holds no frame"
        raise VideoError(f"{name} cannot be read: {what}. Record it again, or convert it to MP4 with H.264.")
    return source


def _read_file(path: pathlib.Path) -> np.ndarray | FrameFault:
    try:
        content = read_file(path)
    except OSError as error:
        return FrameFault(f"unreadable file ({error.strerror or error})")
    return read_picture(content)
