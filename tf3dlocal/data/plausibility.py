"""Whether pictures are silhouettes: the one check of every reader, from PNG files to the arrays of a server.

A silhouette is white (255) on black (0), with soft edges at most. Masks of two values (0 and 1, 0 and 5) and masks in
an alpha channel are read as such, and counted. Inverted pictures, photographs, labels of body parts and noise are
refused: a network answers them with confidence, and wrongly. Frames that seem to show several people are counted.
"""

from __future__ import annotations

import collections
from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass, field

import cv2
import numpy as np

from tf3dlocal.data.connected_figures import Figures, find_figures
from tf3dlocal.data.raw.files import RawDataError
from tf3dlocal.data.raw.frames import FrameFault
from tf3dlocal.data.silhouettes import MINIMUM_PIXEL_SUM
from tf3dlocal.io import named_arguments

FAINTEST = 128  # white of a soft silhouette; a picture that stays darker holds labels, or is no silhouette
NOISE, DARK, BRIGHT = 8, 32, 224  # below DARK: background; below NOISE: as JPEG leaves it; from BRIGHT: body
# The largest shares of grey in resized silhouettes that were measured: 0.14 of all pixels, 1.3 of the bright ones.
# Photographs have 0.48 and 2.5 or more.
MOST_GREY, MOST_GREY_OF_BRIGHT, ALWAYS_ALLOWED_GREY = 0.25, 2.0, 0.05
INVERTED, FILLED, GREY, DIM = "inverted (white background)", "filled by the body", "not two-valued", "too dark"
NOISE_ONLY = "noise (many specks, and no body)"
ADVICE = {
    INVERTED: "If the body is black on white, give --invert (in Python invert=True).",
    FILLED: "The body must stand free in the picture. Segment the video again, with the whole person in view.",
    GREY: (
        "Make silhouettes first: a person segmentation network or, for a video, `tf3dlocal silhouettes` gives 255 on "
        "the body and 0 elsewhere."
    ),
    DIM: "Silhouettes are 0 (background) and 255 (body). Labels of body parts are not read: save 255 * (labels > 0).",
    NOISE_ONLY: "Segment the video again: a silhouette is one piece, at most with a few specks around it.",
}
ADVICE["colour image"] = ADVICE[GREY]
ALPHA = "masks read from the alpha channel"
SEVERAL = "frames with several separate figures: a walk should show one person"


class ImplausibleSilhouettesError(RawDataError):
    """Pictures are no silhouettes. The message names them, the reason and the solution.

    Attributes:
        reason: A few words that a report can count, such as "colour image".
        detail: The message without the name of the walk.
    """

    def __init__(self, message: str, *, reason: str = "", detail: str = ""):
        super().__init__(message)
        self.reason, self.detail = reason, detail


@named_arguments
def plausible_silhouettes(
    frames: np.ndarray | Sequence[np.ndarray], *, source: str, invert: bool = False
) -> tuple[np.ndarray | list[np.ndarray], dict[str, int]]:
    """Check that the frames of one walk are silhouettes, and return them as masks of 0..255.

    Args:
        frames: [frames, height, width], or with 1, 3 or 4 channels last; numbers of any type. A list may hold frames of
            several sizes. Soft edges are fine. Masks of 0 and any one other value are scaled, an alpha channel with a
            mask in it is read.
        source: Name of the walk for messages, such as its folder.
        invert: Whether the body is black on white.

    Returns:
        (uint8 [frames, height, width], or a list where the sizes differ; what was done or noticed, in words, to the
        number of frames). A frame that is no silhouette among others that are is black in the result, and counted.

    Raises:
        ImplausibleSilhouettesError: More than half of the frames are no silhouettes. Black frames do not count.

    Example:
        >>> walk = np.zeros((2, 64, 64), np.uint8)
        >>> walk[:, 8:, 24:40] = 1
        >>> masks, counts = plausible_silhouettes(walk, source="walks/anna")
        >>> int(masks.max()), counts
        (255, {'masks of 0 and 1, scaled to 0 and 255': 2})
    """
    check, grey = WalkCheck(source, invert=invert), []
    for frame in frames:
        mask, was_alpha = grey_mask(frame)
        grey.append(mask)
        check.add(mask, was_alpha=was_alpha)
    verdict = check.verdict()
    masks = [
        np.zeros(np.shape(frame)[:2], np.uint8) if number in verdict.faults else verdict.apply(mask)
        for number, (frame, mask) in enumerate(zip(frames, grey, strict=True))
    ]
    counts = collections.Counter(verdict.counts)
    counts.update(f"frames left out: {reason}" for reason in verdict.faults.values())
    is_even = len({mask.shape for mask in masks}) == 1
    return (np.stack(masks) if is_even else masks), dict(counts)


