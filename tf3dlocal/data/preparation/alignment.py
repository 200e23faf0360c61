"""Alignment of one sequence of raw frames, with an account of what was dropped."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tf3dlocal.data.plausibility import ImplausibleSilhouettesError, Verdict, WalkCheck, grey_mask
from tf3dlocal.data.raw.files import RawDataError
from tf3dlocal.data.raw.frames import FrameFault
from tf3dlocal.data.raw.opengait_pickles import square_silhouette
from tf3dlocal.data.raw.sequences import RawSequence
from tf3dlocal.data.records.walk_records import MAX_PNG_ROWS, encode_frames
from tf3dlocal.data.silhouettes import align_silhouette


@dataclass(frozen=True, kw_only=True)
class Alignment:
    """The settings of an aligned frame.

    Attributes:
        size: Height and width in pixels.
        minimum_pixel_sum: A raw frame whose grey values sum to this or less is dropped.
        invert: Whether the body is black on white in the raw frames.
    """

    size: int
    minimum_pixel_sum: int
    invert: bool = False


def align_sequence(sequence: RawSequence, alignment: Alignment) -> tuple[bytes, dict]:
    """Align the frames of one sequence, or take them as they are where they are aligned already.

    Returns:
        The film strip (PNG, empty where no frame is usable) and what the report needs: subject, condition, view,
        source, the number of frames read and kept, how many were aligned already and how many of these lacked their
        sides, what was done to frames (scaled, inverted), the names of the dropped frames by reason, and why the frames
        are no silhouettes, if so.

    Raises:
        RawDataError: Frames are aligned to another size, a pickle cannot be read, or there are too many frames.
    """
    as_read = Verdict(faults={}, counts={}, invert=alignment.invert)
    check = WalkCheck(f"{sequence.source}: {sequence.name}", invert=alignment.invert)
    frames = _aligned_frames(sequence, alignment, verdict=as_read, check=check)
    names = list(frames)
    num_cut, frames = sum(cut for _, cut in frames.values()), [frame for frame, _ in frames.values()]
    kept, dropped, refused, changed = [], {}, None, {}
    try:
        verdict = check.verdict()
        changed = verdict.counts
        if verdict.white != as_read.white:  # only now it is known that 1 is white, or 5
            frames = [frame for frame, _ in _aligned_frames(sequence, alignment, verdict=verdict).values()]
        for number, (name, frame) in enumerate(zip(names, frames, strict=True)):
            if isinstance(frame, str) or number in verdict.faults:
                dropped.setdefault(verdict.faults.get(number, frame), []).append(name)
            else:
                kept.append(frame)
    except ImplausibleSilhouettesError as error:
        refused = {"reason": error.reason, "why": error.detail}
        dropped = {error.reason: names}
    if len(kept) * alignment.size > MAX_PNG_ROWS:
        most = MAX_PNG_ROWS // alignment.size
        raise RawDataError(
            f"{sequence.source}: {sequence.name} has {len(kept)} frames, and a walk may have {most}. Cut it."
        )
    facts = {
        "subject": sequence.subject,
        "condition": sequence.condition,
        "view_degrees": sequence.view_degrees,
        "num_frames": len(kept),
        "num_raw_frames": len(names),
        "num_came_aligned": len(names) if sequence.aligned else 0,
        "num_came_cut": num_cut,
        "source": sequence.source,
        "changed": changed,
        "dropped": dropped,
        "refused": refused,
    }
    return (encode_frames(np.stack(kept)) if kept else b""), facts


def _aligned_frames(
    sequence: RawSequence, alignment: Alignment, *, verdict: Verdict, check: WalkCheck | None = None
) -> dict[str, tuple[np.ndarray | str, bool]]:
    """Align each frame as a verdict reads it.

    Returns:
        Name of the frame to (aligned frame or why there is none, whether it lacked its sides).
    """
    aligned: dict[str, tuple[np.ndarray | str, bool]] = {}
    for name, picture in sequence.frames():
        mask, was_alpha = (picture, False) if isinstance(picture, FrameFault) else grey_mask(picture)
        if check is not None:
            check.add(mask, was_alpha=was_alpha)
        if isinstance(mask, FrameFault):
            aligned[name] = mask.reason, False
            continue
        mask = verdict.apply(mask)
        if sequence.aligned:
            result = _as_it_is(mask, alignment.size, source=f"{sequence.source}/{name}")
        else:
            result = align_silhouette(mask, size=alignment.size, minimum_pixel_sum=alignment.minimum_pixel_sum)
        if result is None:
            result = "too few foreground pixels" if mask.any() else "all black"
        aligned[name] = result, sequence.aligned and mask.shape[1] < mask.shape[0]
    return aligned


def _as_it_is(frame: np.ndarray, size: int, *, source: str) -> np.ndarray | None:
    """Return a frame that is aligned already, or None where it is black. The sum of raw pixels has no meaning here."""
    if (square := square_silhouette(frame, size)) is None:
        height, width = frame.shape
        raise RawDataError(
            f"{source}: the frames are aligned to {height} x {width} pixels, and the size is {size}. Give --size "
            f"{height} (in Python size={height}), or start from the raw frames for another size."
        )
    return square if square.any() else None
