"""Two pictures to judge by eye: a clip with the outlines of what was found, and a sheet of the passes."""

from __future__ import annotations

import pathlib

import cv2
import numpy as np

from tf3dlocal.data.silhouettes import align_silhouette, cut_sides
from tf3dlocal.data.video.quality import Pass
from tf3dlocal.data.video.source import Frame
from tf3dlocal.data.video.tracking import Track
from tf3dlocal.io import write_bytes, write_file

GREEN, ORANGE, WHITE, GREY = (80, 220, 80), (0, 140, 255), (255, 255, 255), (150, 150, 150)  # blue green red
OVERLAY_WIDTH, OVERLAY_FRAMES = 640, 900  # the clip is short: its frames are kept as JPEG until the end
ROWS, COLUMNS, SIZE, LABEL = 60, 16, 64, 210  # of the sheet: passes, silhouettes of each, pixels of one, of the name


class Overlay:
    """The frames in which something was followed, at most `OVERLAY_FRAMES`: green is usable, orange is dropped."""

    def __init__(self):
        self._frames: list[np.ndarray] = []
        self._size = (0, 0)

    def add(self, frame: Frame, tracks: list[Track]) -> None:
        """Draw what was seen in a frame."""
        seen = [(track, track.sights[-1]) for track in tracks if track.sights[-1].number == frame.number]
        if not seen or len(self._frames) >= OVERLAY_FRAMES:
            return
        scale = min(1.0, OVERLAY_WIDTH / frame.image.shape[1])
        image = cv2.resize(frame.image, None, fx=scale, fy=scale)  # a copy to draw in, at any scale
        for track, sight in seen:
            colour = ORANGE if sight.reason else GREEN
            left, top, width, height = (round(scale * number) for number in sight.box)
            if sight.reason:
                cv2.rectangle(image, (left, top), (left + width, top + height), colour, 1)
            else:
                small = cv2.resize(sight.mask(), (max(1, width), max(1, height)), interpolation=cv2.INTER_AREA)
                outlines, _ = cv2.findContours(
                    (small > 127).astype(np.uint8), cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE, offset=(left, top)
                )
                cv2.drawContours(image, outlines, -1, colour, 1)
            text = f"{track.name} {sight.reason}".strip()
            cv2.putText(image, text, (left, max(10, top - 4)), cv2.FONT_HERSHEY_SIMPLEX, 0.4, colour, 1, cv2.LINE_AA)
        cv2.putText(image, str(frame.number), (4, 14), cv2.FONT_HERSHEY_SIMPLEX, 0.45, WHITE, 1, cv2.LINE_AA)
        self._size = image.shape[1], image.shape[0]
        self._frames.append(cv2.imencode(".jpg", image)[1])

    def write(self, path: pathlib.Path, *, frames_per_second: float) -> bool:
        """Write the clip as AVI with JPEG frames, which OpenCV writes everywhere; return whether there is one."""
        if self._frames:
            write_file(path, lambda temporary: self._write(temporary, frames_per_second))
        return bool(self._frames)

    def _write(self, path: pathlib.Path, rate: float) -> None:
        writer = cv2.VideoWriter(str(path), cv2.CAP_OPENCV_MJPEG, cv2.VideoWriter_fourcc(*"MJPG"), rate, self._size)
        try:
            if not writer.isOpened():
                raise OSError(f"{path.name} cannot be written by OpenCV.")
            for jpeg in self._frames:
                writer.write(cv2.imdecode(jpeg, cv2.IMREAD_COLOR))
        finally:
            writer.release()


class ContactSheet:
    """One row for each pass, at most `ROWS`: its silhouettes, evenly spaced, aligned as a network sees them."""

    def __init__(self):
        self._rows: list[np.ndarray] = []

    def add(self, name: str, one: Pass) -> None:
        """Take a pass; of more than `ROWS` the newest are shown."""
        picked = np.linspace(0, len(one.sights) - 1, min(COLUMNS, len(one.sights))).round().astype(int)
        row = np.zeros((SIZE, LABEL + COLUMNS * (cut_width() + 2)), np.uint8)
        for column, place in enumerate(picked):
            aligned = align_silhouette(one.sights[place].mask(), size=SIZE)
            if aligned is not None:
                left = LABEL + column * (cut_width() + 2)
                row[:, left : left + cut_width()] = cut_sides(aligned)
        sights = one.sights
        lines = (name, f"{len(sights)} frames, {one.direction}", f"numbers {sights[0].number}-{sights[-1].number}")
        for number, line in enumerate(lines):
            cv2.putText(row, line, (4, 18 + 18 * number), cv2.FONT_HERSHEY_SIMPLEX, 0.42, 255, 1, cv2.LINE_AA)
        self._rows = [*self._rows[1 - ROWS :], row]

    def write(self, path: pathlib.Path) -> bool:
        """Write the sheet as PNG; return whether there is one."""
        if self._rows:
            line = np.full((2, self._rows[0].shape[1]), 90, np.uint8)
            sheet = np.vstack([part for row in self._rows for part in (row, line)])
            write_bytes(path, cv2.imencode(".png", sheet)[1].tobytes())
        return bool(self._rows)


def cut_width() -> int:
    """Return the width of a silhouette on the sheet."""
    return cut_sides(np.zeros((1, SIZE, SIZE), np.uint8)).shape[-1]
