"""The batch that all libraries compute on: made-up silhouettes."""

import numpy as np


def moving_bodies(walks=8, frames=30, *, height=64, width=44, walks_per_subject=2, seed=0):
    """Draw bodies of a trunk and two legs that walk in place; the cost of a step hardly depends on what they look like.

    Args:
        walks: walks of the batch.
        frames: frames of a walk.
        height: of a silhouette in pixels.
        width: of a silhouette in pixels.
        walks_per_subject: walk `i` belongs to subject `i // walks_per_subject`.
        seed: random seed.

    Returns:
        (silhouettes float32 [walks, frames, height, width, 1] in 0..1, labels int32 [walks]).

    Raises:
        ValueError: a size is not positive.

    Example:
        >>> silhouettes, labels = moving_bodies(4, 6)
        >>> silhouettes.shape, labels.tolist()
        ((4, 6, 64, 44, 1), [0, 0, 1, 1])
    """
    if min(walks, frames, height, width, walks_per_subject) < 1:
        raise ValueError(
            f"A batch of {walks} walks of {frames} frames of {height} x {width} with {walks_per_subject} walks per "
            "subject is impossible. Give at least 1 of each."
        )
    random = np.random.default_rng(seed)
    girth, pace, start = (
        random.uniform(low, high, (walks, 1, 1, 1)).astype("float32")
        for low, high in ((0.14, 0.24), (0.15, 0.3), (0, 6))
    )
    t = np.arange(frames, dtype="float32")[:, None, None]
    y = (np.arange(height, dtype="float32")[:, None] + 0.5) / height  # 0 head .. 1 foot
    x = (np.arange(width, dtype="float32") + 0.5) / width - 0.5
    swing = np.sin(pace * t + start) * 0.3 * np.maximum(y - 0.5, 0)  # walks t y 1
    trunk = (x / girth) ** 2 + ((y - 0.35) / 0.36) ** 2 < 1
    legs = (np.minimum(abs(x - swing), abs(x + swing)) < girth / 3) & (y > 0.5)
    silhouettes = (trunk | legs).astype("float32")[..., None]
    return silhouettes, np.arange(walks, dtype="int32") // walks_per_subject
