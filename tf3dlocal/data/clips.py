"""Which frames of a walk make a training clip, and which columns of a silhouette the networks see."""

import numpy as np

ORDERS = ("ordered", "unordered", "resampled")


def draw_clip(
    rng: np.random.Generator,
    num_frames: int,
    clip_length: int = 30,
    window: tuple[int, int] = (30, 40),
    order: str = "ordered",
) -> np.ndarray:
    """The frames of one training clip, drawn from a walk.

    A walk shorter than the clip has its list of frames repeated until it is long enough. Then

    - ordered: a window of consecutive frames, its length uniform in `window` (the whole list where that is shorter),
      its place uniform; of these, `clip_length` distinct ones in their order. GaitPart, 3DLocal.
    - unordered: `clip_length` distinct frames of the whole list, in any order. GaitSet as OpenGait trains it.
    - resampled: `clip_length` frames of the walk, drawn with replacement. GaitSet's own program.

    Args:
        rng: the source of chance.
        num_frames: length of the walk.
        clip_length: frames of the clip.
        window: shortest and longest window, both included; read by ordered clips only.
        order: "ordered", "unordered" or "resampled".

    Returns:
        int32 [clip_length], positions in 0 .. num_frames - 1.

    Raises:
        ValueError: an order of another name, an empty walk or clip, a window shorter than the clip.

    Source: the main paper, section 4.2; GaitPart's sampler; the authors' release doubles the list as well.

    >>> draw_clip(np.random.default_rng(0), num_frames=8, clip_length=4, window=(4, 6)).tolist()
    [1, 2, 4, 5]
    """
    check_clip(clip_length, window, order)
    if num_frames < 1:
        raise ValueError("a walk of no frames has no clip")
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


def check_clip(clip_length: int, window: tuple[int, int], order: str) -> None:
    """Raise ValueError if no clip can be drawn with these settings."""
    if order not in ORDERS:
        raise ValueError(f"order is one of {', '.join(ORDERS)}; got {order!r}")
    if clip_length < 1:
        raise ValueError(f"clip_length must be at least 1, and is {clip_length}")
    if order == "ordered" and not clip_length <= window[0] <= window[1]:
        raise ValueError(
            f"window {tuple(window)} must be (shortest, longest), the shortest no shorter than clip_length {clip_length}"
        )


def cut_sides(silhouettes):
    """The columns that the networks see: 64 -> 44 and 128 -> 88, cutting the same number on the left and the right.

    Aligned silhouettes are square with the body in the middle; ten of 64 columns on each side are empty but for a
    wide stride. Works on numpy arrays and on tensors whose width is known.

    Args:
        silhouettes: [..., size, size].

    Returns:
        [..., size, size - 2 * (10 * size // 64)].

    >>> cut_sides(np.zeros([5, 64, 64])).shape, cut_sides(np.zeros([128, 128])).shape
    ((5, 64, 44), (128, 88))
    """
    size = silhouettes.shape[-1]
    sides = 10 * size // 64
    return silhouettes[..., sides : size - sides]
