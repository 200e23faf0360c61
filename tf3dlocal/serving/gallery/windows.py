"""From a walk of any length to one embedding: windows of one length, and the mean of their embeddings.

The embedding of a whole walk depends on its number of frames: a network that takes the maximum over time finds larger
values in more frames. Windows of one length on both sides make walks of different lengths comparable, and the memory
does not grow with the walk. docs/identify.md has the measurement by which the lengths were chosen.
"""

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from tf3dlocal.serving.client.walk_checks import MOST_FRAMES

WINDOWS_AT_ONCE = 8


@dataclasses.dataclass(frozen=True, kw_only=True)
class WindowRule:
    """How the frames of a walk become one embedding.

    Attributes:
        length: Frames of a window. A shorter walk is repeated until it fills one window, as in training.
        step: Frames by which the next window is later. The last window ends with the walk.

    Raises:
        ValueError: Not 1 <= step <= length <= 2048, or not whole numbers. The graph of a model takes 2048 frames.

    Example:
        >>> [rows[[0, -1]].tolist() for rows in WindowRule(length=30, step=10).windows(45)]
        [[0, 29], [10, 39], [15, 44]]
        >>> [rows.tolist() for rows in WindowRule(length=5, step=2).windows(3)]
        [[0, 1, 2, 0, 1]]
    """

    length: int = 30
    step: int = 10

    def __post_init__(self):
        whole = all(isinstance(each, int) and not isinstance(each, bool) for each in (self.length, self.step))
        if not whole or not 1 <= self.step <= self.length <= MOST_FRAMES:
            raise ValueError(
                f"A window has length {self.length!r} and step {self.step!r}. Give whole numbers, 1 <= step <= length "
                f"<= {MOST_FRAMES}."
            )

    @classmethod
    def of_card(cls, card: Mapping[str, Any]) -> "WindowRule":
        """Choose windows as long as the clips that a model was trained with; 30 frames if its card does not say it.

        Of longer clips than a model's graph takes, windows have the most frames that it takes.

        Args:
            card: Model card of an exported model.

        Example:
            >>> WindowRule.of_card({"config": {"data": {"clip_length": 12}}}), WindowRule.of_card({"config": None})
            (WindowRule(length=12, step=4), WindowRule(length=30, step=10))
        """
        found: Any = card
        for key in ("config", "data", "clip_length"):
            found = found.get(key) if isinstance(found, Mapping) else None
        if not isinstance(found, int) or isinstance(found, bool) or found < 1:
            return cls()
        length = min(found, MOST_FRAMES)
        return cls(length=length, step=max(1, length // 3))

    def windows(self, num_frames: int) -> Iterator[np.ndarray]:
        """Yield the frames of each window, int [length].

        Args:
            num_frames: Length of the walk, at least 1.
        """
        last = num_frames - self.length
        for start in range(0, max(last, 0) + 1, self.step):
            yield np.arange(start, start + self.length) % num_frames
        if last > 0 and last % self.step:
            yield np.arange(last, num_frames)


def embed_in_windows(
    embed: Callable[[np.ndarray], np.ndarray],
    *,
    silhouettes: np.ndarray,
    rule: WindowRule,
    rows: np.ndarray | None = None,
    source: str = "",
) -> np.ndarray:
    """Compute the mean of the embeddings of a walk's windows.

    Args:
        embed: Function from uint8 [batch, frames, height, width] to float32 [batch, ...], such as
            `ExportedModel.embed`.
        silhouettes: uint8 [frames, height, width], at least one frame.
        rule: Length and step of the windows.
        rows: The frames in the order in which they are shown, such as those of `at_frame_rate`. Default: each once.
        source: Name of the walk for messages.

    Returns:
        float32 [...]. The memory is that of a few windows.

    Raises:
        ValueError: As `embed`, with the name of the walk: the numbers in the message are those of windows.

    Example:
        >>> walk = np.arange(4, dtype=np.uint8).reshape(4, 1, 1)
        >>> rule = WindowRule(length=2, step=2)
        >>> embed_in_windows(lambda x: x.mean(axis=1)[..., 0], silhouettes=walk, rule=rule).tolist()
        [1.5]
    """
    total, count, held = 0.0, 0, []
    at_once = min(WINDOWS_AT_ONCE, MOST_FRAMES // rule.length)  # 1 or more, by the limit of a rule's length

    def embedded() -> np.ndarray:
        try:
            return embed(np.stack(held)).sum(axis=0, dtype=np.float64)
        except ValueError as error:
            if not source:
                raise
            raise ValueError(f"{source}, in windows of {rule.length} frames: {error}") from None

    for window in rule.windows(len(silhouettes if rows is None else rows)):
        held.append(silhouettes[window if rows is None else rows[window]])
        if len(held) == at_once:
            total, count, held = total + embedded(), count + len(held), []
    if held:
        total, count = total + embedded(), count + len(held)
    return np.asarray(total / count, np.float32)


def at_frame_rate(num_frames: int, *, frame_rate: float, wanted: float) -> np.ndarray:
    """Choose frames of a walk so that it seems to be filmed at another frame rate: the frame last seen.

    Args:
        num_frames: Length of the walk.
        frame_rate: Frames per second of the walk.
        wanted: Frames per second of the result.

    Returns:
        int [frames]. A frame occurs several times where the wanted rate is higher, and not at all where it is lower.

    Example:
        >>> at_frame_rate(3, frame_rate=12.5, wanted=25).tolist(), at_frame_rate(4, frame_rate=50, wanted=25).tolist()
        ([0, 0, 1, 1, 2, 2], [0, 2])
    """
    rows = frame_at(np.arange(int(num_frames * wanted / frame_rate) + 2), frame_rate=frame_rate, wanted=wanted)
    return rows[rows < num_frames]


def frame_at(number: Any, *, frame_rate: float, wanted: float) -> Any:
    """Return which frame of a walk is seen when the frame `number` at another frame rate is shown: an int, or ints.

    Example:
        >>> int(frame_at(3, frame_rate=12.5, wanted=25)), int(frame_at(3, frame_rate=50, wanted=25))
        (1, 6)
    """
    return np.floor(number * (frame_rate / wanted) + 1e-9).astype(int)
