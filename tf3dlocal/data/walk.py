"""One walk: the record that every part of the data station hands on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class Walk:
    """Aligned silhouettes of one person walking past one camera once.

    Args:
        silhouettes: uint8 [frames, height, width], 0 (background) .. 255 (body), at least one frame.
        subject: who walks, as the data set names the person, such as "001".
        condition: how, as the data set names it, such as "nm-01".
        view_degrees: from where, in degrees.

    Raises:
        ValueError: for silhouettes that are not uint8 [frames, height, width] with at least one frame.

    Example:
        >>> walk = Walk(np.zeros((30, 64, 64), np.uint8), "001", "nm-01", 90)
        >>> walk.num_frames, walk.name
        (30, '001/nm-01/090')
    """

    silhouettes: np.ndarray
    subject: str
    condition: str
    view_degrees: int

    def __post_init__(self):
        frames = self.silhouettes
        if frames.ndim != 3 or frames.dtype != np.uint8 or frames.shape[0] == 0:
            raise ValueError(
                f"Walk {self.name}: silhouettes must be uint8 [frames, height, width] with at least one frame, "
                f"got {frames.dtype} {list(frames.shape)}."
            )

    @property
    def num_frames(self) -> int:
        """Number of silhouettes."""
        return self.silhouettes.shape[0]

    @property
    def name(self) -> str:
        """subject/condition/view, as CASIA-B's folders are named; the order of names is the order of walks."""
        return f"{self.subject}/{self.condition}/{self.view_degrees:03d}"
