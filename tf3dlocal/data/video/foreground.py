"""The frames of a video with their masks: from the background model, or from a segmentation function."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from tf3dlocal.data.video.background import SAMPLES, Background
from tf3dlocal.data.video.segmenter import Segmenter, masks_of
from tf3dlocal.data.video.source import Frame, FrameSource

LONGEST_STEP, UNKNOWN_STEP = 1.0, 0.25  # seconds between samples of the background
WARM_UP = 5.0  # seconds in which a camera collects the first samples
BATCH = 8  # frames that a segmentation function gets at once

Found = tuple[Frame, np.ndarray | None, str]  # the frame, its mask, or None and why there is none


def background_masks(source: FrameSource) -> Iterator[Found]:
    """Yield the frames with what moves in them.

    A file is read twice at the same time: samples are taken from half a window before to half a window after a frame,
    at most 20 s. A camera has no frames after this one; its first 5 s only give samples.
    """
    if source.is_live:
        yield from _of_camera(source)
        return
    step = UNKNOWN_STEP
    if source.num_frames:
        step = min(LONGEST_STEP, source.num_frames / source.rate / SAMPLES)
    background, ahead, until = Background(), source.frames(step=step), 0.0
    for frame in source.frames():
        wanted = max(SAMPLES * step, frame.seconds + SAMPLES // 2 * step)
        while until <= wanted:
            sample = next(ahead, None)
            if sample is None:
                break
            background.add(sample.image)
            until = sample.seconds + step
        yield _found(frame, background)


def _of_camera(source: FrameSource) -> Iterator[Found]:
    background, due = Background(), 0.0
    for frame in source.frames():
        is_warm = frame.seconds >= WARM_UP
        if frame.seconds >= due:
            background.add(frame.image)
            due = frame.seconds + (LONGEST_STEP if is_warm else WARM_UP / SAMPLES)
        yield _found(frame, background) if is_warm else (frame, None, "the background is being learned")


def _found(frame: Frame, background: Background) -> Found:
    mask = background.foreground(frame.image)
    return frame, mask, "" if mask is not None else "the light changed, or the camera moved"


def segmented_masks(source: FrameSource, *, segmenter: Segmenter, name: str) -> Iterator[Found]:
    """Yield the frames with the masks of a segmentation function, which gets `BATCH` frames at a time."""
    batch: list[Frame] = []
    for frame in source.frames():
        batch.append(frame)
        if len(batch) == BATCH:
            yield from _segmented(batch, segmenter=segmenter, name=name)
            batch = []
    if batch:
        yield from _segmented(batch, segmenter=segmenter, name=name)


def _segmented(batch: list[Frame], *, segmenter: Segmenter, name: str) -> Iterator[Found]:
    images = np.stack([frame.image[:, :, ::-1] for frame in batch])
    masks = masks_of(segmenter, images=images, name=name, first=batch[0].number)
    yield from ((frame, mask, "") for frame, mask in zip(batch, masks, strict=True))
