"""Which frames of a walk make a training clip."""

from __future__ import annotations

import numpy as np

ORDERS = ("ordered", "unordered", "resampled")


def draw_clip(
    rng: np.random.Generator,
    *,
    num_frames: int,
    clip_length: int = 30,
    window: tuple[int, int] = (30, 40),
    order: str = "ordered",
) -> np.ndarray:
    """Draw the frames of one training clip from a walk.

    The list of frames of a walk shorter than the clip is repeated until it is long enough. Then

    - ordered: a window of consecutive frames with a length uniform in `window` (the whole list where that is shorter)
      and a uniform place; of these, `clip_length` distinct ones in their order. GaitPart, 3DLocal.
    - unordered: `clip_length` distinct frames of the whole list, in any order. GaitSet in OpenGait.
    - resampled: `clip_length` frames of the walk, drawn with replacement. GaitSet in its authors' program.

    Args:
        rng: Random generator.
        num_frames: Length of the walk.
        clip_length: Frames of the clip.
        window: Shortest and longest window, both included. Only for ordered clips.
        order: "ordered", "unordered" or "resampled".

    Returns:
        int32 [clip_length], positions in 0 .. num_frames - 1.

    Raises:
        ValueError: An unknown order, an empty walk or clip, or a window shorter than the clip.

    Example:
        >>> draw_clip(np.random.default_rng(0), num_frames=8, clip_length=4, window=(4, 6)).tolist()
        [1, 2, 4, 5]

    Source: The main paper, section 4.2; GaitPart's sampler. The authors' release repeats the list as well.
    """
    check_clip(clip_length, window=window, order=order)
    if num_frames < 1:
        raise ValueError(f"A walk must have at least 1 frame, got num_frames={num_frames!r}.")
    if order == "resampled":
        return rng.integers(0, num_frames, clip_length, dtype=np.int32)
    repeats = -(-clip_length // num_frames)
    length = repeats * num_frames
    if order == "unordered":
        chosen = rng.choice(length, clip_length, replace=False)
    else:
        extent = min(int(rng.integers(window[0], window[1], endpoint=True)), length)
        start = int(rng.integers(0, length - extent, endpoint=True))
        chosen = start + np.sort(rng.choice(extent, clip_length, replace=False))
    return (chosen % num_frames).astype(np.int32)


def check_clip(clip_length: int, *, window: tuple[int, int], order: str) -> None:
    """Raise ValueError if no clip can be drawn with these settings."""
    if order not in ORDERS:
        raise ValueError(f"order must be one of {', '.join(ORDERS)}, got {order!r}.")
    if not isinstance(clip_length, int | np.integer):
        raise ValueError(f"clip_length must be a whole number, got {clip_length!r}.")
    if clip_length < 1:
        raise ValueError(f"clip_length must be at least 1, got {clip_length!r}.")
    if len(window) != 2 or not all(isinstance(length, int | np.integer) for length in window):
        raise ValueError(f"window must be two whole numbers (shortest, longest), got {tuple(window)!r}.")
    if order == "ordered" and not clip_length <= window[0] <= window[1]:
        raise ValueError(
            f"window must be (shortest, longest) with a shortest of at least clip_length {clip_length}, got "
            f"{tuple(window)!r}."
        )
