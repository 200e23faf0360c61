"""A synthetic walk as a network sees it, without files."""

import numpy as np

from tf3dlocal.data.silhouettes import align_silhouette, cut_sides
from tf3dlocal.data.walkers.draw import draw_walk


def draw_aligned_walk(seed: int, *, subject: int, condition: str, view_degrees: int, frames: int = 30) -> np.ndarray:
    """Draw a synthetic walk and align it, as `write_walkers`, `prepare` and `open_walks` together would give it.

    Args:
        seed: As in `draw_walk`, like the other arguments.
        subject: Number of the person.
        condition: Name of the walk, such as "nm-01".
        view_degrees: One of 0, 18, ..., 180.
        frames: Number of frames.

    Returns:
        uint8 [frames, 64, 44], 0..255.

    Raises:
        ValueError: An argument is out of range or of a wrong type; the message names it.

    Example:
        >>> draw_aligned_walk(0, subject=1, condition="nm-01", view_degrees=90, frames=5).shape
        (5, 64, 44)
    """
    raw = draw_walk(seed, subject=subject, condition=condition, view_degrees=view_degrees, frames=frames)
    return cut_sides(np.stack([align_silhouette(frame) for frame in raw]))
