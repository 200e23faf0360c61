"""A walk whose frames come one by one: its embedding after each window, in the memory of one window."""

from collections import deque

import numpy as np

from tf3dlocal.serving.exported_model import ExportedModel
from tf3dlocal.serving.gallery.windows import WindowRule, frame_at


class LiveWalk:
    """The mean of the embeddings of a growing walk's windows; the last frames of it are kept, and no others.

    Args:
        embedder: The model.
        rule: Windows.
        frame_rate: Frames per second of the walk, if known.
        wanted_rate: Frames per second of the gallery, if known.

    Attributes:
        num_frames: Number of silhouettes so far.
        num_windows: Number of windows so far.
    """

    def __init__(
        self,
        *,
        embedder: ExportedModel,
        rule: WindowRule,
        frame_rate: float | None = None,
        wanted_rate: float | None = None,
    ):
        self.num_frames = self.num_windows = 0
        self._embedder, self._rule = embedder, rule
        is_known = frame_rate and wanted_rate
        self._rates = {"frame_rate": frame_rate if is_known else 1.0, "wanted": wanted_rate if is_known else 1.0}
        self._last: deque[np.ndarray] = deque(maxlen=rule.length)
        self._num_taken = self._num_waiting = 0  # frames at the gallery's rate; those since the last window
        self._total: np.ndarray | float = 0.0

    def add(self, silhouette: np.ndarray) -> bool:
        """Take one silhouette, uint8 [height, width]; return whether a window became complete."""
        before = self.num_windows
        while frame_at(self._num_taken, **self._rates) == self.num_frames:
            self._num_taken += 1
            self._num_waiting += 1
            self._last.append(silhouette)
            wanted = self._rule.length if self.num_windows == 0 else self._rule.step
            if self._num_waiting == wanted:
                self._take_window()
        self.num_frames += 1
        return self.num_windows > before

    def end(self) -> None:
        """Use the frames after the last window: with them, the embedding is that of the whole walk."""
        if self._num_waiting and self._last:
            self._take_window()

    def embedding(self) -> np.ndarray:
        """Return the mean over the windows so far, float32 [...]."""
        return np.asarray(self._total / self.num_windows, np.float32)

    def _take_window(self) -> None:
        frames = np.stack(self._last)
        window = frames[np.arange(self._rule.length) % len(frames)]
        self._total = self._total + self._embedder.embed(window[None])[0].astype(np.float64)
        self.num_windows, self._num_waiting = self.num_windows + 1, 0