def grey_mask(frame: np.ndarray) -> tuple[np.ndarray | FrameFault, bool]:
    """Return the one channel that may hold a silhouette, and whether it was the alpha channel.

    Returns:
        (uint8 [height, width] or the `FrameFault` that says why there is none, whether it was the alpha channel).
    """
    frame = np.asarray(frame)
    if frame.dtype != np.uint8:
        frame = _as_bytes(frame)
        if isinstance(frame, FrameFault):
            return frame, False
    if frame.ndim not in (2, 3) or (frame.ndim == 3 and frame.shape[2] not in (1, 3, 4)) or 0 in frame.shape:
        return FrameFault(f"an array {list(frame.shape)}, not a picture"), False
    if frame.ndim == 2:
        return frame, False
    first = np.ascontiguousarray(frame[..., 0])
    is_grey = all(np.array_equal(first, frame[..., channel]) for channel in range(1, min(frame.shape[2], 3)))
    if frame.shape[2] == 4:
        alpha = np.ascontiguousarray(frame[..., 3])
        low, high = int(alpha.min()), int(alpha.max())
        is_plain = is_grey and first.min() == first.max()
        if low < high and (not is_grey or is_plain or not _is_two_valued(first)):
            return alpha, True
        if low < high and not np.array_equal(first > 0, alpha > 0):
            return FrameFault("two masks that differ, in colour and in the alpha channel"), False
        if high == 0 and not is_grey:
            return alpha, True  # a photograph without a person in it
    return (first, False) if is_grey else (FrameFault("colour image"), False)


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What the check of one walk found.

    Attributes:
        faults: Number of a frame to the reason for which it is no silhouette.
        counts: What is done to frames or noticed in them, in words, to their number.
        white: The value of the body.
        invert: Whether black and white are exchanged.
    """

    faults: dict[int, str]
    counts: dict[str, int]
    white: int = 255
    invert: bool = False

    @property
    def changes_frames(self) -> bool:
        """Whether `apply` changes a frame."""
        return self.invert or self.white != 255

    def apply(self, mask: np.ndarray) -> np.ndarray:
        """Return a mask with the body at 255 and the background at 0."""
        if self.white != 255:
            mask = (mask > 0).astype(np.uint8) * np.uint8(255)
        return 255 - mask if self.invert else mask


@dataclass
class WalkCheck:
    """Check of one walk, frame by frame: no frame is kept.

    Args:
        source: Name of the walk for messages.
        invert: Whether the body is black on white.
    """

    source: str
    _: KW_ONLY
    invert: bool = False
    _histograms: list[np.ndarray | str] = field(default_factory=list, init=False)  # or why there is none
    _figures: dict[int, Figures] = field(default_factory=dict, init=False)
    _num_alpha: int = field(default=0, init=False)

    def add(self, mask: np.ndarray | FrameFault, *, was_alpha: bool = False) -> None:
        """Take the numbers of one frame: how often each grey value occurs in it and on its border, and its pieces."""
        self._num_alpha += was_alpha
        if isinstance(mask, FrameFault):
            self._histograms.append(mask.reason)
            return
        self._figures[len(self._histograms)] = find_figures(mask, invert=self.invert)
        border = np.concatenate([mask[0], mask[-1], mask[:, 0], mask[:, -1]])
        self._histograms.append(np.stack([_histogram(mask), _histogram(border[np.newaxis])]))

    def verdict(self) -> Verdict:
        """Decide what the walk is.

        Raises:
            ImplausibleSilhouettesError: More than half of its frames are no silhouettes.
        """
        readable = [found for found in self._histograms if not isinstance(found, str)]
        total = np.sum(readable, axis=0)[0] if readable else np.zeros(256, np.int64)
        white = _white(total)
        faults, num_judged, num_several = {}, 0, 0
        for number, found in enumerate(self._histograms):
            if isinstance(found, str):
                faults[number] = found
                num_judged += found == "colour image" or found.startswith("an array") or found.startswith("two masks")
                continue
            reason = DIM if white is None and found[0, 1:].any() else _fault(found, white or 255, self.invert)
            has_body = _has_body(found, white or 255, self.invert)
            num_judged += reason is not None or has_body
            if reason in (None, INVERTED, FILLED) and has_body and self._figures[number].is_noise:
                reason = NOISE_ONLY
            if reason is not None:
                faults[number] = reason
            elif has_body:
                num_several += self._figures[number].num_figures > 1
        self._refuse_implausible(faults, num_judged, total)
        counts = {ALPHA: self._num_alpha} if self._num_alpha else {}
        if white is not None and white != 255 and len(faults) < len(self._histograms):
            counts[f"masks of 0 and {white}, scaled to 0 and 255"] = len(readable)
        if self.invert:
            counts["frames inverted as asked"] = len(readable)
        if num_several:
            counts[SEVERAL] = num_several
        return Verdict(faults=faults, counts=counts, white=white or 255, invert=self.invert)

    def _refuse_implausible(self, faults: dict[int, str], num_judged: int, total: np.ndarray) -> None:
        reasons = collections.Counter(
            reason for reason in faults.values() if reason in ADVICE or reason.startswith(("an array", "two masks"))
        )
        if 2 * sum(reasons.values()) <= num_judged:
            return
        ((reason, count),) = reasons.most_common(1)
        advice = ADVICE.get(reason, "Save one mask per frame: 255 on the body and 0 elsewhere.")
        if reason == INVERTED and self.invert:
            reason, advice = "inverted although they were inverted as asked", "Leave --invert out."
        found = f" (no value is above {int(np.flatnonzero(total).max())})" if reason == DIM else ""
        detail = f"{count} of {len(self._histograms)} frames are no silhouettes: {reason}{found}. {advice}"
        raise ImplausibleSilhouettesError(f"{self.source}: {detail}", reason=reason, detail=detail)


def _white(total: np.ndarray) -> int | None:
    """Return the value of the body in a walk with these counts of values, None where labels or a dark picture are."""
    values = np.flatnonzero(total)
    if len(values) == 0 or values[-1] == 0:
        return 255
    brightest = int(values[-1])
    if len(values) <= 2 and (len(values) == 1 or values[0] == 0):
        return brightest
    return 255 if brightest >= FAINTEST else None


def _fault(found: np.ndarray, white: int, invert: bool) -> str | None:
    """Return why a frame with these counts of values (all pixels; those of the border) is no silhouette, or None."""
    if not _has_body(found, white, invert):
        return None
    dark, faint, grey, bright = _shares(found[0], white, invert)
    border_dark, _, _, border_bright = _shares(found[1], white, invert)
    if border_bright >= 0.5 and bright >= 0.5:
        return FILLED if dark == 0 or border_dark > dark else INVERTED
    if grey > MOST_GREY or max(grey, faint) > max(ALWAYS_ALLOWED_GREY, MOST_GREY_OF_BRIGHT * bright):
        return GREY
    return None


def _has_body(found: np.ndarray, white: int, invert: bool) -> bool:
    """Return whether a frame is more than black: what has hardly any foreground is dropped by the alignment."""
    values = np.arange(256) if white == 255 else np.where(np.arange(256) > 0, 255, 0)
    return int(found[0] @ (255 - values if invert else values)) > MINIMUM_PIXEL_SUM


def _shares(counts: np.ndarray, white: int, invert: bool) -> tuple[float, float, float, float]:
    """Return the shares of dark pixels, of those of them above noise, of grey and of bright pixels."""
    if white != 255:
        counts = np.concatenate([counts[:1], np.zeros(254, np.int64), [counts[1:].sum()]])
    if invert:
        counts = counts[::-1]
    dark, bright = int(counts[:DARK].sum()), int(counts[BRIGHT:].sum())
    num = int(counts.sum())
    return dark / num, int(counts[NOISE:DARK].sum()) / num, (num - dark - bright) / num, bright / num


def _histogram(picture: np.ndarray) -> np.ndarray:
    return cv2.calcHist([np.ascontiguousarray(picture)], [0], None, [256], [0, 256]).ravel().astype(np.int64)


def _is_two_valued(picture: np.ndarray) -> bool:
    return np.count_nonzero(_histogram(picture)) <= 2


def _as_bytes(frame: np.ndarray) -> np.ndarray | FrameFault:
    """Return numbers of another type as uint8: truth values, integers of 0..255, and fractions of 0..1."""
    if frame.dtype == bool:
        return frame.astype(np.uint8)
    if frame.dtype.kind not in "iuf":
        return FrameFault(f"an array of type {frame.dtype}, not a picture")
    if frame.size == 0:
        return frame.astype(np.uint8)
    low, high = frame.min(), frame.max()
    if not (np.isfinite(low) and np.isfinite(high)):
        return FrameFault("an array with numbers that are not finite")
    if low < 0 or high > 255:
        return FrameFault("an array with numbers outside 0 .. 255")
    if frame.dtype.kind == "f" and high <= 1:
        frame = frame * 255
    return np.round(frame).astype(np.uint8)
